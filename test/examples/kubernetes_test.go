package examples

import (
	"crypto/tls"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// kubernetesObject is what we use of the objects.
type kubernetesObject struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Data map[string]string
	Type string
	Spec struct {
		Selector       any
		PodSelector    struct{ MatchLabels map[string]string }
		MaxUnavailable any
		MinAvailable   any
		Ports          []struct{ Name, TargetPort any }
		Template       struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
}

// httpProbe is a probe by a request.
type httpProbe struct {
	HTTPGet struct{ Path, Port, Scheme string }
}

type podSpec struct {
	TerminationGracePeriodSeconds int
	SecurityContext               struct {
		RunAsUser, FSGroup int
		RunAsNonRoot       bool
	}
	Containers []struct {
		Image string
		Ports []struct {
			Name          string
			ContainerPort int
		}
		Env             []struct{ Name, Value string }
		SecurityContext struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
			Capabilities             struct{ Drop []string }
		}
		StartupProbe                  struct{ Exec struct{ Command []string } }
		LivenessProbe, ReadinessProbe httpProbe
		Lifecycle                     struct {
			PreStop struct{ Sleep struct{ Seconds int } }
		}
		VolumeMounts []struct{ Name, MountPath, SubPath string }
	}
	Volumes []struct {
		Name                  string
		ConfigMap             *struct{ Name string }
		Secret                *struct{ SecretName string }
		EmptyDir              *struct{}
		PersistentVolumeClaim *struct{ ClaimName string }
	}
}

// labelsOf returns a selector of a Service, which is a map, or of anything else.
func labelsOf(selector any) map[string]any {
	m, _ := selector.(map[string]any)
	if inner, ok := m["matchLabels"].(map[string]any); ok {
		return inner
	}
	return m
}

// TestKubernetes checks the manifests against the types of the API, and what they say of each other. Then it runs the daemon
// with the configuration of the ConfigMap, as the user of the Deployment, with volumes as fsGroup makes them, and asks what the
// probes ask.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/kubernetes/*.yaml")
	if err != nil || len(files) != 7 {
		t.Fatalf("%q, %v", files, err)
	}
	var objects []kubernetesObject
	readManifests(t, &objects, append([]string{"kubernetes"}, files...)...)
	byKind := make(map[string]kubernetesObject)
	for _, o := range objects {
		byKind[o.Kind+" "+o.Metadata.Name] = o
	}
	if got, want := slices.Sorted(maps.Keys(byKind)), []string{
		"ConfigMap hassesd", "Deployment hassesd", "NetworkPolicy hassesd", "PersistentVolumeClaim hassesd",
		"PodDisruptionBudget hassesd", "Secret hassesd", "Secret hassesd-keys", "Service hassesd", "Service hassesd-control",
	}; !slices.Equal(got, want) {
		t.Fatalf("objects %q, want %q", got, want)
	}
	pod := byKind["Deployment hassesd"].Spec.Template
	for name, o := range byKind {
		selector := labelsOf(o.Spec.Selector)
		if o.Kind == "NetworkPolicy" {
			for key, value := range o.Spec.PodSelector.MatchLabels {
				selector = map[string]any{key: value}
			}
		}
		for key, value := range selector {
			if pod.Metadata.Labels[key] != value {
				t.Errorf("%s selects %s=%v, which the pods have not", name, key, value)
			}
		}
		if len(selector) == 0 && slices.Contains([]string{"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"}, o.Kind) {
			t.Errorf("%s selects nothing", name)
		}
	}
	checkPod(t, pod.Spec, byKind)
	runPod(t, pod.Spec, byKind["ConfigMap hassesd"].Data["hassesd.toml"])
}

func checkPod(t *testing.T, pod podSpec, objects map[string]kubernetesObject) {
	t.Helper()
	c := pod.Containers[0]
	if !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.FSGroup == 0 || !c.SecurityContext.ReadOnlyRootFilesystem ||
		c.SecurityContext.AllowPrivilegeEscalation == nil || *c.SecurityContext.AllowPrivilegeEscalation || !slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("the pod has more rights than it needs: %+v, %+v", pod.SecurityContext, c.SecurityContext)
	}
	ports := make(map[any]bool)
	for _, p := range c.Ports {
		ports[p.Name] = true
	}
	for name, o := range objects {
		for _, p := range o.Spec.Ports {
			if o.Kind == "Service" && !ports[p.TargetPort] {
				t.Errorf("%s leads to the port %v, which the container has not", name, p.TargetPort)
			}
		}
	}
	for _, probe := range []httpProbe{c.ReadinessProbe, c.LivenessProbe} {
		if !ports[probe.HTTPGet.Port] || probe.HTTPGet.Port != "api" {
			t.Errorf("a probe asks the port %q for %s", probe.HTTPGet.Port, probe.HTTPGet.Path)
		}
	}
	volumes := make(map[string]bool)
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		switch {
		case v.ConfigMap != nil && objects["ConfigMap "+v.ConfigMap.Name].Kind == "",
			v.Secret != nil && objects["Secret "+v.Secret.SecretName].Kind == "",
			v.PersistentVolumeClaim != nil && objects["PersistentVolumeClaim "+v.PersistentVolumeClaim.ClaimName].Kind == "":
			t.Errorf("the volume %s is of an object that is not there", v.Name)
		}
	}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("the volume %s is not there", m.Name)
		}
	}
}

