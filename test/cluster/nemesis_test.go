package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/test/harness"
)

// calm is how long nothing happens before and after what a test does.
const calm = 2 * time.Second

// hold is how long what a test does lasts.
const hold = 4 * time.Second

// nemesis is something that happens to a cluster under load.
type nemesis struct {
	name    string
	isShort bool  // it is in every run; the others need HASSESD_TEST_CLUSTER=all
	loses   bool  // storage is lost, so that gaps and another epoch are right
	setup   setup // unless it says otherwise, with three brokers
	do      func(w *world)
	check   func(w *world) // at the end; nil: nothing more
}

var nemeses = []nemesis{
	{name: "calm", isShort: true, do: func(*world) { pause(calm) }},
	{name: "kill a node", isShort: true, do: func(w *world) {
		w.nodes[0].killAndRun(hold / 2)
	}},
	{name: "kill all nodes", isShort: true, do: func(w *world) {
		for _, n := range w.nodes {
			n.kill()
		}
		for _, n := range w.nodes {
			n.Run()
		}
	}},
	{name: "stop a node", do: func(w *world) { w.nodes[0].pause(hold) }},
	{name: "kill the leading broker", isShort: true, do: func(w *world) {
		b := w.brokers.all[w.brokers.leader(stream)]
		b.kill()
		pause(hold)
		b.start()
	}},
	{name: "kill all brokers", isShort: true, do: func(w *world) {
		for _, b := range w.brokers.all {
			b.kill()
		}
		pause(hold / 2)
		for _, b := range w.brokers.all {
			b.start()
		}
	}},
	{name: "stop the leading broker", do: func(w *world) {
		b := w.brokers.all[w.brokers.leader(stream)]
		b.signal(syscall.SIGSTOP)
		pause(3 * hold)
		b.signal(syscall.SIGCONT)
	}},
	{name: "part a broker", isShort: true, do: func(w *world) {
		one := w.brokers.leader(stream)
		w.brokers.part(one, silent, silent)
		pause(3 * hold)
		w.brokers.part(one, passing, passing)
	}},
	{name: "part a broker in one direction", do: func(w *world) {
		one := w.brokers.leader(stream)
		w.brokers.part(one, holdsSent, holdsReceived)
		pause(3 * hold)
		w.brokers.part(one, passing, passing)
	}},
	{name: "part a broker in the other direction", do: func(w *world) {
		one := w.brokers.leader(stream)
		w.brokers.part(one, holdsReceived, holdsSent)
		pause(3 * hold)
		w.brokers.part(one, passing, passing)
	}},
	{name: "cut a node off", isShort: true, do: func(w *world) {
		w.nodes[0].cut(silent)
		pause(2 * hold)
		w.nodes[0].cut(passing)
	}},
	{name: "refuse a node", do: func(w *world) {
		w.nodes[0].cut(refusing)
		pause(2 * hold)
		w.nodes[0].cut(passing)
	}},
	{name: "a node that hears nothing", do: func(w *world) {
		w.nodes[0].cut(holdsReceived)
		pause(2 * hold)
		w.nodes[0].cut(passing)
	}},
	{name: "a node that is not heard", do: func(w *world) {
		w.nodes[0].cut(holdsSent)
		pause(2 * hold)
		w.nodes[0].cut(passing)
	}},
	{name: "a node that hears slowly", do: func(w *world) {
		w.nodes[0].cut(trickles)
		pause(3 * hold)
		w.nodes[0].cut(passing)
	}},
	{name: "a node with a tenth of the time", do: func(w *world) {
		for range 60 {
			w.nodes[0].pause(hold / 20)
			pause(hold / 200)
		}
	}},
	{name: "stop all nodes", do: func(w *world) {
		for _, n := range w.nodes {
			n.Signal(syscall.SIGSTOP)
		}
		pause(hold)
		for _, n := range w.nodes {
			n.Signal(syscall.SIGCONT)
		}
	}},
	{name: "stop all brokers", do: func(w *world) {
		for _, b := range w.brokers.all {
			b.signal(syscall.SIGSTOP)
		}
		pause(hold)
		for _, b := range w.brokers.all {
			b.signal(syscall.SIGCONT)
		}
	}},
	{name: "links that flicker", do: func(w *world) {
		for i := range 20 {
			n := w.nodes[i%3]
			n.cut(refusing)
			pause(hold / 20)
			n.cut(passing)
			pause(hold / 20)
		}
	}},
	{name: "wipe one broker", isShort: true, do: func(w *world) {
		b := w.brokers.all[w.brokers.leader(stream)]
		b.kill()
		b.wipe()
		pause(hold / 2)
		b.start()
		pause(hold)
	}},
	{name: "wipe two brokers", loses: true, do: func(w *world) {
		one := w.brokers.leader(stream)
		for i, b := range w.brokers.all {
			if i != one {
				b.kill()
				b.wipe()
			}
		}
		pause(hold / 2)
		for i, b := range w.brokers.all {
			if i != one {
				b.start()
			}
		}
		pause(2 * hold)
		// The two have agreed on an empty cluster, and the third does not believe them: an operator has to decide.
		w.brokers.all[one].kill()
		w.brokers.all[one].wipe()
		w.brokers.all[one].start()
		pause(hold)
	}},
	{name: "wipe all brokers", isShort: true, loses: true, do: func(w *world) {
		for _, b := range w.brokers.all {
			b.kill()
			b.wipe()
		}
		pause(hold / 2)
		for _, b := range w.brokers.all {
			b.start()
		}
		pause(hold)
	}},
	{name: "wipe the only broker", setup: setup{brokers: 1}, loses: true, do: func(w *world) {
		b := w.brokers.all[0]
		b.kill()
		b.wipe()
		b.start()
		pause(hold)
	}},
	{name: "purge the stream", loses: true, do: func(w *world) {
		w.brokers.do("purge", func(admin js.JetStream) error {
			s, err := admin.Stream(w.t.Context(), stream)
			if err != nil {
				return err
			}
			return s.Purge(w.t.Context())
		})
		w.nodes[0].killAndRun(hold)
	}},
	{name: "delete the stream", isShort: true, loses: true, do: func(w *world) {
		w.brokers.do("delete", func(admin js.JetStream) error { return admin.DeleteStream(w.t.Context(), stream) })
		pause(hold)
	}},
	{name: "lower the limits", loses: true, do: func(w *world) {
		w.brokers.do("lower", func(admin js.JetStream) error {
			s, err := admin.Stream(w.t.Context(), stream)
			if err != nil {
				return err
			}
			config := s.CachedInfo().Config
			config.MaxMsgs = 20
			_, err = admin.UpdateStream(w.t.Context(), config)
			return err
		})
		pause(hold)
	}},
	{name: "bring back an older copy of the only storage", setup: setup{brokers: 1}, loses: true, do: func(w *world) {
		b := w.brokers.all[0]
		store := filepath.Join(b.dir, "store")
		older := filepath.Join(w.t.TempDir(), "older")
		b.kill()
		copyTree(w.t, store, older)
		b.start()
		pause(hold / 2)
		b.kill()
		b.wipe()
		copyTree(w.t, older, store)
		b.start()
		pause(hold)
	}},
	{name: "bring back an older copy of all storage", loses: true, do: func(w *world) {
		older := w.t.TempDir()
		for i, b := range w.brokers.all {
			b.kill()
			copyTree(w.t, filepath.Join(b.dir, "store"), filepath.Join(older, fmt.Sprint(i)))
		}
		for _, b := range w.brokers.all {
			b.start()
		}
		w.brokers.awaitReady()
		pause(hold)
		for i, b := range w.brokers.all {
			b.kill()
			b.wipe()
			copyTree(w.t, filepath.Join(older, fmt.Sprint(i)), filepath.Join(b.dir, "store"))
		}
		for _, b := range w.brokers.all {
			b.start()
		}
		w.brokers.awaitReady()
		pause(hold)
	}},
	{name: "the brokers are full", setup: setup{store: smallStore, nodeFlags: smallLog}, do: fillBrokers, check: wantNoRoom},
	{name: "the only broker is full", isShort: true, setup: setup{brokers: 1, store: smallStore, nodeFlags: smallLog}, do: fillBrokers, check: wantNoRoom},
	{name: "a node's clock is an hour off", do: func(w *world) {
		for _, ahead := range clocks() {
			w.nodes[0].Begin = startAhead(ahead)
			w.nodes[0].killAndRun(0)
			pause(hold)
		}
	}},
	{name: "a broker's clock is an hour off", do: func(w *world) {
		one := w.brokers.all[w.brokers.leader(stream)]
		for _, ahead := range clocks() {
			one.kill()
			one.ahead = ahead
			one.start()
			w.brokers.awaitReady()
			pause(hold)
			w.brokers.lead(one)
			pause(hold)
		}
	}},
	{name: "the credentials of a node are revoked", setup: setup{config: usersOf("n0", "n1", "n2"), nodeFlags: credentials}, do: func(w *world) {
		for _, b := range w.brokers.all {
			b.configure(strings.Replace(readFile(w.t, b.config), usersOf("n0", "n1", "n2"), usersOf("n1", "n2"), 1))
		}
		pause(2 * hold)
		for _, b := range w.brokers.all {
			b.configure(strings.Replace(readFile(w.t, b.config), usersOf("n1", "n2"), usersOf("n0", "n1", "n2"), 1))
		}
		pause(hold)
	}},
	{name: "a later release writes, too", loses: true, do: laterRelease},
	{name: "one node after the other is restarted", do: func(w *world) {
		for _, n := range w.nodes {
			n.Signal(syscall.SIGTERM)
			n.Wait(harness.Patience)
			n.Run()
			n.awaitReady()
		}
	}},
	{name: "one broker after the other is restarted", do: func(w *world) {
		for _, b := range w.brokers.all {
			b.signal(syscall.SIGTERM)
			b.wait()
			b.start()
			w.brokers.awaitReady()
			pause(calm)
		}
	}},
}

