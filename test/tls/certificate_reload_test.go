package tls

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

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// openDescriptors returns the number of open descriptors of the process.
func openDescriptors(d *harness.Daemon) int {
	d.T.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.Cmd.Process.Pid))
	if err != nil {
		d.T.Fatal(err)
	}
	return len(entries)
}

// TestThousandReloadsUnderAThousandStreams changes the certificate with every reload, while a thousand streams listen.
func TestThousandReloadsUnderAThousandStreams(t *testing.T) {
	t.Parallel()
	const streams, reloads = 1000, 1000
	idle := harness.Start(t, "--log-level", "quiet")
	idle.Subscribe("subscribe=a")
	idle.Call("reload", nil, nil)
	few := idle.Goroutines()

	d := harness.Start(t, "--log-level", "quiet")
	open := make([]*subscriber.Stream, 0, streams)
	for range streams {
		open = append(open, d.Subscribe("subscribe=a"))
	}
	d.AwaitStreams("a", streams)
	pairs := []harness.Material{d.CA.Make(t, nil), d.CA.Make(t, nil)}
	descriptors := openDescriptors(d)
	began := time.Now()
	for i := range reloads {
		pairs[i%2].Install(t, d)
		d.Call("reload", nil, nil)
		if i%100 == 0 {
			if got := d.ServedCertificate(); !got.Equal(pairs[i%2].Leaf) {
				t.Fatalf("after reload %d the old certificate is shown", i+1)
			}
		}
	}
	t.Logf("%d reloads with %d streams took %s", reloads, streams, time.Since(began))
	if got := openDescriptors(d); got > descriptors+3 { // a connection of shown may still be closing
		t.Errorf("%d descriptors before, %d after", descriptors, got)
	}
	d.AwaitStreams("a", streams)

	d.Send("a", "still here")
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
	if many := d.Goroutines(); many > few+10 {
		t.Errorf("%d goroutines in an idle daemon, %d after %d reloads with %d streams", few, many, reloads, streams)
	}
}

// TestBadCertificateFilesKeepTheOldSet breaks the files in every way and checks the error messages.
func TestBadCertificateFilesKeepTheOldSet(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--tls-watch", "100ms")
	s := d.Subscribe("subscribe=a")
	good := d.CA.Make(t, nil)
	good.Install(t, d)
	harness.Eventually(t, "the watcher takes over the new certificate", func() bool { return d.ServedCertificate().Equal(good.Leaf) })

	expired := d.CA.Make(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	})
	other := d.CA.Make(t, nil)
	for _, c := range []struct {
		name  string
		spoil func()
		file  string
		want  string
	}{
		{"garbage", func() { harness.WriteFile(t, d.Path("cert.pem"), []byte("garbage")) }, "cert.pem", "no PEM certificate"},
		{"mismatched key", func() { harness.WriteFile(t, d.Path("key.pem"), other.Key) }, "key.pem", "does not match"},
		{"expired", func() { expired.Install(t, d) }, "cert.pem", "expired on"},
		{"empty directory", func() {
			os.Remove(d.Path("cert.pem"))
			os.Remove(d.Path("key.pem"))
		}, "cert.pem", "no such file"},
	} {
		c.spoil()
		r := d.Ctl("reload")
		if r.Code != 1 || r.Stdout != "" || strings.Count(r.Stderr, "\n") > 3 ||
			!strings.Contains(r.Stderr, d.Path(c.file)) || !strings.Contains(r.Stderr, c.want) {
			t.Errorf("%s: hassesctl reload: %s; want one error with %q about %s", c.name, r, c.want, c.file)
		}
		d.Signal(syscall.SIGHUP)
		harness.Eventually(t, "the log tells of "+c.name, func() bool { return d.Log.Contains(c.want) })
		if r := d.Ctl("certs"); r.Code != 0 || !strings.Contains(r.Stderr, c.want) || !strings.Contains(r.Stdout, "localhost") {
			t.Errorf("%s: hassesctl certs: %s", c.name, r)
		}
		if !d.ServedCertificate().Equal(good.Leaf) {
			t.Errorf("%s: the certificate of before is not shown any more", c.name)
		}
		good.Install(t, d)
		harness.Eventually(t, "the failure is over", func() bool { return !strings.Contains(d.Ctl("certs").Stderr, "failed") })
	}
	d.Send("a", "still here")
	harness.WantMessage(t, s, "still here")
}

