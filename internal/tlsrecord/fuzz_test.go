package tlsrecord

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzOpened gives the server records of a client that knows its keys: all that can come of them
// is what a small model of RFC 8446 says.
func FuzzOpened(f *testing.F) {
	f.Add(byte(1), []byte{23, 1, 'x', 22, 5, 24, 0, 0, 1, 1, 23, 0, 21, 2, 1, 0})
	f.Add(byte(2), []byte{22, 2, 24, 0, 22, 3, 0, 1, 0, 23, 2, 'h', 'i'})
	f.Add(byte(3), []byte{21, 2, 1, 90, 21, 2, 2, 40})
	f.Add(byte(1), []byte{20, 1, 1})
	f.Add(byte(1), []byte{22, 4, 24, 0, 0, 1, 23, 1, 'x'})
	f.Fuzz(func(t *testing.T, suite byte, program []byte) {
		p := newPair(t, Suite(1+suite%3))
		var want oracle
		for len(program) >= 2 {
			typ, n := ContentType(program[0]), min(int(program[1]), len(program)-2)
			data := program[2 : 2+n]
			program = program[2+n:]
			got, plain, err := p.send(typ, data)
			typ, data = unpadded(typ, data)
			wantGot, wantErr, rolls := want.record(typ, data)
			if err == nil != (wantErr == 0) || err != nil && !errors.Is(err, wantErr) || err == nil && got != wantGot {
				t.Fatalf("record of type %d, % x: got %d, %v, want %d, alert %d", typ, data, got, err, wantGot, wantErr)
			}
			if got == Data && err == nil && !bytes.Equal(plain, data) {
				t.Fatalf("got %q, want %q", plain, data)
			}
			if err != nil || got == PeerClosed || got == PeerAlert {
				return
			}
			if rolls {
				p.roll()
			}
		}
	})
}

// oracle is RFC 8446 sections 4.6.3, 5.1 and 6 once more, as a reader would write it down.
type oracle struct {
	message []byte
	useless int
}

func (o *oracle) record(typ ContentType, data []byte) (got Received, alert Alert, rolls bool) {
	inside := len(o.message) > 0
	switch {
	case typ != Handshake && inside:
		return 0, UnexpectedMessage, false
	case typ == ApplicationData && len(data) > 0:
		o.useless = 0
		return Data, 0, false
	case typ == ApplicationData:
	case typ == AlertRecord && len(data) == 2 && data[1] == 0:
		return PeerClosed, 0, false
	case typ == AlertRecord && len(data) == 2 && data[1] != 90:
		return PeerAlert, 0, false
	case typ == AlertRecord && len(data) == 2:
	case typ == Handshake && len(data) > 0:
		o.message = append(o.message, data...)
		switch prefix := []byte{24, 0, 0, 1}; {
		case o.message[0] != 24:
			return 0, UnexpectedMessage, false
		case !bytes.HasPrefix(o.message, prefix[:min(4, len(o.message))]):
			return 0, DecodeError, false
		case len(o.message) <= 4:
			return Ignored, 0, false
		case o.message[4] > 1:
			return 0, IllegalParameter, false
		case len(o.message) > 5:
			return 0, UnexpectedMessage, false
		}
		if o.message[4] == 1 {
			got = UpdateWanted
		} else {
			got = Ignored
		}
		o.message, rolls = nil, true
		if o.useless++; o.useless > 16 {
			return 0, UnexpectedMessage, false
		}
		return got, 0, rolls
	default:
		return 0, UnexpectedMessage, false
	}
	if o.useless++; o.useless > 16 {
		return 0, UnexpectedMessage, false
	}
	return Ignored, 0, false
}

// unpadded returns what is in a record when its type is 0, which is padding: the last byte of the
// data that is not is the type then.
func unpadded(typ ContentType, data []byte) (ContentType, []byte) {
	if typ != 0 {
		return typ, data
	}
	if data = bytes.TrimRight(data, "\x00"); len(data) == 0 {
		return 0, nil
	}
	return ContentType(data[len(data)-1]), data[:len(data)-1]
}

// FuzzSize takes any header for a record: it is refused, or its size is that of a record.
func FuzzSize(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 20})
	f.Add([]byte("GET / HTTP/1.1"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) < HeaderLen {
			return
		}
		n, err := Size(p)
		isRecord := p[0] == 23 && p[1] == 3 && p[2] == 3 && int(p[3])<<8|int(p[4]) <= 1<<14+256
		if isRecord != (err == nil) || err == nil && n != 5+int(p[3])<<8+int(p[4]) {
			t.Errorf("% x: %d, %v", p[:5], n, err)
		}
	})
}

// FuzzForged gives the server bytes of a client that does not know its keys.
func FuzzForged(f *testing.F) {
	f.Add(byte(0), bytes.Repeat([]byte{7}, 40))
	f.Add(byte(1), []byte{})
	f.Fuzz(func(t *testing.T, suite byte, body []byte) {
		if len(body) > MaxCiphertext {
			return
		}
		p := newPair(t, Suite(1+suite%3))
		record := append(appendHeader(nil, len(body)), body...)
		if got, plain, err := p.ring.Receive(p.server, record); !errors.Is(err, BadRecordMAC) || plain != nil {
			t.Errorf("% x: %d, %q, %v", body, got, plain, err)
		}
	})
}
