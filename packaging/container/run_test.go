package container

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// runner starts a command in a container with variables and nothing else.
type runner func(ctx context.Context, variables []string, command ...string) *exec.Cmd

// byBuildah runs commands as buildah does, which leaves the root directory writable to root.
func (s *store) byBuildah(container string, user int) runner {
	return func(ctx context.Context, variables []string, command ...string) *exec.Cmd {
		args := append(slices.Clone(s.args), "run", "--isolation", "chroot", "--cap-drop", "all", "--user", strconv.Itoa(user))
		for _, v := range variables {
			args = append(args, "--env", v)
		}
		args = append(append(args, container, "--"), command...)
		return exec.CommandContext(ctx, "buildah", args...)
	}
}

// readOnly runs commands as a container engine does with a read-only root: every file system is read-only, no user of
// it is known, and the process has no capability.
func readOnly(t *testing.T, root string, environment []string, user int) runner {
	t.Helper()
	target := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := func(source, target, kind string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
			t.Fatalf("mount %s at %s: %v", source, target, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "proc"), 0o555); err != nil { // an engine makes the places of its mounts, too
		t.Fatal(err)
	}
	mount(root, target, "", syscall.MS_BIND)
	mount("/proc", filepath.Join(target, "proc"), "", syscall.MS_BIND)
	t.Cleanup(func() {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NODEV)
	if err := os.WriteFile(filepath.Join(target, "usr", "x"), nil, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("root writes into a read-only root: %v", err)
	}
	return func(ctx context.Context, variables []string, command ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Path, cmd.Err = command[0], nil // a path in the root directory
		cmd.Env = slices.Concat(environment, variables)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Chroot:     target,
			Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)},
			Pdeathsig:  syscall.SIGKILL,
		}
		return cmd
	}
}

// container is a running daemon.
type container struct {
	t         *testing.T
	run       runner
	variables []string
	http      string // address of the streams
	control   string // address of the control port
	log       *harness.Log
	pid       int
	exited    chan error
}

// start starts the daemon by variables alone.
func start(t *testing.T, run runner, entrypoint []string, more ...string) *container {
	t.Helper()
	c := &container{t: t, run: run, http: harness.FreeAddress(t), control: harness.FreeAddress(t), log: &harness.Log{}, exited: make(chan error, 1)}
	_, port, err := net.SplitHostPort(c.control)
	if err != nil {
		t.Fatal(err)
	}
	c.variables = append([]string{
		"HASSESD_AUTH=none", "HASSESD_PLAINTEXT=true", "HASSESD_LISTEN=http://" + c.http, "HASSESD_CONTROL_TCP=:" + port,
		"HASSESD_DRAIN_WINDOW=200ms", "HASSESCTL_TCP=" + c.control,
	}, more...)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := run(ctx, c.variables, entrypoint...)
	cmd.Stdout, cmd.Stderr = c.log, c.log
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() { c.exited <- cmd.Wait() }()
	t.Cleanup(cancel)
	ready := regexp.MustCompile(`msg=ready .*pid=(\d+)`)
	harness.Eventually(t, "the container is ready", func() bool {
		select {
		case err := <-c.exited:
			t.Fatalf("the container ended at once: %v\n%s", err, c.log)
		default:
		}
		m := ready.FindStringSubmatch(c.log.String())
		if m == nil {
			return false
		}
		c.pid, err = strconv.Atoi(m[1])
		return err == nil
	})
	return c
}

// stop ends the daemon as an engine does, and waits for it.
func (c *container) stop() {
	c.t.Helper()
	if err := syscall.Kill(c.pid, syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	select {
	case err := <-c.exited:
		if err != nil {
			c.t.Errorf("after SIGTERM the container ended with %v\n%s", err, c.log)
		}
	case <-time.After(harness.Patience):
		c.t.Fatalf("after SIGTERM the container goes on:\n%s", c.log)
	}
}

// hassesctl runs the client of the image inside the container.
func (c *container) hassesctl(args ...string) (string, error) {
	out, err := c.run(c.t.Context(), c.variables, append([]string{"/usr/bin/hassesctl"}, args...)...).CombinedOutput()
	return string(out), err
}

// subscribe opens a stream and returns a function that waits for an event with that data.
func (c *container) subscribe(room string) (await func(data string)) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*harness.Patience)
	c.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.http+"/sse?subscribe="+room, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatalf("subscribe: %v\n%s", err, c.log)
	}
	c.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		c.t.Fatalf("subscribe: %s", res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	return func(data string) {
		c.t.Helper()
		for lines.Scan() {
			if lines.Text() == "data: "+data {
				return
			}
		}
		c.t.Fatalf("the stream ended before %q: %v", data, lines.Err())
	}
}