// TestCertificatesAfterTheDropOfPrivileges starts as root, switches to nobody, and loads what root
// then installs for nobody's group, but not what only root may read.
func TestCertificatesAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give up root")
	}
	const nobody, group = 65534, 54321
	d := harness.Prepare(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(group), "--tls-watch", "0")
	for _, dir := range []string{d.Dir, filepath.Dir(d.Dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	install := func(m harness.Material, gid int, mode os.FileMode) { // install -g GROUP -m MODE
		t.Helper()
		m.Install(t, d)
		for name, mode := range map[string]os.FileMode{"cert.pem": 0o644, "key.pem": mode} {
			if err := os.Chown(d.Path(name), 0, gid); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(d.Path(name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := d.CA.Make(t, nil)
	install(first, 0, 0o600) // read before the drop, and never again
	d.Run()
	if got := strings.Fields(d.ProcStatus("Uid")); got[0] != fmt.Sprint(nobody) || got[3] != fmt.Sprint(nobody) {
		t.Fatalf("the daemon runs as %q", got)
	}
	if got := strings.Fields(d.ProcStatus("Gid")); got[1] != fmt.Sprint(group) || d.ProcStatus("Groups") != "" {
		t.Fatalf("the daemon's groups are %q and %q", got, d.ProcStatus("Groups"))
	}
	if !d.ServedCertificate().Equal(first.Leaf) {
		t.Error("the certificate that root read is not shown")
	}
	if !d.Log.WaitFor("private key cannot be read any more with the rights that the daemon has left") || !d.Log.WaitFor(d.Path("key.pem")) {
		t.Error("nobody is told that a renewed key could not be read")
	}

	if r := d.Ctl("reload"); r.Code != 0 || !d.Log.WaitFor("certificate stays in force, as its files are the same") {
		t.Errorf("a reload of other settings stumbles over a key that only root can read: %s", r)
	}

	s := d.Subscribe("subscribe=a")
	second := d.CA.Make(t, nil)
	install(second, group, 0o640)
	d.Signal(syscall.SIGHUP)
	harness.Eventually(t, "SIGHUP takes over a key that the group may read", func() bool { return d.ServedCertificate().Equal(second.Leaf) })
	third := d.CA.Make(t, nil)
	install(third, group, 0o640)
	if r := d.Ctl("reload"); r.Code != 0 || r.Stdout != "tls.cert_file\n" || !d.ServedCertificate().Equal(third.Leaf) {
		t.Errorf("hassesctl reload: %s", r)
	}

	install(d.CA.Make(t, nil), 0, 0o600)
	r := d.Ctl("reload")
	if r.Code != 1 || !strings.Contains(r.Stderr, d.Path("key.pem")) || !strings.Contains(r.Stderr, "permission denied") {
		t.Errorf("reload of a key for root alone: %s", r)
	}
	if !d.ServedCertificate().Equal(third.Leaf) {
		t.Error("an unreadable key took a good certificate away")
	}
	d.Send("a", "still here")
	harness.WantMessage(t, s, "still here")
}

// TestMisdirectedRequests names one host by SNI and another in the request.
func TestMisdirectedRequests(t *testing.T) {
	t.Parallel()
	curl := harness.Tool(t, "curl")
	d := harness.Prepare(t)
	config := ""
	for _, host := range []string{"a.example", "b.example"} {
		m := d.CA.Make(t, func(c *x509.Certificate) { c.Subject.CommonName, c.DNSNames, c.IPAddresses = host, []string{host}, nil })
		harness.WriteFile(t, d.Path(host+".pem"), m.Chain)
		harness.WriteFile(t, d.Path(host+".key"), m.Key)
		config += fmt.Sprintf("[[tls.certificate]]\ncert_file = %q\nkey_file = %q\n", d.Path(host+".pem"), d.Path(host+".key"))
	}
	harness.WriteFile(t, d.Path("hassesd.toml"), []byte(config))
	d.Args = append(d.Args, "--config", d.Path("hassesd.toml"))
	d.Run()
	address, port := harness.SplitAddress(t, d.HTTPS)
	for _, tt := range []struct {
		url, host string // the SNI of curl, and the Host of the request; empty: the same
		want      string
	}{
		{"https://localhost:" + port, "", "200"},
		{"https://" + d.HTTPS, "", "200"},
		{"https://" + d.HTTPS, "localhost", "200"},
		{"https://" + d.HTTPS, "unknown.example", "200"},
		{"https://" + d.HTTPS, "b.example", "421"},
		{"https://a.example:" + port, "", "200"},
		{"https://a.example:" + port, "A.EXAMPLE.:" + port, "200"},
		{"https://a.example:" + port, "b.example", "421"},
		{"https://a.example:" + port, "localhost", "421"},
		{"https://a.example:" + port, d.HTTPS, "200"},
		{"https://a.example:" + port, "[::1]:" + port, "200"},
		{"https://b.example:" + port, "", "200"},
		{"https://localhost:" + port, "a.example", "421"},
	} {
		args := []string{
			"--silent", "--show-error", "--head", "--output", os.DevNull, "--write-out", "%{http_code}", "--cacert", d.CaFile,
			"--resolve", "a.example:" + port + ":" + address, "--resolve", "b.example:" + port + ":" + address, tt.url + "/sse?subscribe=a",
		}
		if tt.host != "" {
			args = append(args, "--header", "Host: "+tt.host)
		}
		if r := harness.Run(t, "", curl, args...); r.Code != 0 || r.Stdout != tt.want {
			t.Errorf("%s with Host %q: %s; want %s", tt.url, tt.host, r, tt.want)
		}
	}
	var st struct {
		Refused map[string]int `json:"refused"`
	}
	d.Call("status", nil, &st)
	if st.Refused["misdirected"] != 4 {
		t.Errorf("refused: %v", st.Refused)
	}
}