// kill is kill -9.
func (n *node) kill() {
	_ = n.Cmd.Process.Kill()
	<-n.Exited
}

func (n *node) killAndRun(after time.Duration) {
	n.kill()
	pause(after)
	n.Run()
}

func (n *node) pause(d time.Duration) {
	n.Signal(syscall.SIGSTOP)
	pause(d)
	n.Signal(syscall.SIGCONT)
}

// wait waits for the end of a broker that was asked to end.
func (b *broker) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	var exit *exec.ExitError
	if err := b.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		b.t.Error(err)
	}
	b.cmd = nil
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// duration returns what a variable says, for longer runs; 0: it is not set.
func duration(t testing.TB, variable string) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return d
}

// TestNemeses proves that nothing is lost in silence, whatever happens. HASSESD_TEST_CLUSTER_ROW is how long each goes on at
// least.
func TestNemeses(t *testing.T) {
	all := os.Getenv("HASSESD_TEST_CLUSTER") == "all"
	row := duration(t, "HASSESD_TEST_CLUSTER_ROW")
	for _, one := range nemeses {
		t.Run(one.name, func(t *testing.T) {
			if !one.isShort && !all {
				t.Skip("not in a short run; 'make soak-cluster' runs it")
			}
			one.setup.brokers = cmp.Or(one.setup.brokers, 3)
			w := one.setup.begin(t)
			l := w.begin(6, 20)
			pause(calm / 2)
			began := time.Now()
			for {
				one.do(w)
				pause(calm / 2)
				if time.Since(began) >= row {
					break
				}
				pause(2 * hold) // a cluster that is hit again while it mends shows nothing about either
			}
			sum := l.end()
			t.Log(w.brokers.elections(began))
			if !one.loses && (sum.gaps > 0 || sum.epochs != 1) {
				t.Errorf("nothing was lost, and %s", sum)
			}
			if one.check != nil {
				one.check(w)
			}
		})
	}
}

// TestNemesesMixed lets one after the other happen to the same cluster, in an order of chance, for as long as
// HASSESD_TEST_CLUSTER_MIX says.
func TestNemesesMixed(t *testing.T) {
	length := duration(t, "HASSESD_TEST_CLUSTER_MIX")
	if length == 0 {
		t.Skip("not in a short run; 'make soak-cluster' runs it")
	}
	var mixed []nemesis
	for _, one := range nemeses {
		if one.setup.isUsual() {
			mixed = append(mixed, one)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 13))
	w := newWorld(t, 3)
	l := w.begin(6, 20)
	for began := time.Now(); time.Since(began) < length; {
		one := mixed[random.IntN(len(mixed))]
		t.Logf("%s: %s", time.Since(began).Round(time.Second), one.name)
		one.do(w)
		pause(time.Duration(random.Int64N(int64(2 * calm))))
	}
	l.end()
}
