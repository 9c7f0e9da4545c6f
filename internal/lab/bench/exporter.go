//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/procfs"

	"github.com/pg-canary/pg_canary_exporter/collector"
	"github.com/pg-canary/pg_canary_exporter/internal/server"
)

// exporter is the exporter in a process of its own, so that what it costs is
// not mixed up with what measuring costs.
type exporter struct {
	command *exec.Cmd
	address string
}

// startExporter starts this program again, as the server.
func startExporter(ctx context.Context, dsns []string) (*exporter, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var args []string
	for _, dsn := range dsns {
		args = append(args, "--serve="+dsn)
	}
	command := exec.CommandContext(ctx, self, args...)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the exporter's address: %w", err)
	}
	return &exporter{command, strings.TrimSpace(address)}, nil
}

// serveNodes serves the metrics of a probe alone on /probe, and all on
// /metrics, and prints the address.
func serveNodes(ctx context.Context, dsns []string) error {
	defer server.LimitProcs(len(dsns) - 1)()
	cluster, err := newCluster(dsns)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	probed := collector.New(cluster, level.NewFilter(log.NewLogfmtLogger(os.Stderr), level.AllowWarn()))
	config := server.Config{Collector: probed, MetricsPath: "/metrics", ProbeTimeout: 5 * time.Second, TimeoutOffset: 250 * time.Millisecond}
	all, err := server.Routes(config)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", all)
	mux.Handle("/probe", &collector.Handler{Collector: probed, Timeout: config.ProbeTimeout, TimeoutOffset: config.TimeoutOffset})
	fmt.Println(listener.Addr())
	serving := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = serving.Close()
	}()
	if err := serving.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// accept is what Prometheus 3 sends when it does not scrape native histograms.
const accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
	"application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
	"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

// asPrometheus are the headers of a scrape by Prometheus.
func asPrometheus(encoding string) http.Header {
	return http.Header{
		"Accept":                              {accept},
		"Accept-Encoding":                     {encoding},
		"X-Prometheus-Scrape-Timeout-Seconds": {"5"},
	}
}

// scraper returns what makes one scrape over a connection that stays open. It
// writes the request and reads the answer on the caller's goroutine: those of
// http.Client cost it 0.1 ms, which is none of the exporter's. The text goes to out.
func (e *exporter) scraper(ctx context.Context, path string, header http.Header, out io.Writer) (func(context.Context) error, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.address+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.address)
	if err != nil {
		return nil, err
	}
	answers := bufio.NewReader(conn)
	return func(context.Context) error {
		if err := request.Write(conn); err != nil {
			return err
		}
		response, err := http.ReadResponse(answers, request)
		if err != nil {
			return err
		}
		return drain(response, out)
	}, nil
}

type usage struct {
	cpu      time.Duration
	resident int
}

// usage returns what the exporter's process has used so far.
func (e *exporter) usage() (usage, error) {
	process, err := procfs.NewProc(e.command.Process.Pid)
	if err != nil {
		return usage{}, err
	}
	stat, err := process.Stat()
	if err != nil {
		return usage{}, err
	}
	return usage{time.Duration(stat.CPUTime() * float64(time.Second)), stat.ResidentMemory()}, nil
}

func (e *exporter) stop() {
	_ = e.command.Process.Kill()
	_ = e.command.Wait()
}
