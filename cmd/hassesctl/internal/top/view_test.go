package top

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/terminaltest"
)

var update = flag.Bool("update", false, "write the golden files")

// shown returns a model in the middle of its life. text is what clients named themselves, if any.
func shown(text string) *model {
	m := &model{}
	started := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	status := func(seconds float64, n uint64) api.Status {
		return api.Status{
			Version: "1.2.3" + text, PID: 42, StartedAt: started, UptimeSeconds: seconds, Mode: "https", Streams: 1200, Connections: 1207,
			ConnectionsPeak: 1490, ConnectionsMax: 20000, HandshakesTotal: 98211 + 3*n, MessagesTotal: 120934 + 12*n, DeliveriesTotal: 9120334 + 14400*n,
			Loops: []api.LoopStatus{{Streams: 600}, {Streams: 600, Stuck: true}}, History: api.HistoryStatus{Events: 4031, Bytes: 1887437},
			Memory:  &api.MemoryStatus{UsedBytes: 14 << 20, BudgetBytes: 2 << 30, BlockedStreams: 1},
			Dropped: map[string]uint64{"latest": 0, "drop-oldest": 7},
		}
	}
	m.addStatus(status(100, 0))
	m.addStatus(status(101, 1))
	m.addStatus(status(102, 3))
	client := func(conn uint64, id string, sent uint64, queue int) api.Client {
		return api.Client{
			Conn: conn, ID: id + text, Addr: "192.0.2.1:50190", AgeSeconds: 273906, Rooms: []string{"room624" + text, "room7"}, Sent: sent, QueueBytes: queue,
			Agent: "Mozilla/5.0 (X11; Linux x86_64)" + text,
		}
	}
	at := started
	for _, n := range []uint64{0, 10} {
		slow, busy := client(1, "anna", 130+n, 200_000), client(2, "", 9000+20*n, 0)
		m.addLists(lists{
			of:     query{rows: 24},
			queues: []api.Client{slow, busy}, sent: []api.Client{busy, slow}, oldest: []api.Client{slow, busy},
			clients: 1200, rooms: []api.Room{{Room: "room624" + text, Streams: 1100}, {Room: "room7", Streams: 12}}, roomCount: 90, at: at,
		})
		at = at.Add(time.Second)
	}
	return m
}

// plain returns the visible text of a screen.
func plain(screen []byte) string {
	return regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\r").ReplaceAllString(string(screen), "")
}

func TestView(t *testing.T) {
	t.Parallel()
	paper := output.NewTerminal(&bytes.Buffer{}, 80)
	for name, keys := range map[string]string{"all": "", "slowest": "w", "rooms": "r", "help": "?", "typing": "/room\x1b", "filtered": "wianna\n", "paused": " "} {
		m := shown("")
		was := m.lists
		for _, r := range keys {
			m.press(key{kind: map[rune]keyKind{'\n': keyEnter, '\x1b': keyOther}[r], text: r})
		}
		m.lists = was
		got := plain(m.view(paper, 80, 24))
		golden := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got+"\n" != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestViewFitsEveryTerminal checks that no size makes a line too long, or the screen too high.
func TestViewFitsEveryTerminal(t *testing.T) {
	t.Parallel()
	paper := output.NewTerminal(&bytes.Buffer{}, 80)
	for _, keys := range []string{"", "w", "b", "o", "r", "?", "/" + strings.Repeat("日本", 40)} {
		m := shown(" 日本")
		was := m.lists
		m.pressAll(text(keys)...)
		m.lists = was
		m.problem = strings.Repeat("a long story ", 20)
		for columns := 1; columns <= 200; columns += 1 + columns/20 {
			for _, lines := range []int{1, 2, 3, 5, 10, 24, 60} {
				screen := strings.Split(plain(m.view(paper, columns, lines)), "\n")
				if len(screen) > max(2, lines) {
					t.Errorf("%s in %d by %d: %d lines", keys, columns, lines, len(screen))
				}
				for _, line := range screen {
					if output.Width(line) > columns {
						t.Errorf("%s in %d by %d: a line of %d columns: %q", keys, columns, lines, output.Width(line), line)
					}
				}
			}
		}
	}
}

// TestT10Top proves that what others named cannot move the cursor, change
// colours or begin a line: all escapes on the screen are ours.
func TestT10Top(t *testing.T) {
	t.Parallel()
	evil := "\x1b[31m\x1b]0;title\a\x9b2J\u009b1m\r\n\u202e\u200f"
	_, tty := terminaltest.Open(t)
	for name, paint := range map[string]*output.Screen{
		"without colours": output.NewTerminal(&bytes.Buffer{}, 200),
		"with colours":    output.NewScreen(tty, func(string) string { return "" }),
	} {
		for _, keys := range []string{"", "w", "b", "o", "r", "/", "i", "a"} {
			m := shown(evil)
			was := m.lists
			m.pressAll(text(keys + evil)...)
			m.lists = was
			m.filter = filter{evil, evil, evil}
			m.problem = evil
			m.status.Mode = evil
			m.status.Dropped[evil] = 1
			screen := string(m.view(paint, 200, 60))
			ours := regexp.MustCompile("\x1b\\[(H|K|J|0m|1m|2m|3[1-3]m)").ReplaceAllString(screen, "")
			ours = strings.ReplaceAll(ours, "\r\n", "\n")
			if i := strings.IndexFunc(ours, func(r rune) bool {
				return r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u200f')
			}); i >= 0 {
				t.Errorf("%s, %s: %q", name, keys, ours[max(0, i-20):min(len(ours), i+20)])
			}
			if strings.Count(ours, "\n") != 59 {
				t.Errorf("%s, %s: %d lines", name, keys, strings.Count(ours, "\n"))
			}
			if name == "without colours" && strings.Contains(screen, "\x1b[3") {
				t.Errorf("%s: it has colours", keys)
			}
		}
	}
}
