package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestEveryScenarioOfASoundServer(t *testing.T) {
	eachVersion(t, testEveryScenario)
}

func testEveryScenario(t *testing.T, version func(*Options)) {
	s := startServer(t)
	for _, scenario := range Scenarios {
		t.Run(string(scenario), func(t *testing.T) {
			o := s.options(scenario)
			o.Rooms = 3
			version(&o)
			res := s.measure(t, o)
			if len(res.Problems) != 0 {
				t.Errorf("problems: %v", res.Problems)
			}
			if res.Connect.Opened < 20 || res.Connect.Latency.Count < 20 || res.Connect.Latency.P50 <= 0 {
				t.Errorf("opened: %+v", res.Connect)
			}
			d := res.Delivery
			if scenario == Idle {
				if d != nil || res.Idle == nil || res.Idle.Seconds < 0.3 {
					t.Errorf("idle: %+v, deliveries %+v", res.Idle, d)
				}
				return
			}
			if d == nil || d.Messages == 0 || d.Deliveries == 0 || d.Latency.Count == 0 || d.WireBytes < 100 {
				t.Fatalf("deliveries: %+v", d)
			}
			switch scenario {
			case Fanout, Rooms:
				// Each room has 7 streams or 6, and as many messages as the others, or one more.
				if least := d.Messages * 20 / 3; d.Deliveries < least-20 || d.Deliveries > least+20 {
					t.Errorf("%d deliveries of %d messages to 20 streams in 3 rooms", d.Deliveries, d.Messages)
				}
			case Churn:
				if res.Churn.Reopened == 0 || res.Connect.Opened != 20+res.Churn.Reopened {
					t.Errorf("churn: %+v, %d opened", res.Churn, res.Connect.Opened)
				}
			case Slow:
				if res.Slow.Streams != 4 || res.Slow.Received == 0 || res.Slow.Lost != 0 {
					t.Errorf("slow: %+v", res.Slow)
				}
			case Storm:
				if res.Storm.Streams != 10 || res.Connect.Opened != 30 {
					t.Errorf("storm: %+v, %d opened", res.Storm, res.Connect.Opened)
				}
			case Idle:
			}
		})
	}
}

func TestTheServersProcessIsMeasured(t *testing.T) {
	s := startServer(t)
	res := s.measure(t, s.options(Idle), func(p *Parts) { p.PIDs = []int{os.Getpid()} })
	if m := res.Memory; m == nil || m.EmptyRSS == 0 || m.OpenRSS == 0 || m.EndRSS == 0 || m.Threads == 0 || m.Files < 20 {
		t.Errorf("memory: %+v", m)
	}
	_, err := Run(t.Context(), s.options(Idle), Parts{PIDs: []int{1 << 30}})
	if err == nil || !strings.Contains(err.Error(), "measure the server") {
		t.Errorf("a process that is not there: %v", err)
	}
}

func TestClosedLoop(t *testing.T) {
	s := startServer(t)
	o := s.options(Fanout)
	o.Rate, o.InFlight, o.Rooms = 0, 8, 2
	res := s.measure(t, o)
	if d := res.Delivery; len(res.Problems) != 0 || d.Messages < 8 || d.Deliveries != d.Messages*10 {
		t.Errorf("%d deliveries of %d messages to 10 streams each; problems %v", d.Deliveries, d.Messages, res.Problems)
	}
}

func TestWarmupIsNotMeasured(t *testing.T) {
	s := startServer(t)
	o := s.options(Fanout)
	o.Warmup = 300 * time.Millisecond
	res := s.measure(t, o)
	d := res.Delivery
	if all := s.published(); d.Messages == 0 || all <= d.Messages {
		t.Errorf("%d of %d messages were measured", d.Messages, all)
	}
	if uint64(d.Latency.Count) != d.Deliveries {
		t.Errorf("%d latencies of %d deliveries", d.Latency.Count, d.Deliveries)
	}
}

