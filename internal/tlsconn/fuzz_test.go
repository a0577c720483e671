package tlsconn

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// scriptOf turns fuzzed bytes into reads of 0 to 255 bytes, over and over, with an end to each run
// of zeros.
func scriptOf(cuts []byte) script {
	var counts []int
	for _, c := range cuts {
		counts = append(counts, int(c))
	}
	return script{reads: cycle(append(counts, 700)...), writes: cycle(append(counts, 90)...)}
}

// FuzzFirstBytes sends anything instead of a handshake, in any pieces: the verdict is that of a
// blocking connection. Where the first record is cut short, it is that of one whose client sends
// the record in parts, as Conn hands it over: crypto/tls judges a part when it is there, and may
// find fault with a message before its record has ended.
func FuzzFirstBytes(f *testing.F) {
	for _, first := range firstBytes {
		f.Add(first.bytes, []byte{1, 0, 5})
	}
	for _, v := range versions {
		f.Add(helloOf(f, v), []byte{0, 0, 3})
	}
	f.Fuzz(func(t *testing.T, first, cuts []byte) {
		if len(first) > 32<<10 || len(cuts) > 64 {
			return // longer input shows nothing new
		}
		for _, v := range versions {
			sc := scenario{config: serverConfig(v), client: bytesOf(first)}
			inParts := scenario{config: sc.config, client: bytesOf(inPartsIfCutShort(first))}
			if err := sc.stepped(t, scriptOf(cuts)).sameAs(inParts.blocking(t)); err != nil {
				t.Errorf("%s: %v", tls.VersionName(v), err)
			}
		}
	})
}

// inPartsIfCutShort returns a stream whose first record is one of a handshake and ends too early,
// with that record in equal parts of at most maxPart bytes, their number a power of two. It returns
// any other stream as it is.
func inPartsIfCutShort(stream []byte) []byte {
	if len(stream) < headerLen || stream[0] != 22 || stream[1] != 3 {
		return stream
	}
	n := int(binary.BigEndian.Uint16(stream[3:]))
	body := stream[headerLen:]
	if n > MaxSeal || len(body) >= n {
		return stream
	}
	parts := 1
	for (n+parts-1)/parts > maxPart {
		parts *= 2
	}
	size := (n + parts - 1) / parts
	var out []byte
	for rest := n; ; rest -= size {
		part := min(size, rest)
		out = append(out, stream[0], stream[1], stream[2], byte(part>>8), byte(part))
		if len(body) < part {
			return append(out, body...)
		}
		out, body = append(out, body[:part]...), body[part:]
	}
}

// A ClientHello of 15 MB is too long whether or not the record with its beginning is whole.
func TestAHelloTooLongInARecordCutShort(t *testing.T) {
	t.Parallel()
	first := append(recordHeader(22, 1200), 1, 0xe4, 0xe1, 0xc0)
	first = append(first, noise(600)...)
	for _, v := range versions {
		sc := scenario{config: serverConfig(v), client: bytesOf(first)}
		if got := text(sc.stepped(t, script{}).handshake); !strings.Contains(got, "handshake message of length 15000000 bytes exceeds") {
			t.Errorf("%s: %s", tls.VersionName(v), got)
		}
		if got := text(sc.blocking(t).handshake); got != io.ErrUnexpectedEOF.Error() {
			t.Errorf("%s, in one record: %s", tls.VersionName(v), got) // then inPartsIfCutShort is not needed
		}
	}
}

// helloOf returns the ClientHello record of a Go client.
func helloOf(t testing.TB, version uint16) []byte {
	t.Helper()
	l := newLink()
	ended := make(chan error, 1)
	go func() { ended <- tls.Client(clientEnd{l}, clientConfig(version)).Handshake() }()
	record := make([]byte, 4096)
	n, err := blockingEnd{clientEnd{l}}.Read(record)
	l.close()
	if receive(t, ended) == nil || err != nil {
		t.Fatalf("client without a server: handshake succeeded, or %v", err)
	}
	return record[:n]
}

