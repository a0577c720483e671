package daemon

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/config"
)

// ticketed is a daemon with a certificate that stays, and a client that keeps its tickets.
type ticketed struct {
	t      *testing.T
	dir    string
	flags  []config.Assignment
	client *tls.Config
}

func newTicketed(t *testing.T) *ticketed {
	files := t.TempDir()
	cert, key := filepath.Join(files, "cert.pem"), filepath.Join(files, "key.pem")
	writeCertificate(t, cert, key)
	return &ticketed{
		t:     t,
		dir:   filepath.Join(t.TempDir(), "state"),
		flags: []config.Assignment{{Flag: "cert-file", Value: cert}, {Flag: "key-file", Value: key}},
		client: &tls.Config{
			ServerName:         "localhost",
			InsecureSkipVerify: true, // who it is does not matter here
			MinVersion:         tls.VersionTLS13,
			ClientSessionCache: tls.NewLRUClientSessionCache(1),
		},
	}
}

func (c *ticketed) file() string { return filepath.Join(c.dir, ticketFile) }

// start runs the daemon until its keys are on the disk, or, without tickets, are not.
func (c *ticketed) start(toml string, isKept bool) *running {
	c.t.Helper()
	r := start(c.t, keeping(c.dir)+toml, c.flags...)
	r.waitFor("the keys", func() bool { return exists(c.file()) == isKept })
	return r
}

// resumes shakes hands, waits for the ticket for the next time, and says whether the last one was
// good.
func (c *ticketed) resumes(r *running) bool {
	c.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(r.status().Listen[0], "https://"), c.client)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, net.ErrClosed) {
		c.t.Fatal(err)
	}
	return conn.ConnectionState().DidResume
}

func TestASessionIsResumedAfterARestart(t *testing.T) {
	c := newTicketed(t)
	r := c.start("", true)
	if c.resumes(r) {
		t.Fatal("resumed out of nowhere")
	}
	r.end()
	r = c.start("", true)
	if !c.resumes(r) {
		t.Error("not resumed after the restart")
	}
	r.wantLog("session ticket keys restored")
	info, err := os.Stat(c.file())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the keys have mode %v, %v", info.Mode(), err)
	}

	// A new certificate changes the keys, also on the disk.
	before, err := os.ReadFile(c.file())
	if err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, c.flags[0].Value, c.flags[1].Value)
	if _, err := r.ctl.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.waitFor("new keys", func() bool {
		now, err := os.ReadFile(c.file())
		return err == nil && string(now) != string(before)
	})
	if c.resumes(r) {
		t.Error("resumed under another certificate")
	}
	r.end()
	if !c.resumes(c.start("", true)) {
		t.Error("not resumed after another restart")
	}
}

func TestNoKeysAreKeptWithoutTickets(t *testing.T) {
	c := newTicketed(t)
	c.start("", true).end()
	r := c.start("[tls]\nsession_tickets = false\n", false)
	for range 2 {
		if c.resumes(r) {
			t.Error("resumed though there are no tickets")
		}
	}
	r.configure(keeping(c.dir))
	if _, err := r.ctl.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.waitFor("the keys, after a reload", func() bool { return exists(c.file()) })
}

func TestDamagedKeysNeverStopAStart(t *testing.T) {
	c := newTicketed(t)
	c.start("", true).end()
	if err := os.WriteFile(c.file(), []byte(`{"version":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := c.start("", true)
	r.wantLog("level=ERROR", "version 7", ticketFile+".damaged-")
	if c.resumes(r) || !c.resumes(r) {
		t.Error("tickets do not work after damaged keys were set aside")
	}
	if aside, err := filepath.Glob(c.file() + ".damaged-*"); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

func TestADirectoryOfAVolumeIsUsedButNotItsTicketKeys(t *testing.T) {
	c := newTicketed(t)
	r := c.start("", true)
	c.resumes(r)
	r.end()
	if err := os.Chmod(c.dir, 0o770|os.ModeSetgid); err != nil { // as a kubelet does for an fsGroup
		t.Fatal(err)
	}
	r = c.start("", true)
	r.wantLog("the group could write to the state directory")
	r.wantLog("history restored")
	if c.resumes(r) {
		t.Error("keys that others could have put there were used")
	}
	if info, err := os.Stat(c.dir); err != nil || info.Mode() != os.ModeDir|0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if !c.resumes(r) {
		t.Error("sessions cannot be resumed at all")
	}
}
