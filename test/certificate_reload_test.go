package test

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

// descriptors counts what the process holds open.
func (d *daemon) descriptors() int {
	d.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	return len(entries)
}

// TestThousandReloadsUnderAThousandStreams changes the certificate with every reload, while a thousand streams listen.
func TestThousandReloadsUnderAThousandStreams(t *testing.T) {
	t.Parallel()
	const streams, reloads = 1000, 1000
	idle := start(t, "--log-level", "quiet")
	idle.subscribe("subscribe=a")
	idle.call("reload", nil, nil)
	few := idle.goroutines()

	d := start(t, "--log-level", "quiet")
	open := make([]*subscriber.Stream, 0, streams)
	for range streams {
		open = append(open, d.subscribe("subscribe=a"))
	}
	d.awaitStreams("a", streams)
	pairs := []material{d.ca.make(t, nil), d.ca.make(t, nil)}
	descriptors := d.descriptors()
	began := time.Now()
	for i := range reloads {
		pairs[i%2].place(t, d)
		d.call("reload", nil, nil)
		if i%100 == 0 {
			if got := d.shown(); !got.Equal(pairs[i%2].leaf) {
				t.Fatalf("after reload %d the old certificate is shown", i+1)
			}
		}
	}
	t.Logf("%d reloads with %d streams took %s", reloads, streams, time.Since(began))
	if got := d.descriptors(); got > descriptors+3 { // a connection of shown may still be closing
		t.Errorf("%d descriptors before, %d after", descriptors, got)
	}
	d.awaitStreams("a", streams)

	d.send("a", "still here")
	var listening sync.WaitGroup
	dropped := make(chan error, streams)
	for _, s := range open {
		listening.Go(func() {
			if e, err := s.Next(); err != nil || e.Data != "still here" {
				dropped <- fmt.Errorf("got %q, %w", e.Data, err)
			}
		})
	}
	listening.Wait()
	close(dropped)
	for err := range dropped {
		t.Errorf("a stream did not outlive the reloads: %v", err)
	}
	if many := d.goroutines(); many > few+10 {
		t.Errorf("%d goroutines in an idle daemon, %d after %d reloads with %d streams", few, many, reloads, streams)
	}
}

// TestBadCertificateFilesKeepTheOldSet spoils the files in every way, and looks at what the operator is told.
func TestBadCertificateFilesKeepTheOldSet(t *testing.T) {
	t.Parallel()
	d := start(t, "--tls-watch", "100ms")
	s := d.subscribe("subscribe=a")
	good := d.ca.make(t, nil)
	good.place(t, d)
	eventually(t, "the watcher takes over the new certificate", func() bool { return d.shown().Equal(good.leaf) })

	expired := d.ca.make(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	})
	other := d.ca.make(t, nil)
	for _, c := range []struct {
		name  string
		spoil func()
		file  string
		want  string
	}{
		{"garbage", func() { write(t, d.path("cert.pem"), []byte("garbage")) }, "cert.pem", "no PEM certificate"},
		{"mismatched key", func() { write(t, d.path("key.pem"), other.key) }, "key.pem", "does not match"},
		{"expired", func() { expired.place(t, d) }, "cert.pem", "expired on"},
		{"empty directory", func() {
			os.Remove(d.path("cert.pem"))
			os.Remove(d.path("key.pem"))
		}, "cert.pem", "no such file"},
	} {
		c.spoil()
		r := d.ctl("reload")
		if r.code != 1 || r.stdout != "" || strings.Count(r.stderr, "\n") > 3 ||
			!strings.Contains(r.stderr, d.path(c.file)) || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%s: hassesctl reload: %s; want one error with %q about %s", c.name, r, c.want, c.file)
		}
		d.signal(syscall.SIGHUP)
		eventually(t, "the log tells of "+c.name, func() bool { return d.log.contains(c.want) })
		if r := d.ctl("certs"); r.code != 0 || !strings.Contains(r.stderr, c.want) || !strings.Contains(r.stdout, "localhost") {
			t.Errorf("%s: hassesctl certs: %s", c.name, r)
		}
		if !d.shown().Equal(good.leaf) {
			t.Errorf("%s: the certificate of before is not shown any more", c.name)
		}
		good.place(t, d)
		eventually(t, "the failure is over", func() bool { return !strings.Contains(d.ctl("certs").stderr, "failed") })
	}
	d.send("a", "still here")
	message(t, s, "still here")
}

