package dashboard

import (
	"fmt"
	"strings"
)

// A verdict is a number in a query, because Grafana's panels colour, sort and
// summarise numbers: the larger, the worse.
type verdict struct {
	code  int
	text  string
	color string
}

const (
	codePrimary    = 1
	codeFirstState = 2
)

// Colours are muted while nobody has to act; only what needs a person is
// orange or red.
const (
	colorCalm    = "semi-dark-green"
	colorInfo    = "semi-dark-blue"
	colorWarning = "semi-dark-orange"
	colorBad     = "semi-dark-red"
	colorMissing = "#6e7079"

	// The two parts of the lag, and the states in which a replica works on them.
	colorTransport = "purple"
	colorReplay    = "semi-dark-yellow"
)

// stateless stands for the state of a replica that has none, because nothing could be
// said about it. It must not vanish from the panels.
const stateless = ""

// replicaStates are the states of pg_canary_replica_state, the best first, and what
// a panel calls them.
var replicaStates = []struct{ state, text, color string }{
	{"synced", "synced", colorCalm},
	{"delayed", "delayed", colorInfo},
	{"restoring", "restoring", "light-blue"},
	{"replaying", "replaying", colorReplay},
	{"receiving", "receiving", colorTransport},
	{"blocked", "blocked", "light-orange"},
	{stateless, "unknown", colorMissing},
	{"duplicate", "duplicate", colorWarning},
	{"primary", "is the primary", colorWarning},
	{"paused", "paused", colorWarning},
	{"disconnected", "disconnected", colorBad},
	{"unreachable", "unreachable", colorBad},
	{"foreign", "foreign", "dark-red"},
	{"diverged", "diverged", "dark-red"},
}

// The verdicts on a whole cluster are worse than any on one replica.
var (
	codeWriteFailing = codeFirstState + len(replicaStates)
	codeCommitsWait  = codeWriteFailing + 1
	codeNoPrimary    = codeWriteFailing + 2
	codeTwoPrimaries = codeWriteFailing + 3
	codeNoData       = codeWriteFailing + 4
)

func verdicts() []verdict {
	all := []verdict{{codePrimary, "primary", colorInfo}}
	for i, s := range replicaStates {
		all = append(all, verdict{codeFirstState + i, s.text, s.color})
	}
	return append(all,
		verdict{codeWriteFailing, "write failing", "dark-red"},
		verdict{codeCommitsWait, "commits wait", "dark-red"},
		verdict{codeNoPrimary, "no primary", "dark-red"},
		verdict{codeTwoPrimaries, "two primaries", "dark-red"},
		verdict{codeNoData, "no data", colorMissing},
	)
}

// verdictMappings turn codes into words and colours.
func verdictMappings() []object {
	options := object{}
	for i, v := range verdicts() {
		options[fmt.Sprint(v.code)] = object{"text": v.text, "color": v.color, "index": i}
	}
	return []object{{"type": "value", "options": options}}
}

// stateCode is the verdict on each replica that selector selects of the clusters
// that of selects, with the labels of the replica.
func stateCode(of, selector string) string {
	var terms []string
	for _, s := range replicaStates {
		if s.state != stateless {
			terms = append(terms, fmt.Sprintf(`pg_canary_replica_state{%s, state="%s"} * %d`, selector, s.state, codeOf(s.state)))
		}
	}
	return fmt.Sprintf("(\n  sum without (state) (\n    %s\n  )\n  or on (%s, replica)\n  (%s) * 0 + %d\n)",
		strings.Join(terms, "\n    or "), eachCluster, knownReplicas(of, selector), codeOf(stateless))
}

func codeOf(state string) int {
	for i, s := range replicaStates {
		if s.state == state {
			return codeFirstState + i
		}
	}
	panic("no such state: " + state)
}

// notObserved is shown in place of a value that the last probe did not see. An
// expression gives NaN for it, so that nothing older can be taken for current.
func notObserved(text string) object {
	return object{"type": "special", "options": object{
		"match": "null+nan", "result": object{"text": text, "color": colorMissing, "index": 100},
	}}
}
