package verdict_test

import (
	"slices"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

type (
	member  = verdict.Member
	members = []verdict.Member
)

// server is one that was started at a second.
func server(started float64) verdict.Server {
	return verdict.Server{System: 7, Started: moment(started)}
}

// takesWrites is a member on a server that takes writes.
func takesWrites(started float64, timeline uint32, shown verdict.Row) member {
	return member{Answered: true, Server: server(started), State: verdict.State{Detailed: true, Timeline: timeline}, Row: shown}
}

// follows is a member on a standby's server that receives a timeline, 0 for none.
func follows(started float64, timeline uint32, shown verdict.Row) member {
	state := verdict.State{InRecovery: true, Detailed: true, Timeline: timeline, ReplayLSN: 450}
	if timeline != 0 {
		state.Receiver = "streaming"
	}
	return member{Answered: true, Server: server(started), State: state, Row: shown}
}

func with(m member, change func(*member)) member {
	change(&m)
	return m
}

// unknown is a member that does not tell when its server was started.
func unknown(m member) member {
	return with(m, func(m *member) { m.Server = verdict.Server{} })
}

// gone is a member that does not answer, and followed a server.
func gone(followed float64) member { return member{Followed: server(followed)} }

// The old primary, on server 1 and timeline 1, wrote up to 6. Server 2 was promoted
// at 4, and stands there or wrote on.
var (
	oldEra, newEra = era{1, 0}, era{2, 4}
	atFork         = onTimeline(1, 0, row(4, oldEra))
	oldBeat        = acked(6, onTimeline(1, 0, row(6, oldEra)))
	newBeat        = acked(6, onTimeline(2, 450, row(6, oldEra, newEra)))
	oldPrimary     = takesWrites(1, 1, oldBeat.Row)
	rogue          = takesWrites(2, 2, atFork)
	newPrimary     = takesWrites(2, 2, newBeat.Row)
)

func TestPrimary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		members   members
		written   int
		beat      verdict.Beat
		want      int
	}{
		{"a healthy pair", members{oldPrimary, follows(2, 1, oldBeat.Row)}, 0, oldBeat, 0},
		{"a pair, named the other way round", members{follows(2, 1, atFork), oldPrimary}, 0, verdict.Beat{}, 1},
		{"no node takes writes", members{follows(2, 1, atFork), follows(1, 1, atFork)}, 1, oldBeat, 1},
		{"no node answers", members{{}, {}}, 1, oldBeat, 1},
		{"a failover of a pair", members{{}, rogue}, 0, oldBeat, 1},
		{"the only one that takes writes is of another cluster", members{{}, with(rogue, func(m *member) { m.Foreign = true })}, 0, oldBeat, 0},

		// Two servers take writes.
		{"a pair, the old primary is alive", members{oldPrimary, rogue}, 0, oldBeat, 1},
		{"a pair, the old primary comes back", members{oldPrimary, newPrimary}, 1, newBeat, 1},
		{"a pair, both were promoted from timeline 1", members{takesWrites(1, 2, atFork), takesWrites(2, 2, atFork)}, 1, newBeat, 1},
		{"so it was, and nobody tells when it was started", members{unknown(takesWrites(1, 2, atFork)), unknown(takesWrites(2, 2, atFork))}, 1, newBeat, 1},
		{"so it was, the other is named by two names of one server", members{rogue, takesWrites(3, 2, atFork), takesWrites(3, 2, atFork)}, 2, newBeat, 1},
		{"a stray promotion on one of three", members{oldPrimary, rogue, follows(3, 1, oldBeat.Row)}, 0, oldBeat, 0},
		{"a stray promotion on one of three, whose third does not show the beat yet", members{oldPrimary, rogue, follows(3, 1, row(5, oldEra))}, 0, oldBeat, 0},
		{"a stray promotion on one of three, the rogue is written by another exporter", members{oldPrimary, newPrimary, follows(3, 1, oldBeat.Row)}, 0, oldBeat, 0},
		{"a stray promotion on one of three, the third does not answer", members{oldPrimary, rogue, gone(1)}, 0, oldBeat, 0},
		{"a stray promotion on one of three, the exporter is new", members{rogue, oldPrimary, follows(3, 1, oldBeat.Row)}, 0, verdict.Beat{}, 1},
		{"a failover of three, the old primary is alive", members{oldPrimary, newPrimary, follows(3, 2, newBeat.Row)}, 0, oldBeat, 1},
		{"a failover of three, nothing is written there yet", members{oldPrimary, rogue, follows(3, 2, atFork)}, 0, oldBeat, 1},
		{"of five, two follow the one and one the other", members{oldPrimary, rogue, follows(3, 2, atFork), follows(4, 1, oldBeat.Row), follows(5, 1, oldBeat.Row)}, 0, oldBeat, 0},
		{"the name of a follower's server is there twice", members{oldPrimary, newPrimary, follows(3, 2, newBeat.Row), follows(4, 1, oldBeat.Row), follows(4, 1, oldBeat.Row)}, 1, newBeat, 1},
	} {
		if got := verdict.Primary(test.members, test.written, test.beat, -1); got != test.want {
			t.Errorf("%s: primary %d, want %d", test.situation, got, test.want)
		}
	}
}

