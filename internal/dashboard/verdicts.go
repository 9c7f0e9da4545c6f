package dashboard

import (
	"fmt"
	"strings"
)

// A verdict is a number in a query, because Grafana's panels colour, sort and
// summarise numbers: the larger, the worse.
type verdict struct {
	code int
	// text is for a cell or a bar, sentence for the banner.
	text, sentence string
	color          string
}

// The verdicts, the best first. Prometheus keeps the numbers, which a rule records: a new verdict takes one in
// between, and none is ever used for something else.
const (
	codePrimary      = 10
	codeSynced       = 20
	codeDelayed      = 30
	codeRestoring    = 40
	codeReplaying    = 50
	codeReceiving    = 60
	codeBlocked      = 70
	codeUnknown      = 80
	codeDuplicate    = 90
	codeNoReplica    = 95
	codeIsPrimary    = 100
	codeFarBehind    = 110
	codePaused       = 120
	codeNoData       = 130
	codeDisconnected = 140
	codeUnreachable  = 150
	codeForeign      = 160
	codeDiverged     = 170
	codeWriteFailing = 180
	codeCommitsWait  = 190
	codeNoPrimary    = 200
	codeTwoPrimaries = 210

	// Up to codeCalm nobody has to act, from codeTrouble on somebody has to.
	codeCalm    = codeDelayed
	codeTrouble = codeFarBehind
)

// Colours are muted while nobody has to act; only what needs a person is
// orange or red.
const (
	colorCalm    = "semi-dark-green"
	colorPrimary = "semi-dark-blue"
	colorWarning = "semi-dark-orange"
	colorBad     = "semi-dark-red"
	colorWorst   = "dark-red"
	colorMissing = "#6e7079"

	// Waits because it was told to: neither green as one that shows everything, nor the primary's blue.
	colorDelayed = "#2f8f9d"

	// The two parts of the lag, and the states in which a replica works on them.
	colorTransport = "purple"
	colorReplay    = "dark-yellow"
)

var verdicts = []verdict{
	{codePrimary, "primary", "Primary", colorPrimary},
	{codeSynced, "synced", "All well", colorCalm},
	{codeDelayed, "delayed", "All well", colorDelayed},
	{codeRestoring, "restoring", "Behind: gets its WAL from the archive", "semi-dark-purple"},
	{codeReplaying, "replaying", "Behind: replaying", colorReplay},
	{codeReceiving, "receiving", "Behind: receiving", colorTransport},
	{codeBlocked, "blocked", "Behind: the replay waits for a query", "#8a6d3b"},
	{codeUnknown, "unknown", "Nothing is known of it", colorMissing},
	{codeDuplicate, "duplicate", "Leads to another node's server", colorWarning},
	{codeNoReplica, "no replica", "No replica", colorWarning},
	{codeIsPrimary, "is the primary", "Leads to the primary: no replica", colorWarning},
	{codeFarBehind, "far behind", "More than two minutes behind", colorBad},
	{codePaused, "paused", "Replay is paused", colorWarning},
	{codeNoData, "no data", "No data: its exporter does not answer", colorBad},
	{codeDisconnected, "disconnected", "Cut off: receives no WAL", colorBad},
	{codeUnreachable, "unreachable", "Does not answer", colorBad},
	{codeForeign, "foreign", "Belongs to another cluster", colorWorst},
	{codeDiverged, "diverged", "Has left the primary's history", colorWorst},
	{codeWriteFailing, "write failing", "Writes fail on the primary", colorWorst},
	{codeCommitsWait, "commits wait", "Commits wait for a synchronous standby", colorWorst},
	{codeNoPrimary, "no primary", "No primary", colorWorst},
	{codeTwoPrimaries, "two primaries", "Two primaries", colorWorst},
}

// stateCodes has the verdict for each state of pg_canary_replica_state.
var stateCodes = []struct {
	state string
	code  int
}{
	{"synced", codeSynced},
	{"delayed", codeDelayed},
	{"restoring", codeRestoring},
	{"replaying", codeReplaying},
	{"receiving", codeReceiving},
	{"blocked", codeBlocked},
	{"duplicate", codeDuplicate},
	{"primary", codeIsPrimary},
	{"paused", codePaused},
	{"disconnected", codeDisconnected},
	{"unreachable", codeUnreachable},
	{"foreign", codeForeign},
	{"diverged", codeDiverged},
}

// mappings turn codes into words and colours; word says which.
func mappings(word func(verdict) string) []object {
	options := object{}
	for i, v := range verdicts {
		options[fmt.Sprint(v.code)] = object{"text": word(v), "color": v.color, "index": i}
	}
	return []object{{"type": "value", "options": options}}
}

func shortly(v verdict) string { return v.text }
func inWords(v verdict) string { return v.sentence }

// onACard has room for one word or two.
func onACard(v verdict) string {
	if v.code >= codeRestoring && v.code <= codeBlocked {
		return "Lagging"
	}
	return strings.ToUpper(v.text[:1]) + v.text[1:]
}

// notObserved is shown in place of a value that the last probe did not see. An
// expression gives NaN for it, so that nothing older can be taken for current.
func notObserved(text string) object {
	return object{"type": "special", "options": object{
		"match": "null+nan", "result": object{"text": text, "color": colorMissing, "index": 100},
	}}
}
