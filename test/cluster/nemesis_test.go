package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
	isShort bool // it is in every run; the others need HASSESD_TEST_CLUSTER=all
	brokers int  // 0: three
	loses   bool // storage is lost, so that gaps and another epoch are right
	flags   []string
	do      func(w *world)
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
		pause(2 * hold)
		w.brokers.part(one, passing, passing)
	}},
	{name: "part a broker in one direction", do: func(w *world) {
		one := w.brokers.leader(stream)
		w.brokers.part(one, holdsSent, holdsReceived)
		pause(2 * hold)
		w.brokers.part(one, passing, passing)
	}},
	{name: "part a broker in the other direction", do: func(w *world) {
		one := w.brokers.leader(stream)
		w.brokers.part(one, holdsReceived, holdsSent)
		pause(2 * hold)
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
	{name: "wipe the only broker", brokers: 1, loses: true, do: func(w *world) {
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
	{name: "bring back an older copy of the storage", brokers: 1, loses: true, do: func(w *world) {
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

// TestNemeses proves that nothing is lost in silence, whatever happens.
func TestNemeses(t *testing.T) {
	all := os.Getenv("HASSESD_TEST_CLUSTER") == "all"
	for _, one := range nemeses {
		t.Run(one.name, func(t *testing.T) {
			if !one.isShort && !all {
				t.Skip("not in a short run; 'make soak-cluster' runs it")
			}
			brokers := one.brokers
			if brokers == 0 {
				brokers = 3
			}
			w := newWorld(t, brokers, one.flags...)
			l := w.begin(6, 20)
			pause(calm / 2)
			one.do(w)
			pause(calm / 2)
			if sum := l.end(); !one.loses && (sum.gaps > 0 || sum.epochs != 1) {
				t.Errorf("nothing was lost, and %s", sum)
			}
		})
	}
}