// ownAddress returns an address of this machine, beyond loopback if it has one.
func ownAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// runPod runs the daemon of a pod on this machine.
func runPod(t *testing.T, pod podSpec, config string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make volumes of other users")
	}
	setpriv := harness.Tool(t, "setpriv")
	c := pod.Containers[0]
	d := harness.Bare(t)
	root := t.TempDir()
	for _, dir := range []string{root, filepath.Dir(root)} { // for others to enter
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	group := pod.SecurityContext.FSGroup
	volume := func(path string, mode os.FileMode) string { // as Kubernetes makes one: of root and the group, writable by it
		path = filepath.Join(root, path)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 0, group); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	volume("run/hassesd", os.ModeSetgid|0o777)
	volume("var/lib/hassesd", os.ModeSetgid|0o775)
	secret := volume("etc/hassesd/tls", os.ModeSetgid|0o750)
	keys := volume("etc/hassesd/keys", os.ModeSetgid|0o750)
	put := func(path string, text []byte) {
		t.Helper()
		harness.WriteFile(t, path, text)
		if err := os.Chown(path, 0, group); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o440); err != nil {
			t.Fatal(err)
		}
	}
	// project replaces the Secret's files at one stroke, as a kubelet does.
	project := func(version string) {
		t.Helper()
		next := volume("etc/hassesd/tls/.."+version, os.ModeSetgid|0o750)
		put(filepath.Join(next, "tls.crt"), harness.ReadFile(t, d.Path("cert.pem")))
		put(filepath.Join(next, "tls.key"), harness.ReadFile(t, d.Path("key.pem")))
		if err := os.Symlink(".."+version, filepath.Join(secret, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(secret, "..data_tmp"), filepath.Join(secret, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	project("v1")
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink("..data/"+name, filepath.Join(secret, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(keys, "prometheus.key"), []byte("replace-me-by-a-key-of-your-own"))
	_, https := harness.SplitAddress(t, d.HTTPS)
	_, control := harness.SplitAddress(t, d.TCP)
	_, api := harness.SplitAddress(t, harness.FreeAddress(t))
	config = strings.NewReplacer(`"/etc/`, `"`+root+`/etc/`, `"/run/`, `"`+root+`/run/`, `"/var/`, `"`+root+`/var/`, ":8443", ":"+https, ":8085", ":"+control, ":8444", ":"+api, `"20s"`, `"1s"`).Replace(config)
	file := filepath.Join(root, "hassesd.toml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	d.Dir, d.Socket = root, filepath.Join(root, "run/hassesd/own/control.sock")
	user := strconv.Itoa(pod.SecurityContext.RunAsUser)
	d.Wrap = []string{setpriv, "--reuid", user, "--regid", user, "--groups", strconv.Itoa(group), "--no-new-privs", "--bounding-set", "-all", harness.Hassesd}
	d.Env, d.Args = []string{"HASSESD_CONFIG=" + file, "HASSESD_TLS_WATCH=100ms"}, nil
	d.Run()

	startup := c.StartupProbe.Exec.Command
	if startup[0] != "/usr/bin/hassesctl" {
		t.Fatalf("the startup probe runs %q", startup)
	}
	if r := d.Ctl(startup[1:]...); r.Code != 0 {
		t.Errorf("%q: %s", startup, r)
	}
	kubelet := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, Timeout: harness.Patience}
	ask := func(probe httpProbe) string { // as a kubelet does, by the pod's address
		res, err := kubelet.Get(strings.ToLower(probe.HTTPGet.Scheme) + "://" + net.JoinHostPort(ownAddress(t), api) + probe.HTTPGet.Path)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err.Error()
		}
		return strconv.Itoa(res.StatusCode) + " " + strings.TrimSpace(string(body))
	}
	for _, probe := range []httpProbe{c.LivenessProbe, c.ReadinessProbe} {
		if got := ask(probe); got != `200 {"status":"ok"}` {
			t.Errorf("%s: %s", probe.HTTPGet.Path, got)
		}
	}
	if res, err := kubelet.Get("https://" + net.JoinHostPort(ownAddress(t), api) + "/metrics"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("metrics without a key: %+v, %v", res, err)
	} else {
		res.Body.Close()
	}
	if got := d.Classic("tcp").Ask("tcpnumberofclients"); !strings.HasPrefix(got, `{"numberofclients": `) {
		t.Errorf("a back end gets %q", got)
	}

	serial := func() string {
		conn, err := tls.Dial("tcp", d.HTTPS, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	d.CA.Issue(t, d.Dir)
	project("v2")
	harness.Eventually(t, "the renewed certificate is served", func() bool { return serial() != before })

	window := 20 * time.Second // drain.window of the ConfigMap, which the test has shortened
	if grace := time.Duration(pod.TerminationGracePeriodSeconds-c.Lifecycle.PreStop.Sleep.Seconds) * time.Second; grace < window+5*time.Second || c.Lifecycle.PreStop.Sleep.Seconds == 0 {
		t.Errorf("%s are left for a drain of %s", grace, window)
	}
}
