package api

import (
	"encoding/json"
	"testing"
)

func TestWhoMaySeeWhat(t *testing.T) {
	local := serve(t, nil)
	beyond := serve(t, func(o *Options) { o.IsLocal = false })
	for _, tt := range []struct {
		method, path, key string
		local, beyond     int
	}{
		{"GET", "/figures", "", 200, 401},
		{"HEAD", "/figures", "", 200, 401},
		{"GET", "/figures", readKey, 200, 200},
		{"GET", "/figures", adminKey, 200, 200},
		{"GET", "/figures", "a-key-of-nobody", 401, 401},
		{"GET", "/debug/", "", 401, 401},
		{"GET", "/debug/x", readKey, 403, 403},
		{"GET", "/debug/x", adminKey, 200, 200},
		{"GET", "/healthz", "", 200, 200},
		{"GET", "/readyz", "a-key-of-nobody", 200, 200},
		{"POST", "/sse", "", 200, 200}, // the route finds out itself
		{"GET", "/sse", "", 405, 405},
		{"POST", "/figures", adminKey, 405, 405},
		{"GET", "/", "", 404, 404},
		{"GET", "/figures/", "", 404, 404},
		{"GET", "/debugger", "", 404, 404},
	} {
		for server, want := range map[*testServer]int{local: tt.local, beyond: tt.beyond} {
			status, header, body := server.ask(tt.method, tt.path, "localhost", tt.key)
			if status != want {
				t.Errorf("%s %s with key %q, local %v: %d, want %d", tt.method, tt.path, tt.key, server.keys.isLocal, status, want)
			}
			if (status == 401) != (header.Get("WWW-Authenticate") != "") {
				t.Errorf("%d with WWW-Authenticate %q", status, header.Get("WWW-Authenticate"))
			}
			if (status == 405) != (header.Get("Allow") != "") {
				t.Errorf("%d with Allow %q", status, header.Get("Allow"))
			}
			if status >= 400 && tt.method != "HEAD" {
				wantErrorBody(t, body)
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "hassesd"} {
				if got := header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		}
	}
	want := map[string]uint64{"unauthorized": 2, "forbidden": 1, "bad_request": 5}
	got := local.Refused()
	for reason, n := range want {
		if got[reason] != n {
			t.Errorf("%d refusals for %s, want %d", got[reason], reason, n)
		}
	}
	if len(got) != int(numRefusals) {
		t.Errorf("%d reasons are counted, want %d from the start", len(got), numRefusals)
	}
}

func wantErrorBody(t *testing.T, body string) {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" {
		t.Errorf("the body %q is not an error: %v", body, err)
	}
}
