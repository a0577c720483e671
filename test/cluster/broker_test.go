package cluster

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/test/harness"
)

// brokers are nats-servers that form a cluster.
type brokers struct {
	t     testing.TB
	all   []*broker
	links map[[2]int]*proxy // by who connects to whom
}

// broker is one nats-server.
type broker struct {
	t       testing.TB
	program string
	dir     string
	address string
	route   string
	config  string
	log     *harness.Log

	ahead time.Duration // its clock, from its next start on

	mu  sync.Mutex
	cmd *exec.Cmd
}

// maxStore is what a broker may store, in bytes, unless a test says otherwise.
const maxStore = 1 << 30

// startBrokers starts n of them. extra is added to the configuration of each.
func startBrokers(t testing.TB, n int, extra string) *brokers {
	return startSmallBrokers(t, n, maxStore, extra)
}

// startSmallBrokers starts brokers that can store so many bytes.
func startSmallBrokers(t testing.TB, n int, store int64, extra string) *brokers {
	t.Helper()
	b := &brokers{t: t, links: make(map[[2]int]*proxy)}
	b.run(n, store, extra, func(from, to int) string {
		link := newProxy(t, b.all[to].route)
		b.links[[2]int{from, to}] = link
		return link.address()
	})
	return b
}

// run starts n brokers. The address at which one of them reaches another is what route returns.
func (b *brokers) run(n int, store int64, extra string, route func(from, to int) string) {
	t := b.t
	t.Helper()
	program := harness.NATSServer(t)
	for range n {
		b.all = append(b.all, &broker{
			t: t, program: program, dir: t.TempDir(), address: harness.FreeAddress(t), route: harness.FreeAddress(t), log: &harness.Log{},
		})
	}
	// Brokers tell each other their addresses and connect to those they have no route to yet. Nobody listens at the one that
	// they tell here, so that all routes go through the proxies, and a broker that is parted has no other way.
	nobody := harness.FreeAddress(t)
	for i, one := range b.all {
		var routes []string
		for j := range b.all {
			if i != j {
				routes = append(routes, "nats://"+route(i, j))
			}
		}
		cluster := ""
		if n > 1 {
			cluster = fmt.Sprintf("cluster { name: c, listen: %q, advertise: %q, no_advertise: true, routes: [%s] }", one.route, nobody, strings.Join(routes, ", "))
		}
		// As docs/cluster.md has it, pings find connections of which one direction is broken.
		one.config = filepath.Join(one.dir, "nats.conf")
		harness.WriteFile(t, one.config, fmt.Appendf(nil, "server_name: b%d\nlisten: %q\nping_interval: \"1s\"\nping_max: 2\njetstream { store_dir: %q, max_file_store: %d }\n%s\n%s\n",
			i, one.address, filepath.Join(one.dir, "store"), store, cluster, extra))
		one.start()
		t.Cleanup(func() { one.kill() })
	}
	b.awaitReady()
}

func (b *broker) start() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cmd = exec.Command(b.program, "-c", b.config)
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := startAhead(b.ahead)(b.cmd); err != nil {
		b.t.Fatal(err)
	}
}

// kill is kill -9.
func (b *broker) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		b.cmd = nil
	}
}

func (b *broker) signal(sig syscall.Signal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd != nil {
		_ = b.cmd.Process.Signal(sig)
	}
}

// configure gives a broker that runs another configuration.
func (b *broker) configure(text string) {
	b.t.Helper()
	harness.WriteFile(b.t, b.config, []byte(text))
	b.signal(syscall.SIGHUP)
}

// wipe removes everything that the broker, which is not running, has stored.
func (b *broker) wipe() {
	b.t.Helper()
	if err := os.RemoveAll(filepath.Join(b.dir, "store")); err != nil {
		b.t.Fatal(err)
	}
}

// connect connects an administrator.
func (b *brokers) connect() (*nats.Conn, js.JetStream, error) {
	var urls []string
	for _, one := range b.all {
		urls = append(urls, "nats://admin:admin@"+one.address) // where nobody is asked, it has no effect
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.Timeout(2*time.Second), nats.NoReconnect())
	if err != nil {
		return nil, nil, err
	}
	admin, err := js.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, admin, nil
}

// awaitReady waits until JetStream answers.
func (b *brokers) awaitReady() {
	b.t.Helper()
	harness.Eventually(b.t, "the brokers are ready", func() bool {
		nc, admin, err := b.connect()
		if err != nil {
			return false
		}
		defer nc.Close()
		_, err = admin.AccountInfo(b.t.Context())
		return err == nil
	})
}

// do runs something as an administrator, again until it works.
func (b *brokers) do(what string, f func(admin js.JetStream) error) {
	b.t.Helper()
	var last error
	if !harness.Poll(harness.Patience, func() bool {
		nc, admin, err := b.connect()
		if err == nil {
			err = f(admin)
			nc.Close()
		}
		last = err
		return err == nil
	}) {
		b.t.Errorf("%s: %v", what, last)
	}
}

// leader returns the number of the broker that leads the stream.
func (b *brokers) leader(stream string) (leader int) {
	b.t.Helper()
	b.do("find the leader", func(admin js.JetStream) error {
		s, err := admin.Stream(b.t.Context(), stream)
		if err != nil {
			return err
		}
		info := s.CachedInfo()
		if info.Cluster == nil || info.Cluster.Leader == "" {
			return fmt.Errorf("no leader")
		}
		_, err = fmt.Sscanf(info.Cluster.Leader, "b%d", &leader)
		return err
	})
	return leader
}

// elections tells how long after a time the brokers said for the first time that the stream, and the cluster, had a new
// leader. A failover can take no less.
func (b *brokers) elections(after time.Time) string {
	first := map[string]string{"new stream leader for '$G > " + stream + "'": "none", "new metadata leader": "none"}
	for said := range first {
		soonest := time.Duration(math.MaxInt64)
		for _, one := range b.all {
			for line := range strings.Lines(one.log.Whole()) {
				_, text, _ := strings.Cut(line, "] ")
				at, err := time.ParseInLocation("2006/01/02 15:04:05.000000", text[:min(len(text), 26)], time.Local)
				if took := at.Sub(after); err == nil && took >= 0 && took < soonest && strings.Contains(line, said) {
					soonest = took
					first[said] = took.Round(time.Millisecond).String()
				}
			}
		}
	}
	return fmt.Sprint("after what time there were leaders: ", first)
}

// part cuts one broker off from the others, in the directions that the two states say: of what it connects to, and of who
// connects to it.
func (b *brokers) part(one int, out, in cutting) {
	for link, p := range b.links {
		switch one {
		case link[0]:
			p.set(out)
		case link[1]:
			p.set(in)
		}
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
