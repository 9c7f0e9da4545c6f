package verdict

import (
	"slices"
	"time"
)

// Server tells servers apart. A zero field is not known.
type Server struct {
	// System is the system identifier, the same on all nodes of a cluster.
	System uint64
	// Started is when the server was started, by its own clock: two names
	// with the same stamp lead to the same server.
	Started time.Time
}

// Is reports whether both are known to be one server.
func (s Server) Is(other Server) bool {
	return !s.Started.IsZero() && s.System == other.System && s.Started.Equal(other.Started)
}

// serverMemory is how long the servers are remembered that a name led to.
const serverMemory = time.Hour

// Servers are those that a name led to. The zero value has none.
type Servers struct {
	met    []meeting
	last   Server
	turned time.Time // when it last led back to an earlier one; zero for never
}

type meeting struct {
	server Server
	at     time.Time
}

// Meet remembers that a name leads to a server now, and says whether it led to that one
// before, and to another one since: then it leads to several in turn. A server that
// does not tell who it is says nothing.
func (s *Servers) Meet(server Server, now time.Time) (again bool) {
	if server.Started.IsZero() {
		return false
	}
	moved := !s.last.Started.IsZero() && !s.last.Is(server)
	s.last = server
	for i := range s.met {
		if s.met[i].server.Is(server) {
			s.met[i].at = now
			if moved {
				s.turned = now
			}
			return moved
		}
	}
	s.met = append(s.met, meeting{server, now})
	return false
}

// InTurn says whether the name led back to an earlier server within the last hour: the next connection may lead
// to any of them.
func (s *Servers) InTurn(now time.Time) bool {
	return !s.turned.IsZero() && now.Sub(s.turned) <= serverMemory
}

// Count returns how many different servers a name led to within the last hour.
func (s *Servers) Count(now time.Time) int {
	s.met = slices.DeleteFunc(s.met, func(m meeting) bool { return now.Sub(m.at) > serverMemory })
	return len(s.met)
}

// State is what a node says about itself in one answer.
type State struct {
	// InRecovery is true on a replica.
	InRecovery bool
	// ReplayLSN is the last position replayed, on a replica.
	ReplayLSN LSN
	// ReceiveLSN is the last position received and synced to disk, on a
	// replica; 0 before it streamed anything.
	ReceiveLSN LSN
	// Timeline is the one the node writes on, or that its WAL receiver gets; 0
	// where it does not tell, as on a standby without a receiver.
	Timeline uint32
	// LeastTimeline is one that the node has reached at least, by its control
	// file; 0 where it does not tell. The one it follows may be later.
	LeastTimeline uint32
	// ReplayPaused is true when somebody paused the replay.
	ReplayPaused bool
	// ApplyDelay is recovery_min_apply_delay; nil where the server does not tell.
	ApplyDelay *time.Duration
	// Receiver is the status of the WAL receiver (such as "streaming"), ""
	// when there is none, [Hidden] when it is there but may not be seen.
	Receiver string
	// Detailed is false when the node told nothing but InRecovery, because it
	// lacks the functions or the role may not call them.
	Detailed bool
	// ReplayWaitsOn is the wait event of the startup process, such as
	// RecoveryApplyDelay, or WaitsOnLock. Only a closer look asks for it; ""
	// where it waits on nothing, [Hidden] where it may not be seen.
	ReplayWaitsOn string
}

const (
	// Hidden stands for what the role may not see, because it lacks pg_read_all_stats.
	Hidden = "hidden"
	// WaitsOnLock stands for every wait event of the type Lock.
	WaitsOnLock = "Lock"
)
