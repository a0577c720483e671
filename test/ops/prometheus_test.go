package ops

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

const (
	rulesPath     = "../../packaging/prometheus/hassesd.rules.yml"
	rulesTestPath = "../../packaging/prometheus/hassesd.rules_test.yml"
	dashboardPath = "../../packaging/grafana/hassesd.json"
)

func TestAlertRulesFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	promtool := harness.Tool(t, "promtool")
	for _, args := range [][]string{{"check", "rules", rulesPath}, {"test", "rules", rulesTestPath}} {
		if r := harness.Run(t, "", promtool, args...); r.Code != 0 {
			t.Errorf("promtool %q: %s", args, r)
		}
	}
	// Every rule has a test that it fires, and one that it is silent.
	rules, tests := string(harness.ReadFile(t, rulesPath)), string(harness.ReadFile(t, rulesTestPath))
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(tests, "alertname: "+m[1]+" }") || !strings.Contains(tests, `alertname="`+m[1]+`"`) {
			t.Errorf("%s is not tested both ways", m[1])
		}
	}
}

func TestMetricsKeepPrometheusConventions(t *testing.T) {
	t.Parallel()
	flags, api := harness.WithAPI(t)
	d := harness.Start(t, flags...)
	metrics := d.GetAPI("http://"+api+"/metrics", "").Body
	if r := harness.Run(t, metrics, harness.Tool(t, "promtool"), "check", "metrics"); r.Code != 0 {
		t.Errorf("promtool check metrics: %s", r)
	}
}

// prometheus is a running Prometheus that scrapes daemons each second.
type prometheus struct {
	t    *testing.T
	addr string
}

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	program := harness.Tool(t, "prometheus")
	dir := t.TempDir()
	rules, err := filepath.Abs(rulesPath)
	if err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, filepath.Join(dir, "prometheus.yml"), fmt.Appendf(nil, `
global: { scrape_interval: 500ms, evaluation_interval: 1s }
rule_files: [%q]
scrape_configs:
  - job_name: hassesd
    static_configs: [{ targets: [%q] }]
`, rules, target))
	p := &prometheus{t, harness.FreeAddress(t)}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.addr)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("prometheus:\n%s", harness.ReadFile(t, log.Name()))
		}
	})
	return p
}

// get asks the HTTP API for something, and reports whether there is an answer.
func (p *prometheus) get(path string, query url.Values, into any) error {
	resp, err := http.Get("http://" + p.addr + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var body struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return err
	}
	if body.Status != "success" {
		return fmt.Errorf("%s: %s", body.Status, body.Error)
	}
	return json.Unmarshal(body.Data, into)
}

// hasData reports whether a query returns numbers.
func (p *prometheus) hasData(query string) (bool, error) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if err := p.get("query", url.Values{"query": {query}}, &data); err != nil {
		return false, err
	}
	return slices.ContainsFunc(data.Result, func(r struct{ Value [2]any }) bool { return r.Value[1] != "NaN" }), nil
}

// panel is a panel of a Grafana dashboard.
type panel struct {
	ID      int
	Type    string
	Title   string
	Targets []struct{ Expr string }
	GridPos struct{ X, Y, W, H int }
}

func readDashboard(t *testing.T) (panels []panel) {
	t.Helper()
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(harness.ReadFile(t, dashboardPath), &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

func TestPanelsOfTheDashboardDoNotOverlap(t *testing.T) {
	t.Parallel()
	panels := readDashboard(t)
	for i, a := range panels {
		if a.Title == "" || a.GridPos.X+a.GridPos.W > 24 {
			t.Errorf("panel %d, %q, at %+v", a.ID, a.Title, a.GridPos)
		}
		for _, b := range panels[:i] {
			p, q := a.GridPos, b.GridPos
			if a.ID == b.ID || p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H {
				t.Errorf("%q and %q are the same panel, or overlap", a.Title, b.Title)
			}
		}
	}
}

// TestPrometheusSeesWhatTheDashboardShows has Debian's Prometheus scrape a daemon with traffic, and
// runs every query of the dashboard and of the alert rules there.
func TestPrometheusSeesWhatTheDashboardShows(t *testing.T) {
	t.Parallel()
	flags, api := harness.WithAPI(t)
	d := harness.Start(t, append(flags, "--cluster-nats", "nats://"+harness.StartBroker(t, "").Address)...)
	p := startPrometheus(t, api)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() { // streams that come, get an event and go
		defer close(ended)
		for {
			s, err := subscriber.Open(t.Context(), d.Request("subscribe=a"))
			if err == nil {
				_ = d.Try("send", map[string]any{"to": "a", "data": "hello"}, nil)
				_, _ = s.Next()
				_ = s.Close()
			}
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	defer func() { close(stop); <-ended }()

	queries := make(map[string]string) // by where they are
	for _, panel := range readDashboard(t) {
		for i, target := range panel.Targets {
			expr := strings.NewReplacer("$__rate_interval", "10s", "$job", ".*", "$instance", ".*").Replace(target.Expr)
			queries[fmt.Sprintf("%s (%d)", panel.Title, i)] = expr
		}
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("%s shows nothing", panel.Title)
		}
	}
	for _, name := range regexp.MustCompile(`\b(hassesd|process|go)_[a-z_]+`).FindAllString(alertExpressions(t), -1) {
		queries["alerts: "+name] = name
	}
	if len(queries) < 50 {
		t.Fatalf("%d queries", len(queries))
	}
	var why error
	if !harness.Poll(harness.Patience, func() bool {
		for where, query := range queries {
			ok, err := p.hasData(query)
			if ok {
				delete(queries, where)
			} else if err != nil {
				why = fmt.Errorf("%s: %w", where, err)
				if strings.Contains(err.Error(), "parse") {
					return true
				}
			}
		}
		return len(queries) == 0
	}) || len(queries) > 0 {
		for where, query := range queries {
			t.Errorf("%s: no data for %s", where, query)
		}
		t.Error(why)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError, State string }
		}
	}
	harness.Eventually(t, "the rules are evaluated", func() bool {
		if err := p.get("rules", nil, &rules); err != nil || len(rules.Groups) != 1 {
			return false
		}
		for _, r := range rules.Groups[0].Rules {
			if r.Health != "ok" {
				return false
			}
		}
		return true
	})
	for _, r := range rules.Groups[0].Rules {
		if r.State == "firing" {
			t.Errorf("%s fires at a daemon that is well", r.Name)
		}
	}
}

// alertExpressions returns the expressions of the alert rules.
func alertExpressions(t *testing.T) string {
	t.Helper()
	var lines []string
	isExpr := false
	for line := range strings.Lines(string(harness.ReadFile(t, rulesPath))) {
		key := regexp.MustCompile(`^      (?:- )?  ?(\w+):`).FindStringSubmatch(line)
		if key != nil {
			isExpr = key[1] == "expr"
		}
		if isExpr {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
