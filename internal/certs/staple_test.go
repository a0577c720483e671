package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// answerFor signs an OCSP answer for the leaf of a chain.
func answerFor(t *testing.T, c chainOfThree, change func(*ocsp.Response)) []byte {
	t.Helper()
	answer := ocsp.Response{
		Status:       ocsp.Good,
		SerialNumber: c.leaf.cert.SerialNumber,
		ThisUpdate:   noon.Add(-time.Hour),
		NextUpdate:   noon.Add(72 * time.Hour),
		IssuerHash:   crypto.SHA1,
	}
	if change != nil {
		change(&answer)
	}
	der, err := ocsp.CreateResponse(c.intermediate.cert, c.intermediate.cert, answer, c.intermediate.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// mustStaple demands a staple (RFC 7633).
func mustStaple(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
}

func loadStapled(t *testing.T, answer []byte, chain ...issued) (*Pair, error) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, chain...)
	return LoadFiles(Files{Cert: certFile, Key: keyFile, OCSP: write(t, dir, "ocsp.der", answer)}, noon)
}

func TestAStapleIsServedUntilItEnds(t *testing.T) {
	c := newChain(t)
	der := answerFor(t, c, nil)
	p, err := loadStapled(t, der, c.leaf, c.intermediate)
	if err != nil {
		t.Fatal(err)
	}
	if w := p.Info().Problems(noon); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	s := newStore(t, usual, p)
	for _, step := range []struct {
		after time.Duration
		want  []byte
	}{{-time.Hour - time.Second, nil}, {-time.Hour, der}, {0, der}, {71 * time.Hour, der}, {72 * time.Hour, nil}} {
		s.now = func() time.Time { return noon.Add(step.after) }
		s.SetFiles(nil, 0) // a snapshot with this clock
		s.SetFiles([]*Pair{p}, 0)
		state, err := shakeHands(t, configOf(s), trusting(c.root))
		if err != nil || !bytes.Equal(state.OCSPResponse, step.want) {
			t.Errorf("after %v: a staple of %d bytes, %v", step.after, len(state.OCSPResponse), err)
		}
	}
}

// A staple that nobody renews is reported, although no file is read again.
func TestAStapleThatEndsIsComplainedOf(t *testing.T) {
	c := newChain(t)
	p, err := loadStapled(t, answerFor(t, c, nil), c.leaf, c.intermediate)
	if err != nil {
		t.Fatal(err)
	}
	info := p.Info()
	if !info.StapleUntil.Equal(noon.Add(72 * time.Hour)) {
		t.Errorf("until %s", info.StapleUntil)
	}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, ""},
		{60 * time.Hour, ""},
		{60*time.Hour + time.Second, "ends at 2026-06-04T12:00:00Z and is then left out; fetch it anew"},
		{72*time.Hour - time.Second, "ends at 2026-06-04T12:00:00Z and is then left out; fetch it anew"},
		{72 * time.Hour, "ended at 2026-06-04T12:00:00Z and is left out; fetch it anew"},
	} {
		got := info.Problems(noon.Add(step.after))
		if (step.want == "") != (len(got) == 0) || len(got) > 1 {
			t.Errorf("after %v: %q", step.after, got)
		} else if len(got) == 1 && got[0] != "its OCSP answer "+info.StapleFile+" "+step.want {
			t.Errorf("after %v: %q, want %q", step.after, got, step.want)
		}
	}
}

