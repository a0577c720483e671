package compat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestAnswerOfALanguageModel runs both programs of docs/llm.md, with a stand-in for the model: the
// answer appears word by word in Chromium, whole after a reload in the middle, and in another tab.
func TestAnswerOfALanguageModel(t *testing.T) {
	t.Parallel()
	text := harness.ReadFile(t, "../../docs/llm.md")
	program := regexp.MustCompile("(?ms)^```bash\n(.*?)^```$").FindSubmatch(text)
	page := regexp.MustCompile("(?ms)^```html\n(.*?)^```$").FindSubmatch(text)
	if program == nil || page == nil {
		t.Fatal("docs/llm.md has no programs")
	}
	const half = 40
	goOn, isOver := make(chan struct{}), make(chan struct{})
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question struct {
			Stream   bool
			Messages []struct{ Role, Content string }
		}
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil || !question.Stream || len(question.Messages) != 1 || r.Header.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("the model is asked %+v, %v", question, err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 2 * half {
			if i == half {
				select {
				case <-goOn:
				case <-r.Context().Done():
					return
				}
			}
			fmt.Fprintf(w, "id: %d\ndata: {\"choices\":[{\"delta\":{\"content\":\"word%d \"}}]}\n\n", i, i)
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	defer model.Close()
	site := httptest.NewUnstartedServer(nil)
	d := harness.Start(t, "--cors-origin", "http://"+site.Listener.Addr().String())
	site.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.ReplaceAll(string(page[1]), "https://push.example.org/sse", "https://"+d.HTTPS+"/sse")))
	})
	site.Start()
	defer site.Close()

	p := harness.Launch(t, []string{"CHROMIUM=" + harness.Tool(t, "chromium")}, harness.Node(t), "../js/llm.mjs", site.URL)
	tab := &listener{Program: p}
	tab.opened()
	shell := harness.Launch(t, []string{
		"MODEL_URL=" + model.URL, "MODEL_KEY=s3cret", "HASSESCTL_SOCKET=" + d.Socket, "PATH=" + filepath.Dir(harness.Hassesctl) + ":" + os.Getenv("PATH"),
	}, harness.Tool(t, "bash"), "-euo", "pipefail", "-c", string(program[1]))
	go func() {
		defer close(isOver)
		for line := range shell.Lines {
			t.Log(line)
		}
	}()

	var all strings.Builder
	for i := range 2 * half {
		fmt.Fprintf(&all, "word%d ", i)
	}
	begins := func(what, got string) {
		t.Helper()
		if got == "" || !strings.HasPrefix(all.String(), got) {
			t.Errorf("%s: %q", what, got)
		}
	}
	begins("while the model speaks", tab.next().Data)
	again := tab.next()
	begins("after a reload", again.Data)
	begins("in another tab", again.ID)
	close(goOn)
	done := tab.next()
	if done.Kind != "done" || done.Data != all.String() || done.ID != all.String() {
		t.Errorf("at the end: %+v", done)
	}
	<-isOver
}
