package server_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// Keys for tests.
const (
	opsKey  = "0f3d1e6b5a2c49780f3d1e6b5a2c4978"
	shopKey = "shop-key~with_every.kind+of/char1"
	shopSum = "72753148f57fc355baa8b8d0399fb0437003f177f4cda623c9180217a48250dc"
	noKey   = "ffffffffffffffffffffffffffffffff"
)

// keyFile writes a key as an operator would.
func keyFile(t *testing.T, id string, role api.Role, secret string) access.KeySource {
	t.Helper()
	path := filepath.Join(t.TempDir(), id+".key")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return access.KeySource{ID: id, Role: role, File: path}
}

func loadRights(t *testing.T, o access.RightsOptions) *access.Rights {
	t.Helper()
	r, err := access.LoadRights(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// guarded is a server with two keys whose port gives role to those without one, and its log.
func guarded(t *testing.T, role api.Role) (*admintest.Backend, admintest.Endpoints, *records) {
	t.Helper()
	b, log := &admintest.Backend{}, &records{}
	doors := admintest.StartServer(t, server.Options{
		Backend: b,
		Logger:  slog.New(slog.NewTextHandler(log, nil)),
		Rights: loadRights(t, access.RightsOptions{TCP: role, Keys: []access.KeySource{
			keyFile(t, "ops", api.RoleAdmin, opsKey),
			{ID: "shop", Role: api.RolePublish, SHA256: shopSum},
		}}),
	})
	return b, doors, log
}

// rpcCall is a request line.
func rpcCall(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + "}\n"
}

func TestPortWithoutAKey(t *testing.T) {
	for _, tc := range []struct {
		role         api.Role
		reads, sends bool
	}{
		{api.RoleNone, false, false},
		{api.RoleRead, true, false},
		{api.RolePublish, true, true},
	} {
		t.Run(string(tc.role), func(t *testing.T) {
			b, doors, _ := guarded(t, tc.role)
			p := connect(t, "tcp", doors.TCP)
			for _, call := range []struct {
				line string
				may  bool
			}{
				{rpcCall("hello", "{}"), tc.reads},
				{rpcCall("send", `{"to":"a","data":"x"}`), tc.sends},
				{rpcCall("loglevel", "{}"), tc.reads},
				{rpcCall("reinit", "{}"), tc.reads},
				{rpcCall("loglevel", `{"level":"debug"}`), false},
				{rpcCall("reinit", `{"enabled":false}`), false},
				{rpcCall("drain", "{}"), false},
			} {
				p.send(call.line)
				if got := p.line(); strings.Contains(got, `"code":-32001`) == call.may || !call.may && !strings.Contains(got, "auth KEY") {
					t.Errorf("%s: answer %s, allowed is %t", strings.TrimSpace(call.line), got, call.may)
				}
			}
			classic := connect(t, "tcp", doors.TCP)
			classic.send("a=1\nack_enable\n")
			for range 2 {
				got := classic.line()
				if tc.sends && got == "ok" {
					break // a=1 was not answered
				}
				if tc.sends || !strings.HasPrefix(got, "error ") {
					t.Fatalf("answer %q, allowed is %t", got, tc.sends)
				}
			}
			if sent := len(b.Sent()); sent > 0 != tc.sends {
				t.Errorf("%d messages were sent", sent)
			}
		})
	}
}

func TestKeyGivesItsRole(t *testing.T) {
	b, doors, log := guarded(t, api.RoleNone)
	p := connect(t, "tcp", doors.TCP)
	p.send("a=1\n")
	if got := p.line(); !strings.HasPrefix(got, "error this command needs the role publish, and this connection has none") {
		t.Errorf("without a key: %s", got)
	}
	p.send("auth " + shopKey + "\n")
	p.want("ok publish")
	p.send("a=2\n")
	wantSent(t, b, "a=2")
	p.send("auth " + opsKey + ";auth " + shopKey + "\n") // a lesser key takes nothing away
	p.want("ok admin\nok admin")

	r := connect(t, "tcp", doors.TCP)
	r.send(rpcCall("auth", `{"key":"`+opsKey+`"}`))
	r.want(`{"jsonrpc":"2.0","id":1,"result":{"key":"ops","role":"admin"}}`)
	r.send(rpcCall("drain", "{}"))
	if got := r.line(); !strings.Contains(got, `"result"`) || len(b.Drains()) != 1 {
		t.Errorf("drain by an administrator: %s", got)
	}
	for _, want := range []string{"key=shop role=publish", "key=ops role=admin", "method=drain key=ops"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	wantSecret(t, log)
}

// wantSecret proves that no key is in a log.
func wantSecret(t *testing.T, log *records) {
	t.Helper()
	for _, key := range []string{opsKey, shopKey, noKey} {
		if strings.Contains(log.String(), key) {
			t.Errorf("the log holds a key:\n%s", log)
		}
	}
}

func TestWrongKeys(t *testing.T) {
	b, doors, log := guarded(t, api.RolePublish)
	for name, try := range map[string]string{"classic": "auth " + noKey + "\n", "json": rpcCall("auth", `{"key":"`+noKey+`"}`)} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, "tcp", doors.TCP)
			for i := range 3 {
				p.send(try)
				got := p.line()
				if !strings.Contains(got, "no key of the daemon is like this one") || strings.Contains(got, "closed") != (i == 2) {
					t.Errorf("wrong key number %d: %s", i+1, got)
				}
			}
			p.wantClosed()
		})
	}
	for _, got := range b.WaitRefusals(t, 6) {
		if got != string(api.RefusedKey) {
			t.Errorf("refused for %s", got)
		}
	}
	if n := strings.Count(log.String(), "reason=wrong_key"); n != 6 {
		t.Errorf("%d records of wrong keys, want 6:\n%s", n, log)
	}
	wantSecret(t, log)
}

