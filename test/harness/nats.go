package harness

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// NATSServer returns the path of nats-server. Without one the test is skipped, in CI it fails.
func NATSServer(t testing.TB) string {
	t.Helper()
	program, err := filepath.Abs("../../bin/tools/nats-server")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("nats-server is missing: .ci/deps should have built it")
		}
		t.Skip("nats-server is missing: run 'make deps'")
	}
	return program
}

// Broker is one nats-server with JetStream, on its own.
type Broker struct {
	T       testing.TB
	Address string // host:port
	Log     *Log
	config  string
	cmd     *exec.Cmd
}

// StartBroker starts a broker, with config added to its configuration. It accepts connections.
func StartBroker(t testing.TB, config string) *Broker {
	t.Helper()
	dir := t.TempDir()
	b := &Broker{T: t, Address: FreeAddress(t), Log: &Log{}, config: filepath.Join(dir, "nats.conf")}
	b.Configure(config)
	b.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), NATSServer(t), "-c", b.config)
	b.cmd.Stdout, b.cmd.Stderr = b.Log, b.Log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		if t.Failed() {
			text := b.Log.Whole()
			t.Logf("nats-server, the end of its log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	if !b.Log.WaitFor("Server is ready") {
		t.Fatalf("nats-server does not start:\n%s", b.Log.Whole())
	}
	return b
}

// Configure writes the broker's configuration, with config added. Reload has it apply.
func (b *Broker) Configure(config string) {
	b.T.Helper()
	WriteFile(b.T, b.config, []byte("listen: \""+b.Address+"\"\njetstream { store_dir: \""+filepath.Join(filepath.Dir(b.config), "store")+"\", max_file_store: 1GB }\n"+config+"\n"))
}

// Reload has the broker read its configuration again. It ends connections that may no longer be.
func (b *Broker) Reload() {
	b.T.Helper()
	before := len(b.Log.Whole())
	if err := b.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		b.T.Fatal(err)
	}
	Eventually(b.T, "nats-server has reloaded", func() bool { return strings.Contains(b.Log.Whole()[before:], "Reloaded server configuration") })
}

// Freeze stops the broker with SIGSTOP: its connections stay, and nothing is answered any more.
func (b *Broker) Freeze() {
	b.T.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		b.T.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(b.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		b.T.Fatalf("nats-server does not stop: %v", err)
	}
}
