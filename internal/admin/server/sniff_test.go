package server

import (
	"strings"
	"testing"
)

func TestSniff(t *testing.T) {
	for _, tt := range []struct {
		head string
		want form // of what has come so far
		over form // when nothing follows
	}{
		{"{", formJSON, formJSON},
		{`{"jsonrpc":"2.0"`, formJSON, formJSON},
		{"\x16\x03\x01\x02\x00\x01", formTLS, formTLS},
		{"room624=hello", formClassic, formClassic},
		{"*=hello", formClassic, formClassic},
		{"status\n", formClassic, formClassic},
		{"status", formUnknown, formClassic},
		{"s", formUnknown, formClassic},
		{"subscribedclients:x", formClassic, formClassic},
		{"loglevel_", formClassic, formClassic},
		{strings.Repeat("x", maxMethod+1), formClassic, formClassic},
		{"\n", formClassic, formClassic},
		{" GET / HTTP/1.1\r\n", formClassic, formClassic},

		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", formHTTP, formHTTP},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nroom=hi", formHTTP, formHTTP},
		{"PUT /room=x", formHTTP, formHTTP},
		{"PATCH ", formHTTP, formHTTP},
		{"TRACE ", formHTTP, formHTTP},
		{"DELETE *", formHTTP, formHTTP},
		{"HEAD\r\n", formHTTP, formHTTP},
		{"OPTIONS\n", formHTTP, formHTTP},
		{"CONNECT\r", formHTTP, formHTTP},
		{"PROPFIND /x HTTP/1.1\r\n", formHTTP, formHTTP},
		{"get / HTTP/1.0\n", formHTTP, formHTTP},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", formHTTP, formHTTP},
		{"PROPFIND /x HTTP/1.", formUnknown, formHTTP},
		{"PROPFIND /x HTTP/", formUnknown, formClassic},
		{"GET", formUnknown, formHTTP},
		{"PO", formUnknown, formHTTP},

		{"GET=hello", formClassic, formClassic},
		{"GETTER=hello", formClassic, formClassic},
		{"POST-x=hello", formClassic, formClassic},
		{"news flash=Why HTTP/2 matters\n", formClassic, formClassic},
		{"news flash=Why HTTP/2 m", formClassic, formClassic},
		{"news flash=a", formUnknown, formClassic},
		{"news flash=a\n", formClassic, formClassic},
		{"news flash=" + strings.Repeat("a", maxRequestLine), formClassic, formClassic},
	} {
		if got := sniff([]byte(tt.head), false); got != tt.want {
			t.Errorf("%.40q: got %d, want %d", tt.head, got, tt.want)
		}
		if got := sniff([]byte(tt.head), true); got != tt.over {
			t.Errorf("%.40q and nothing more: got %d, want %d", tt.head, got, tt.over)
		}
		for i := range tt.head {
			early := sniff([]byte(tt.head[:i]), false)
			if early != formUnknown && early != tt.want {
				t.Errorf("%.40q: decided %d after %d bytes, want %d", tt.head, early, i, tt.want)
			}
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n"), uint(4))
	f.Add([]byte("news flash=a\nb=2\n"), uint(9))
	f.Add([]byte(`{"jsonrpc"`), uint(1))
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		whole := sniff(in, false)
		part := in[:cut%uint(len(in)+1)]
		if early := sniff(part, false); early != formUnknown && early != whole {
			t.Fatalf("%q: decided %d after %q, and %d after all", in, early, part, whole)
		}
		if len(in) > 0 && sniff(in, true) == formUnknown {
			t.Fatalf("%q: undecided at the end", in)
		}
	})
}
