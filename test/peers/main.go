// Peers measures hassesd beside other servers of Server-Sent Events in one run: the same clients, the same messages, the
// same TLS, one server at a time, in alternating order, medians. It prints how they compare, and writes all figures as
// JSON. `make bench-peers` builds what it needs and runs it; docs/performance.md tells the method.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/bench"
)

// options are the command line.
type options struct {
	bin     string // directory of hassesd, hassesctl, nethttp and bare
	out     string // file for the figures
	medians string // file for what docs/performance.json keeps of them
	repeat  int
	quick   bool
	only    string // figures whose name contains it
	add     bool   // to the runs in out
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.StringVar(&o.out, "out", "bin/bench-peers.json", "file for the figures")
	flag.StringVar(&o.medians, "medians", "bin/performance.json", "file for the medians, to be docs/performance.json")
	flag.IntVar(&o.repeat, "repeat", 3, "runs of each figure, of which the median counts")
	flag.BoolVar(&o.quick, "quick", false, "few streams, once: to see that it works, not for figures")
	flag.StringVar(&o.only, "only", "", "only the figures whose name contains this")
	flag.BoolVar(&o.add, "add", false, "add the runs to those in the file of figures: a long measurement can be made in pieces")
	flag.Parse()
	if o.quick {
		o.repeat = 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// record is what is written to the file.
type record struct {
	At      time.Time           `json:"at"`
	Machine machine             `json:"machine"`
	Quick   bool                `json:"quick"`
	Rows    []row               `json:"rows"`
	Runs    map[string][]sample `json:"runs"` // by figure
}

// sample is one run of a figure with a server.
type sample struct {
	Server string       `json:"server"`
	Result bench.Result `json:"result"`
	Error  string       `json:"error,omitempty"`

	Posts *bench.PostResult `json:"posts,omitempty"` // instead of Result, if publishers were measured
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "hassesd-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	var cert certificate
	if cert, err = makeCertificate(dir); err != nil {
		return err
	}
	rec := record{At: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Quick: o.quick, Runs: map[string][]sample{}}
	if o.add {
		if err := rec.addTo(o.out); err != nil {
			return err
		}
	}
	fmt.Printf("%s\n", rec.Machine)
	if o.quick {
		fmt.Println("quick: a fortieth of the streams, and no time: these are no figures")
	}
	for _, f := range figures(o.quick) {
		if !strings.Contains(f.name, o.only) {
			continue
		}
		for i := range o.repeat {
			order := slices.Clone(f.servers)
			if i%2 == 1 {
				slices.Reverse(order)
			}
			for _, s := range order {
				got := measure(ctx, o, filepath.Join(dir, "run"), cert, f, s, rec.Runs)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				rec.Runs[f.name] = append(rec.Runs[f.name], got)
				fmt.Printf("%-22s %-16s %s\n", f.name, s.name, got.summary())
			}
		}
	}
	rec.Rows = goals(rec.Runs)
	printRows(os.Stdout, rec.Rows)
	text, err := json.MarshalIndent(rec, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.out, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return publish(rec).write(o.medians)
}

// addTo takes in the runs of an earlier measurement, if there is one.
func (r *record) addTo(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before record
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if before.Quick != r.Quick || before.Machine.CPU != r.Machine.CPU {
		return fmt.Errorf("%s is of another kind of measurement, or of another machine", file)
	}
	r.Runs = before.Runs
	return nil
}

// measure starts a server, runs hassesctl bench against it and stops it.
func measure(ctx context.Context, o options, dir string, cert certificate, f figure, s server, before map[string][]sample) sample {
	got := sample{Server: s.name}
	fail := func(err error) sample {
		got.Error = err.Error()
		return got
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	p := place{bin: o.bin, dir: dir, cert: cert, wire: wireBytes(before)}
	running, err := s.start(ctx, p)
	if err != nil {
		return fail(fmt.Errorf("start %s: %w", s.name, err))
	}
	defer running.stop()
	args := slices.Concat([]string{"bench", "--json", "--pid", fmt.Sprint(running.pid())}, s.flags(p), f.flags)
	if s.tls {
		args = append(args, "--ca", cert.ca)
	}
	if f.curve != "" {
		args = append(args, "--curve", f.curve)
	}
	meanwhile, end := context.WithCancel(ctx)
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		if f.meanwhile != nil {
			f.meanwhile(meanwhile, p)
		}
	}()
	out, err := command(ctx, filepath.Join(o.bin, "hassesctl"), args...)
	end()
	<-idle
	var into any = &got.Result
	if f.posts {
		got.Posts = new(bench.PostResult)
		into = got.Posts
	}
	if jsonErr := json.Unmarshal(out, into); jsonErr != nil {
		return fail(fmt.Errorf("hassesctl: %w", err))
	}
	return got // the result knows its problems
}

// summary is one line for people.
func (s sample) summary() string {
	if s.Error != "" {
		return s.Error
	}
	if p := s.Posts; p != nil {
		return strings.TrimSuffix(fmt.Sprintf("%.0f/s, %.4f CPU s a thousand, answered p50 %.2f, p99 %.2f ms, received p50 %.2f, p99 %.2f ms; %s",
			p.PerSecond, p.ServerCPU, p.AnswerP50, p.AnswerP99, p.ReceiptP50, p.ReceiptP99, p.Problem), "; ")
	}
	r := s.Result
	text := fmt.Sprintf("%.3f CPU s a thousand handshakes", r.Connect.ServerPer)
	if r.Memory != nil {
		text = fmt.Sprintf("%.0f bytes a stream, ", r.Memory.PerStream) + text
	}
	if d := r.Delivery; d != nil {
		text = fmt.Sprintf("%.0f/s, %.2f CPU s a million, p50 %.1f, p99 %.1f ms", d.PerSecond, d.ServerPer, d.Latency.P50, d.Latency.P99)
	}
	if r.Storm != nil {
		text += fmt.Sprintf("; storm %.3f CPU s a thousand, p99 %.1f ms", r.Storm.ServerPer, r.Storm.Latency.P99)
	}
	if len(r.Problems) > 0 {
		text += "; " + strings.Join(r.Problems, "; ")
	}
	return text
}
