//go:build unix

package patroni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long the cluster may take for what it does by itself. It only guards
// against hanging.
const patience = 3 * time.Minute

// view is what members say about the cluster.
type view struct {
	Members []struct {
		Name  string `json:"name"`
		Role  string `json:"role"`
		State string `json:"state"`
	} `json:"members"`
}

// leader returns the name of the leader that runs; "" for none.
func (v view) leader() string {
	for _, member := range v.Members {
		if member.Role == "leader" && member.State == "running" {
			return member.Name
		}
	}
	return ""
}

// running counts the members whose PostgreSQL runs. Since Patroni 3.1 a replica that
// streams says so.
func (v view) running() int {
	count := 0
	for _, member := range v.Members {
		if member.State == "running" || member.State == "streaming" {
			count++
		}
	}
	return count
}

// Leader returns the leader.
func (c *Cluster) Leader(ctx context.Context) (*Member, error) {
	v, err := c.await(ctx, "a leader", func(v view) bool { return v.leader() != "" })
	if err != nil {
		return nil, err
	}
	return c.Member(v.leader()), nil
}

// AwaitHealthy waits until there is a leader, from which all others stream.
func (c *Cluster) AwaitHealthy(ctx context.Context) error {
	_, err := c.await(ctx, "two replicas that stream from a leader", func(v view) bool {
		leader := c.Member(v.leader())
		if leader == nil || v.running() != len(c.members) {
			return false
		}
		replicas, err := leader.replicas(ctx)
		return err == nil && replicas == len(c.members)-1
	})
	return err
}

// DSN is the superuser's connection string.
func (m *Member) DSN() string {
	return fmt.Sprintf("postgres://%s:%s@%s:%d/postgres?sslmode=disable&connect_timeout=5", Superuser, m.cluster.Password, host, m.Port)
}

// replicas counts those that stream from the member. A clone that is being made does too,
// under another name.
func (m *Member) replicas(ctx context.Context) (count int, err error) {
	conn, err := pgx.Connect(ctx, m.DSN())
	if err != nil {
		return 0, err
	}
	var names []string
	for _, member := range m.cluster.members {
		names = append(names, member.Name)
	}
	const query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = ANY ($1)"
	err = conn.QueryRow(ctx, query, names).Scan(&count)
	return count, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// SwitchOver makes another member the leader, now or, with a time, then. It does not wait
// for one in the future.
func (c *Cluster) SwitchOver(ctx context.Context, to *Member, at time.Time) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	request := map[string]any{"leader": leader.Name, "candidate": to.Name}
	if !at.IsZero() {
		request["scheduled_at"] = at.Format(time.RFC3339)
	}
	return leader.do(ctx, http.MethodPost, "/switchover", request)
}

// CancelSwitchOver takes a scheduled one back.
func (c *Cluster) CancelSwitchOver(ctx context.Context) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	return leader.do(ctx, http.MethodDelete, "/switchover", nil)
}

// Pause puts the cluster into maintenance mode, or ends that.
func (c *Cluster) Pause(ctx context.Context, paused bool) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	return leader.do(ctx, http.MethodPatch, "/config", map[string]any{"pause": paused})
}

// await asks members for the cluster until it is as wanted.
func (c *Cluster) await(ctx context.Context, what string, wanted func(view) bool) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := errors.New("no member runs")
	for {
		for _, member := range c.members {
			var v view
			if !member.process.Running() {
				continue
			}
			if v, err = member.view(ctx); err == nil && wanted(v) {
				return v, nil
			}
		}
		select {
		case <-ctx.Done():
			return view{}, fmt.Errorf("there was not %s within %v; last error: %w", what, patience, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// view asks the member for the cluster.
func (m *Member) view(ctx context.Context) (v view, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	text, err := m.request(ctx, http.MethodGet, "/cluster", nil)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(text, &v)
}

// do asks the member to do something.
func (m *Member) do(ctx context.Context, method, path string, request any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := m.request(ctx, method, path, request)
	return err
}

// request returns the member's answer; one that is not of the two hundreds is an error.
func (m *Member) request(ctx context.Context, method, path string, request any) ([]byte, error) {
	var body io.Reader
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, m.URL()+path, body)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s of %s %s: %s: %s", m.Name, method, path, response.Status, text)
	}
	return text, nil
}
