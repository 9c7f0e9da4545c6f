package fleet

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/pg-canary/pg_canary_exporter/internal/discovery"
)

// logFound logs what an answer says that the one before did not; nil is none.
func logFound(logger log.Logger, before *discovery.Found, after discovery.Found) {
	if before == nil {
		before = &discovery.Found{}
	}
	for _, skipped := range after.Skipped {
		if !slices.Contains(before.Skipped, skipped) {
			_ = level.Warn(logger).Log("msg", "what was found of the cluster's nodes cannot all be used", "err", skipped)
		}
	}
	for _, now := range after.Nodes {
		if i := slices.IndexFunc(before.Nodes, func(b discovery.Node) bool { return b.Name == now.Name }); i >= 0 {
			logFoundNode(logger, before.Nodes[i], now)
		}
	}
	switch {
	case after.Paused && !before.Paused:
		_ = level.Info(logger).Log("msg", "Patroni is paused: nobody fails over by itself")
	case before.Paused && !after.Paused:
		_ = level.Info(logger).Log("msg", "Patroni is paused no more")
	}
	switch was, is := describe(before.Switchover), describe(after.Switchover); {
	case is == was:
	case is != "":
		_ = level.Info(logger).Log("msg", "a switchover is scheduled", "switchover", is)
	default:
		_ = level.Info(logger).Log("msg", "a switchover is scheduled no more: it is done, or was taken back", "switchover", was)
	}
}

// logFoundNode logs what changed of a node that there was before.
func logFoundNode(logger log.Logger, before, after discovery.Node) {
	if from, to := address(before), address(after); from != to {
		_ = level.Info(logger).Log("msg", "a node is at another address", "node", after.Name, "from", from, "to", to)
	}
	switch gone := discovery.StateGone; {
	case after.State == gone && before.State != gone:
		_ = level.Warn(logger).Log("msg", "Patroni knows a node no more; it is probed for another hour", "node", after.Name, "address", address(after))
	case before.State == gone && after.State != gone:
		_ = level.Info(logger).Log("msg", "Patroni knows a node again", "node", after.Name, "address", address(after), "state", after.State)
	case before.State == after.State, discovery.Runs(before.State) && discovery.Runs(after.State):
	default:
		_ = level.Info(logger).Log("msg", "Patroni says that a node's state has changed", "node", after.Name, "from", before.State, "to", after.State)
	}
}

func address(n discovery.Node) string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// describe says when a switchover is to be, and from where to where; "" for none.
func describe(s *discovery.Switchover) string {
	switch {
	case s == nil:
		return ""
	case s.To == "":
		return fmt.Sprintf("from %s at %s", s.From, s.At.Format(time.RFC3339))
	default:
		return fmt.Sprintf("from %s to %s at %s", s.From, s.To, s.At.Format(time.RFC3339))
	}
}
