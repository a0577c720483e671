package cluster

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// mountSmall mounts a file system of so many bytes where the broker stores, and returns what gives it another size. A test
// that may not mount is skipped.
func (b *broker) mountSmall(t *testing.T, size int) (resize func(size int)) {
	t.Helper()
	harness.SkipUnlessRoot(t)
	store := filepath.Join(b.dir, "store")
	b.kill()
	b.wipe()
	if err := os.Mkdir(store, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", store, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		b.kill()
		if err := syscall.Unmount(store, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	b.start()
	return func(size int) {
		if err := syscall.Mount("tmpfs", store, "tmpfs", syscall.MS_REMOUNT, fmt.Sprint("size=", size)); err != nil {
			t.Fatal(err)
		}
	}
}

// A broker whose disk is full answers no message until it is restarted. Publishers are told so; the node stays ready, since
// it serves its streams and no other node could do better; and nothing that was acknowledged is lost.
func TestABrokersDiskIsFull(t *testing.T) {
	api := harness.FreeAddress(t)
	b := startBrokers(t, 1, "")
	resize := b.all[0].mountSmall(t, 8<<20)
	b.awaitReady()
	w := &world{t: t, brokers: b, checker: newChecker()}
	stays := w.addNode("n0", "--api-listen", "http://"+api, "--history-bytes", "64MiB")
	stops := w.addNode("n1", "--history-bytes", "64MiB", "--drain-window", "0s")
	stays.awaitReady()
	stops.awaitReady()
	s, begin := stays.subscribe("subscribe=a", "")
	s.Cut()

	var acknowledged []string // ids
	refused := make(chan error, 1)
	go func() {
		rpc, err := harness.DialRPC("unix", stops.Socket)
		if err != nil {
			refused <- err
			return
		}
		defer rpc.Close()
		for text := strings.Repeat("x", 32<<10); ; {
			var out struct {
				ID string `json:"id"`
			}
			if err := rpc.Call("send", map[string]any{"to": "a", "data": text}, &out); err != nil {
				refused <- err
				return
			}
			acknowledged = append(acknowledged, out.ID)
		}
	}()
	harness.Eventually(t, "the disk is full", func() bool { return b.all[0].log.Contains("no space left on device") })
	stops.Signal(syscall.SIGTERM) // so that its publisher need not wait for 30 seconds
	if err := <-refused; !strings.Contains(err.Error(), "the log of the cluster has not answered in time; the message may have been published") {
		t.Errorf("while the disk is full, a message is refused with %v", err)
	}
	stops.Wait(harness.Patience)
	if len(acknowledged) < 10 {
		t.Fatalf("only %d messages were acknowledged", len(acknowledged))
	}

	answer, err := http.Get("http://" + api + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("readyz is %d while the disk is full", answer.StatusCode)
	}
	wantAll := func(when string) {
		t.Helper()
		s, _ := stays.subscribe("subscribe=a", begin)
		defer s.Cut()
		for i, want := range acknowledged {
			for e, err := s.Next(); e.ID != want; e, err = s.Next() {
				if err != nil || e.Name != "" {
					t.Fatalf("%s, message %d of %d (%s) is missing: %v, %v", when, i, len(acknowledged), want, e, err)
				}
			}
		}
	}
	wantAll("while the disk is full")

	b.all[0].kill()
	resize(64 << 20)
	b.all[0].start()
	w.addNode("n2", "--history-bytes", "64MiB").awaitReady()
	stays.Call("send", map[string]any{"to": "a", "data": "there is room again"}, nil)
	wantAll("after there is room")
	stays = w.nodes[2] // it has all from the broker
	wantAll("at a new node")
}
