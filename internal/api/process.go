package api

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// clockTicks is the unit of times in /proc, on every architecture of Go (sysconf _SC_CLK_TCK).
const clockTicks = 100

// Process collects the process_ families. Its files are opened before the sandbox closes /proc, and
// read again for each scrape. Its methods may be called from any goroutine.
type Process struct {
	// Fixed after OpenProcess.
	stat  *os.File // /proc/self/stat (proc_pid_stat(5))
	fds   *os.File // /proc/self/fd
	boot  float64  // seconds since 1970
	limit uint64   // of descriptors

	mu sync.Mutex // held while fds is listed, which moves its offset
}

// OpenProcess opens the files. Close closes them.
func OpenProcess() (*Process, error) {
	boot, err := bootTime()
	if err != nil {
		return nil, err
	}
	p := &Process{boot: boot}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, os.NewSyscallError("getrlimit", err)
	}
	p.limit = limit.Cur
	if p.stat, err = os.Open("/proc/self/stat"); err != nil {
		return nil, fmt.Errorf("watch the process: %w", err)
	}
	if p.fds, err = os.Open("/proc/self/fd"); err != nil {
		_ = p.stat.Close()
		return nil, fmt.Errorf("watch the process: %w", err)
	}
	return p, nil
}

// Close closes the files.
func (p *Process) Close() error { return errors.Join(p.stat.Close(), p.fds.Close()) }

// bootTime returns when the machine was started (proc_stat(5)).
func bootTime() (float64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("watch the process: %w", err)
	}
	_, rest, ok := bytes.Cut(text, []byte("\nbtime "))
	if !ok {
		return 0, errors.New("watch the process: /proc/stat has no btime")
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return strconv.ParseFloat(string(line), 64)
}

// The families have the names and meanings of the process collectors of other programs, which
// dashboards know.
var (
	processCPU      = prometheus.NewDesc("process_cpu_seconds_total", "Time on processors, of user and system, in seconds.", nil, nil)
	processResident = prometheus.NewDesc("process_resident_memory_bytes", "Resident memory, in bytes.", nil, nil)
	processVirtual  = prometheus.NewDesc("process_virtual_memory_bytes", "Virtual memory, in bytes.", nil, nil)
	processStart    = prometheus.NewDesc("process_start_time_seconds", "When the process was started, in seconds since 1970.", nil, nil)
	processFDs      = prometheus.NewDesc("process_open_fds", "Open descriptors.", nil, nil)
	processMaxFDs   = prometheus.NewDesc("process_max_fds", "Maximum number of open descriptors.", nil, nil)
)

// Describe implements prometheus.Collector.
func (p *Process) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{processCPU, processResident, processVirtual, processStart, processFDs, processMaxFDs} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (p *Process) Collect(out chan<- prometheus.Metric) {
	figures, err := p.read()
	if err != nil {
		out <- prometheus.NewInvalidMetric(processCPU, err)
		return
	}
	open, err := p.open()
	if err != nil {
		out <- prometheus.NewInvalidMetric(processFDs, err)
		return
	}
	out <- prometheus.MustNewConstMetric(processCPU, prometheus.CounterValue, figures.cpu)
	out <- prometheus.MustNewConstMetric(processResident, prometheus.GaugeValue, figures.resident)
	out <- prometheus.MustNewConstMetric(processVirtual, prometheus.GaugeValue, figures.virtual)
	out <- prometheus.MustNewConstMetric(processStart, prometheus.GaugeValue, p.boot+figures.start)
	out <- prometheus.MustNewConstMetric(processFDs, prometheus.GaugeValue, float64(open))
	out <- prometheus.MustNewConstMetric(processMaxFDs, prometheus.GaugeValue, float64(p.limit))
}

// processFigures are what /proc/self/stat tells: seconds, and bytes.
type processFigures struct{ cpu, start, virtual, resident float64 }

func (p *Process) read() (processFigures, error) {
	var text [1024]byte
	n, err := p.stat.ReadAt(text[:], 0)
	if n == 0 {
		return processFigures{}, fmt.Errorf("read /proc/self/stat: %w", err)
	}
	return parseStat(text[:n])
}

// parseStat reads the fields behind the command's name, which may have blanks and parentheses.
func parseStat(text []byte) (processFigures, error) {
	const (
		// Indexes behind the name of the fields 14, 15, 22, 23 and 24.
		utime, stime, starttime, vsize, rss = 11, 12, 19, 20, 21
	)
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= rss {
		return processFigures{}, errors.New("/proc/self/stat has too few fields")
	}
	var values [rss + 1]float64
	for _, i := range []int{utime, stime, starttime, vsize, rss} {
		v, err := strconv.ParseFloat(string(fields[i]), 64)
		if err != nil {
			return processFigures{}, fmt.Errorf("field %d of /proc/self/stat: %w", i+3, err)
		}
		values[i] = v
	}
	return processFigures{
		cpu:      (values[utime] + values[stime]) / clockTicks,
		start:    values[starttime] / clockTicks,
		virtual:  values[vsize],
		resident: values[rss] * float64(os.Getpagesize()),
	}, nil
}

// open returns the number of open descriptors. Since Linux 6.2 it is the size of the directory;
// before, the directory is listed.
func (p *Process) open() (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(p.fds.Fd()), &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	if st.Size > 0 {
		return int(st.Size), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.fds.Seek(0, 0); err != nil {
		return 0, err
	}
	names, err := p.fds.Readdirnames(-1)
	return len(names), err
}
