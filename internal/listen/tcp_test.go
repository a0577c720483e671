package listen

import (
	"net"
	"testing"

	"github.com/hassesd/hassesd/internal/listen/listentest"
)

func TestLoopback(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "localhost:0", ":0", "127.1.2.3:0"} {
		l, err := Loopback(addr)
		if err != nil {
			t.Fatal(err)
		}
		if a := l.Addr().(*net.TCPAddr); !a.IP.IsLoopback() || a.Port == 0 {
			t.Errorf("%s opened %s", addr, a)
		}
		_, err = Loopback(l.Addr().String())
		listentest.WantErr(t, err, "address already in use")
		l.Close()
	}
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:9085", "[2001:db8::1]:9085", "example.org:9085"} {
		_, err := Loopback(addr)
		listentest.WantErr(t, err, "not a loopback address")
		listentest.WantErr(t, err, "mutual TLS")
		listentest.WantErr(t, err, "SSH tunnel")
	}
	for _, open := range []func(string) (net.Listener, error){Loopback, TCP} {
		_, err := open("9085")
		listentest.WantErr(t, err, "want host:port")
	}
}
