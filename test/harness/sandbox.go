package harness

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Nobody is the user and group that daemons of these tests switch to.
const Nobody = 65534

// SandboxReport is the sandbox as the daemon's status shows it.
type SandboxReport struct {
	Mode      string `json:"mode"`
	SelfCheck string `json:"self_check"`
	Threads   int    `json:"threads"`
	Layers    []struct {
		Layer   string `json:"layer"`
		InForce bool   `json:"in_force"`
		Detail  string `json:"detail"`
	} `json:"layers"`
	Paths []struct {
		Path string `json:"path"`
		Use  string `json:"use"`
	} `json:"paths"`
	ConnectPorts []int `json:"connect_ports"`
	Checks       []struct {
		Check string `json:"check"`
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	} `json:"checks"`
}

func (d *Daemon) Sandbox() SandboxReport {
	d.T.Helper()
	var answer SandboxReport
	d.Call("sandbox", nil, &answer)
	return answer
}

// Missing returns the layers that are not active.
func (a SandboxReport) Missing() (layers []string) {
	for _, l := range a.Layers {
		if !l.InForce {
			layers = append(layers, l.Layer)
		}
	}
	return layers
}

// OpenToNobody lets user Nobody enter the daemon's directory and read its key.
func (d *Daemon) OpenToNobody() {
	d.T.Helper()
	for _, dir := range []string{d.Dir, filepath.Dir(d.Dir)} { // test directories are private to their user
		if err := os.Chmod(dir, 0o755); err != nil {
			d.T.Fatal(err)
		}
	}
	d.GiveFiles()
}

// GiveFiles lets group Nobody read those of the certificate, key and settings that exist.
func (d *Daemon) GiveFiles() {
	d.T.Helper()
	for _, name := range []string{"cert.pem", "key.pem", "hassesd.toml"} {
		err := errors.Join(os.Chown(d.Path(name), 0, Nobody), os.Chmod(d.Path(name), 0o640))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.T.Fatal(err)
		}
	}
}
