package core

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

func TestClassicCommands(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	a := d.Subscribe("subscribe=room624-news&id=ann")
	b := d.Subscribe("subscribe=room625&id=bob")
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			d := d.In(t)
			c := d.Classic(network)
			if got := c.Ask("ack_enable"); got != "ok" {
				t.Fatalf("ack_enable: %q, want ok", got)
			}
			ok := regexp.MustCompile(`^ok ([0-9a-z]+-[0-9]+) ([0-9]+)$`)
			for _, tt := range []struct {
				command string
				matched string
				to      []*subscriber.Stream
				data    string
			}{
				{"room624=hello", "1", []*subscriber.Stream{a}, "hello"},
				{"room624=first=second=third", "1", []*subscriber.Stream{a}, "first=second=third"},
				{"room6*=prefix", "2", []*subscriber.Stream{a, b}, "prefix"},
				{"*=everybody", "2", []*subscriber.Stream{a, b}, "everybody"},
				{"room6*-ann=not ann", "1", []*subscriber.Stream{b}, "not ann"},
				{"*-bob=not bob", "1", []*subscriber.Stream{a}, "not bob"},
				{"room625-cat=nobody is cat", "1", []*subscriber.Stream{b}, "nobody is cat"},
				{"news= a b ", "1", []*subscriber.Stream{a}, " a b "},
				{"empty=nobody", "0", nil, ""},
			} {
				answer := ok.FindStringSubmatch(c.Ask(tt.command))
				if answer == nil || answer[2] != tt.matched {
					t.Fatalf("%s: answer %q, want ok <id> %s", tt.command, answer, tt.matched)
				}
				for _, s := range tt.to {
					if e := harness.WantMessage(t, s, tt.data); e.ID != answer[1] {
						t.Errorf("%s: event %s, the publisher was told %s", tt.command, e.ID, answer[1])
					}
				}
			}
			for _, wrong := range []string{"nonsense", "=no room", "room624=", "subscribedclients"} {
				if got := c.Ask(wrong); !strings.HasPrefix(got, "error ") {
					t.Errorf("%q: answer %q, want an error", wrong, got)
				}
			}
		})
	}
	if got := d.Status().CommandErrorsTotal; got != 8 {
		t.Errorf("command_errors_total %d, want 8", got)
	}
}

func TestClassicStatus(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	r := d.Request("subscribe=room624&id=ann")
	r.Header = []string{"User-Agent: Test/1.0"}
	d.Open(r)
	d.Subscribe("subscribe=room624&id=bob%22%5C")
	c := d.Classic("tcp")

	line := c.Ask("tcpstatus")
	if !regexp.MustCompile(`^\{"version": "[^"]+","runningtime": "\d\d:\d\d:\d\d","mode": "SSL encrypted \(https\)","loglevel": 2,` +
		`"allconncli": 2,"sseconncli": 2,"maxconncli": 2,"msgproccnt": 0,"msgsendcnt": 0,`).MatchString(line) {
		t.Errorf("tcpstatus: %s", line)
	}
	c.Say("tcpstatus\n")
	got := c.Object()
	for _, key := range []string{
		"version", "runningtime", "mode", "loglevel", "allconncli", "sseconncli", "maxconncli", "msgproccnt", "msgsendcnt",
	} {
		if _, ok := got[key]; !ok {
			t.Errorf("tcpstatus lacks %q: %v", key, got)
		}
	}
	if time, _ := got["runningtime"].(string); !regexp.MustCompile(`^\d\d:\d\d:\d\d$`).MatchString(time) {
		t.Errorf("runningtime %q, want HH:MM:SS", time)
	}
	if got["sseconncli"] != 2.0 || got["loglevel"] != 2.0 {
		t.Errorf("tcpstatus: %v, want 2 SSE clients and log level 2", got)
	}
	c.Say("tcpnumberofclients\ntcpsubscribedclients:room624\n")
	if got := c.Object(); got["numberofclients"] != 2.0 {
		t.Errorf("tcpnumberofclients: %v", got)
	}
	if got := c.Object(); got["subscribedclients"] != 2.0 || got["subscribedfor"] != "room624" {
		t.Errorf("tcpsubscribedclients: %v", got)
	}
	c.Say("tcpclientlist\n")
	c.Object()
	if got := c.Ask("numberofclients"); got != "Number of connected clients: 2" {
		t.Errorf("numberofclients: %q", got)
	}
	if got := c.Ask("subscribedclients:room624"); got != `Client count subscribed for "room624": 2` {
		t.Errorf("subscribedclients: %q", got)
	}
	for _, command := range []string{"loglevel_quiet", "loglevel_normal", "loglevel_debug", "reinit_enable", "reinit_disable"} {
		if got := c.Ask(command); got != "ok" {
			t.Errorf("%s: %q, want ok", command, got)
		}
	}

	c.Say("status\n")
	text := c.Until("------------- end --------------")
	for _, want := range []string{
		"------- status of hasses -------", "Version: ", "Compiled: ", "Pid: ", "Uid: ", "Running time: ", "Mode: ", "Loglevel: ",
		"Reinit allowed: no", "CORS-base url: ", "Count of connected clients: 2", "Current registred SSE clients: 2",
		"Maximum number of connections: ", "Total client handshaked: 2", "Total reinit connection: 0",
		"Total message processed: 0", "Total message sent: 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("status lacks %q:\n%s", want, text)
		}
	}
	c.Say("clientlist\n")
	text = c.Until("---------------- end ----------------")
	for _, want := range []string{
		"------- requested client list -------", "List of clients:", " S:SSE Err: 0 Messages: 0 Reinit: 0 SSL:Yes", "UniqId:ann",
		"Agent: Test/1.0", "SSL Status:", "Ver:TLSv1.3", "Subscribes: room624",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("clientlist lacks %q:\n%s", want, text)
		}
	}
	harness.Eventually(t, "the status in the log", func() bool { return d.Log.Contains("------- status of hasses -------") })
}