// TestCertificatesAfterTheDropOfPrivileges starts as root, becomes nobody, and takes over what root then installs for
// nobody's group, but not what is for root alone.
func TestCertificatesAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give up root")
	}
	const nobody, group = 65534, 54321
	d := prepare(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(group), "--tls-watch", "0")
	for _, dir := range []string{d.dir, filepath.Dir(d.dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	install := func(m material, gid int, mode os.FileMode) { // install -g GROUP -m MODE
		t.Helper()
		m.place(t, d)
		for name, mode := range map[string]os.FileMode{"cert.pem": 0o644, "key.pem": mode} {
			if err := os.Chown(d.path(name), 0, gid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(d.path(name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := d.ca.make(t, nil)
	install(first, 0, 0o600) // read before the drop, and never again
	d.run()
	if got := strings.Fields(d.procStatus("Uid")); got[0] != fmt.Sprint(nobody) || got[3] != fmt.Sprint(nobody) {
		t.Fatalf("the daemon runs as %q", got)
	}
	if got := strings.Fields(d.procStatus("Gid")); got[1] != fmt.Sprint(group) || d.procStatus("Groups") != "" {
		t.Fatalf("the daemon's groups are %q and %q", got, d.procStatus("Groups"))
	}
	if !d.shown().Equal(first.leaf) {
		t.Error("the certificate that root read is not shown")
	}
	if !d.log.says("private key cannot be read any more with the rights that the daemon has left") || !d.log.says(d.path("key.pem")) {
		t.Error("nobody is told that a renewed key could not be read")
	}

	if r := d.ctl("reload"); r.code != 0 || !d.log.says("certificate stays in force, as its files are the same") {
		t.Errorf("a reload of other settings stumbles over a key that only root can read: %s", r)
	}

	s := d.subscribe("subscribe=a")
	second := d.ca.make(t, nil)
	install(second, group, 0o640)
	d.signal(syscall.SIGHUP)
	eventually(t, "SIGHUP takes over a key that the group may read", func() bool { return d.shown().Equal(second.leaf) })
	third := d.ca.make(t, nil)
	install(third, group, 0o640)
	if r := d.ctl("reload"); r.code != 0 || r.stdout != "tls.cert_file\n" || !d.shown().Equal(third.leaf) {
		t.Errorf("hassesctl reload: %s", r)
	}

	install(d.ca.make(t, nil), 0, 0o600)
	r := d.ctl("reload")
	if r.code != 1 || !strings.Contains(r.stderr, d.path("key.pem")) || !strings.Contains(r.stderr, "permission denied") {
		t.Errorf("reload of a key for root alone: %s", r)
	}
	if !d.shown().Equal(third.leaf) {
		t.Error("an unreadable key took a good certificate away")
	}
	d.send("a", "still here")
	message(t, s, "still here")
}

// TestMisdirectedRequests asks for one host by SNI and for another by the request.
func TestMisdirectedRequests(t *testing.T) {
	t.Parallel()
	curl := tool(t, "curl")
	d := prepare(t)
	config := ""
	for _, host := range []string{"a.example", "b.example"} {
		m := d.ca.make(t, func(c *x509.Certificate) { c.Subject.CommonName, c.DNSNames, c.IPAddresses = host, []string{host}, nil })
		write(t, d.path(host+".pem"), m.chain)
		write(t, d.path(host+".key"), m.key)
		config += fmt.Sprintf("[[tls.certificate]]\ncert_file = %q\nkey_file = %q\n", d.path(host+".pem"), d.path(host+".key"))
	}
	write(t, d.path("hassesd.toml"), []byte(config))
	d.args = append(d.args, "--config", d.path("hassesd.toml"))
	d.run()
	address, port := splitAddress(t, d.https)
	for _, tt := range []struct {
		url, host string // as curl asks by SNI, and what the request says; empty: the same
		want      string
	}{
		{"https://localhost:" + port, "", "200"},
		{"https://" + d.https, "", "200"},
		{"https://" + d.https, "localhost", "200"},
		{"https://" + d.https, "unknown.example", "200"},
		{"https://" + d.https, "b.example", "421"},
		{"https://a.example:" + port, "", "200"},
		{"https://a.example:" + port, "A.EXAMPLE.:" + port, "200"},
		{"https://a.example:" + port, "b.example", "421"},
		{"https://a.example:" + port, "localhost", "421"},
		{"https://a.example:" + port, d.https, "200"},
		{"https://a.example:" + port, "[::1]:" + port, "200"},
		{"https://b.example:" + port, "", "200"},
		{"https://localhost:" + port, "a.example", "421"},
	} {
		args := []string{
			"--silent", "--show-error", "--head", "--output", os.DevNull, "--write-out", "%{http_code}", "--cacert", d.caFile,
			"--resolve", "a.example:" + port + ":" + address, "--resolve", "b.example:" + port + ":" + address, tt.url + "/sse?subscribe=a",
		}
		if tt.host != "" {
			args = append(args, "--header", "Host: "+tt.host)
		}
		if r := command(t, "", curl, args...); r.code != 0 || r.stdout != tt.want {
			t.Errorf("%s with Host %q: %s; want %s", tt.url, tt.host, r, tt.want)
		}
	}
	var st struct {
		Refused map[string]int `json:"refused"`
	}
	d.call("status", nil, &st)
	if st.Refused["misdirected"] != 4 {
		t.Errorf("refused: %v", st.Refused)
	}
}
