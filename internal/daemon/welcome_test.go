package daemon

import (
	"path/filepath"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
)

func TestWelcome(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	s := config.Defaults()
	s.Dev, s.Demo = true, true
	for _, tc := range []struct {
		name, address string
		ways          []api.Endpoint
		want          string
	}{
		{
			"all there is", "https://127.0.0.1:8443/sse",
			[]api.Endpoint{
				{Kind: api.EndpointControlSocket, Address: api.DevSocket()},
				{Kind: api.EndpointControlTCP, Address: "127.0.0.1:8085"},
				{Kind: api.EndpointFIFO, Address: "/run/user/1000/hassesd/fifo"},
				{Kind: api.EndpointAPI, Address: "http://127.0.0.1:8444"},
			},
			`Development mode. Try, in another shell:

  page       https://127.0.0.1:8443/   (the browser asks once whether to trust the certificate)
  subscribe  curl --insecure --no-buffer 'https://127.0.0.1:8443/sse?subscribe=room624'
  publish    bin/hassesctl send room624 hello
             php -r 'fwrite(fsockopen("127.0.0.1", 8085), "room624=hello\n");'
             echo room624=hello > /run/user/1000/hassesd/fifo
  look       bin/hassesctl status
  dashboard  http://127.0.0.1:8444/
  metrics    curl http://127.0.0.1:8444/metrics

`,
		},
		{
			"another socket, no TLS, nothing else", "http://127.0.0.1:8080/sse",
			[]api.Endpoint{{Kind: api.EndpointControlSocket, Address: filepath.Join("/tmp", "my dir", "it's")}},
			`Development mode. Try, in another shell:

  page       http://127.0.0.1:8080/
  subscribe  curl --no-buffer 'http://127.0.0.1:8080/sse?subscribe=room624'
  publish    bin/hassesctl --socket '/tmp/my dir/it'\''s' send room624 hello
  look       bin/hassesctl --socket '/tmp/my dir/it'\''s' status

`,
		},
		{
			"only a port over TLS", "https://127.0.0.1:8443/sse",
			[]api.Endpoint{{Kind: api.EndpointControlTCP, Address: "127.0.0.1:8085", TLS: true}},
			`Development mode. Try, in another shell:

  page       https://127.0.0.1:8443/   (the browser asks once whether to trust the certificate)
  subscribe  curl --insecure --no-buffer 'https://127.0.0.1:8443/sse?subscribe=room624'

`,
		},
	} {
		if got := welcomeText(&s, tc.address, tc.ways, "bin/hassesctl"); got != tc.want {
			t.Errorf("%s: got\n%swant\n%s", tc.name, got, tc.want)
		}
	}
}