func TestDelimiterIsChosen(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--delimiter", "|")
	s := d.Subscribe("subscribe=a")
	c := d.Classic("tcp")
	c.Say("a=one;two|a=three|")
	harness.WantMessage(t, s, "one;two")
	harness.WantMessage(t, s, "three")
}

// TestPHP publishes as the PHP programs of hasses users do: no newline, no wait for a response.
func TestPHP(t *testing.T) {
	t.Parallel()
	php := harness.Tool(t, "php")
	d := harness.Start(t)
	s := d.Subscribe("subscribe=room624")
	host, port, err := net.SplitHostPort(d.TCP)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, script string }{
		{"TCP", fmt.Sprintf(`$f = fsockopen('%s', %s); fwrite($f, 'room624=hello = php; ünï');
			stream_socket_shutdown($f, STREAM_SHUT_WR); fclose($f);`, host, port)},
		{"Unix socket", fmt.Sprintf(`$f = stream_socket_client('unix://%s'); fwrite($f, 'room624=hello = php'); fclose($f);`, d.Socket)},
		{"FIFO", fmt.Sprintf(`file_put_contents('%s', 'room624=hello = php');`, d.FIFO)},
		{"status", fmt.Sprintf(`$f = fsockopen('%s', %s); fwrite($f, 'tcpstatus'); echo fgets($f); fclose($f);`, host, port)},
	} {
		r := harness.Run(t, "", php, "-r", tt.script)
		if r.Code != 0 || r.Stderr != "" {
			t.Fatalf("%s: %s", tt.name, r)
		}
		switch tt.name {
		case "status": // the daemon responds to an unterminated command after a pause
			if !strings.HasPrefix(r.Stdout, "{") || !strings.Contains(r.Stdout, `"sseconncli"`) {
				t.Errorf("tcpstatus: %q", r.Stdout)
			}
		default:
			harness.WantMessage(t, s, "hello = php")
		}
	}
}

func TestFIFO(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"a line", `echo 'a=line' > fifo`, []string{"line"}},
		{"no newline", `printf 'a=bare' > fifo`, []string{"bare"}},
		{"several in one write", `printf 'a=1\na=2\r\n\na=3;a=4' > fifo`, []string{"1", "2", "3", "4"}},
		{"writers come and go", `for i in 1 2 3; do echo "a=writer $i" > fifo; done`, []string{"writer 1", "writer 2", "writer 3"}},
	} {
		r := harness.Run(t, "", "/bin/sh", "-c", "cd "+d.Dir+" && "+tt.script)
		if r.Code != 0 {
			t.Fatalf("%s: %s", tt.name, r)
		}
		for _, want := range tt.want {
			harness.WantMessage(t, s, want)
		}
	}
	fifo, err := os.OpenFile(d.FIFO, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	harness.SayInPieces(t, d, s, "beginning", func(piece string) {
		if _, err := fifo.WriteString(piece); err != nil {
			t.Fatal(err)
		}
	}, "a=be", "gin", "ning\n")
}