// TestNamedPrimary: of several that take writes the named one is written, whoever follows whom.
func TestNamedPrimary(t *testing.T) {
	t.Parallel()
	stray := members{oldPrimary, rogue, follows(3, 1, oldBeat.Row)}
	for _, test := range []struct {
		situation      string
		members        members
		written, named int
		want           int
	}{
		{"the one that nobody follows is named", stray, 0, 1, 1},
		{"the one that is followed is named", stray, 1, 0, 0},
		{"one that takes no writes is named", stray, 0, 2, 0},
		{"none is named", stray, 0, -1, 0},
		{"one that does not answer is named", members{oldPrimary, rogue, {}}, 0, 2, 1},
		{"a second name of the server is named", members{oldPrimary, rogue, follows(3, 1, oldBeat.Row), rogue}, 0, 3, 1},
		{"one of another cluster is named", members{oldPrimary, follows(3, 1, oldBeat.Row), with(rogue, func(m *member) { m.Foreign = true })}, 0, 2, 0},
		{"one takes writes, another is named", members{oldPrimary, follows(2, 1, atFork)}, 0, 1, 0},
		{"none takes writes, one is named", members{follows(1, 1, atFork), follows(2, 1, atFork)}, 0, 1, 0},
	} {
		if got := verdict.Primary(test.members, test.written, oldBeat, test.named); got != test.want {
			t.Errorf("%s: primary %d, want %d", test.situation, got, test.want)
		}
	}
}

