package api

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestProfiles(t *testing.T) {
	route := Profiles(time.Now)
	if route.Access != Admins {
		t.Fatal("profiles are not for administrators alone")
	}
	s := httptest.NewServer(route.Handler)
	defer s.Close()
	for _, tt := range []struct {
		path   string
		status int
		begins string // of the body
	}{
		{"/debug/pprof/", 200, "profile?seconds=30"},
		{"/debug/pprof", 200, "profile?seconds=30"},
		{"/debug/pprof/goroutine?debug=1", 200, "goroutine profile:"},
		{"/debug/pprof/heap", 200, "\x1f\x8b"},
		{"/debug/pprof/profile?seconds=0.05", 200, "\x1f\x8b"},
		{"/debug/pprof/trace?seconds=0.05", 200, "go 1."},
		{"/debug/pprof/nothing", 404, "{"},
		{"/debug/pprof/profile?seconds=0", 400, "{"},
		{"/debug/pprof/profile?seconds=100000", 400, "{"},
		{"/debug/pprof/profile?seconds=soon", 400, "{"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || !strings.HasPrefix(body.String(), tt.begins) {
			t.Errorf("%s: %d, %v, %.40q", tt.path, resp.StatusCode, err, body.String())
		}
		if strings.HasPrefix(tt.begins, "\x1f") {
			if _, err := gzip.NewReader(&body); err != nil {
				t.Errorf("%s: %v", tt.path, err)
			}
		}
	}
	s.Client().CloseIdleConnections()
}

// There is one CPU profiler; the second client is told so and does not wait.
func TestOneProfileAtATime(t *testing.T) {
	p := &profiles{now: time.Now}
	p.running.Lock()
	defer p.running.Unlock()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/profile", http.NoBody))
	if w.Code != http.StatusConflict {
		t.Errorf("%d", w.Code)
	}
}
