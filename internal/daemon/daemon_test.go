package daemon

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/runtimetest"
)

func TestMain(m *testing.M) {
	remove := runtimetest.Own()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { remove(); os.Exit(code) }))
}

// patience is how long a test waits for what a busy machine may take its time for.
const patience = 30 * time.Second

// running is a daemon in this process, the very one that the binary runs.
type running struct {
	t       *testing.T
	daemon  *Daemon // fixed since it has logged that it is ready
	ctl     *client.Conn
	file    string // its TOML file
	logs    *logBuffer
	stop    context.CancelFunc
	stopped chan error
}

// start runs a daemon with the lines of a configuration file, on a free port of the loopback.
func start(t *testing.T, toml string, flags ...config.Assignment) *running {
	t.Helper()
	return startUnder(t, nil, toml, flags...)
}

// startUnder is start with the variables of a service manager.
func startUnder(t *testing.T, env []string, toml string, flags ...config.Assignment) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{t: t, file: filepath.Join(dir, "hassesd.toml"), logs: &logBuffer{}, stopped: make(chan error, 1)}
	r.configure(toml)
	socket := filepath.Join(dir, "control.sock")
	own := []config.Assignment{{Flag: "dev", Value: "true"}, {Flag: "listen", Value: "https://127.0.0.1:0"}, {Flag: "control-socket", Value: socket}}
	for key, flag := range map[string]string{"tcp": "control-tcp", "fifo": "fifo", "api": "api-listen"} {
		if !strings.Contains(toml, key) { // or it would be the one place of this machine that development mode takes
			own = append(own, config.Assignment{Flag: flag})
		}
	}
	load := func() (config.Settings, error) {
		return config.Load(config.Sources{ConfigFile: r.file, Flags: append(own[:len(own):len(own)], flags...)})
	}
	settings, err := load()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	o := Options{Settings: settings, Reload: load, Stderr: r.logs, Env: env}
	r.daemon = newDaemon(o)
	go func() { r.stopped <- r.daemon.run(ctx, o) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.logs.String())
		}
	})
	r.waitFor("the control socket", func() bool {
		r.ctl, err = client.Dial(t.Context(), client.Options{Socket: socket, Timeout: patience})
		return err == nil
	})
	if _, err := r.ctl.Hello(t.Context()); err != nil { // which is answered when all endpoints are open
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.ctl.Close()
		cancel()
		select {
		case err := <-r.stopped:
			if err != nil {
				t.Errorf("the daemon ended with: %v", err)
			}
		case <-time.After(patience):
			t.Error("the daemon does not stop")
		}
	})
	return r
}

func (r *running) configure(toml string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(toml), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) waitFor(what string, done func() bool) {
	r.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case err := <-r.stopped:
			r.t.Fatalf("the daemon ended while waiting for %s: %v\n%s", what, err, r.logs)
		case <-timeout:
			r.t.Fatalf("waited in vain for %s\n%s", what, r.logs)
		}
	}
}

// logged returns all that the daemon has logged so far, also what waits to be written.
func (r *running) logged() string {
	r.t.Helper()
	r.waitFor("the first record", func() bool { return strings.Contains(r.logs.String(), "starting") })
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if !r.daemon.logs.Flush(ctx) { // fixed before the first record
		r.t.Error("the log is not written")
	}
	return r.logs.String()
}

// subscribe opens a stream and returns its body, past the first frame.
func (r *running) subscribe(query string) *bufio.Reader {
	r.t.Helper()
	hello, err := r.ctl.Hello(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(hello.CAPEM)) {
		r.t.Fatalf("no certificate in %+v", hello)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, hello.URL+"?"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		cancel()
		_ = res.Body.Close()
		transport.CloseIdleConnections()
	})
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("subscribing: %s", res.Status)
	}
	body := bufio.NewReader(res.Body)
	for range 3 { // retry:, id:, empty
		if _, err := body.ReadString('\n'); err != nil {
			r.t.Fatal(err)
		}
	}
	return body
}

