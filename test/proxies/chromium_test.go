package proxies

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// TestChromiumThroughAReload has the EventSource of a real browser listen over HTTP/2 through nginx, while that reloads. The
// browser is cut off, reconnects automatically, and gets everything once and in order.
func TestChromiumThroughAReload(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	s := newSetup(t, "nginx")
	s.Args = append(s.Args, "--cors-origin", "*", "--cors-credentials=false")
	reload := startNginx(s)
	p := harness.Launch(t, []string{"CHROMIUM=" + chromium}, harness.Node(t), "../js/chromium.mjs", "https://"+s.public+"/sse?subscribe=a", harness.ServePage(t))
	s.AwaitStreams("a", 1)
	reload()

	const rate = 20 * time.Millisecond
	events := int(2*minute/rate) + 100
	var publishing sync.WaitGroup
	defer publishing.Wait()
	publishing.Go(func() {
		tick := time.NewTicker(rate)
		defer tick.Stop()
		for i := range events {
			<-tick.C
			s.Send("a", strconv.Itoa(i))
		}
	})
	opened := 0
	for i := 0; i < events; {
		line, ok := p.Line()
		if !ok {
			t.Fatalf("the browser ended before event %d", i)
		}
		var said struct{ Kind, Name, Data string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch said.Kind {
		case "open":
			opened++
		case "event":
			if said.Name != "message" || said.Data != strconv.Itoa(i) {
				t.Fatalf("event %s %q, want %d", said.Name, said.Data, i)
			}
			i++
		case "failure":
			t.Fatal(said.Data)
		}
	}
	if opened < 2 {
		t.Error("the browser was not cut off")
	}
	harness.Eventually(t, "the stream is in the log of nginx", func() bool {
		text, err := os.ReadFile(s.Path("access.log"))
		return err == nil && strings.Contains(string(text), `"GET /sse?subscribe=a HTTP/2.0" 200`)
	})
}
