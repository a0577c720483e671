package classic

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/names"
)

func TestParseCommand(t *testing.T) {
	long := strings.Repeat("r", names.MaxRoom)
	for _, tt := range []struct {
		in     string
		want   Command
		column int // 0: no error
	}{
		{"status", Command{Verb: VerbStatus}, 0},
		{"clientlist", Command{Verb: VerbClientList}, 0},
		{"numberofclients", Command{Verb: VerbNumberOfClients}, 0},
		{"subscribedclients:room624", Command{Verb: VerbSubscribed, Room: "room624"}, 0},
		{"subscribedclients:a-b:c", Command{Verb: VerbSubscribed, Room: "a-b:c"}, 0},
		{"tcpstatus", Command{Verb: VerbTCPStatus}, 0},
		{"tcpclientlist", Command{Verb: VerbTCPClientList}, 0},
		{"tcpnumberofclients", Command{Verb: VerbTCPNumber}, 0},
		{"tcpsubscribedclients:x", Command{Verb: VerbTCPSubscribed, Room: "x"}, 0},
		{"loglevel_quiet", Command{Verb: VerbLogLevelQuiet}, 0},
		{"loglevel_normal", Command{Verb: VerbLogLevelNormal}, 0},
		{"loglevel_debug", Command{Verb: VerbLogLevelDebug}, 0},
		{"reinit_enable", Command{Verb: VerbReinitEnable}, 0},
		{"reinit_disable", Command{Verb: VerbReinitDisable}, 0},
		{"ack_enable", Command{Verb: VerbAckEnable}, 0},

		{"room624=hello", Command{Room: "room624", Message: "hello"}, 0},
		{"room=a=b==c", Command{Room: "room", Message: "a=b==c"}, 0},
		{"room= ", Command{Room: "room", Message: " "}, 0},
		{"room-x=hello", Command{Room: "room", Except: "x", Message: "hello"}, 0},
		{"room-x-y-z=hello", Command{Room: "room", Except: "x-y-z", Message: "hello"}, 0},
		{"room-=hello", Command{Room: "room", Message: "hello"}, 0},
		{"room6*=hello", Command{Room: "room6*", Message: "hello"}, 0},
		{"room6*-x=hello", Command{Room: "room6*", Except: "x", Message: "hello"}, 0},
		{"*=hello", Command{Room: "*", Message: "hello"}, 0},
		{"*-x=hello", Command{Room: "*", Except: "x", Message: "hello"}, 0},
		{"status=hello", Command{Room: "status", Message: "hello"}, 0},
		{"GET=hello", Command{Room: "GET", Message: "hello"}, 0},
		{"größe=\xff\x00", Command{Room: "größe", Message: "\xff\x00"}, 0},
		{long + "=m", Command{Room: long, Message: "m"}, 0},
		{long + "*=m", Command{Room: long + "*", Message: "m"}, 0},
		{"r-" + strings.Repeat("i", names.MaxClientID) + "=m", Command{Room: "r", Except: strings.Repeat("i", names.MaxClientID), Message: "m"}, 0},

		{"nonsense", Command{}, 1},
		{"Status", Command{}, 1},
		{"status ", Command{}, 1},
		{"subscribedclients", Command{}, 1},
		{"subscribedclients:", Command{}, 19},
		{"subscribedclients:a*", Command{}, 20},
		{"tcpsubscribedclients:a\x01", Command{}, 23},
		{"room=", Command{}, 6},
		{"=hello", Command{}, 1},
		{"-x=hello", Command{}, 1},
		{"=", Command{}, 1},
		{"a*b=hello", Command{}, 2},
		{"a**=hello", Command{}, 2},
		{"**=hello", Command{}, 1},
		{"a;b=hello", Command{}, 2},
		{"a\tb=hello", Command{}, 2},
		{"a\u0085b=hello", Command{}, 2},
		{"ab\xff=hello", Command{}, 3},
		{"a-b\x7f=hello", Command{}, 4},
		{long + "r=m", Command{}, 257},
		{"r-" + strings.Repeat("i", names.MaxClientID+1) + "=m", Command{}, 67},
	} {
		got, err := ParseCommand(tt.in)
		switch {
		case tt.column == 0 && err != nil:
			t.Errorf("%q: %v, want %+v", tt.in, err, tt.want)
		case tt.column == 0 && got != tt.want:
			t.Errorf("%q: got %+v, want %+v", tt.in, got, tt.want)
		case tt.column != 0 && (err == nil || err.Column != tt.column):
			t.Errorf("%q: got %+v, %v, want an error at column %d", tt.in, got, err, tt.column)
		}
	}
}

// parsed is what a Parser made of a stream, for comparing.
type parsed struct {
	Command
	Err SyntaxError
}

const testLimit = 32

// parseStream feeds the pieces, and then ends the stream.
func parseStream(delimiter byte, pieces ...[]byte) []parsed {
	var got []parsed
	visit := func(c Command, err *SyntaxError) {
		p := parsed{Command: c}
		if err != nil {
			p.Err = *err
		}
		got = append(got, p)
	}
	p := NewParser(delimiter, nil)
	for _, piece := range pieces {
		p.Feed(piece, func() int { return testLimit }, visit)
	}
	p.Flush(visit)
	return got
}

func eachByte(s []byte) [][]byte {
	var pieces [][]byte
	for i := range s {
		pieces = append(pieces, s[i:i+1])
	}
	return pieces
}

