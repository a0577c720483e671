package acmecert

import (
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRenewalID(t *testing.T) {
	// The example of RFC 9773 section 4.1.
	leaf := &x509.Certificate{
		AuthorityKeyId: []byte{0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C, 0xDE, 0x01, 0xC8, 0xD4},
		SerialNumber:   big.NewInt(0x87654321),
	}
	if got, want := renewalID(leaf), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	leaf.SerialNumber = big.NewInt(0x07654321)
	if got, want := renewalID(leaf), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.B2VDIQ"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, leaf := range []*x509.Certificate{{SerialNumber: big.NewInt(1)}, {SerialNumber: big.NewInt(0), AuthorityKeyId: []byte{1}}} {
		if got := renewalID(leaf); got != "" {
			t.Errorf("%v has the id %s", leaf, got)
		}
	}
}

func TestRenewalInfo(t *testing.T) {
	window := func(start, end time.Time) *renewalInfo {
		r := &renewalInfo{}
		r.SuggestedWindow.Start, r.SuggestedWindow.End = start, end
		return r
	}
	for retryAfter, ask := range map[string]time.Duration{
		"": 6 * time.Hour, "3600": time.Hour, "0": time.Minute, "999999": day, "never": 6 * time.Hour,
	} {
		got, err := window(noon, noon.Add(2*day)).advice("a", retryAfter, noon)
		if err != nil || got.renewAt.Before(noon) || !got.renewAt.Before(noon.Add(2*day)) || !got.askAt.Equal(noon.Add(ask)) {
			t.Errorf("Retry-After %q: %+v, %v", retryAfter, got, err)
		}
	}
	for _, bad := range []*renewalInfo{{}, window(noon, noon), window(noon, noon.Add(-day))} {
		if got, err := bad.advice("a", "", noon); err == nil {
			t.Errorf("%+v became %+v", bad, got)
		}
	}
}

func TestAdvise(t *testing.T) {
	ca := newFakeCA(t)
	o, _ := optionsFor(t, ca)
	a := newAuthority(t, o)
	if got, err := a.advise(t.Context(), "aki.serial"); !errors.Is(err, errNoAdvice) {
		t.Errorf("without renewal information: %+v, %v", got, err)
	}
	ca.window = `{"suggestedWindow":{"start":"2026-06-01T12:00:00Z","end":"2026-06-03T12:00:00Z"},"explanationURL":"https://ca.example/why"}`
	got, err := a.advise(t.Context(), "aki.serial")
	if err != nil || got.renewAt.Before(noon) || got.renewAt.After(noon.Add(2*day)) {
		t.Errorf("got %+v, %v", got, err)
	}
	if wait := time.Until(got.askAt); wait < time.Hour || wait > 2*time.Hour {
		t.Errorf("asked again after %s, want the two hours that were asked for", wait)
	}
	if !slices.Equal(ca.renewals, []string{"aki.serial"}) {
		t.Errorf("asked about %q", ca.renewals)
	}
	for text, want := range map[string]string{"{": "unexpected EOF", "{}": "suggests a window", `{"suggestedWindow":{"start":5}}`: "not a JSON string"} {
		ca.window = text
		if got, err := a.advise(t.Context(), "aki.serial"); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%s: %+v, %v; want %s", text, got, err, want)
		}
	}
}
