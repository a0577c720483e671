package threats

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hassesd/hassesd/test/delivery"
	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// goodStreamsVariable makes this program hold good streams; its value is the task.
const goodStreamsVariable = "TEST_HERD"

// goodStreamsTask is what the process has to do.
type goodStreamsTask struct {
	HTTP1, HTTP2   int    // streams
	Addr           string // of the daemon, for subscribers
	Header         []string
	Socket, CAFile string
}

// The commands to the process, one on each line; it answers each with a goodStreamsState.
const (
	commandReport   = "report"
	commandAttacked = "attacked" // what is sent from now on is sent during an attack
	commandQuiet    = "quiet"    // it is over
	commandFinish   = "finish"   // publish the last message, wait until all streams have read it, and check
)

// goodStreamsState is the answer to a command.
type goodStreamsState struct {
	Wrong           []string
	Totals          delivery.Totals // only after commandFinish
	Quiet, Attacked lateness
}

// lateness is how late messages arrived.
type lateness struct {
	Deliveries  int
	Median, P99 time.Duration
	// Typical is the median, of all messages, of the time after which 99 % of the streams had it: one pause of the machine
	// does not change it.
	Typical time.Duration
}

func (l lateness) String() string {
	return fmt.Sprintf("%s, %s", l.Median.Round(10*time.Microsecond), l.P99.Round(10*time.Microsecond))
}

// times is how much longer the p99 is during the attack.
func (s goodStreamsState) times() float64 { return ratio(s.Attacked.P99, s.Quiet.P99) }

// typical is the same of typical messages.
func (s goodStreamsState) typical() string {
	return fmt.Sprintf("%.1f", ratio(s.Attacked.Typical, s.Quiet.Typical))
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// onConnection is how many good streams share each connection of HTTP/2.
const onConnection = 20

// streams are many subscribers of a room, over both versions of HTTP, from several addresses, and a publisher.
type streams struct {
	task    goodStreamsTask
	config  *tls.Config
	ledger  *delivery.Ledger
	readers sync.WaitGroup
	talker  sync.WaitGroup
	hush    chan struct{} // closed when the talker has to stop

	mu         sync.Mutex
	underWay   bool // the attack
	said       map[int64]*publication
	deliveries [2]int // in quiet, and in attacks
	wrong      []string
}

// publication is a message, by the time at which it was sent.
type publication struct {
	attacked bool
	late     []time.Duration
}

// goodStreamAddress is the address of good stream i: fifty share one, as in an office.
func goodStreamAddress(i int) string { return fmt.Sprintf("127.200.%d.%d", i/50/250, 1+i/50%250) }

// publishInterval is the pause between two messages to the good streams.
const publishInterval = 50 * time.Millisecond

// becomeGoodStreams opens the streams, publishes to them, and executes commands until its input
// ends.
func becomeGoodStreams(text string, in io.Reader, out io.Writer) error {
	s := &streams{ledger: delivery.New(), hush: make(chan struct{}), said: make(map[int64]*publication)}
	if err := json.Unmarshal([]byte(text), &s.task); err != nil {
		return err
	}
	ca, err := os.ReadFile(s.task.CAFile)
	if err != nil {
		return err
	}
	s.config = &tls.Config{RootCAs: x509.NewCertPool()}
	s.config.RootCAs.AppendCertsFromPEM(ca)
	s.open()
	s.talker.Go(s.talk)
	commands := bufio.NewScanner(in)
	for commands.Scan() {
		var state goodStreamsState
		switch commands.Text() {
		case commandReport:
			state = s.state()
		case commandAttacked, commandQuiet:
			s.mark(commands.Text() == commandAttacked)
		case commandFinish:
			close(s.hush)
			s.talker.Wait()
			s.readers.Wait()
			state = s.state()
			state.Wrong = append(state.Wrong, s.ledger.Check()...)
			state.Totals = s.ledger.Totals()
			state.Quiet, state.Attacked = s.lateness(false), s.lateness(true)
		default:
			return errors.New("no such command: " + commands.Text())
		}
		answer, err := json.Marshal(state)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(answer, '\n')); err != nil {
			return err
		}
	}
	return commands.Err()
}