// published is how many messages the server has been given.
func (s *sseServer) published() (n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		n += uint64(len(r.events))
	}
	return n
}

// TestFaultsOfAServerAreFound is what the generator is for.
func TestFaultsOfAServerAreFound(t *testing.T) {
	eachVersion(t, testFaults)
}

func testFaults(t *testing.T, version func(*Options)) {
	for _, tt := range []struct {
		name  string
		fault func(n int, event string) string
		want  string
		count func(d *Delivery) uint64
	}{
		{"lost", func(n int, event string) string {
			if n == 3 {
				return ""
			}
			return event
		}, "20 messages were lost", func(d *Delivery) uint64 { return d.Lost }},
		{"lost at the end", func(n int, event string) string {
			if n > 10 {
				return ""
			}
			return event
		}, "messages were lost", func(d *Delivery) uint64 { return d.Lost / (d.Messages - 10) }},
		{"doubled", func(n int, event string) string {
			if n == 3 {
				return event + event
			}
			return event
		}, "20 messages came twice", func(d *Delivery) uint64 { return d.Duplicates }},
		{"swapped", nil, "20 messages came out of order", func(d *Delivery) uint64 { return d.Disordered }},
		{"cut", func(n int, event string) string {
			if n == 3 {
				return strings.Replace(event, "xx\n", "\n", 1)
			}
			return event
		}, "20 events or answers were broken", func(d *Delivery) uint64 { return d.Broken }},
		{"of another room", func(n int, event string) string {
			if n == 3 {
				return strings.Replace(event, " 0 3 ", " 7 3 ", 1)
			}
			return event
		}, "20 events or answers were broken", func(d *Delivery) uint64 { return d.Broken }},
		{"ended", func(n int, event string) string {
			if n == 3 {
				return event + goodbye
			}
			return event
		}, "20 streams were ended by the server", func(d *Delivery) uint64 { return d.Closed }},
		{"of somebody else", func(n int, event string) string {
			if n == 3 {
				return event + "data: hello\n\n"
			}
			return event
		}, "", func(d *Delivery) uint64 { return d.Foreign }},
		{"gap", func(n int, event string) string {
			if n == 3 {
				return event + "event: hasses.gap\ndata: {}\n\n"
			}
			return event
		}, "", func(d *Delivery) uint64 { return d.Gaps }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			if s.fault = tt.fault; s.fault == nil {
				s.fault = swapped()
			}
			o := s.options(Fanout)
			version(&o)
			o.Timeout = 2 * time.Second // what is lost is waited for
			res := s.measure(t, o)
			if got := tt.count(res.Delivery); got != 20 {
				t.Errorf("counted %d, want 20: one for each stream; %+v", got, res.Delivery)
			}
			if got := strings.Join(res.Problems, "; "); !strings.Contains(got, tt.want) || got != "" && tt.want == "" {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

// swapped holds the third event back until the fourth.
func swapped() func(n int, event string) string {
	held := ""
	return func(n int, event string) string {
		switch n {
		case 3:
			held = event
			return ""
		case 4:
			return event + held
		}
		return event
	}
}

// TestStormFindsWhatAResumeMisses has a server that names no ids, so that nobody can resume, and
// that answers those who come back when they have missed something.
func TestStormFindsWhatAResumeMisses(t *testing.T) { eachVersion(t, testStormFindsWhatAResumeMisses) }

func testStormFindsWhatAResumeMisses(t *testing.T, version func(*Options)) {
	s := startServer(t)
	s.fault = func(n int, event string) string { return strings.TrimPrefix(event, fmt.Sprintf("id: %d\n", n)) }
	s.prompt = 20
	o := s.options(Storm)
	version(&o)
	o.Timeout = 5 * time.Second
	res := s.measure(t, o)
	if res.Delivery.Lost < 10 || len(res.Problems) == 0 {
		t.Errorf("%d lost, want at least one of each stream that came back; problems %v", res.Delivery.Lost, res.Problems)
	}
}

func TestRefusedStreamsAreTriedAgain(t *testing.T) { eachVersion(t, testRefusedStreamsAreTriedAgain) }

func testRefusedStreamsAreTriedAgain(t *testing.T, version func(*Options)) {
	s := startServer(t)
	s.refusals = 5
	o := s.options(Idle)
	version(&o)
	res := s.measure(t, o)
	if res.Connect.Opened != 20 || res.Connect.Errors != 5 || len(res.Problems) != 0 {
		t.Errorf("%+v, problems %v", res.Connect, res.Problems)
	}
}

func TestStreamsThatCannotBeOpened(t *testing.T) { eachVersion(t, testStreamsThatCannotBeOpened) }

func testStreamsThatCannotBeOpened(t *testing.T, version func(*Options)) {
	s := startServer(t)
	s.refusals = 1 << 30
	o := s.options(Idle)
	version(&o)
	o.Streams = 2
	_, err := Run(t.Context(), o, Parts{})
	if err == nil || !strings.Contains(err.Error(), "0 of 2 streams are open: the server answered with status 503") {
		t.Errorf("error %v", err)
	}
}

func TestAnUntrustedServer(t *testing.T) {
	s := startServer(t)
	o := s.options(Idle)
	o.Streams, o.RootsPEM = 1, ""
	_, err := Run(t.Context(), o, Parts{})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
}

func TestAnInterruptGivesTheFiguresSoFar(t *testing.T) {
	s := startServer(t)
	o := s.options(Fanout)
	o.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res := s.measureUntil(ctx, t, o, func(p *Parts) {
		p.Report = func(text string) {
			if strings.HasPrefix(text, "publishing") {
				time.AfterFunc(200*time.Millisecond, cancel)
			}
		}
	})
	if !res.Interrupted || res.Connect.Opened != 20 || res.Delivery == nil || res.Delivery.Messages == 0 {
		t.Errorf("%+v", res)
	}
}

// TestWorkersOfTheirOwn shares a run among workers that only know the pipe.
func TestWorkersOfTheirOwn(t *testing.T) { eachVersion(t, testWorkersOfTheirOwn) }

func testWorkersOfTheirOwn(t *testing.T, version func(*Options)) {
	s := startServer(t)
	o := s.options(Fanout)
	o.Processes, o.Rooms, o.Rate, o.InFlight = 3, 5, 0, 4
	version(&o)
	res := s.measure(t, o, func(p *Parts) {
		p.Spawn = func(context.Context) (io.ReadWriteCloser, int, error) {
			ordersR, ordersW := io.Pipe()
			reportsR, reportsW := io.Pipe()
			served := make(chan error, 1)
			go func() { served <- reportsW.CloseWithError(Serve(ordersR, reportsW)) }()
			return &pipe{reportsR, ordersW, served}, 0, nil
		}
	})
	if len(res.Problems) != 0 || res.Connect.Opened != 20 || res.Delivery.Deliveries != res.Delivery.Messages*4 || res.Processes != 3 {
		t.Errorf("%+v, %+v, problems %v", res.Connect, res.Delivery, res.Problems)
	}
}

type pipe struct {
	*io.PipeReader
	w      *io.PipeWriter
	served chan error
}

func (p *pipe) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p *pipe) Close() error {
	_ = p.w.Close()
	_ = p.PipeReader.Close()
	return <-p.served
}

func TestVersionsAndCurves(t *testing.T) {
	s := startServer(t)
	for _, tt := range []struct{ tls, curve string }{{"1.2", "P-256"}, {"1.3", "X25519"}, {"1.3", "X25519MLKEM768"}} {
		o := s.options(Fanout)
		o.TLS, o.Curve, o.Lazy = tt.tls, tt.curve, true
		if res := s.measure(t, o); len(res.Problems) != 0 || res.TLS != tt.tls || res.Curve != tt.curve || res.Delivery.Deliveries == 0 {
			t.Errorf("%v: %+v, problems %v", tt, res.Delivery, res.Problems)
		}
	}
}
