package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/systemd"
)

// end stops the daemon and waits for it.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.stopped:
		r.stopped <- err
		if err != nil {
			r.t.Fatalf("the daemon ended with: %v", err)
		}
	case <-time.After(patience):
		r.t.Fatal("the daemon does not stop")
	}
}

func (r *running) status() api.Status {
	r.t.Helper()
	st, err := r.ctl.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

func (r *running) send(room, data string) string {
	r.t.Helper()
	sent, err := r.ctl.Send(r.t.Context(), api.SendParams{To: api.Targets{room}, Data: data})
	if err != nil {
		r.t.Fatal(err)
	}
	return sent.ID
}

func (r *running) wantLog(words ...string) {
	r.t.Helper()
	for _, w := range words {
		if !strings.Contains(r.logged(), w) {
			r.t.Errorf("the log does not say %q", w)
		}
	}
}

// keeping is the configuration of a daemon that keeps things in dir.
func keeping(dir string) string {
	return fmt.Sprintf("[state]\ndir = %q\n[drain]\nwindow = \"0s\"\n", dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestHistoryOutlivesAPlannedRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	file := filepath.Join(dir, "history.db")
	r := start(t, keeping(dir))
	first := r.send("a", "one")
	r.send("b", "not for a")
	last := r.send("a", "two")
	if exists(file) {
		t.Error("there is a file while the daemon runs: a crash would leave it")
	}
	r.end()
	if !exists(file) {
		t.Fatal("no file after the end")
	}

	r = start(t, keeping(dir))
	if exists(file) {
		t.Error("the file is still there after the start")
	}
	st := r.status()
	if st.LastEventID != last || st.History.Events != 3 || st.MessagesTotal != 0 {
		t.Errorf("status after the restart: %+v", st)
	}
	body := r.subscribe("subscribe=a&lastEventId=" + first)
	r.send("a", "three")
	wantData(t, body, "two")
	wantData(t, body, "three")
	r.wantLog("history restored", "events=3")
}

// TestTheManagerWaitsForAHistory proves that reading one does not count against the time that a
// start has.
func TestTheManagerWaitsForAHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	r := start(t, keeping(dir))
	r.send("a", "one")
	r.end()
	_, m := startService(t, keeping(dir))
	said := m.Said()
	more := slices.Index(said, string(systemd.ExtendTimeout(startExtension)))
	if ready := slices.Index(said, "READY=1"); more < 0 || more > ready {
		t.Errorf("not asked for more time before it was ready: %q", said)
	}
	if startExtension <= loadTimeout {
		t.Errorf("asked for %s, while reading may take %s", startExtension, loadTimeout)
	}
}

func TestAHistoryThatIsNotWholeNeverStopsAStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	file := filepath.Join(dir, "history.db")
	r := start(t, keeping(dir))
	last := r.send("a", "one")
	r.end()
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"cut short": whole[:len(whole)-5],
		"foreign":   []byte("SQLite format 3\x00 and so on"),
		"empty":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			r := start(t, keeping(dir))
			if st := r.status(); st.LastEventID == last || st.History.Events != 0 {
				t.Errorf("%+v", st)
			}
			body := r.subscribe("subscribe=a&lastEventId=" + last)
			wantData(t, body, fmt.Sprintf(`{"last_event_id":%q,"resumed_at":%q}`, last, r.status().LastEventID))
			r.wantLog("level=ERROR", "set aside", "history.db.damaged-")
			if exists(file) {
				t.Error("the file is still in the way")
			}
		})
	}
	if aside, err := filepath.Glob(file + ".damaged-*"); err != nil || len(aside) != 3 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