// open opens the streams, a few at a time, and returns when all are open.
func (s *streams) open() {
	var opened sync.WaitGroup
	places := make(chan struct{}, 8) // handshakes at a time
	var shared func() (*subscriber.Shared, error)
	for i := range s.task.HTTP1 + s.task.HTTP2 {
		open := subscriber.Open
		if n := i - s.task.HTTP1; n >= 0 {
			if n%onConnection == 0 {
				shared = sync.OnceValues(func() (*subscriber.Shared, error) {
					return subscriber.OpenShared(context.Background(), s.request(i))
				})
			}
			on := shared
			open = func(ctx context.Context, r subscriber.Request) (*subscriber.Stream, error) {
				conn, err := on()
				if err != nil {
					return nil, err
				}
				return conn.Open(ctx, r)
			}
		}
		client := s.ledger.Client(fmt.Sprintf("good%d", i), "crowd")
		opened.Add(1)
		s.readers.Go(func() {
			places <- struct{}{}
			stream, err := s.openOne(i, client, open)
			<-places
			opened.Done()
			if err == nil {
				defer stream.Close()
				err = s.listen(stream, client)
			}
			if err != nil {
				s.addError(fmt.Errorf("good stream %d: %w", i, err))
			}
		})
	}
	opened.Wait()
}

// request is what good stream i asks.
func (s *streams) request(i int) subscriber.Request {
	return subscriber.Request{
		Addr: s.task.Addr, TLS: s.config, Target: fmt.Sprintf("/sse?subscribe=crowd&id=good%d", i), Header: s.task.Header,
		Wait: harness.Patience, From: goodStreamAddress(i),
	}
}

// openFunc opens a stream, over a connection of its own or a shared one.
type openFunc func(context.Context, subscriber.Request) (*subscriber.Stream, error)

func (s *streams) openOne(i int, client *delivery.Client, open openFunc) (*subscriber.Stream, error) {
	stream, err := open(context.Background(), s.request(i))
	if err != nil {
		return nil, err
	}
	if stream.Status != 200 {
		stream.Close()
		return nil, fmt.Errorf("status %d", stream.Status)
	}
	id, err := stream.Preface()
	if err != nil {
		stream.Close()
		return nil, err
	}
	client.Opened(id)
	return stream, nil
}

// listen reads until the last message. The text of every other message is the time at which it was
// sent.
func (s *streams) listen(stream *subscriber.Stream, client *delivery.Client) error {
	for {
		e, err := stream.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		client.Got(e.ID, e.Name, e.Data)
		if e.Data == harness.TheEnd {
			return nil
		}
		sent, err := strconv.ParseInt(e.Data, 10, 64)
		if err != nil {
			return err
		}
		s.note(sent, now.Sub(time.Unix(0, sent)))
	}
}

func (s *streams) note(sent int64, late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.said[sent]; m != nil {
		m.late = append(m.late, late)
		s.deliveries[kind(m.attacked)]++
	}
}

// kind returns the index of a message in deliveries.
func kind(attacked bool) int {
	if attacked {
		return 1
	}
	return 0
}

func (s *streams) addError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, err.Error())
}

// talk publishes until hush is closed, on a control connection of its own.
func (s *streams) talk() {
	c, err := harness.DialRPC("unix", s.task.Socket)
	if err != nil {
		s.addError(err)
		return
	}
	defer c.Close()
	tick := time.NewTicker(publishInterval)
	defer tick.Stop()
	for text := ""; text != harness.TheEnd; {
		select {
		case <-tick.C:
			text = s.begin()
		case <-s.hush:
			text = harness.TheEnd
		}
		if err := s.say(c, text); err != nil {
			s.addError(fmt.Errorf("publish to the good streams: %w", err))
			return
		}
	}
}

// begin returns the text of the next message.
func (s *streams) begin() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UnixNano()
	s.said[now] = &publication{attacked: s.underWay, late: make([]time.Duration, 0, s.task.HTTP1+s.task.HTTP2)}
	return strconv.FormatInt(now, 10)
}

func (s *streams) say(c *harness.RPC, text string) error {
	var answer harness.Sent
	if err := c.Call("send", harness.Object{"to": "crowd", "data": text}, &answer); err != nil {
		return err
	}
	s.ledger.Sent(answer.ID, delivery.Message{To: []string{"crowd"}, Data: text})
	return nil
}

func (s *streams) mark(attacked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay = attacked
}

func (s *streams) state() goodStreamsState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return goodStreamsState{
		Wrong: slices.Clone(s.wrong),
		Quiet: lateness{Deliveries: s.deliveries[0]}, Attacked: lateness{Deliveries: s.deliveries[1]},
	}
}

// lateness sums up the messages of one kind.
func (s *streams) lateness(attacked bool) lateness {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all, each []time.Duration
	for _, m := range s.said {
		if m.attacked == attacked && len(m.late) > 0 {
			all = append(all, m.late...)
			each = append(each, percentile(m.late, 0.99))
		}
	}
	return lateness{len(all), percentile(all, 0.5), percentile(all, 0.99), percentile(each, 0.5)}
}

func percentile(all []time.Duration, part float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(int(part*float64(len(all))), len(all)-1)]
}
