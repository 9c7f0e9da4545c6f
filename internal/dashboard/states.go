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

// replicaStates are the states of pg_canary_replica_state, the best first.
var replicaStates = []struct{ state, color string }{
	{"synced", colorCalm},
	{"delayed", colorInfo},
	{"replaying", colorReplay},
	{"receiving", colorTransport},
	{"blocked", "light-orange"},
	{"paused", colorWarning},
	{"disconnected", colorBad},
	{"unreachable", colorBad},
	{"foreign", "dark-red"},
	{"diverged", "dark-red"},
}

// The verdicts on a whole cluster are worse than any on one replica.
var (
	codeWriteFailing = codeFirstState + len(replicaStates)
	codeNoPrimary    = codeWriteFailing + 1
	codeTwoPrimaries = codeWriteFailing + 2
	codeNoData       = codeWriteFailing + 3
)

func verdicts() []verdict {
	all := []verdict{{codePrimary, "primary", colorInfo}}
	for i, s := range replicaStates {
		all = append(all, verdict{codeFirstState + i, s.state, s.color})
	}
	return append(all,
		verdict{codeWriteFailing, "write failing", "dark-red"},
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

// stateCode is the verdict on each replica that selector selects, with the
// labels of the replica.
func stateCode(selector string) string {
	terms := make([]string, len(replicaStates))
	for i, s := range replicaStates {
		terms[i] = fmt.Sprintf(`pg_canary_replica_state{%s, state="%s"} * %d`, selector, s.state, codeFirstState+i)
	}
	return "sum without (state) (\n  " + strings.Join(terms, "\n  or ") + "\n)"
}

// notObserved is shown in place of a value that the last probe did not see. An
// expression gives NaN for it, so that nothing older can be taken for current.
func notObserved(text string) object {
	return object{"type": "special", "options": object{
		"match": "null+nan", "result": object{"text": text, "color": colorMissing, "index": 100},
	}}
}
