package tls

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// testsslAllowed are the findings above LOW that testssl.sh may report, with the reason: none of
// them is about the daemon.
var testsslAllowed = map[string]string{
	"engine_problem":  "this machine's OpenSSL has no GOST engine, a package that testssl.sh only recommends",
	"cert_revocation": "the test's authority has neither a revocation list nor a responder; with a public one the certificate names them",
}

// testsslChecks are the checks that can find a mistake of ours, in settings, certificates,
// responses and the handshake. The others take three quarters of the time. They look for what
// follows from these (BEAST, SWEET32, FREAK, DROWN, Logjam, Lucky 13 and RC4 from protocols and
// ciphers; forward secrecy from ciphers), look for mistakes of OpenSSL and F5 in features that
// crypto/tls lacks (Heartbleed, CCS injection, Ticketbleed, ROBOT), or simulate clients, which
// TestForeignSubscribers and others run for real.
var testsslChecks = []string{
	"--protocols", "--std", "--server-defaults", "--headers", "--renegotiation", "--crime", "--breach",
}

// testsslSeen are findings that must be present and good: they prove that testssl has looked.
var testsslSeen = []string{
	"SSLv2", "SSLv3", "TLS1_2", "TLS1_3", "cipherlist_NULL", "cipherlist_EXPORT", "cipherlist_aNULL", "cipherlist_LOW", "cipherlist_STRONG",
	"cert_chain_of_trust", "HSTS_time", "secure_renego", "secure_client_renego", "CRIME_TLS", "BREACH",
}

// testsslTime is how long testssl may take. On an idle machine it takes half a minute.
const testsslTime = 6 * time.Minute

func TestTestssl(t *testing.T) {
	t.Parallel()
	testssl := harness.Tool(t, "testssl")
	d := harness.Prepare(t)
	d.CA.Make(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(80 * 24 * time.Hour) }).Install(t, d)
	d.Run()
	_, port := harness.SplitAddress(t, d.HTTPS)
	report := d.Path("testssl.json")
	ctx, cancel := context.WithTimeout(t.Context(), testsslTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, testssl, slices.Concat(
		[]string{"--quiet", "--color", "0", "--warnings", "off", "--add-ca", d.CaFile, "--jsonfile", report},
		testsslChecks, []string{"https://localhost:" + port})...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Dir, cmd.WaitDelay = d.Dir, 5*time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("testssl did not end within %s: %v\n%s", testsslTime, err, out.Bytes())
	}

	var findings []struct {
		ID       string `json:"id"`
		Severity string `json:"severity"`
		Finding  string `json:"finding"`
	}
	text, readErr := os.ReadFile(report)
	if readErr != nil {
		t.Fatalf("%v; testssl ended with %v\n%s", readErr, err, out.Bytes())
	}
	if err := json.Unmarshal(text, &findings); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	severity := map[string]string{}
	for _, f := range findings {
		severity[f.ID] = f.Severity
		switch f.Severity {
		case "OK", "INFO":
		case "LOW":
			t.Logf("LOW: %s: %s", f.ID, f.Finding)
		default: // MEDIUM, HIGH, CRITICAL, WARN, FATAL and whatever else there may be
			if why, ok := testsslAllowed[f.ID]; ok {
				t.Logf("%s, allowed: %s: %s (%s)", f.Severity, f.ID, f.Finding, why)
				continue
			}
			t.Errorf("%s: %s: %s", f.Severity, f.ID, f.Finding)
		}
	}
	for _, id := range testsslSeen {
		if severity[id] != "OK" {
			t.Errorf("%s is %q, want OK", id, severity[id])
		}
	}
}
