package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/hassesd/hassesd/test/harness"
)

// smallStore and smallLog are of clusters whose brokers can be filled.
const smallStore = 32 << 20

func smallLog(t testing.TB, _ int) []string {
	return []string{"--history-bytes", "8MiB", "--api-listen", "http://" + harness.FreeAddress(t)}
}

// fillBrokers takes all room of the brokers for another stream, for a while.
func fillBrokers(w *world) {
	const filler = "filler"
	w.brokers.do("fill the storage", func(admin js.JetStream) error {
		replicas := min(3, len(w.brokers.all))
		_, err := admin.CreateOrUpdateStream(w.t.Context(), js.StreamConfig{Name: filler, Subjects: []string{filler}, Replicas: replicas})
		if err != nil {
			return err
		}
		for range 2 * smallStore >> 18 {
			if _, err = admin.Publish(w.t.Context(), filler, make([]byte, 1<<18)); err != nil {
				break
			}
		}
		if fault := (*js.APIError)(nil); errors.As(err, &fault) && strings.Contains(fault.Description, "resources") {
			return nil
		}
		return fmt.Errorf("the storage is not full: %w", err)
	})
	pause(2 * hold)
	w.brokers.do("make room", func(admin js.JetStream) error {
		err := admin.DeleteStream(w.t.Context(), filler)
		if errors.Is(err, js.ErrStreamNotFound) {
			return nil
		}
		return err
	})
	pause(hold)
}

// wantNoRoom proves that publishers were told that there was no room, and operators, too.
func wantNoRoom(w *world) {
	w.t.Helper()
	if w.noRoom.Load() == 0 {
		w.t.Error("no message was refused for want of room")
	}
	counted, said := int64(0), 0
	for _, n := range w.nodes {
		counted += n.metric(`hassesd_publish_refused_total{reason="log_full"}`)
		if n.Log.Contains("the brokers have no room for the cluster's log") && n.Log.Contains("the brokers have room for the cluster's log again") {
			said++
		}
	}
	if counted < w.noRoom.Load() || said == 0 {
		w.t.Errorf("%d refusals were told to publishers, %d counted; %d nodes say so in their logs", w.noRoom.Load(), counted, said)
	}
}

// metric returns the value of a counter of a node that has an API listener.
func (n *node) metric(name string) (value int64) {
	n.T.Helper()
	at := slices.Index(n.Args, "--api-listen") + 1
	answer, err := http.Get(n.Args[at] + "/metrics")
	if err != nil {
		n.T.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if text, is := strings.CutPrefix(lines.Text(), name+" "); is {
			if value, err = strconv.ParseInt(text, 10, 64); err != nil {
				n.T.Error(err)
			}
			return value
		}
	}
	n.T.Errorf("there is no %s", name)
	return 0
}

// clocks are how far ahead a clock is, one after the other.
func clocks() []time.Duration {
	if !hasOtherClocks {
		return []time.Duration{0}
	}
	return []time.Duration{time.Hour, -time.Hour, 0}
}

// lead makes a broker the one that leads the stream, if that can be had soon.
func (b *brokers) lead(one *broker) {
	for range 6 {
		if b.all[b.leader(stream)] == one {
			return
		}
		nc, admin, err := b.connect()
		if err != nil {
			continue
		}
		_, _ = admin.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil, time.Second)
		nc.Close()
		pause(hold / 8)
	}
}

// seeds are the credentials of nodes by their names. They are made when they are asked for.
var seeds sync.Map

func seedOf(name string) nkeys.KeyPair {
	pair, err := nkeys.CreateUser()
	if err != nil {
		panic(err)
	}
	kept, _ := seeds.LoadOrStore(name, pair)
	return kept.(nkeys.KeyPair)
}

// usersOf returns a broker's configuration in which these nodes have their credentials.
func usersOf(names ...string) string {
	var b strings.Builder
	b.WriteString("authorization { users: [\n  { user: admin, password: admin }\n")
	for _, name := range names {
		public, err := seedOf(name).PublicKey()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "  { nkey: %s }\n", public)
	}
	b.WriteString("] }")
	return b.String()
}

// credentials returns the flags of a node that has its own.
func credentials(t testing.TB, i int) []string {
	t.Helper()
	seed, err := seedOf(fmt.Sprint("n", i)).Seed()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "seed")
	harness.WriteFile(t, path, seed)
	return []string{"--cluster-credentials-file", path}
}

// laterRelease writes what nodes of a later release may write: elements behind the known ones, which change nothing, records of
// kinds that are not known yet, which are skipped, and messages of a later version, which are told as a gap.
func laterRelease(w *world) {
	var status struct {
		LastEventID string `json:"last_event_id"`
	}
	for i := range 60 {
		w.nodes[i%3].Call("status", nil, &status)
		at, ok := parseID(status.LastEventID)
		if !ok {
			w.t.Errorf("the position of a node is %q", status.LastEventID)
			return
		}
		now, unique := time.Now().UnixNano(), fmt.Sprintf("later%d", time.Now().UnixNano())
		switch i % 12 {
		case 3:
			w.forge("later", unique, []byte("of a kind of a later release"))
		case 7:
			w.forge("msg", unique, recordOf(w.t, 2, at.epoch, now, []string{roomName(i)}, "", "in another form", at.seq))
		default:
			w.checker.publishing(roomName(i), unique)
			w.forge("msg", unique, recordOf(w.t, 1, at.epoch, now, []string{roomName(i)}, "", []byte("data: "+unique+"\n\n"), at.seq, "more"))
		}
		pause(hold / 60)
	}
}
