package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// pageReport is what dashboard.mjs reports of one step.
type pageReport struct {
	Kind, Data string

	Plots                                            []string // moved
	Line                                             string
	Rooms, Agents, IDs, Limits, Certificates, Events []string // lists
	Markup                                           int
	Pwned, Cluster                                   bool
	Title                                            string
	Trusted, Inline                                  string   // policy
	Skip, Main                                       string   // keyboard
	Reached, Found, Begin, End                       []string //
	Roles, Unnamed, Landmarks, Headings              []string // names
	Lang, Ground                                     string
	Wide, Width                                      int // screen
	Asked, Before                                    string
	IsShown                                          bool
	Cookies, Kept                                    int
}

// watch opens the dashboard in Chromium, with a script of test/js.
func watch(t *testing.T, script string, args ...string) func(kind string) pageReport {
	t.Helper()
	env := []string{"CHROMIUM=" + harness.Tool(t, "chromium"), "SCREENSHOTS=" + os.Getenv("SCREENSHOTS")}
	p := harness.Launch(t, env, harness.Node(t), append([]string{"../js/" + script}, args...)...)
	return func(kind string) pageReport {
		t.Helper()
		line, ok := p.Line()
		if !ok {
			t.Fatalf("the page ended before %q", kind)
		}
		var r pageReport
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Kind != kind {
			t.Fatalf("%v: got %s, want %q", err, line, kind)
		}
		return r
	}
}

// TestT47DashboardText watches a daemon whose clients name themselves and their rooms to break out
// of a page: they stay text. It goes through what else the page promises on the way.
func TestT47DashboardText(t *testing.T) {
	t.Parallel()
	const evil = `<img src=x onerror="pwned=true"></td></script><script>pwned=true</script><b>`
	flags, address := harness.WithAPI(t)
	d := harness.Start(t, flags...)
	r := d.Request("room=" + "room%3Cb%3E7" + "&id=" + "%3Cb%3Eann")
	r.Header = []string{"User-Agent: " + evil}
	d.Open(r)
	d.Subscribe("room=room%3Cb%3E8&id=bob")
	d.Subscribe("room=room%3Cb%3E8&id=eve")
	for i := range 25 {
		d.Subscribe(fmt.Sprintf("room=page%02d", i))
	}
	report := watch(t, "dashboard.mjs", "http://"+address+"/")
	report("live")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = d.Try("send", map[string]any{"to": "room<b>7", "data": "hello"}, nil)
			case <-stop:
				return
			}
		}
	}()

	moved := report("moved")
	if !strings.Contains(moved.Data, "so far") || len(moved.Plots) != 6 || !strings.HasPrefix(moved.Plots[0], "Delivered each second, the last ") || strings.Count(moved.Line, "L") < 1 {
		t.Errorf("the figures: %+v", moved)
	}

	lists := report("lists")
	if !slices.Contains(lists.Agents, evil) || !slices.Contains(lists.IDs, "<b>ann") || !slices.ContainsFunc(lists.Rooms, func(s string) bool { return strings.HasPrefix(s, "room<b>") }) {
		t.Errorf("rooms %q, ids %q, agents %q", lists.Rooms, lists.IDs, lists.Agents)
	}
	if lists.Markup != 0 || lists.Pwned || lists.Title != "hassesd dashboard" {
		t.Errorf("text became markup: %d elements, run %t, title %q", lists.Markup, lists.Pwned, lists.Title)
	}
	if lists.Cluster {
		t.Error("a daemon of its own shows a cluster")
	}
	if !slices.Contains(lists.Limits, "limits.connections") || !strings.Contains(strings.Join(lists.Certificates, " "), "localhost") || !strings.Contains(strings.Join(lists.Events, "\n"), "ready listen=") {
		t.Errorf("limits %q, certificates %q, events %q", lists.Limits, lists.Certificates, lists.Events)
	}
	if policy := report("policy"); policy.Trusted != "TypeError" || policy.Inline == "run" {
		t.Errorf("the policy: markup is %s, a script is %s", policy.Trusted, policy.Inline)
	}

	keyboard := report("keyboard")
	if keyboard.Skip != "skip" || keyboard.Main != "main" {
		t.Errorf("the first key leads to %q, and on to %q", keyboard.Skip, keyboard.Main)
	}
	for _, id := range []string{"room-prefix", "room-sort", "room-next", "client-field", "client-text", "client-sort", "client-next", "events"} {
		if !slices.Contains(keyboard.Reached, id) {
			t.Errorf("Tab does not reach %s, but %q", id, keyboard.Reached)
		}
	}
	if strings.Join(keyboard.Found, "") != "<b>ann" || len(keyboard.Begin) != 20 || strings.Join(keyboard.End, " ") != "page20 page21 page22 page23 page24" {
		t.Errorf("search and pages: %q, %q, %q", keyboard.Found, keyboard.Begin, keyboard.End)
	}

	names := report("names")
	if len(names.Unnamed) > 0 || len(names.Roles) < 8 || names.Lang != "en" || len(names.Headings) < 9 {
		t.Errorf("names: %+v", names)
	}
	for _, landmark := range []string{"main", "banner", "navigation", "status"} {
		if !slices.Contains(names.Landmarks, landmark) {
			t.Errorf("there is no landmark %s: %q", landmark, names.Landmarks)
		}
	}
	grounds := make(map[string]bool)
	for range 4 {
		screen := report("screen")
		if screen.Wide > screen.Width {
			t.Errorf("on the %s the page is %d wide", screen.Data, screen.Wide)
		}
		grounds[screen.Ground] = true
	}
	if len(grounds) != 2 {
		t.Errorf("light and dark have the grounds %v", grounds)
	}
	report("end")
}