// publishes publishes in every way that a back end beside the container, and an operator inside it, have.
func (c *container) publishes() {
	c.t.Helper()
	await := c.subscribe("room624")
	conn, err := net.Dial("tcp", c.control)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "room624=from a back end\n"); err != nil {
		c.t.Fatal(err)
	}
	await("from a back end")
	if out, err := c.hassesctl("send", "room624", "from inside"); err != nil || out != "" && !strings.HasPrefix(out, "delivered to 1 stream") { // buildah loses output
		c.t.Errorf("send: %q, %v", out, err)
	}
	await("from inside")
}

// TestTwoBuildsAreTheSame compares the image as it was built from two places.
func TestTwoBuildsAreTheSame(t *testing.T) {
	dirs := built(t)
	var archives [2][]byte
	for i, dir := range dirs {
		archive, err := os.ReadFile(filepath.Join(dir, "hassesd.tar"))
		if err != nil {
			t.Fatal(err)
		}
		archives[i] = archive
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("hassesd.tar differs")
	}
	t.Logf("%d bytes for %d architectures", len(archives[0]), 2)
}

// tree returns the files below a directory with type, mode, owner and size of each.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == root {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		name, _ := filepath.Rel(root, path)
		files[name] = fmt.Sprintf("%s %d:%d", info.Mode(), st.Uid, st.Gid)
		if info.Mode().IsRegular() {
			files[name] += fmt.Sprintf(" %d", info.Size())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// programs are the files of the image that its users deal with; the rest is in packaging/image.
var programs = []string{"etc/hassesd/hassesd.toml", "etc/ssl/certs/ca-certificates.crt", "usr/bin/hassesctl", "usr/bin/hassesd", "usr/share/doc/hassesd/copyright", "usr/share/doc/hassesd/sbom.cdx.json"}

// TestImage runs the image as its own user and as one that nobody knows, with nothing writable, and publishes through it.
func TestImage(t *testing.T) {
	dir := built(t)[0]
	s := newStore(t)
	image := s.pull(dir)
	config, health := s.inspect(image)
	if config.Config.User != "65532:65532" || config.Architecture != arch || config.Config.StopSignal != "SIGTERM" || len(config.RootFS.DiffIDs) != 2 {
		t.Errorf("configuration: %+v", config)
	}
	if got := slices.Sorted(maps.Keys(config.Config.ExposedPorts)); !slices.Equal(got, []string{"8080/tcp", "8085/tcp", "8443/tcp"}) {
		t.Errorf("ports %q", got)
	}
	if !slices.Equal(health, []string{"CMD", "/usr/bin/hassesctl", "ping"}) {
		t.Errorf("health check %q", health)
	}
	for _, label := range []string{"version", "created", "licenses", "source", "title", "documentation"} {
		if config.Config.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("the label %s is missing", label)
		}
	}

	name, root := s.from(image)
	files := tree(t, root)
	for _, path := range programs {
		if !strings.HasSuffix(strings.Fields(files[path] + " - -")[1], "0:0") {
			t.Errorf("%s: %q, want a file of root", path, files[path])
		}
		delete(files, path)
	}
	for path, is := range files {
		if !strings.HasPrefix(is, "d") {
			t.Errorf("%s is in the image, and nobody knows of it: %s", path, is)
		}
	}

	const unknownUser = 1_234_567
	for what, run := range map[string]runner{
		"by buildah as 65532":                    s.byBuildah(name, 65532),
		"by buildah as a user that nobody knows": s.byBuildah(name, unknownUser),
		"read-only as 65532":                     readOnly(t, root, config.Config.Env, 65532),
		"read-only as a user that nobody knows":  readOnly(t, root, config.Config.Env, unknownUser),
	} {
		t.Run(what, func(t *testing.T) {
			c := start(t, run, config.Config.Entrypoint)
			c.publishes()
			if out, err := c.hassesctl(health[2:]...); err != nil || out != "" && !strings.Contains(out, "answered") {
				t.Errorf("health check: %q, %v", out, err)
			}
			c.stop()
			if out, err := c.hassesctl(health[2:]...); err == nil {
				t.Errorf("health check without a daemon: %q", out)
			}
		})
	}
	t.Run("beyond this machine", func(t *testing.T) {
		controlFromOutside(t, readOnly(t, root, config.Config.Env, 65532), config.Config.Entrypoint)
	})
	t.Run("what is missing", func(t *testing.T) {
		refusals(t, readOnly(t, root, config.Config.Env, unknownUser), config.Config.Entrypoint)
	})
}