func TestFollowed(t *testing.T) {
	t.Parallel()
	both := members{oldPrimary, rogue}
	written := members{oldPrimary, newPrimary}
	twins := members{takesWrites(1, 2, newBeat.Row), takesWrites(2, 2, atFork)} // Both were promoted from timeline 1.
	hidden := func(m member) member {
		return with(m, func(m *member) { m.State.Receiver = verdict.Hidden })
	}
	for _, test := range []struct {
		situation string
		primaries members
		m         member
		beat      verdict.Beat
		want      int
	}{
		{"it shows the old primary's beat", both, follows(3, 1, oldBeat.Row), oldBeat, 0},
		{"so it does, and lost its receiver", both, follows(3, 0, oldBeat.Row), oldBeat, 0},
		{"it receives the old timeline", both, follows(3, 1, atFork), oldBeat, 0},
		{"it receives the new timeline, on which nothing is written", both, follows(3, 2, atFork), oldBeat, 1},
		{"it has reached the new timeline, and shows no receiver", both, with(hidden(follows(3, 0, atFork)), func(m *member) { m.State.LeastTimeline = 2 }), oldBeat, 1},
		{"it replayed past the old primary's beat, and shows no receiver", both, with(hidden(follows(3, 0, atFork)), func(m *member) { m.State.ReplayLSN = 600 }), oldBeat, 1},
		{"it stands at the fork, and followed the old one", both, with(follows(3, 0, atFork), func(m *member) { m.Followed = server(1) }), oldBeat, 0},
		{"it stands at the fork, and followed the new one", both, with(follows(3, 0, atFork), func(m *member) { m.Followed = server(2) }), oldBeat, 1},
		{"it stands at the fork, nothing else is known", both, follows(3, 0, atFork), oldBeat, -1},
		{"the beat is from before the fork, and it receives the new timeline", both, follows(3, 2, atFork), acked(4, atFork), 1},
		{"the beat is from before the fork, and it receives the old timeline", both, follows(3, 1, atFork), acked(4, atFork), 0},
		{"the exporter is new, and it receives the new timeline", both, follows(3, 2, atFork), verdict.Beat{}, 1},
		{"it shows the new primary's beat", written, follows(3, 0, newBeat.Row), oldBeat, 1},
		{"it left the new primary's history", written, follows(3, 0, row(5, oldEra)), newBeat, 0},
		{"it has a beat that no primary has", members{newPrimary, takesWrites(1, 3, row(5, oldEra, era{3, 4}))}, follows(3, 0, row(6, oldEra)), newBeat, -1},

		// One timeline's number.
		{"two were promoted, it shows the beat", twins, follows(3, 2, newBeat.Row), newBeat, 0},
		{"two were promoted, it replayed past the beat and does not show it", twins, with(follows(3, 2, atFork), func(m *member) { m.State.ReplayLSN = 600 }), newBeat, 1},
		{"two were promoted, it may follow either", twins, follows(3, 2, atFork), newBeat, -1},
		{"two were promoted, it followed the second", twins, with(follows(3, 2, atFork), func(m *member) { m.Followed = server(2) }), newBeat, 1},

		// One primary.
		{"it receives its timeline", members{oldPrimary}, follows(3, 1, atFork), oldBeat, 0},
		{"it shows its beat, and no receiver", members{oldPrimary}, follows(3, 0, oldBeat.Row), oldBeat, 0},
		{"only a rogue answers, it receives the old timeline", members{rogue}, follows(3, 1, atFork), acked(4, atFork), -1},
		{"only a rogue answers, it shows the old primary's last beat", members{rogue}, follows(3, 0, atFork), acked(4, atFork), -1},
		{"a clean switchover, it is not connected again yet", members{rogue}, with(follows(3, 0, atFork), func(m *member) { m.Followed = server(1) }), acked(4, atFork), -1},

		// It does not tell, or they do not.
		{"no primary tells its timeline, it followed the first", members{takesWrites(1, 0, atFork), takesWrites(2, 0, atFork)}, with(follows(3, 1, atFork), func(m *member) { m.Followed = server(1) }), acked(4, atFork), 0},
		{"nobody tells a timeline", members{takesWrites(1, 0, atFork)}, follows(3, 0, atFork), acked(4, atFork), -1},
		{"the primary shows no row, it shows the last beat", members{takesWrites(1, 1, verdict.Row{})}, follows(3, 0, oldBeat.Row), oldBeat, -1},
		{"it does not answer", both, gone(1), oldBeat, 0},
		{"it does not answer, what it followed was started anew", both, gone(9), oldBeat, -1},
		{"it is of another cluster", both, with(follows(3, 1, oldBeat.Row), func(m *member) { m.Foreign = true }), oldBeat, -1},
		{"it takes writes itself", both, takesWrites(3, 1, oldBeat.Row), oldBeat, -1},
		{"it is another name of the primary", both, oldPrimary, oldBeat, -1},
	} {
		all := append(slices.Clone(test.primaries), test.m)
		indexes := []int{0, 1}[:len(test.primaries)]
		if got := verdict.Followed(all, len(test.primaries), indexes, test.beat); got != test.want {
			t.Errorf("%s: follows %d, want %d", test.situation, got, test.want)
		}
	}
}

func TestPrimariesAreServers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		situation string
		members   members
		want      []int
	}{
		{"a pair", members{oldPrimary, follows(2, 1, atFork)}, []int{0}},
		{"two names of the primary", members{oldPrimary, oldPrimary}, []int{0}},
		{"a split brain, by three names", members{oldPrimary, rogue, oldPrimary}, []int{0, 1}},
		{"a primary of another cluster", members{oldPrimary, with(rogue, func(m *member) { m.Foreign = true })}, []int{0}},
		{"two that do not tell when they were started", members{unknown(oldPrimary), unknown(rogue)}, []int{0, 1}},
		{"one that does not answer", members{{}, follows(2, 1, atFork)}, nil},
	} {
		if got := verdict.Primaries(test.members); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}

