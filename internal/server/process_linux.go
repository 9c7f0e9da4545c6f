package server

import (
	"os"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/procfs"
)

// processCollector publishes the process_* metrics that need only
// /proc/self/statm and a count of file descriptors. At every scrape the one in
// client_golang also reads /proc/self/stat, /proc/stat and the network counters of the
// whole host, which takes as long as a probe.
type processCollector struct {
	process              procfs.Proc
	start                float64 // Unix time
	maxDescriptors       float64
	cpu, resident        *prometheus.Desc
	virtual, descriptors *prometheus.Desc
	maximum, started     *prometheus.Desc
}

var _ prometheus.Collector = (*processCollector)(nil)

func newProcessCollector() (prometheus.Collector, error) {
	process, err := procfs.NewProc(os.Getpid())
	if err != nil {
		return nil, err
	}
	stat, err := process.Stat()
	if err != nil {
		return nil, err
	}
	start, err := stat.StartTime()
	if err != nil {
		return nil, err
	}
	limits, err := process.Limits()
	if err != nil {
		return nil, err
	}
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &processCollector{
		process:        process,
		start:          start,
		maxDescriptors: float64(limits.OpenFiles),
		cpu:            desc("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."),
		resident:       desc("process_resident_memory_bytes", "Resident memory size in bytes."),
		virtual:        desc("process_virtual_memory_bytes", "Virtual memory size in bytes."),
		descriptors:    desc("process_open_fds", "Number of open file descriptors."),
		maximum:        desc("process_max_fds", "Maximum number of open file descriptors."),
		started:        desc("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
	}, nil
}

// Describe sends the descriptions of all metrics.
func (c *processCollector) Describe(ch chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(c, ch)
}

// Collect sends the current values.
func (c *processCollector) Collect(ch chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64) {
		ch <- prometheus.MustNewConstMetric(desc, kind, value)
	}
	send(c.started, prometheus.GaugeValue, c.start)
	send(c.maximum, prometheus.GaugeValue, c.maxDescriptors)
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err == nil {
		send(c.cpu, prometheus.CounterValue, time.Duration(used.Utime.Nano()+used.Stime.Nano()).Seconds())
	}
	if memory, err := c.process.Statm(); err == nil {
		send(c.resident, prometheus.GaugeValue, float64(memory.ResidentBytes()))
		send(c.virtual, prometheus.GaugeValue, float64(memory.SizeBytes()))
	}
	if open, err := c.process.FileDescriptorsLen(); err == nil {
		send(c.descriptors, prometheus.GaugeValue, float64(open))
	}
}