func wantData(t *testing.T, body *bufio.Reader, want string) {
	t.Helper()
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := strings.CutPrefix(line, "data: "); ok {
			if got != want+"\n" {
				t.Fatalf("got %q, want %q", got, want)
			}
			return
		}
	}
}

func TestControlShowsWhatTheDaemonDoes(t *testing.T) {
	r := start(t, "loops = 2\n")
	ctx := t.Context()
	a, b := r.subscribe("subscribe=red-blue&id=x"), r.subscribe("subscribe=red&id=y")

	sent, err := r.ctl.Send(ctx, api.SendParams{To: api.Targets{"red", "b*"}, Data: "hello"})
	if err != nil || sent.Matched != 2 {
		t.Fatalf("send: %+v, %v", sent, err)
	}
	wantData(t, a, "hello")
	wantData(t, b, "hello")
	if sent, err = r.ctl.Send(ctx, api.SendParams{To: api.Targets{"*"}, Except: "x", Data: "not x"}); err != nil || sent.Matched != 1 {
		t.Fatalf("send except x: %+v, %v", sent, err)
	}
	wantData(t, b, "not x")

	st, err := r.ctl.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if st.Streams != 2 || st.Connections != 2 || st.MessagesTotal != 2 || st.DeliveriesTotal != 3 || st.Mode != "https" ||
		len(st.Loops) != 2 || st.LastEventID != sent.ID || st.History.Events != 2 || st.PID != os.Getpid() {
		t.Errorf("status: %+v", st)
	}

	clients, err := r.ctl.Clients(ctx, api.ClientsParams{Sort: "sent"})
	if err != nil || clients.Total != 2 || clients.Clients[0].ID != "y" || clients.Clients[0].Sent != 2 ||
		clients.Clients[0].TLS != "TLS 1.3" || clients.Clients[0].State != "streaming" {
		t.Errorf("clients: %+v, %v", clients, err)
	}
	page, err := r.ctl.Clients(ctx, api.ClientsParams{Limit: 1})
	if err != nil || len(page.Clients) != 1 || page.Clients[0].ID != "x" || page.NextCursor == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	page, err = r.ctl.Clients(ctx, api.ClientsParams{Limit: 1, Cursor: page.NextCursor})
	if err != nil || len(page.Clients) != 1 || page.Clients[0].ID != "y" || page.NextCursor != "" {
		t.Errorf("second page: %+v, %v", page, err)
	}
	if only, err := r.ctl.Clients(ctx, api.ClientsParams{Room: "blue"}); err != nil || len(only.Clients) != 1 || only.Clients[0].ID != "x" {
		t.Errorf("clients of blue: %+v, %v", only, err)
	}

	rooms, err := r.ctl.Rooms(ctx, api.RoomsParams{})
	if want := []api.Room{{Room: "red", Streams: 2}, {Room: "blue", Streams: 1}}; err != nil || !slices.Equal(rooms.Rooms, want) {
		t.Errorf("rooms: %+v, %v", rooms, err)
	}
	if n, err := r.ctl.Count(ctx, api.CountParams{Room: "red"}); err != nil || n.Streams != 2 || n.Connections != nil {
		t.Errorf("count red: %+v, %v", n, err)
	}
	if n, err := r.ctl.Count(ctx, api.CountParams{}); err != nil || n.Streams != 2 || n.Connections == nil || *n.Connections != 2 {
		t.Errorf("count: %+v, %v", n, err)
	}

	if k, err := r.ctl.Kick(ctx, api.KickParams{ID: "y"}); err != nil || k.Kicked != 1 {
		t.Errorf("kick: %+v, %v", k, err)
	}
	if _, err := b.ReadString(0); err == nil {
		t.Error("the kicked stream goes on")
	}
}

