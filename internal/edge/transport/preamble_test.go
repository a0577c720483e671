package transport

import (
	"errors"
	"io"
	"testing"
)

func TestNothingIsReadBeyondThePreamble(t *testing.T) {
	f := newFixtureAfter(t, 10)
	f.peer.Send([]byte("01234"))
	f.turn()
	if f.State() != Preamble || f.begun {
		t.Fatalf("state %v after half a preamble", f.State())
	}
	f.peer.Send([]byte("56789GET /"))
	f.turn()
	if got := string(f.preamble); got != "0123456789" {
		t.Errorf("preamble %q", got)
	}
	if f.State() != Open || !f.begun || f.got.String() != "GET /" {
		t.Errorf("state %v, begun %v, got %q", f.State(), f.begun, f.got.String())
	}
}

func TestAPreambleThatIsCut(t *testing.T) {
	f := newFixtureAfter(t, 10)
	f.peer.Send([]byte("01234"))
	f.turn()
	f.peer.CloseWrite()
	f.turn()
	if !errors.Is(f.ended, io.EOF) || f.begun {
		t.Errorf("ended with %v, begun %v", f.ended, f.begun)
	}
}
