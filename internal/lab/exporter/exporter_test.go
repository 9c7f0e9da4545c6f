//go:build unix

package exporter_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pg-canary/pg_canary_exporter/internal/lab/exporter"
	"github.com/pg-canary/pg_canary_exporter/internal/lab/rig"
)

// TestExporter builds the exporter once, and runs and ends it in every way.
func TestExporter(t *testing.T) {
	program, err := exporter.Build(t.Context())
	must(t, err)
	t.Run("on a pair", func(t *testing.T) { onPair(t, program) })
	t.Run("on an address that is taken", func(t *testing.T) { onTakenAddress(t, program) })
	t.Run("nothing is left", func(t *testing.T) { nothingIsLeft(t, program) })
}

// onPair runs the exporter on a real pair, and ends it.
func onPair(t *testing.T, program *exporter.Program) {
	pair, err := rig.New(t.Context(), rig.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, pair.Close()) })
	e, err := program.Start(t.Context(), exporter.Config{DSNs: pair.DSNs(), Beats: true})
	must(t, err)
	must(t, e.WaitSynced(t.Context(), 1))
	_, moments, err := e.Probe(t.Context())
	must(t, err)
	if moments == nil || len(moments.Reads) != 1 || moments.Reads[0].Node != pair.Replica.Addr() {
		t.Fatalf("the moments of a probe are %+v", moments)
	}
	if moments.Acknowledged.Before(moments.Sent) || moments.Ended.Before(moments.Reads[0].FirstFresh) {
		t.Errorf("the moments have no order: %+v", moments)
	}

	var text bytes.Buffer
	scrape, connection, err := e.Scraper(t.Context(), "/metrics", http.Header{}, &text)
	must(t, err)
	must(t, scrape(t.Context()))
	must(t, connection.Close())
	samples, err := exporter.Parse(&text)
	must(t, err)
	if samples.State != "synced" || samples.Value("pg_canary_absent") != -1 || samples.Integer("pg_canary_absent") != nil {
		t.Errorf("the samples are %+v", samples)
	}

	must(t, pair.Primary.Kill())
	if _, moments, err := e.Probe(t.Context()); err != nil || moments != nil {
		t.Errorf("without a primary a probe has the moments %+v, and the error %v", moments, err)
	}
	must(t, e.Stop())
	if _, err := e.Scrape(t.Context()); err == nil {
		t.Error("a scrape was answered after the end")
	}
	hasTold(t, e)
}

// hasTold: all beats are known after the end, of which the last had no primary.
func hasTold(t *testing.T, e *exporter.Exporter) {
	t.Helper()
	beats, shown := e.TakeTold()
	if counted, _ := e.Told(); counted != len(beats) || counted < 3 || len(shown) == 0 {
		t.Fatalf("%d beats and %d delays were kept, of %d", len(beats), len(shown), counted)
	}
	for i, m := range beats {
		if m.Number != i+1 || !m.Scraped || m.Attempted.Before(m.Started) || m.Ended.Before(m.Attempted) {
			t.Errorf("beat %d is %+v", i+1, m)
		}
	}
	if !slices.ContainsFunc(beats, func(m *exporter.Moments) bool {
		return m.Capacity == shown[0].Capacity && m.Acknowledged.Equal(shown[0].Acknowledged) && len(m.Reads) == 1 && m.Reads[0].Node == shown[0].Node
	}) {
		t.Errorf("the first delay is of no beat: %+v", shown[0])
	}
	if last := beats[len(beats)-1]; !last.Acknowledged.IsZero() || last.Reason == "" || len(last.Notices) != 1 || !last.Notices[0].Since.Equal(last.Attempted) {
		t.Errorf("without a primary the last beat is %+v", last)
	}
}

// onTakenAddress: the error has the exporter's own words.
func onTakenAddress(t *testing.T, program *exporter.Program) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, taken.Close()) })
	_, err = program.Start(t.Context(), exporter.Config{DSNs: []string{"host=127.0.0.1"}, Listen: taken.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("on an address that is taken: %v", err)
	}
}

// nothingIsLeft: what runs ends with the program that started it.
func nothingIsLeft(t *testing.T, program *exporter.Program) {
	serve := program.Command(t.Context(), []string{"host=127.0.0.1 port=1"}, "serve", "--web.listen-address=127.0.0.1:0")
	wait, err := program.Launch(serve)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- wait() }()
	must(t, program.Close())
	if err := <-ended; err == nil {
		t.Error("it ended by itself")
	}
	if _, err := os.Stat(program.Path); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", program.Path, err)
	}
}

func TestBuildThatIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if program, err := exporter.Build(ctx); err == nil {
		t.Errorf("it built %s", program.Path)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
