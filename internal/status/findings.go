package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector/probe"
	"github.com/pg-canary/pg_canary_exporter/collector/probe/verdict"
)

// Level says how much something matters.
type Level int

// The levels, the worst last.
const (
	// Well: nothing is wrong.
	Well Level = iota
	// Note: it is meant to be so.
	Note
	// Unknown: nobody can say.
	Unknown
	// Warning: somebody has to look today.
	Warning
	// Critical: somebody has to act now.
	Critical
)

// String is the level in a word that a page shows.
func (l Level) String() string {
	return [...]string{"well", "note", "unknown", "warning", "critical"}[l]
}

// Finding is something that there is to say of a cluster.
type Finding struct {
	Level Level
	// Text is a sentence without its full stop and its capital. It begins with no name, which would get one.
	Text string
	Words
	// Lag is that of the replica that it is about, where known.
	Lag time.Duration
	// rank orders findings of one level, the worst first.
	rank int
}

// Headline is the worst of some findings; that all is well where there are none.
func Headline(findings []Finding) Finding {
	switch {
	case len(findings) == 0:
		return Finding{Level: Well, Text: "All well"}
	case findings[0].Level == Note:
		noted := findings[0]
		noted.Text = "All well; " + noted.Text
		return noted
	default:
		worst := findings[0]
		worst.Text = upperFirst(worst.Text)
		return worst
	}
}

// criticalLag is the lag from which on the alert on it is critical.
const criticalLag = 2 * time.Minute

// Findings returns what there is to say of a result, the worst first.
func Findings(r *probe.Result) []Finding {
	all := ofPrimary(r)
	if loss := r.Lost; loss != nil {
		all = append(all, ofLoss(loss.Commits, "just now"))
	}
	replicas := r.Replicas()
	for _, node := range replicas {
		if found, ok := ofReplica(r, node); ok {
			all = append(all, found)
		}
	}
	if len(replicas) == 0 && r.Write != nil {
		all = append(all, Finding{Level: Warning, rank: 50, Text: "there is no replica", Words: Words{
			"nothing is compared", "Add the connection string of one, or silence this where none is meant to be there", "PgCanaryNoReplica",
		}})
	}
	sortFindings(all)
	return all
}

func sortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.rank, b.rank), cmp.Compare(b.Lag, a.Lag))
	})
}

// ofLoss says that acknowledged commits are gone.
func ofLoss(commits int64, when string) Finding {
	text := fmt.Sprintf("%d acknowledged canary commits were lost %s", commits, when)
	if commits == 1 {
		text = "one acknowledged canary commit was lost " + when
	}
	return Finding{Level: Critical, rank: 20, Text: text, Words: Words{
		"no server that takes writes has them any more", "Keep the old primary's data directory before it is rewound or cloned; the log names the commits",
		"PgCanaryLostWrites",
	}}
}

// ofPrimary says what is wrong with the primary, or that there are several.
func ofPrimary(r *probe.Result) []Finding {
	count, known := r.Primaries()
	switch {
	case count > 1:
		return []Finding{{Level: Critical, rank: 0, Text: fmt.Sprintf("%s primaries: %s", number(count), enumerate(r.TakingWrites())), Words: Words{
			atRisk(r), "Stop the one that applications are not to write to, before more is written there", "PgCanarySplitBrain",
		}}}
	case r.Write != nil:
		return renewal(r)
	case count == 0 && known:
		return []Finding{{Level: Critical, rank: 1, Text: "no primary", Words: Words{
			"no node that answers takes writes" + because(r), "Look whether a failover is under way; start the primary or promote a replica", "PgCanaryNoPrimary",
		}}}
	case count == 0:
		return []Finding{{Level: Unknown, rank: 1, Text: "nobody knows whether there is a primary", Words: Words{
			"not every node could be asked" + because(r), "Wait for the next probe: connections are still being made", "PgCanaryNoPrimary",
		}}}
	default:
		return []Finding{unwritten(r)}
	}
}

// atRisk says what a split brain has done so far.
func atRisk(r *probe.Result) string {
	if r.AtRisk == nil {
		return "more than one server takes writes"
	}
	return fmt.Sprintf("more than one server takes writes, and %d acknowledged canary commits are not on %s", r.AtRisk.Commits, r.Primary)
}

// because says why the primary was not written, where that is known.
func because(r *probe.Result) string {
	if err := r.WriteFailure(); err != nil {
		if why := OfReason(probe.ReasonOf(err)); why != "" {
			return "; the last that did, " + r.Primary + ": " + why
		}
	}
	return ""
}