func TestMistakesAreAnswered(t *testing.T) {
	r := start(t, "[limits]\nmessage_bytes = 100\n")
	ctx := t.Context()
	const badParams = -32602
	for _, tc := range []struct {
		name string
		call func() error
		code int
	}{
		{"a message that is too large", func() error {
			_, err := r.ctl.Send(ctx, api.SendParams{To: api.Targets{"a"}, Data: strings.Repeat("x", 101)})
			return err
		}, api.CodeTooLarge},
		{"a room that cannot be", func() error {
			_, err := r.ctl.Send(ctx, api.SendParams{To: api.Targets{"a;b"}, Data: "x"})
			return err
		}, badParams},
		{"an event name with a line break", func() error {
			_, err := r.ctl.Send(ctx, api.SendParams{To: api.Targets{"a"}, Event: "x\ndata: y", Data: "x"})
			return err
		}, badParams},
		{"a kick of nobody in particular", func() error { _, err := r.ctl.Kick(ctx, api.KickParams{}); return err }, badParams},
		{"a kick of everybody for ever", func() error {
			_, err := r.ctl.Kick(ctx, api.KickParams{All: true, RefuseSeconds: 1e12})
			return err
		}, badParams},
		{"an unknown order", func() error { _, err := r.ctl.Clients(ctx, api.ClientsParams{Sort: "shoe"}); return err }, badParams},
		{"a made-up cursor", func() error { _, err := r.ctl.Clients(ctx, api.ClientsParams{Cursor: "x"}); return err }, badParams},
		{"an unknown level", func() error { _, err := r.ctl.LogLevel(ctx, "loud"); return err }, badParams},
	} {
		var answer *api.Error
		if err := tc.call(); !errors.As(err, &answer) || answer.Code != tc.code {
			t.Errorf("%s: got %v (%T), want code %d", tc.name, err, err, tc.code)
		}
	}
}

func TestReloadAppliesWhatItCanAndNamesTheRest(t *testing.T) {
	r := start(t, "[limits]\nmessage_bytes = 100\n")
	ctx := t.Context()
	body := r.subscribe("subscribe=a")

	r.configure("path = \"/elsewhere\"\nlog_level = \"debug\"\n[limits]\nmessage_bytes = 200\n")
	re, err := r.ctl.Reload(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"log_level", "limits.message_bytes"}; !slices.Equal(re.Changed, want) || !slices.Equal(re.NeedsRestart, []string{"path"}) {
		t.Errorf("reload: %+v", re)
	}
	if level, err := r.ctl.LogLevel(ctx, ""); err != nil || level.Level != "debug" {
		t.Errorf("level: %+v, %v", level, err)
	}
	long := strings.Repeat("x", 150)
	if _, err := r.ctl.Send(ctx, api.SendParams{To: api.Targets{"a"}, Data: long}); err != nil {
		t.Error(err)
	}
	wantData(t, body, long) // the stream from before is still there

	r.configure("[limits]\nmessage_bytes = \"much\"\nno_such_key = 1\n")
	if _, err := r.ctl.Reload(ctx); err == nil || !strings.Contains(err.Error(), "no_such_key") || !strings.Contains(err.Error(), "message_bytes") {
		t.Errorf("reload of a broken file: %v", err)
	}
	if _, err := r.ctl.Send(ctx, api.SendParams{To: api.Targets{"a"}, Data: long}); err != nil {
		t.Errorf("after a failed reload: %v", err)
	}
	if got := r.daemon.figures().Reloads; got["ok"] != 1 || got["failed"] != 1 {
		t.Errorf("reloads %v", got)
	}
}

func TestReloadOfACertificateServesItToNewConnections(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := writeCertificate(t, cert, key)
	r := start(t, "", config.Assignment{Flag: "cert-file", Value: cert}, config.Assignment{Flag: "key-file", Value: key})
	st, err := r.ctl.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	served := func() string { return served(t, st.Listen[0], "") }
	if served() != first {
		t.Error("another certificate than that of the file is served")
	}
	second := writeCertificate(t, cert, key)
	re, err := r.ctl.Reload(t.Context())
	if err != nil || !slices.Equal(re.Changed, []string{"tls.cert_file"}) {
		t.Errorf("reload: %+v, %v", re, err)
	}
	if served() != second {
		t.Error("the new certificate is not served")
	}
	if err := os.WriteFile(cert, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("reload of a broken certificate: %v", err)
	}
	if served() != second {
		t.Error("a broken file took the certificate away")
	}
}

