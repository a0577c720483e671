package classic

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

var update = flag.Bool("update", false, "write the golden files anew")

// checkGolden compares got with testdata/name.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

var sampleStatus = api.Status{
	Version: "2.0.0", Compiled: "go1.26.8 linux/amd64", PID: 3217, UID: 998, User: "hassesd",
	UptimeSeconds: 2*86400 + 3*3600 + 4*60 + 5.9, Mode: "https", LogLevel: "debug", Reinit: true,
	Connections: 12, Streams: 10, ConnectionsMax: 20000, ConnectionsPeak: 40, HandshakesTotal: 99, ReinitsTotal: 1,
	MessagesTotal: 1700, DeliveriesTotal: 17000, CommandErrorsTotal: 2, LastEventID: "k3-1700",
	CertFile: "/etc/hassesd/cert.pem", KeyFile: "/etc/hassesd/key.pem", CORSOrigin: []string{"https://a.example", "https://b.example"},
}

var sampleClients = []api.Client{
	{
		Conn: 6, ID: "x", Addr: "192.0.2.1:50190", State: "streaming", TLS: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256",
		AgeSeconds: 181, StreamAgeSeconds: 180, Rooms: []string{"room624", "room7"}, Sent: 3, Agent: "Mozilla/5.0 (X11)",
	},
	{Conn: 7, Addr: "[2001:db8::1]:50200", State: "reading", AgeSeconds: 9, Reinits: 2},
	{Conn: 8, Addr: "192.0.2.2:1", State: "handshaking"},
	{Conn: 9, Addr: "192.0.2.2:2", State: "accepted"},
	{
		Conn: 10, ID: "a\nb\\", Addr: "192.0.2.2:3", State: "draining", TLS: "TLS 1.2", Cipher: "c", Rooms: []string{"größe", "*"},
		AgeSeconds: 90000, StreamAgeSeconds: 86400, Agent: "\x1b[2J\u202eevil\u009b\x7f\xff\U0001f600\r\n#2 - <3>",
	},
}

func TestStatusText(t *testing.T) {
	checkGolden(t, "status.txt", StatusText(&sampleStatus))

	plain := sampleStatus
	plain.Mode, plain.User, plain.UID, plain.LogLevel, plain.Reinit, plain.CORSOrigin = "http", "", 0, "quiet", false, nil
	plain.UptimeSeconds = 26
	checkGolden(t, "status-plain.txt", StatusText(&plain))
}

func TestClientListText(t *testing.T) {
	checkGolden(t, "clientlist.txt", rendered(t, TextList(), sampleClients))
	checkGolden(t, "clientlist-empty.txt", rendered(t, TextList(), nil))
}

// rendered is a whole list of clients.
func rendered(t *testing.T, form ListForm, clients []api.Client) string {
	t.Helper()
	text := form.Head
	for i := range clients {
		row, err := form.Row(i+1, &clients[i])
		if err != nil {
			t.Fatal(err)
		}
		text += string(row)
	}
	return text + string(form.Tail(len(clients), nil))
}

func TestAListThatIsCutSaysSo(t *testing.T) {
	why := &api.Error{Message: "too \"many\" \x1b lists"}
	if got, want := string(TextList().Tail(3, why)), "The list is cut after 3 clients: too \"many\" \\x1B lists\n---------------- end ----------------\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var list struct {
		Number int    `json:"numberofclients"`
		Cut    string `json:"cut"`
	}
	form := JSONList()
	if err := json.Unmarshal([]byte(form.Head+string(form.Tail(3, why))), &list); err != nil || list.Number != 3 || list.Cut != safetext.ASCII(why.Message) {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestShortTexts(t *testing.T) {
	if got, want := NumberOfClientsText(3), "Number of connected clients: 3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := SubscribedText("rö", 4), "Client count subscribed for \"r\\u{F6}\": 4\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTCPAnswers(t *testing.T) {
	line := func(text []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	got := line(StatusJSON(&sampleStatus)) + line(NumberOfClientsJSON(12)) + line(SubscribedJSON("größe\"😀\u009b", 4)) +
		rendered(t, JSONList(), api.Clients{Clients: sampleClients}.WithoutNulls().Clients) + rendered(t, JSONList(), nil)
	checkGolden(t, "tcp.txt", got)
}

// hasses' own part of the answers, byte for byte.
func TestTCPAnswersBeginAsThoseOfHasses(t *testing.T) {
	for mode, want := range map[string]string{
		"https": "SSL encrypted (https)",
		"mixed": "SSL encrypted (https)",
		"http":  "unencrypted (http)",
	} {
		s := sampleStatus
		s.Mode = mode
		got, err := StatusJSON(&s)
		if err != nil {
			t.Fatal(err)
		}
		const begin, end = `{"version": "2.0.0","runningtime": "2day 03:04:05","mode": "`, `","loglevel": 2,"allconncli": 12,"sseconncli": 10,"maxconncli": 40,"msgproccnt": 1700,"msgsendcnt": 17000,`
		if !strings.HasPrefix(string(got), begin+want+end) {
			t.Errorf("tcpstatus in mode %s: %s", mode, got)
		}
	}
	if got, err := NumberOfClientsJSON(12); err != nil || string(got) != "{\"numberofclients\": 12}\n" {
		t.Errorf("tcpnumberofclients: %q, %v", got, err)
	}
	if got, err := SubscribedJSON("room624", 4); err != nil || string(got) != "{\"subscribedclients\": 4, \"subscribedfor\": \"room624\"}\n" {
		t.Errorf("tcpsubscribedclients: %q, %v", got, err)
	}
}

func TestBlanksOfJSON(t *testing.T) {
	for _, tt := range []struct{ in, afterComma, want string }{
		{`{"a":1,"b":[2,3]}`, "", `{"a": 1,"b": [2,3]}`},
		{`{"a":1,"b":[2,3]}`, " ", `{"a": 1, "b": [2, 3]}`},
		{`{"a:,":":,\":,\\","b":"\\"}`, " ", `{"a:,": ":,\":,\\", "b": "\\"}`},
		{`[]`, " ", `[]`},
	} {
		if got := string(spaceJSON([]byte(tt.in), tt.afterComma)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestTextsArePrintable(t *testing.T) {
	list := rendered(t, JSONList(), sampleClients)
	for _, text := range []string{StatusText(&sampleStatus), rendered(t, TextList(), sampleClients), list} {
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }); i >= 0 {
			t.Errorf("byte %d is not printable: %.40q", i, text[i:])
		}
	}
}

func TestRunningTime(t *testing.T) {
	for _, tt := range []struct {
		seconds float64
		want    string
	}{
		{-1, "00:00:00"},
		{0, "00:00:00"},
		{26.9, "00:00:26"},
		{3599, "00:59:59"},
		{86399, "23:59:59"},
		{86400, "1day 00:00:00"},
		{100*86400 + 3661, "100day 01:01:01"},
	} {
		if got := runningTime(tt.seconds); got != tt.want {
			t.Errorf("%v s: got %q, want %q", tt.seconds, got, tt.want)
		}
	}
}