// FuzzRecords lets a hostile client with the right keys run a program, in any pieces: the same
// plaintext and the same end as with a blocking connection. A step is an operation and a length;
// bytes that are sent are taken from the rest.
func FuzzRecords(f *testing.F) {
	f.Add(true, []byte{0, 5, 'h', 'e', 'l', 'l', 'o', 6, 0, 0, 2, 'o', 'k'}, []byte{1, 0})
	f.Add(true, []byte{7, 0, 7, 0, 0, 1, 'x', 4, 3, 9}, []byte{0, 20})
	f.Add(true, []byte{1, 2, 24, 0, 1, 3, 0, 1, 1, 0, 1, 'x'}, []byte{3})
	f.Add(true, []byte{8, 0, 5, 100, 2, 2, 1, 90, 0, 1, 'x', 2, 2, 1, 0}, []byte{255, 0, 0, 0, 1})
	f.Add(false, []byte{0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 2, 2, 1, 90, 0, 1, 'x'}, []byte{1, 0})
	f.Add(false, []byte{1, 4, 0, 0, 0, 0, 0, 1, 'x'}, []byte{2})
	f.Add(false, []byte{3, 1, 1, 9, 30, 23, 3, 3}, []byte{0})
	f.Fuzz(func(t *testing.T, modern bool, program, cuts []byte) {
		if len(program) > 4<<10 || len(cuts) > 64 {
			return // longer input shows nothing new
		}
		version := uint16(tls.VersionTLS12)
		if modern {
			version = tls.VersionTLS13
		}
		sc := scenario{
			config: serverConfig(version),
			client: hostileClient(version, func(h *hostile) { h.run(program) }),
			says:   greeting,
		}
		want := sc.blocking(t)
		for _, sc := range sc.ways() {
			sc.strict = isForeign(program) // tlsrecord.FuzzOpened knows what is refused
			got := sc.stepped(t, scriptOf(cuts))
			if got.client != nil || want.client != nil {
				t.Fatalf("client: %v, %v", got.client, want.client)
			}
			if err := got.sameAs(want); err != nil {
				t.Errorf("%s: %v", sc.way, err)
			}
		}
	})
}

// isForeign reports whether a program sends anything that is not data, an alert or a KeyUpdate.
func isForeign(program []byte) bool {
	for len(program) >= 2 {
		op, n := program[0], int(program[1])
		program = program[2:]
		switch op % 10 {
		case 1, 3, 4, 9:
			return true
		case 0, 2:
			program = program[min(n, len(program)):]
		}
	}
	return false
}

// run executes a fuzzed program.
func (h *hostile) run(program []byte) {
	for len(program) >= 2 {
		op, n := program[0], int(program[1])
		program = program[2:]
		data := program[:min(n, len(program))]
		rest := program[len(data):]
		switch op % 10 {
		case 0:
			h.send(typeData, data)
		case 1:
			h.send(typeHandshake, data)
		case 2:
			h.send(typeAlert, data)
		case 3:
			h.send(typeChangeCipherSpec, data)
		case 4:
			h.send(op, data) // a type of any number
		case 5:
			h.sendRaw(h.seal(typeData, nil, n))
			rest = program
		case 6:
			h.send(typeHandshake, keyUpdate)
			h.roll()
			rest = program
		case 7:
			h.send(typeHandshake, keyUpdateRequested)
			h.roll()
			rest = program
		case 8:
			h.send(typeData, make([]byte, n<<6)) // up to 16,320 bytes
			rest = program
		case 9:
			h.sendRaw(data)
		}
		program = rest
	}
}

// roll goes on to the next keys where the version has such.
func (h *hostile) roll() {
	if h.version == tls.VersionTLS13 {
		h.nextKeys()
	}
}