// What stands behind the third wrong key is not run, in the same piece or the same batch.
func TestNothingIsRunAfterTooManyWrongKeys(t *testing.T) {
	b, doors, _ := guarded(t, api.RolePublish)
	p := connect(t, "tcp", doors.TCP)
	p.send(strings.Repeat("auth "+noKey+"\n", 3) + "auth " + opsKey + "\na=1\n")
	for range 3 {
		if got := p.line(); !strings.HasPrefix(got, "error ") {
			t.Errorf("got %q", got)
		}
	}
	p.wantClosed()

	try := `{"jsonrpc":"2.0","id":1,"method":"auth","params":{"key":"%s"}}`
	p = connect(t, "tcp", doors.TCP)
	p.send(rpcCall("hello", "{}")) // a batch cannot be the first line
	p.line()
	wrong := fmt.Sprintf(try, noKey)
	p.send("[" + strings.Join([]string{wrong, wrong, wrong, fmt.Sprintf(try, opsKey)}, ",") + "]\n")
	if got := p.line(); strings.Count(got, `"code":-32001`) != 4 {
		t.Errorf("got %s", got)
	}
	p.wantClosed()
	if len(b.Sent()) > 0 {
		t.Error("a message was sent")
	}
}

func TestKeysThatCannotBe(t *testing.T) {
	b, doors, log := guarded(t, api.RoleNone)
	p := connect(t, "tcp", doors.TCP)
	p.send("auth \nauth a b\nauth " + strings.Repeat("x", 257) + "\n")
	p.want("error the key is missing at column 6\nerror no character of a key at column 7\nerror the key is longer than 256 bytes at column 262")
	r := connect(t, "tcp", doors.TCP)
	r.send(rpcCall("auth", `{}`) + rpcCall("auth", `{"key":"a=b"}`) + rpcCall("auth", `{"key":1}`))
	for range 3 {
		if got := r.line(); !strings.Contains(got, `"code":-32602`) {
			t.Errorf("got %s", got)
		}
	}
	f := openFIFO(t, doors.FIFO)
	if _, err := f.WriteString("auth " + opsKey + "\na=1\n"); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b, "a=1") // the FIFO is for publishers, and takes no keys
	if !strings.Contains(log.String(), "the FIFO takes no keys") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	wantSecret(t, log)
}

func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		source access.KeySource
		want   string
	}{
		"missing":      {access.KeySource{ID: "a", File: filepath.Join(dir, "none")}, "no such file"},
		"open to all":  {access.KeySource{ID: "a", File: write("open", opsKey, 0o644)}, "can be read by every user"},
		"short":        {access.KeySource{ID: "a", File: write("short", "0123456789abcde\n", 0o600)}, "holds 15 bytes, and a key has at least 16"},
		"two lines":    {access.KeySource{ID: "a", File: write("lines", opsKey+"\n"+opsKey+"\n", 0o600)}, "does not hold one key"},
		"with =":       {access.KeySource{ID: "a", File: write("base64", "MDEyMzQ1Njc4OWFiY2RlZg==", 0o600)}, "no character of a key at byte 23"},
		"a directory":  {access.KeySource{ID: "a", File: dir}, "not a regular file"},
		"delimiter":    {access.KeySource{ID: "a", File: write("plus", "0123456789+abcdefg", 0o600)}, "control.delimiter"},
		"no such hash": {access.KeySource{ID: "a", SHA256: "xx"}, "64 hexadecimal digits"},
	} {
		_, err := access.LoadRights(access.RightsOptions{Keys: []access.KeySource{tc.source}, Delimiter: '+'})
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), `control key "a"`) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}
}

func TestDialShowsItsKey(t *testing.T) {
	_, doors, _ := guarded(t, api.RoleNone)
	conn, err := client.Dial(t.Context(), client.Options{TCP: doors.TCP, AuthKey: opsKey})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	if hello, err := conn.Hello(t.Context()); err != nil || hello.Role != api.RoleAdmin {
		t.Errorf("hello %+v, %v", hello, err)
	}
	_, err = client.Dial(t.Context(), client.Options{TCP: doors.TCP, AuthKey: noKey})
	if !errors.Is(err, api.ErrNotAllowed) {
		t.Errorf("a wrong key: %v", err)
	}
}
