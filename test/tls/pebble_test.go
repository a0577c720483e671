package tls

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// pebble is Let's Encrypt's test authority, with a DNS server that resolves every name to
// 127.0.0.1. It validates against the ports of one daemon.
type pebble struct {
	t         testing.TB
	dir       string
	api       string // addresses
	manage    string
	dns       string
	dnsManage string
	caFile    string // what signs its own HTTPS
	cache     string // of the daemon that was given flags last
	client    *http.Client
	log       *harness.Log
	stop      func()
	slips     int            // orders that failed because the machine was too slow for the authority
	trusted   *x509.CertPool // what signs the certificates it issues; nil: not asked yet
}

// issuePatience is how long a test waits for a certificate: longer than the minute after which the
// daemon repeats a failed order.
const issuePatience = 6 * harness.Patience

// pebbleConfig is the part of pebble.json that tests change.
type pebbleConfig struct {
	Listen     string                   `json:"listenAddress"`
	Manage     string                   `json:"managementListenAddress"`
	Cert       string                   `json:"certificate"`
	Key        string                   `json:"privateKey"`
	HTTPPort   int                      `json:"httpPort"`
	TLSPort    int                      `json:"tlsPort"`
	EAB        bool                     `json:"externalAccountBindingRequired"`
	EABKeys    map[string]string        `json:"externalAccountMACKeys,omitempty"`
	Blocked    []string                 `json:"domainBlocklist"`
	RetryAfter map[string]int           `json:"retryAfter"`
	Algorithm  string                   `json:"keyAlgorithm"`
	Profiles   map[string]pebbleProfile `json:"profiles"`
}

type pebbleProfile struct {
	Description string `json:"description"`
	Validity    int    `json:"validityPeriod"` // seconds
}