func TestSameServer(t *testing.T) {
	t.Parallel()
	silent := with(oldPrimary, func(m *member) { m.Answered = false })
	for _, test := range []struct {
		situation string
		members   members // The last one is asked about.
		want      int
	}{
		{"a pair", members{oldPrimary, follows(2, 1, atFork)}, 1},
		{"the replica's address leads to the primary", members{oldPrimary, oldPrimary}, 0},
		{"a balancer's fallback leads to another replica", members{oldPrimary, follows(2, 1, atFork), follows(2, 1, atFork)}, 1},
		{"the earlier name did not answer", members{silent, oldPrimary}, 1},
		{"another cluster has a server of the same start", members{oldPrimary, with(rogue, func(m *member) { m.Server.System, m.Server.Started = 8, moment(1) })}, 1},
		{"neither tells when it was started", members{{Answered: true}, {Answered: true}}, 1},
	} {
		if got := verdict.SameServer(test.members, len(test.members)-1); got != test.want {
			t.Errorf("%s: %d, want %d", test.situation, got, test.want)
		}
	}
}

func TestTookOver(t *testing.T) {
	t.Parallel()
	writer := func(name string, started float64, timeline uint32) verdict.Writer {
		return verdict.Writer{Name: name, Server: server(started), Row: verdict.Row{Timeline: timeline}}
	}
	forked := func(started float64, fork verdict.LSN) verdict.Writer {
		w := writer("a", started, 5)
		w.Row.Fork = fork
		return w
	}
	written := func(name string, started float64, eras ...verdict.Era) verdict.Writer {
		w := writer(name, started, 5)
		w.Row = row(30, eras...)
		w.Row.Timeline, w.Row.Fork = 5, 100
		return w
	}
	first, second, third := verdict.Era{ID: 7, From: 0}, verdict.Era{ID: 8, From: 19}, verdict.Era{ID: 9, From: 19}
	dropped := written("b", 2, lives(100, 30, 16)...)
	dropped.Row.Capacity = 300
	lost := written("a", 2, first, verdict.Era{ID: 9, From: 28})
	for _, test := range []struct {
		situation   string
		before, now verdict.Writer
		want        bool
	}{
		{"promoted again to a timeline of the same number", forked(1, 100), forked(2, 200), true},
		{"a restart after a promotion", forked(1, 100), forked(2, 100), false},
		{"a restart after which the fork is not known", forked(1, 100), forked(2, 0), false},
		{"two were promoted at one position", written("a", 1, first, second), written("b", 2, first, third), true},
		{"a restart under another name", written("a", 1, first), written("b", 2, first, third), false},
		{"a restart under another name that lost beats", written("b", 1, first), lost, false},
		{"the eras of two that were promoted at one position may have been dropped", written("a", 1, first, second), dropped, false},
		{"the first beat", verdict.Writer{}, writer("a", 1, 1), false},
		{"the same server", writer("a", 1, 1), writer("a", 1, 1), false},
		{"a restart", writer("a", 1, 1), writer("a", 2, 1), false},
		{"a failover", writer("a", 1, 1), writer("b", 2, 2), true},
		{"a failover to a node of which only the name is known", writer("a", 1, 0), verdict.Writer{Name: "b"}, true},
		{"a failover behind a balancer's name", writer("haproxy", 1, 1), writer("haproxy", 2, 2), true},
		{"a failback behind a balancer's name", writer("haproxy", 2, 2), writer("haproxy", 1, 3), true},
		{"a restart where timelines are not known", writer("a", 1, 0), writer("a", 2, 0), false},
		{"a restart after which the timeline is not known", writer("a", 1, 1), writer("a", 2, 0), false},
		{"a restart after which the timeline is known", writer("a", 1, 0), writer("a", 2, 1), false},
		{"another name of the same server", writer("a", 1, 1), writer("b", 1, 1), false},
		{"two were promoted from timeline 1", writer("a", 1, 2), writer("b", 2, 2), true},
	} {
		if got := verdict.TookOver(test.before, test.now); got != test.want {
			t.Errorf("%s: %v, want %v", test.situation, got, test.want)
		}
	}
}