func TestAHistoryThatCannotBeWrittenCostsAGapAndNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	r := start(t, keeping(dir))
	r.send("a", "one")
	// What a full disk does, even to root.
	if err := os.MkdirAll(filepath.Join(dir, ".history.db.new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	epoch := r.status().Epoch
	r.end()
	r.wantLog("level=ERROR", "history cannot be kept")
	r = start(t, keeping(dir))
	if got := r.status().Epoch; got == epoch {
		t.Errorf("epoch %s again, though nothing was kept", got)
	}
	r.wantLog("event ids begin anew")
}

func TestAStartThatFailsLosesNoHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	r := start(t, keeping(dir))
	last := r.send("a", "one")
	r.end()

	settings, err := config.Load(config.Sources{Flags: []config.Assignment{
		{Flag: "dev", Value: "true"},
		{Flag: "listen", Value: "https://127.0.0.1:0"},
		{Flag: "state-dir", Value: dir},
		{Flag: "control-socket", Value: filepath.Join(t.TempDir(), "s")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(Options{})
	defer d.signals.release()
	if err := d.open(t.Context(), Options{Settings: settings, Stderr: &logBuffer{}}); err != nil {
		t.Fatal(err)
	}
	if got := d.hub.LastID().String(); got != last {
		t.Errorf("opened with %s, want %s", got, last)
	}
	for _, loop := range d.loops { // give back what a loop has
		loop.Stop()
		if err := loop.Run(); err != nil {
			t.Error(err)
		}
	}
	d.atEnd.run()

	if got := start(t, keeping(dir)).status().LastEventID; got != last {
		t.Errorf("after a start that failed: %s, want %s", got, last)
	}
}

func TestAHistoryFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	toml := fmt.Sprintf("[history]\nfile = %q\nevents = 0\n", filepath.Join(dir, "h"))
	r := start(t, toml)
	last := r.send("a", "one")
	r.end()
	r = start(t, toml)
	if st := r.status(); st.LastEventID != last || st.History.Events != 0 {
		t.Errorf("with the history off: %+v", st)
	}
	body := r.subscribe("subscribe=a&lastEventId=" + last) // who has seen all is told of no gap
	r.send("a", "two")
	wantData(t, body, "two")
}

func TestHistoryOff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	r := start(t, keeping(dir)+"[history]\nfile = \"off\"\n")
	epoch := r.status().Epoch
	r.end()
	if exists(filepath.Join(dir, "history.db")) {
		t.Error("a history was kept")
	}
	if got := start(t, keeping(dir)+"[history]\nfile = \"off\"\n").status().Epoch; got == epoch {
		t.Errorf("epoch %s again", got)
	}
}

func TestStateThatIsNotOurOwnIsRefused(t *testing.T) {
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	settings := config.Defaults()
	settings.Dev = true
	settings.Auth.Mode = []string{"none"}
	settings.State.Dir = shared
	settings.History.File = filepath.Join(shared, "absent", "history.db")
	err := Check(settings)
	if !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), "state.dir") || !strings.Contains(err.Error(), "history.file") {
		t.Errorf("got %v", err)
	}
	settings.History.File = filepath.Join(shared, ticketFile)
	if err := Check(settings); !errors.Is(err, ErrConfiguration) || !strings.Contains(err.Error(), "ticket keys") {
		t.Errorf("the history in the place of the keys: %v", err)
	}
	if runErr := Run(t.Context(), Options{Settings: settings, Stderr: &logBuffer{}}); !errors.Is(runErr, ErrConfiguration) {
		t.Errorf("a start says %v", runErr)
	}
}

func TestASecondDrainShortensTheFirst(t *testing.T) {
	r := start(t, "")
	r.subscribe("subscribe=a")
	long, short := 3000.0, 0.0
	if d, err := r.ctl.Drain(t.Context(), api.DrainParams{WindowSeconds: &long}); err != nil || d.Streams != 1 || d.WindowSeconds != long {
		t.Errorf("the first: %+v, %v", d, err)
	}
	if d, err := r.ctl.Drain(t.Context(), api.DrainParams{WindowSeconds: &short}); err != nil || d.Streams != 1 || d.WindowSeconds != 0 {
		t.Errorf("the second: %+v, %v", d, err)
	}
	select {
	case err := <-r.stopped:
		r.stopped <- err
	case <-time.After(patience):
		t.Fatal("the daemon goes on")
	}
}