// unwritten says why a primary that there is does not acknowledge.
func unwritten(r *probe.Result) Finding {
	reason := probe.Reason("")
	if err := r.WriteFailure(); err != nil {
		reason = probe.ReasonOf(err)
	}
	if reason == probe.ReasonSyncWait {
		return Finding{Level: Critical, rank: 2, Text: "commits wait for a synchronous standby", Words: Words{
			"no commit on " + r.Primary + " is acknowledged before a standby has it, and none does",
			"Bring a standby of synchronous_standby_names back, or take it out of there", "PgCanaryCommitsWait",
		}}
	}
	text := "primary " + r.Primary + " acknowledges no writes"
	if why := OfReason(reason); why != "" {
		text += ": " + why
	}
	return Finding{Level: Critical, rank: 3, Text: text, Words: Words{
		"there is a primary, and the canary commit failed", "See the failure of the node below", "PgCanaryPrimaryWriteFailing",
	}}
}

// renewal says that a primary which is written has an operation that fails.
func renewal(r *probe.Result) []Finding {
	err := r.WriteFailure()
	if err == nil {
		return nil
	}
	text := "primary " + r.Primary + " is written, but something fails there"
	if why := OfReason(probe.ReasonOf(err)); why != "" {
		text = "primary " + r.Primary + " is written, but a new connection fails: " + why
	}
	return []Finding{{Level: Warning, rank: 60, Text: text, Words: Words{"", "See the failure of the node below", "PgCanaryPrimaryWriteFailing"}}}
}

// ofReplica says what is wrong with a replica; false where nothing is, or it only follows from there being no primary.
func ofReplica(r *probe.Result, node *probe.NodeResult) (Finding, bool) {
	replica, name := node.Replica, "replica "+node.Name
	found := Finding{Words: OfState(replica.State)}
	if replica.Lag != nil {
		found.Lag = *replica.Lag
	}
	switch replica.State {
	case verdict.StateSynced:
		return Finding{}, false
	case verdict.StateForeign:
		found.Level, found.rank, found.Text = Critical, 11, name+" belongs to another cluster"
	case verdict.StateDiverged:
		if rivals(r, node) {
			return Finding{}, false // That there are two primaries says it.
		}
		found.Level, found.rank, found.Text = Critical, 10, name+" has left the primary's history"
	case verdict.StateUnreachable:
		found.Level, found.rank, found.Text = Critical, 12, name+" does not answer"
		if node.Connecting && len(node.Failures) == 0 {
			found.Level, found.Text = Unknown, name+" is still being connected"
		}
		if n := len(node.Failures); n > 0 {
			found.Means = cmp.Or(OfReason(probe.ReasonOf(node.Failures[n-1])), found.Means)
		}
	case verdict.StatePrimary:
		found.Level, found.rank, found.Text = Warning, 40, "node "+node.Name+" is no replica: its address leads to the primary"
	case verdict.StateDuplicate:
		found.Level, found.rank, found.Text = Warning, 41, "node "+node.Name+" is no replica of its own: its address leads to another node's server"
	default:
		return ofBehind(r, node, found)
	}
	return found, true
}

// rivals says whether a node beside the primary takes writes too.
func rivals(r *probe.Result, node *probe.NodeResult) bool {
	count, _ := r.Primaries()
	return count > 1 && node.TakesWrites()
}

// ofBehind says how far a replica is behind, and why.
func ofBehind(r *probe.Result, node *probe.NodeResult, found Finding) (Finding, bool) {
	replica, name := node.Replica, "replica "+node.Name
	switch {
	case r.Write == nil: // Nothing was compared.
		return pausedAnyway(node, found)
	case replica.Doubtful():
		return Finding{
			Level: Unknown, rank: 70, Text: name + " shows what was written, perhaps too late",
			Words: Words{Doubt(replica), "", ""},
		}, true
	case replica.Lag == nil:
		found.Level, found.rank, found.Text = Unknown, 71, "nothing is known of "+name
		if replica.State != "" {
			found.Level, found.Text = Warning, name+" is "+string(replica.State)
		}
		return found, true
	}
	found.Level, found.rank = Warning, 30
	if replica.State == verdict.StateDelayed {
		found.Level = Note
		found.Text = fmt.Sprintf("%s is %s behind on purpose: delayed", name, Span(found.Lag))
		return found, true
	}
	if found.Lag >= criticalLag || replica.State == verdict.StateDisconnected {
		found.Level = Critical
	}
	found.Text = fmt.Sprintf("%s is %s behind", name, Span(found.Lag))
	if replica.State != "" {
		found.Text += ": " + string(replica.State)
	}
	return found, true
}

// pausedAnyway keeps what is to be said of a replica though there is no primary.
func pausedAnyway(node *probe.NodeResult, found Finding) (Finding, bool) {
	found.Level, found.rank, found.Text = Warning, 31, "replica "+node.Name+" is paused"
	return found, node.Replica.State == verdict.StatePaused
}

// Doubt says why the reads of a replica that shows a beat do not prove when it came.
func Doubt(replica *probe.ReplicaResult) string {
	switch {
	case replica.Late:
		return "it was connected too late to tell how soon"
	case replica.LastStale.IsZero():
		took := replica.First.Received.Sub(replica.First.Sent).Round(time.Millisecond)
		return fmt.Sprintf("one read takes %v, longer than --probe.synced-within: raise that above it", took)
	default:
		return "it came at the limit of --probe.synced-within"
	}
}