func TestStapleMistakes(t *testing.T) {
	c := newChain(t)
	demanding := c
	demanding.leaf = issue(t, &c.intermediate, server(), mustStaple)
	other := newChain(t)
	over := func(r *ocsp.Response) { r.NextUpdate = noon.Add(-time.Minute) }
	early := func(r *ocsp.Response) { r.ThisUpdate = noon.Add(time.Minute) }
	for _, test := range []struct {
		name    string
		answer  []byte
		chain   []issued
		warning string // or
		err     string
	}{
		{"ends soon", answerFor(t, c, func(r *ocsp.Response) { r.NextUpdate = noon.Add(time.Hour) }), []issued{c.leaf, c.intermediate}, "ends at 2026-06-01T13:00:00Z", ""},
		{"over", answerFor(t, c, over), []issued{c.leaf, c.intermediate}, "ended at 2026-06-01T11:59:00Z and is left out", ""},
		{"without an end, and a day old", answerFor(t, c, func(r *ocsp.Response) { r.NextUpdate, r.ThisUpdate = time.Time{}, noon.Add(-25*time.Hour) }), []issued{c.leaf, c.intermediate}, "is left out", ""},
		{"not good yet", answerFor(t, c, early), []issued{c.leaf, c.intermediate}, "is good only from 2026-06-01T12:01:00Z on and is left out until then", ""},
		{"demanded and not good yet", answerFor(t, demanding, early), []issued{demanding.leaf, c.intermediate}, "", "it is good only from 2026-06-01T12:01:00Z on, and the certificate demands one"},
		{"demanded", answerFor(t, demanding, nil), []issued{demanding.leaf, c.intermediate}, "", ""},
		{"demanded and over", answerFor(t, demanding, over), []issued{demanding.leaf, c.intermediate}, "", "the certificate demands one"},
		{"revoked", answerFor(t, c, func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, noon }), []issued{c.leaf, c.intermediate}, "", "was revoked on 2026-06-01"},
		{"unknown", answerFor(t, c, func(r *ocsp.Response) { r.Status = ocsp.Unknown }), []issued{c.leaf, c.intermediate}, "", "the CA does not know"},
		{"another's", answerFor(t, other, nil), []issued{c.leaf, c.intermediate}, "", ""},
		{"garbage", []byte("garbage"), []issued{c.leaf, c.intermediate}, "", "asn1"},
		{"no issuer", answerFor(t, c, nil), []issued{c.leaf}, "", "put the whole chain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := loadStapled(t, test.answer, test.chain...)
			switch {
			case test.name == "another's":
				if err == nil {
					t.Error("another CA's answer was taken")
				}
			case test.err != "":
				if err == nil || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "ocsp.der") {
					t.Errorf("got %v, want %q", err, test.err)
				}
			case err != nil:
				t.Error(err)
			default:
				if got := strings.Join(p.Info().Problems(noon), "; "); (test.warning == "") != (got == "") || !strings.Contains(got, test.warning) {
					t.Errorf("warnings %q, want %q", got, test.warning)
				}
			}
		})
	}
	certFile, keyFile := writePair(t, t.TempDir(), c.leaf, c.intermediate)
	missing := filepath.Join(t.TempDir(), "ocsp.der")
	if _, err := LoadFiles(Files{Cert: certFile, Key: keyFile, OCSP: missing}, noon); err == nil || !strings.HasPrefix(err.Error(), "read OCSP answer: open "+missing) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestAnAnswerThatIsNotGoodNowDoesNotReplaceOneThatIs(t *testing.T) {
	c := newChain(t)
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, c.leaf, c.intermediate)
	files := []Files{{Cert: certFile, Key: keyFile, OCSP: write(t, dir, "ocsp.der", answerFor(t, c, nil))}}
	first := answerFor(t, c, nil) // another signature
	write(t, dir, "ocsp.der", first)
	store := newStore(t, usual)
	store.now = func() time.Time { return noon }
	k := NewKeeper(store)
	use := func() {
		t.Helper()
		r, err := k.Read(files, noon)
		if err != nil {
			t.Fatal(err)
		}
		k.Use(r)
	}
	use()
	early := answerFor(t, c, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = noon.Add(time.Hour), noon.Add(200*time.Hour) })
	over := answerFor(t, c, func(r *ocsp.Response) { r.NextUpdate = noon.Add(-time.Minute) })
	for _, step := range []struct {
		name string
		file []byte
		at   time.Duration
		want []byte
	}{
		{"one that is good", first, 0, first},
		{"one that is over", over, 0, first},
		{"one that begins later", early, 0, first},
		{"that one, when it has begun", early, time.Hour, early},
		{"that one, when the other has ended", early, 100 * time.Hour, early},
		{"none that is good", early, 200 * time.Hour, nil},
	} {
		write(t, dir, "ocsp.der", step.file)
		use()
		if got := store.Default().serve(noon.Add(step.at)).OCSPStaple; !bytes.Equal(got, step.want) {
			t.Errorf("%s: a staple of %d bytes is served, want %d", step.name, len(got), len(step.want))
		}
	}
}