// controlFromOutside reaches the control port from an address that is not loopback: refused by default, and let in if the
// network is named.
func controlFromOutside(t *testing.T, run runner, entrypoint []string) {
	host := harness.PrivateAddress(t)
	ask := func(c *container) (string, error) {
		_, port, err := net.SplitHostPort(c.control)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return "", err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "tcpnumberofclients\n"); err != nil {
			return "", err
		}
		return bufio.NewReader(conn).ReadString('\n')
	}
	c := start(t, run, entrypoint)
	if got, err := ask(c); err == nil {
		t.Errorf("by default: %q, want a reset", got)
	}
	c.stop()
	if l := c.log.String(); !strings.Contains(l, "network_not_allowed") || strings.Contains(l, "open to other machines") {
		t.Errorf("the log does not tell that it was refused, or warns of nothing:\n%s", l)
	}
	c = start(t, run, entrypoint, "HASSESD_CONTROL_TCP_NETWORKS=10.0.0.0/8,"+host)
	if got, err := ask(c); err != nil || !strings.HasPrefix(got, `{"numberofclients": 0}`) {
		t.Errorf("from a network that is named: %q, %v", got, err)
	}
	c.stop()
	if !strings.Contains(c.log.String(), "control port is open to other machines without TLS") {
		t.Errorf("the log does not warn:\n%s", c.log)
	}
}

// refusals starts the daemon with something missing or wrong: it ends with code 2, and one line that says what to do.
func refusals(t *testing.T, run runner, entrypoint []string) {
	none, plain := "HASSESD_AUTH=none", "HASSESD_PLAINTEXT=true"
	for _, tc := range []struct {
		name      string
		variables []string
		want      []string // in one line
	}{
		{"nothing is set", nil, []string{"auth.mode", "HASSESD_AUTH=none", "tls.cert_file", "--plaintext"}},
		{"no certificate", []string{none}, []string{"tls.cert_file", "--plaintext"}},
		{"nobody may subscribe", []string{plain}, []string{"auth.mode", "HASSESD_AUTH=none"}},
		{"a certificate without its key", []string{none, "HASSESD_CERT_FILE=/tls/tls.crt"}, []string{"tls.key_file", "--key-file"}},
		{"a configuration that was not mounted", []string{"HASSESD_CONFIG=/config/hassesd.toml", none, plain}, []string{"/config/hassesd.toml", "no such file"}},
		{"a public network", []string{none, plain, "HASSESD_CONTROL_TCP_NETWORKS=0.0.0.0/0"}, []string{"control.tcp_networks", "private network"}},
		{"a control socket where nothing is writable", []string{none, plain, "HASSESD_CONTROL_SOCKET=/run/hassesd/control.sock"}, []string{"control.socket", "/run/hassesd", "mount a volume"}},
		{"a state directory where nothing is writable", []string{none, plain, "HASSESD_STATE_DIR=/var/lib/hassesd"}, []string{"/var/lib/hassesd"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := run(t.Context(), tc.variables, entrypoint...)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Errorf("ended with %v, want code 2", err)
			}
			var problems []string
			for line := range strings.Lines(string(out)) {
				if !strings.HasPrefix(line, "time=") { // of the log
					problems = append(problems, line)
				}
			}
			if len(problems) != 1 {
				t.Fatalf("want one line that names the problem, got\n%s", out)
			}
			for _, want := range tc.want {
				if !strings.Contains(problems[0], want) {
					t.Errorf("%q is not in %q", want, problems[0])
				}
			}
			t.Log(problems[0])
		})
	}
}

// TestArchive reads the archive as Docker does.
func TestArchive(t *testing.T) {
	dir := built(t)[0]
	s := newStore(t)
	text, err := exec.CommandContext(t.Context(), "tar", "-xOf", filepath.Join(dir, "hassesd.tar"), "manifest.json").Output()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`"(hassesd:[^"]+-` + arch + `)"`).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatalf("manifest.json has no image for %s: %s", arch, text)
	}
	loaded, _ := s.inspect(s.buildah("pull", "--quiet", "docker-archive:"+filepath.Join(dir, "hassesd.tar")+":"+m[1]))
	pulled, _ := s.inspect(s.pull(dir))
	if loaded.Config.User != pulled.Config.User || !slices.Equal(loaded.RootFS.DiffIDs, pulled.RootFS.DiffIDs) {
		t.Errorf("loaded as Docker does: %+v, pulled from the layout: %+v", loaded, pulled)
	}
}