func TestJSONForm(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-message-bytes", "1KiB")
	s := d.Subscribe("subscribe=a&id=ann")
	var hello struct {
		Name, URL string
		Protocol  int
	}
	d.Call("hello", nil, &hello)
	if hello.Name != "hassesd" || hello.Protocol != 1 || !strings.HasPrefix(hello.URL, "https://") {
		t.Errorf("hello: %+v", hello)
	}
	for _, tt := range []struct {
		name   string
		method string
		params any
		code   int
	}{
		{"unknown method", "nonsense", nil, -32601},
		{"no room", "send", harness.Object{"data": "x"}, -32602},
		{"bad room", "send", harness.Object{"to": "a;b", "data": "x"}, -32602},
		{"line break in the event name", "send", harness.Object{"to": "a", "event": "x\ndata: forged", "data": "x"}, -32602},
		{"an event of the daemon's own", "send", harness.Object{"to": "a", "event": "hasses.gap", "data": "x"}, -32602},
		{"NUL in except", "send", harness.Object{"to": "a", "except": "x\x00", "data": "x"}, -32602},
		{"too large", "send", harness.Object{"to": "a", "data": strings.Repeat("x", 1025)}, -32003},
		{"wrong type", "send", harness.Object{"to": 5, "data": "x"}, -32602},
		{"kick whom", "kick", harness.Object{}, -32602},
		{"level", "loglevel", harness.Object{"level": "loud"}, -32602},
	} {
		if err := d.Try(tt.method, tt.params, nil); harness.ErrorCode(err) != tt.code {
			t.Errorf("%s: %v, want code %d", tt.name, err, tt.code)
		}
	}
	exactly := strings.Repeat("x", 1024)
	d.Send("a", exactly)
	harness.WantMessage(t, s, exactly)

	var clients struct {
		Clients []struct {
			ID, Addr, State, TLS, Cipher string
			Rooms                        []string
			Sent                         uint64
		}
		Total int
	}
	d.Call("clients", harness.Object{"room": "a"}, &clients)
	if clients.Total != 1 || len(clients.Clients) != 1 {
		t.Fatalf("clients: %+v", clients)
	}
	if c := clients.Clients[0]; c.ID != "ann" || c.State != "streaming" || c.TLS != "TLS 1.3" || len(c.Rooms) != 1 || c.Sent != 1 {
		t.Errorf("client: %+v", c)
	}
	var rooms struct {
		Rooms []struct {
			Room    string
			Streams int
		}
		Total int
	}
	d.Call("rooms", nil, &rooms)
	if rooms.Total != 1 || rooms.Rooms[0].Room != "a" || rooms.Rooms[0].Streams != 1 {
		t.Errorf("rooms: %+v", rooms)
	}
	var kicked struct{ Kicked int }
	d.Call("kick", harness.Object{"id": "nobody"}, &kicked)
	if kicked.Kicked != 0 {
		t.Errorf("kicking nobody: %d", kicked.Kicked)
	}
	d.Call("kick", harness.Object{"room": "a"}, &kicked)
	if kicked.Kicked != 1 {
		t.Errorf("kicking the room: %d", kicked.Kicked)
	}
	if _, err := s.Rest(); err != nil {
		t.Errorf("after the kick: %v", err)
	}
}

// TestBrowserCannotPublish sends to the control port what a page could make a browser send.
func TestBrowserCannotPublish(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=*")
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\na=forged\n*=me\n",
		"GET /?a=forged HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \r\n\r\n",
		"OPTIONS /a=forged HTTP/1.1\r\n\r\n",
	} {
		c := d.Classic("tcp")
		c.Say(request)
		c.Finish()
	}
	d.Send("a", "real")
	harness.WantMessage(t, s, "real")
}

// A publisher who does not know whether a message arrived sends it again under its key.
func TestAMessageSentAgainIsPublishedOnce(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	type sent struct {
		ID        string
		Matched   int
		Duplicate bool
	}
	var first, again sent
	message := harness.Object{"to": "a", "data": "once", "key": "order-7"}
	d.Call("send", message, &first)
	d.Call("send", message, &again)
	if first.Duplicate || !again.Duplicate || again.ID != first.ID || again.Matched != 1 {
		t.Errorf("got %+v, and again %+v", first, again)
	}
	if err := d.Try("send", harness.Object{"to": "a", "data": "other", "key": "order-7"}, nil); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("another message under the key: %v", err)
	}
	d.Send("a", "end")
	harness.WantMessage(t, s, "once")
	harness.WantMessage(t, s, "end")
}
