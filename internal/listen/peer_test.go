package listen

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/hassesd/hassesd/internal/listen/listentest"
)

func TestPeer(t *testing.T) {
	l, remove, err := Unix(filepath.Join(t.TempDir(), "s"), 0o600, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	defer remove()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	cred, err := Peer(accepted)
	if err != nil {
		t.Fatal(err)
	}
	if int(cred.Pid) != os.Getpid() || int(cred.Uid) != os.Geteuid() || int(cred.Gid) != os.Getegid() {
		t.Errorf("the peer is %+v", cred)
	}
	accepted.Close()
	_, err = Peer(accepted)
	listentest.WantErr(t, err, "peer credentials")
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	_, err = Peer(a)
	listentest.WantErr(t, err, "operation not supported")
}