var streams = []struct {
	name, in string
	want     []string // %s of each command or error
}{
	{"newlines", "a=1\nb=2\n", []string{"a=1", "b=2"}},
	{"CR LF", "a=1\r\nstatus\r\n\r\n", []string{"a=1", "verb 1"}},
	{"a CR elsewhere stays", "a=1\rx\r\nb=2\r", []string{"a=1\rx", "b=2\r"}},
	{"delimiters", "a=1;b=2;;status;\n", []string{"a=1", "b=2", "verb 1"}},
	{"a delimiter ends a message", "a={x;y}\n", []string{"a={x", "unknown command at column 1"}},
	{"no end", "a=1", []string{"a=1"}},
	{"nothing", "", nil},
	{"empty commands", "\n;\r\n;;\n", nil},
	{"as long as can be", "a=" + strings.Repeat("x", testLimit-2) + "\nb=2", []string{"a=" + strings.Repeat("x", testLimit-2), "b=2"}},
	{"too long", "a=" + strings.Repeat("x", testLimit-1) + "\nb=2", []string{"the command is too large at column 33", "b=2"}},
	{"much too long", strings.Repeat("a=b", 100) + ";b=2", []string{"the command is too large at column 33", "b=2"}},
	{"too long without end", strings.Repeat("x", 100), []string{"the command is too large at column 33"}},
	{"two that are too long", strings.Repeat("x", 100) + "\n" + strings.Repeat("y", 100) + "\nc=3\n", []string{
		"the command is too large at column 33", "the command is too large at column 33", "c=3",
	}},
}

func (p parsed) String() string {
	switch {
	case p.Err.Column != 0:
		return p.Err.Error()
	case p.Verb == VerbSend:
		return p.Room + "=" + p.Message
	}
	return fmt.Sprintf("verb %d", p.Verb)
}

func texts(ps []parsed) []string {
	var s []string
	for _, p := range ps {
		s = append(s, p.String())
	}
	return s
}

func TestParserIgnoresWhereTheStreamIsCut(t *testing.T) {
	for _, tt := range streams {
		in := []byte(tt.in)
		if got := texts(parseStream(';', in)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: all at once: got %q, want %q", tt.name, got, tt.want)
		}
		if got := texts(parseStream(';', eachByte(in)...)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: byte by byte: got %q, want %q", tt.name, got, tt.want)
		}
		for i := range in {
			if got := texts(parseStream(';', in[:i], in[i:])); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: cut at %d: got %q, want %q", tt.name, i, got, tt.want)
			}
		}
	}
}

func TestParserFlushEndsACommand(t *testing.T) {
	p := NewParser('|', nil)
	var got []string
	visit := func(c Command, err *SyntaxError) {
		if err != nil {
			got = append(got, err.Error())
			return
		}
		got = append(got, c.Room+"="+c.Message)
	}
	step := func(in string, pending int) {
		t.Helper()
		p.Feed([]byte(in), func() int { return testLimit }, visit)
		if p.Pending() != pending {
			t.Errorf("after %q: %d bytes pending, want %d", in, p.Pending(), pending)
		}
	}
	step("a=1;2|b=", 2)
	step("3", 3)
	p.Flush(visit)
	step("c=4", 3)
	p.Flush(visit)
	p.Flush(visit) // nothing is under way
	step(strings.Repeat("x", 50), testLimit)
	step(strings.Repeat("x", 50), testLimit)
	p.Flush(visit)
	step("d=5\n", 0)
	want := []string{"a=1;2", "b=3", "c=4", "the command is too large at column 33", "d=5"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzGrammar(f *testing.F) {
	for _, tt := range streams {
		f.Add([]byte(tt.in), byte(';'), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, delimiter byte, cut uint) {
		whole := parseStream(delimiter, in)
		at := int(cut % uint(len(in)+1))
		if got := parseStream(delimiter, in[:at], in[at:]); !reflect.DeepEqual(got, whole) {
			t.Fatalf("cut at %d: %q, whole: %q", at, texts(got), texts(whole))
		}
		if got := parseStream(delimiter, eachByte(in)...); !reflect.DeepEqual(got, whole) {
			t.Fatalf("byte by byte: %q, whole: %q", texts(got), texts(whole))
		}
		for _, p := range whole {
			switch {
			case p.Err.Column < 0 || p.Err.Column > testLimit+1:
				t.Fatalf("an error at column %d", p.Err.Column)
			case p.Err.Column > 0:
			case p.Verb == VerbSend && (p.Message == "" || !isTarget(p.Room) || names.CheckClientID(p.Except) != nil):
				t.Fatalf("accepted %+v", p.Command)
			case p.Verb == VerbSend && !bytes.Contains(in, []byte(p.Message)):
				t.Fatalf("the message %q was not sent", p.Message)
			case (p.Verb == VerbSubscribed || p.Verb == VerbTCPSubscribed) && names.CheckRoom(p.Room) != nil:
				t.Fatalf("accepted %+v", p.Command)
			}
		}
	})
}

func isTarget(s string) bool {
	_, err := names.ParseTarget(s)
	return err == nil
}

func BenchmarkParser(b *testing.B) {
	in := bytes.Repeat([]byte("room624-user17="+strings.Repeat("x", 100)+"\n"), 100)
	p := NewParser(';', nil)
	n := 0
	visit := func(Command, *SyntaxError) { n++ }
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		p.Feed(in, func() int { return 1 << 16 }, visit)
	}
	if n == 0 {
		b.Fatal("no commands")
	}
}

// The history keeps the names of a message for as long as there is one for the room, and must not
// keep its text with them.
func TestNamesDoNotKeepTheirCommand(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const n, size = 64, 1 << 20
	var kept []string
	before := heap()
	for range n {
		c, err := ParseCommand("room-id=" + strings.Repeat("x", size))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, c.Room, c.Except)
	}
	if grown := heap() - before; grown > n*size/4 {
		t.Errorf("%d names keep %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}
