package tls

import (
	"crypto/tls"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestRecordsAreHandedOver counts who keeps the records of connections, by version and by setting.
func TestRecordsAreHandedOver(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--tls-records", "auto")
	for range 3 {
		s := d.Subscribe("subscribe=a")
		d.Send("a", "hello")
		harness.WantMessage(t, s, "hello")
	}
	old := d.Request("subscribe=a")
	old.TLS.MaxVersion = tls.VersionTLS12
	d.Open(old)
	if got := d.Status().TLSRecords; got["handed_over"] != 3 || got["tls12"] != 1 {
		t.Errorf("three connections of TLS 1.3 and one of TLS 1.2 count as %v", got)
	}

	d = harness.Start(t, "--tls-records", "crypto")
	d.Subscribe("subscribe=a")
	if got := d.Status().TLSRecords; got["setting"] != 1 || got["handed_over"] != 0 {
		t.Errorf("with tls.records = crypto, a connection counts as %v", got)
	}
}

// keyLogLine begins a line of a key log file, and is in nothing else.
var keyLogLine = regexp.MustCompile(`(CLIENT|SERVER)_(HANDSHAKE_)?TRAFFIC_SECRET|EXPORTER_SECRET|CLIENT_RANDOM`)

// TestT39NoKeyLogLeavesTheProcess lets the library tell the secrets of connections, with everything set by which programs
// are made to write them down, and looks for them wherever the daemon can write.
func TestT39NoKeyLogLeavesTheProcess(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t, "--tls-records", "auto", "--log-level", "debug", "--sandbox", "off")
	file := d.Path("keylog")
	d.Env = append(d.Env, "SSLKEYLOGFILE="+file)
	d.Run()
	s := d.Subscribe("subscribe=a")
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")
	if got := d.Status().TLSRecords["handed_over"]; got != 1 {
		t.Fatalf("%d connections handed over: this test shows nothing", got)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a key log file")
	}
	if found := keyLogLine.FindString(d.Log.String()); found != "" {
		t.Errorf("the log has %s", found)
	}
	err := filepath.WalkDir(d.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if found := keyLogLine.Find(text); found != nil {
			t.Errorf("%s has %s", path, found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
