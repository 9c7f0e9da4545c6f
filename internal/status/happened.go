package status

import (
	"fmt"
	"time"

	"github.com/pg-canary/pg_canary_exporter/collector"
)

// Happened says what an event was, as a sentence without its full stop.
func Happened(e collector.Event) string {
	lasted := Span(time.Duration(e.Seconds * float64(time.Second)))
	switch e.Kind {
	case collector.EventTakeover:
		return onTimeline(fmt.Sprintf("%s took over from %s as primary", e.To, e.From), e)
	case collector.EventOutageBegan:
		text := "No write to " + e.Node + " is acknowledged any more"
		if why := OfReason(e.Reason); why != "" {
			text += ": " + why
		}
		return text
	case collector.EventOutageEnded:
		return onTimeline("Writes to "+e.Node+" are acknowledged again, after "+lasted, e)
	case collector.EventLost:
		return upperFirst(ofLoss(e.Commits, "when "+e.Node+" was kept as primary").Text)
	case collector.EventState:
		if e.From == "" {
			return e.Node + " was first seen: " + e.To
		}
		return fmt.Sprintf("%s: %s, after %s of %s", e.Node, e.To, lasted, e.From)
	case collector.EventConnected:
		return e.Node + " is connected again, or to another server"
	case collector.EventJoined:
		return e.Node + " is a node of the cluster from now on"
	case collector.EventLeft:
		return e.Node + " is no node of the cluster any more"
	case collector.EventReload:
		return "Another configuration of the cluster is in force"
	default:
		return string(e.Kind)
	}
}

func onTimeline(text string, e collector.Event) string {
	if e.Timeline == 0 {
		return text
	}
	return fmt.Sprintf("%s, on timeline %d", text, e.Timeline)
}