// TestDashboardAsksForAKey watches from beyond loopback.
func TestDashboardAsksForAKey(t *testing.T) {
	t.Parallel()
	const key = "a-key-for-those-who-watch-0123456789"
	d := harness.Prepare(t)
	harness.WriteFile(t, d.Path("key"), []byte(key))
	harness.WriteFile(t, d.Path("d.toml"), fmt.Appendf(nil, "[[control.key]]\nid = \"watch\"\nrole = \"read\"\nfile = %q\n", d.Path("key")))
	address := harness.FreeAddress(t)
	d.Args = append(d.Args, "--config", d.Path("d.toml"), "--api-listen", "https://0.0.0.0"+address[strings.LastIndexByte(address, ':'):])
	d.Run()
	if page := d.GetAPI("https://"+address+"/", ""); page.Status != 401 || page.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a key: %d", page.Status)
	}
	r := watch(t, "dashboard.mjs", "https://"+address+"/", key)("key")
	if r.Asked != "key" || strings.Contains(r.Before, "limits.connections") {
		t.Errorf("it asks in %q, and shows before that: %s", r.Asked, r.Before)
	}
	if r.IsShown || r.Cookies != 0 || r.Kept != 0 {
		t.Errorf("the key is shown (%t) or kept: %d cookies, %d in local storage", r.IsShown, r.Cookies, r.Kept)
	}
}

// TestDashboardSendsInDevelopmentMode sends from the page, which only development mode lets it.
func TestDashboardSendsInDevelopmentMode(t *testing.T) {
	t.Parallel()
	flags, address := harness.WithAPI(t)
	d := harness.Start(t, append(flags, "--dev")...)
	s := d.Subscribe("subscribe=room624")
	report := watch(t, "dashboard_send.mjs", "http://"+address+"/", "room624")
	if sent := report("sent"); !strings.HasPrefix(sent.Data, "delivered to 1 stream (id ") {
		t.Errorf("it answers %q", sent.Data)
	}
	harness.WantMessage(t, s, "from <b>the</b> page")
	if refused := report("refused"); !strings.Contains(refused.Data, `"error"`) {
		t.Errorf("of an event that is refused it says %q", refused.Data)
	}
}