// startPebble starts an authority that validates against d. change may be nil; env holds
// NAME=value.
func startPebble(t testing.TB, d *harness.Daemon, change func(*pebbleConfig), env ...string) *pebble {
	t.Helper()
	p := &pebble{
		t: t, dir: t.TempDir(), log: &harness.Log{},
		api: harness.FreeAddress(t), manage: harness.FreeAddress(t), dns: harness.FreeAddress(t), dnsManage: harness.FreeAddress(t),
	}
	ca := harness.NewAuthority(t)
	ca.Issue(t, p.dir) // for localhost and 127.0.0.1
	p.caFile = filepath.Join(p.dir, "ca.pem")
	p.client = &http.Client{Timeout: harness.Patience, Transport: &http.Transport{TLSClientConfig: ca.ClientConfig(), DisableKeepAlives: true}}
	c := pebbleConfig{
		Listen: p.api, Manage: p.manage,
		Cert: filepath.Join(p.dir, "cert.pem"), Key: filepath.Join(p.dir, "key.pem"),
		HTTPPort: portOf(t, d.HTTP), TLSPort: portOf(t, d.HTTPS),
		Blocked:    []string{"blocked.example"},
		RetryAfter: map[string]int{"authz": 1, "order": 1},
		Algorithm:  "ecdsa",
		Profiles:   map[string]pebbleProfile{"default": {"the one that tests use", 7776000}},
	}
	if change != nil {
		change(&c)
	}
	text, err := json.Marshal(map[string]any{"pebble": c})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.dir, "pebble.json")
	harness.WriteFile(t, file, text)
	stopDNS := p.run(nil, builtTool(t, "pebble-challtestsrv"), "-dnsserver", p.dns, "-management", p.dnsManage,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
	stopCA := p.run(append(env, "PEBBLE_VA_NOSLEEP=1"), builtTool(t, "pebble"), "-config", file, "-dnsserver", p.dns, "-strict")
	p.stop = func() { stopCA(); stopDNS() }
	for what, url := range map[string]string{"the authority": p.directory(), "its management": "https://" + p.manage + "/roots/0"} {
		harness.Eventually(t, what+" answers", func() bool {
			res, err := p.client.Get(url)
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
	// Its sockets are bound one after the other, and a first look-up in vain costs the daemon a minute.
	harness.Eventually(t, "the DNS server knows names", p.knowsNames)
	harness.Eventually(t, "the DNS server can be told things", func() bool {
		c, err := net.Dial("tcp", p.dnsManage)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	return p
}

// knowsNames reports whether the DNS server resolves names over TCP, as the authority asks it.
func (p *pebble) knowsNames() bool {
	dns := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", p.dns)
	}}
	found, err := dns.LookupHost(p.t.Context(), "ready.example.")
	return err == nil && len(found) == 1 && found[0] == "127.0.0.1"
}

// run starts a program and returns a function that stops it.
func (p *pebble) run(env []string, name string, args ...string) (stop func()) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Env = append(harness.Environment(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	stop = func() {
		_ = cmd.Process.Kill()
		<-exited
	}
	p.t.Cleanup(func() {
		stop()
		if p.t.Failed() {
			p.t.Logf("log of %s:\n%s", filepath.Base(name), p.log)
		}
	})
	return stop
}

func (p *pebble) directory() string { return "https://" + p.api + "/dir" }

// flags returns the flags of a daemon that gets its certificates from this authority and keeps them
// in cache.
func (p *pebble) flags(cache string, hosts ...string) []string {
	p.cache = cache
	flags := []string{"--acme-accept-tos", "--acme-directory", p.directory(), "--acme-ca-root", p.caFile, "--acme-cache-dir", cache}
	for _, host := range hosts {
		flags = append(flags, "--acme-host", host)
	}
	return flags
}

// roots returns the roots of the certificates that the authority issues.
func (p *pebble) roots() *x509.CertPool {
	p.t.Helper()
	if p.trusted == nil {
		p.trusted = x509.NewCertPool()
		p.trusted.AddCert(p.certificate("/roots/0"))
	}
	return p.trusted
}

func (p *pebble) certificate(path string) *x509.Certificate {
	p.t.Helper()
	res, err := p.client.Get("https://" + p.manage + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		p.t.Fatalf("%s holds no PEM:\n%s", path, text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// setDNS sends a command about host to the DNS server.
func (p *pebble) setDNS(command, host string) {
	p.t.Helper()
	body := fmt.Sprintf(`{"host":%q}`, host+".")
	res, err := http.Post("http://"+p.dnsManage+"/"+command, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s", command, res.Status)
	}
}

// suggestRenewal sets the renewal window that the authority returns for the certificate.
func (p *pebble) suggestRenewal(c *x509.Certificate, start, end time.Time) {
	p.t.Helper()
	window := fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`, start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
	body, err := json.Marshal(map[string]string{
		"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
		"ARIResponse": window,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.client.Post("https://"+p.manage+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("set-renewal-info: %s", res.Status)
	}
}

// orders returns how many orders were placed, without the requests that the authority refused for
// their nonce, as it does with one in twenty.
func (p *pebble) orders() int {
	p.log.Mu.Lock()
	defer p.log.Mu.Unlock()
	return bytes.Count(p.log.Buf.Bytes(), []byte("orders in the db"))
}

// withoutFiles prepares a daemon without a certificate of its own.
func withoutFiles(t testing.TB) *harness.Daemon {
	t.Helper()
	d := harness.Prepare(t)
	d.Args = harness.WithoutFlags(d.Args, "--cert-file", "--key-file")
	return d
}

// leafFor makes a handshake for host and returns the leaf. With nil roots it trusts any. It accepts
// an expired certificate: on a slow machine, those that last half a minute expire while they are
// checked.
func leafFor(d *harness.Daemon, host string, roots *x509.CertPool) (*x509.Certificate, error) {
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: harness.Patience},
		Config:    &tls.Config{ServerName: host, InsecureSkipVerify: true},
	}
	c, err := dialer.DialContext(d.T.Context(), "tcp", d.HTTPS)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	chain := c.(*tls.Conn).ConnectionState().PeerCertificates
	if roots == nil {
		return chain[0], nil
	}
	others := x509.NewCertPool()
	for _, issuer := range chain[1:] {
		others.AddCert(issuer)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: others, CurrentTime: chain[0].NotBefore})
	return chain[0], err
}

// certified waits until the daemon has a certificate of the authority for the host, and returns it.
// On a busy machine the authority gives up a look-up after two seconds and a connection after
// fifteen; the daemon then rightly waits for a minute or ten, and certified makes it try again as
// its documentation describes. Any other failure fails the test.
func (p *pebble) certified(d *harness.Daemon, host string) *x509.Certificate {
	d.T.Helper()
	const mostSlips = 10
	var leaf *x509.Certificate
	var err error
	for slips := 0; ; slips++ {
		var why string
		harness.Poll(issuePatience, slowly(func() bool {
			if leaf, err = leafFor(d, host, p.roots()); err == nil {
				return true
			}
			why = line(d.Log, "certificate could not be obtained\" host="+host+" ")
			return why != ""
		}))
		switch {
		case err == nil:
			return leaf
		case !isTooSlow(why) || slips == mostSlips:
			d.T.Fatalf("%s has no certificate: %v; the log says of it:\n%s\nand all but the handshakes:\n%s", host, err, why, without(d.Log, "level=DEBUG"))
		}
		d.T.Logf("the machine was too slow for the authority: %s", why)
		p.slips++
		d.Signal(os.Interrupt)
		if code := d.Wait(harness.Patience); code != 0 {
			d.T.Fatalf("exit code %d", code)
		}
		p.forgetFailures()
		d.Run()
	}
}

// isTooSlow reports whether a logged failure is a time-out of the authority or the daemon.
func isTooSlow(line string) bool {
	for _, sign := range []string{"i/o timeout", "deadline exceeded", "Client.Timeout", "handshake timeout"} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	return false
}

// forgetFailures removes the recorded failures from a cache that no daemon uses.
func (p *pebble) forgetFailures() {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.cache, "*", "state.json"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("files with failures: %q, %v; want one", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		p.t.Fatal(err)
	}
}

// slowly returns is for a poll that would otherwise take processor time from what it waits for.
func slowly(is func() bool) func() bool {
	var next time.Time
	return func() bool {
		if time.Now().Before(next) {
			return false
		}
		defer func() { next = time.Now().Add(200 * time.Millisecond) }()
		return is()
	}
}

// line returns the first line so far that contains s, or "".
func line(l *harness.Log, s string) string {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	for line := range strings.Lines(l.Buf.String()) {
		if strings.Contains(line, s) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// without returns everything written so far except the lines that contain s.
func without(l *harness.Log, s string) string {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	var rest strings.Builder
	for line := range strings.Lines(l.Buf.String()) {
		if !strings.Contains(line, s) {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// builtTool returns the path of a program that `make deps` builds.
func builtTool(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", "bin", "tools", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return harness.Tool(t, name)
}
