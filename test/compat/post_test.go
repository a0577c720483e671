package compat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestPublishWithCurl publishes in each way that docs/publishing.md shows, over both versions of HTTP.
func TestPublishWithCurl(t *testing.T) {
	t.Parallel()
	curl := harness.Tool(t, "curl")
	d := harness.Publishing(t)
	d.Run()
	s := d.Subscribe("subscribe=a")
	harness.WriteFile(t, d.Path("body"), []byte("a file\nof two lines"))
	for _, version := range []string{"--http1.1", "--http2"} {
		for _, tt := range []struct {
			name, stdin, query string
			args               []string
			status             string
			want               []string
		}{
			{"-d", "", "", []string{"-d", "to=a", "-d", "data=hello"}, "200", []string{"hello"}},
			{"--data-urlencode", "", "", []string{"-d", "to=a", "--data-urlencode", "data=1 & 2\n3"}, "200", []string{"1 & 2\n3"}},
			{"JSON", "", "", []string{"-H", "Content-Type: application/json", "-d", `{"to":"a","data":"json"}`}, "200", []string{"json"}},
			{"--data-binary", "", "to=a", []string{"-H", "Content-Type: text/plain", "--data-binary", "@" + d.Path("body")}, "200", []string{"a file\nof two lines"}},
			{"-T -", "from a pipe", "to=a", []string{"-T", "-", "-X", "POST"}, "200", []string{"from a pipe"}},
			{"an event stream", "data: 1\n\nid: 7\ndata: 2\n\n", "to=a", []string{"-T", "-", "-X", "POST", "-H", "Content-Type: text/event-stream"}, "200", []string{"1", "2"}},
			{"a body that is asked for", strings.Repeat("x", 60000), "to=a", []string{"-H", "Expect: 100-continue", "-H", "Content-Type: text/plain", "--data-binary", "@-"}, "200", []string{strings.Repeat("x", 60000)}},
			{"a long body", strings.Repeat("x", 2<<20), "to=a", []string{"-H", "Content-Type: text/plain", "--data-binary", "@-"}, "413", nil},
			{"no key", "", "", []string{"-d", "to=a", "-d", "data=x"}, "401", nil},
		} {
			args := append([]string{"--silent", "--show-error", "--max-time", "30", version, "--cacert", d.CaFile, "--write-out", "%{http_code}"}, tt.args...)
			if tt.status != "401" {
				args = append(args, "-H", "Authorization: Bearer "+harness.PublishKey)
			}
			r := harness.Run(t, tt.stdin, curl, append(args, d.URL(tt.query))...)
			if r.Code != 0 || !strings.HasSuffix(r.Stdout, "}\n"+tt.status) {
				t.Errorf("%s %s: %s", version, tt.name, r)
				continue
			}
			for _, want := range tt.want {
				harness.WantMessage(t, s, want)
			}
		}
		// Requests one after the other share a connection, after a refusal as well.
		r := harness.Run(t, "", curl, "--silent", version, "--cacert", d.CaFile, "-H", "Authorization: Bearer "+harness.PublishKey, "--write-out", "%{http_code} %{num_connects},",
			"-d", "to=b", d.URL(""), d.URL(""))
		if !strings.Contains(r.Stdout, "422 1,") || !strings.HasSuffix(r.Stdout, "422 0,") {
			t.Errorf("%s: %s", version, r)
		}
	}
	d.Send("a", "end")
	harness.WantMessage(t, s, "end")
}

func TestPublishWithNode(t *testing.T) {
	t.Parallel()
	node := harness.Node(t)
	d := harness.Publishing(t)
	d.Run()
	s := d.Subscribe("subscribe=a")
	p := harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, node, "../js/post.mjs", strings.TrimSuffix(d.URL(""), "?"), harness.PublishKey)
	for _, want := range []string{"form", "json", "one", "two", "three"} {
		harness.WantMessage(t, s, want)
	}
	var lines []string
	for line, ok := p.Line(); ok; line, ok = p.Line() {
		lines = append(lines, line)
	}
	if text := fmt.Sprint(lines); strings.Count(text, "200 {") != 3 || !strings.Contains(text, `"published":3`) {
		t.Errorf("got %s", text)
	}
}