func TestReloadFromFilesToACMENeedsARestartAndTakesNothingAway(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, "localhost")
	r := start(t, fmt.Sprintf("[tls]\ncert_file = %q\nkey_file = %q\n", cert, key),
		config.Assignment{Flag: "dev", Value: "false"}, config.Assignment{Flag: "auth", Value: "none"})
	r.configure(fmt.Sprintf("[acme]\nhosts = [\"localhost.example\"]\naccept_tos = true\ncache_dir = %q\n", filepath.Join(dir, "acme")))
	if _, err := r.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("reload: %v", err)
	}
	if list := r.certificates(); len(list) != 1 || list[0].CertFile != cert {
		t.Errorf("certificates: %+v", list)
	}
}

func TestDrainEndsTheDaemon(t *testing.T) {
	r := start(t, "")
	body := r.subscribe("subscribe=a")
	window := 0.2
	d, err := r.ctl.Drain(t.Context(), api.DrainParams{WindowSeconds: &window})
	if err != nil || d.Streams != 1 || d.WindowSeconds != window {
		t.Errorf("drain: %+v, %v", d, err)
	}
	if line, err := body.ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry: ") {
		t.Errorf("the stream ends with %q, %v", line, err)
	}
	select {
	case err := <-r.stopped:
		r.stopped <- err
	case <-time.After(patience):
		t.Fatal("the daemon goes on")
	}
}

func TestAPortInUseIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	settings, err := config.Load(config.Sources{Flags: []config.Assignment{
		{Flag: "dev", Value: "true"},
		{Flag: "listen", Value: fmt.Sprintf("https://%s", l.Addr())},
		{Flag: "control-socket", Value: filepath.Join(t.TempDir(), "s")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	err = Run(t.Context(), Options{Settings: settings, Stderr: &logBuffer{}})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestCheckRefusesWhatAStartWould(t *testing.T) {
	dir := t.TempDir()
	settings := config.Defaults()
	settings.Auth.Mode = []string{"none"}
	settings.TLS.CertFile, settings.TLS.KeyFile = filepath.Join(dir, "absent.pem"), filepath.Join(dir, "absent.key")
	if err := Check(settings); !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), "absent.pem") {
		t.Errorf("missing certificate: %v", err)
	}
	writeCertificate(t, settings.TLS.CertFile, settings.TLS.KeyFile)
	if err := Check(settings); err != nil {
		t.Errorf("good settings: %v", err)
	}
	for _, tt := range []struct {
		user, group, unixGroup, fifoGroup string
		want                              string
	}{
		{"no-such-user", "", "", "", `user: there is no user "no-such-user"`},
		{"4294967295", "1", "", "", `user: there is no user "4294967295"`},
		{"root", "", "", "", `user: "root" is root`},
		{"0", "0", "", "", `user: "0" is root`},
		{"4000000000", "", "", "", `user: user "4000000000" is in no user database`},
		{"4000000000", "no-such-group", "", "", `group: there is no group "no-such-group"`},
		{"", "", "no-such-group", "", `control.unix_group: there is no group "no-such-group"`},
		{"", "", "", "no-such-group", `control.fifo_group: there is no group "no-such-group"`},
	} {
		s := settings
		s.User, s.Group, s.Control.UnixGroup, s.Control.FIFOGroup = tt.user, tt.group, tt.unixGroup, tt.fifoGroup
		if err := Check(s); !errors.Is(err, ErrConfiguration) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("user %q, group %q: %v, want an error that begins with %s", tt.user, tt.group, err, tt.want)
		}
	}
}

// writeCertificate makes a new pair of files and returns the certificate.
func writeCertificate(t *testing.T, certFile, keyFile string, names ...string) string {
	t.Helper()
	if len(names) == 0 {
		names = []string{"localhost"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		DNSNames:     names,
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der},
		keyFile:  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return string(der)
}
