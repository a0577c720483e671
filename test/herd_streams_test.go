package test

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
	"github.com/hassesd/hassesd/test/subscriber"
)

// herdVariable makes this program a herd: it holds the task.
const herdVariable = "TEST_HERD"

// herdTask is what a herd has to do.
type herdTask struct {
	Streams        int
	Addr           string // of the daemon, for subscribers
	Header         []string
	Socket, CAFile string
}

// The commands of a herd, one on each line; each is answered with a herdState.
const (
	herdReport   = "report"
	herdAttacked = "attacked" // what is sent from now on is sent during an attack
	herdQuiet    = "quiet"    // it is over
	herdFinish   = "finish"   // say the end, wait until everybody has heard it, and judge
)

// herdState is how a herd is.
type herdState struct {
	Wrong           []string
	Totals          delivery.Totals // only of a herd that has finished
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
func (s herdState) times() float64 { return ratio(s.Attacked.P99, s.Quiet.P99) }

// typical is the same of typical messages.
func (s herdState) typical() string {
	return fmt.Sprintf("%.1f", ratio(s.Attacked.Typical, s.Quiet.Typical))
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// streams are many subscribers of a room, from several addresses, and somebody who talks to them.
type streams struct {
	task    herdTask
	config  *tls.Config
	book    *delivery.Checker
	readers sync.WaitGroup
	talker  sync.WaitGroup
	hush    chan struct{} // closed when the talker has to stop

	mu         sync.Mutex
	underWay   bool // the attack
	said       map[int64]*saying
	deliveries [2]int // in quiet, and in attacks
	wrong      []string
}

// saying is a message by the time it was sent.
type saying struct {
	attacked bool
	late     []time.Duration
}

// herdFrom is the address of good stream i: fifty share one, as in an office.
func herdFrom(i int) string { return fmt.Sprintf("127.200.%d.%d", i/50/250, 1+i/50%250) }

// beat is the pause between two messages to the herd.
const beat = 50 * time.Millisecond

// becomeHerd opens the streams, talks to them, and does what it is told until nobody tells it anything any more.
func becomeHerd(text string, in io.Reader, out io.Writer) error {
	s := &streams{book: delivery.New(), hush: make(chan struct{}), said: make(map[int64]*saying)}
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
		var state herdState
		switch commands.Text() {
		case herdReport:
			state = s.state()
		case herdAttacked, herdQuiet:
			s.mark(commands.Text() == herdAttacked)
		case herdFinish:
			close(s.hush)
			s.talker.Wait()
			s.readers.Wait()
			state = s.state()
			state.Wrong = append(state.Wrong, s.book.Check()...)
			state.Totals = s.book.Totals()
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

// open opens the streams, a few at a time, and returns when they are open.
func (s *streams) open() {
	var opened sync.WaitGroup
	places := make(chan struct{}, 8) // handshakes at a time
	for i := range s.task.Streams {
		client := s.book.Client(fmt.Sprintf("good%d", i), "herd")
		opened.Add(1)
		s.readers.Go(func() {
			places <- struct{}{}
			stream, err := s.openOne(i, client)
			<-places
			opened.Done()
			if err == nil {
				defer stream.Close()
				err = s.listen(stream, client)
			}
			if err != nil {
				s.complain(fmt.Errorf("good stream %d: %w", i, err))
			}
		})
	}
	opened.Wait()
}

func (s *streams) openOne(i int, client *delivery.Client) (*subscriber.Stream, error) {
	stream, err := subscriber.Open(context.Background(), subscriber.Request{
		Addr: s.task.Addr, TLS: s.config, Target: fmt.Sprintf("/sse?subscribe=herd&id=good%d", i), Header: s.task.Header,
		Wait: patience, From: herdFrom(i),
	})
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

// listen reads until the end is said; the text of each message is when it was sent.
func (s *streams) listen(stream *subscriber.Stream, client *delivery.Client) error {
	for {
		e, err := stream.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		client.Got(e.ID, e.Name, e.Data)
		if e.Data == theEnd {
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

// kind is the place of a message in deliveries.
func kind(attacked bool) int {
	if attacked {
		return 1
	}
	return 0
}

func (s *streams) complain(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, err.Error())
}

// talk publishes until it is hushed, on a control connection of its own.
func (s *streams) talk() {
	c, err := dialRPC("unix", s.task.Socket)
	if err != nil {
		s.complain(err)
		return
	}
	defer c.Close()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for text := ""; text != theEnd; {
		select {
		case <-tick.C:
			text = s.begin()
		case <-s.hush:
			text = theEnd
		}
		if err := s.say(c, text); err != nil {
			s.complain(fmt.Errorf("publish to the herd: %w", err))
			return
		}
	}
}

// begin makes the next message.
func (s *streams) begin() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UnixNano()
	s.said[now] = &saying{attacked: s.underWay, late: make([]time.Duration, 0, s.task.Streams)}
	return strconv.FormatInt(now, 10)
}

func (s *streams) say(c *rpc, text string) error {
	var answer sent
	if err := c.call("send", object{"to": "herd", "data": text}, &answer); err != nil {
		return err
	}
	s.book.Sent(answer.ID, delivery.Message{To: []string{"herd"}, Data: text})
	return nil
}

func (s *streams) mark(attacked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay = attacked
}

func (s *streams) state() herdState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return herdState{
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
