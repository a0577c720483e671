package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDiff(t *testing.T) {
	old := valid()
	next := valid()
	next.LogLevel = "debug"
	next.CORS.Origins = []string{"https://a.example"}
	next.Limits.Slow = "latest"
	next.Listen = []string{"https://:1"}
	next.Control.UnixMode = "0600"
	reloadable, needsRestart := Diff(old, next)
	if want := []string{"log_level", "cors.origins", "limits.slow"}; !slices.Equal(reloadable, want) {
		t.Errorf("reloadable: %q, want %q", reloadable, want)
	}
	if want := []string{"listen", "control.unix_mode"}; !slices.Equal(needsRestart, want) {
		t.Errorf("needs a restart: %q, want %q", needsRestart, want)
	}
}

func TestDiffOfTheSame(t *testing.T) {
	a, b := valid(), valid()
	b.CORS.Origins = nil // an empty list is no list
	if reloadable, needsRestart := Diff(a, b); len(reloadable)+len(needsRestart) != 0 {
		t.Errorf("equal settings differ in %q and %q", reloadable, needsRestart)
	}
}

func TestDiffSeesEveryKey(t *testing.T) {
	for i := range registry {
		e := &registry[i]
		a, b := valid(), valid()
		switch f := e.field(&b).(type) {
		case *bool:
			*f = !*f
		case *string:
			*f += "x"
		case *[]string:
			*f = append(*f, "x")
		case *int:
			*f++
		case *int64:
			*f++
		case *time.Duration:
			*f++
		}
		reloadable, needsRestart := Diff(a, b)
		if got := append(reloadable, needsRestart...); !slices.Equal(got, []string{e.name}) {
			t.Errorf("a change of %s shows as %q", e.name, got)
		}
	}
}

func TestWhatAReloadTakes(t *testing.T) {
	for _, k := range Keys() {
		want := false
		switch {
		case slices.Contains([]string{"log_level", "reinit", "http2", "http2_header_table", "health_path", "retry", "drain.window", "drain.restart", "cluster.patience", "control.tcp_role", "control.tcp_networks"}, k.Name):
			want = true
		case strings.HasPrefix(k.Name, "control.unix_") && strings.HasSuffix(k.Name, "s"): // the lists of who may come in
			want = true
		case k.Name == "history.file", strings.HasPrefix(k.Name, "proxy.unix_"):
		case slices.Contains([]string{"limits", "tls", "cors", "hsts", "proxy", "publish", "heartbeat", "history", "control.tls", "auth", "auth.signed_url", "auth.jwt"}, tableOf(k.Name)):
			want = true
		}
		if k.Reloadable != want {
			t.Errorf("%s is reloadable: %v, want %v", k.Name, k.Reloadable, want)
		}
	}
}

func TestAdoptTakesWhatAReloadMay(t *testing.T) {
	old, next := valid(), valid()
	next.LogLevel, next.Limits.Slow = "debug", "latest"
	next.Listen, next.User = []string{"https://:1"}, "www"
	next.CORS.Origins = []string{"https://a.example"}
	got := Adopt(old, next)
	if reloadable, _ := Diff(got, next); len(reloadable) != 0 {
		t.Errorf("%q were not taken over", reloadable)
	}
	if _, needsRestart := Diff(old, got); len(needsRestart) != 0 {
		t.Errorf("%q were taken over without a restart", needsRestart)
	}
	next.CORS.Origins[0] = "changed"
	if got.CORS.Origins[0] != "https://a.example" || old.LogLevel != "normal" {
		t.Errorf("the settings share memory: origins %q, old level %q", got.CORS.Origins, old.LogLevel)
	}
}
