package cluster

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/hassesd/hassesd/test/harness"
)

// documented are the permissions that docs/cluster.md says are needed, for clusterName.
type documented struct{ publish, subscribe []string }

func documentedPermissions(t *testing.T) (d documented) {
	t.Helper()
	page := readFile(t, "../../docs/cluster.md")
	names := strings.NewReplacer("hassesd.push.", "hassesd."+clusterName+".", "hassesd-push", "hassesd-"+clusterName)
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*`) \\| (publish|publish and subscribe) \\|").FindAllStringSubmatch(page, -1) {
		for _, quoted := range strings.Split(row[1], ", ") {
			subject := names.Replace(strings.Trim(quoted, "`"))
			d.publish = append(d.publish, subject)
			if row[2] != "publish" {
				d.subscribe = append(d.subscribe, subject)
			}
		}
	}
	if len(d.publish) < 9 || len(d.subscribe) != 2 {
		t.Fatalf("the table of permissions is not found in docs/cluster.md: %+v", d)
	}
	return d
}

// quoted returns the subjects as a list of a nats-server's configuration.
func quoted(subjects []string) string { return `"` + strings.Join(subjects, `", "`) + `"` }

// isMatch reports whether a subject is one of a pattern's, or the same pattern.
func isMatch(pattern, subject string) bool {
	if base, isOpen := strings.CutSuffix(pattern, ">"); isOpen {
		return strings.HasPrefix(subject, base)
	}
	is, _ := path.Match(strings.ReplaceAll(pattern, ".", "/"), strings.ReplaceAll(subject, ".", "/"))
	return is
}

// check runs hassesd check with the daemon's settings, and more.
func check(t *testing.T, d *harness.Daemon, flags ...string) harness.Result {
	t.Helper()
	return harness.Run(t, "", harness.Hassesd, append(append([]string{"check"}, d.Args...), flags...)...)
}

// clientCertificate writes a certificate of a node, and its key, and returns their paths.
func clientCertificate(t *testing.T, a *harness.Authority, dir, name string) (cert, key string) {
	t.Helper()
	m := a.Make(t, func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.IPAddresses = pkix.Name{CommonName: name}, nil, nil
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	harness.WriteFile(t, cert, m.Chain)
	harness.WriteFile(t, key, m.Key)
	return cert, key
}

// Nodes and brokers show each other certificates. The user that a node's certificate names has the permissions that are
// documented: they are enough, and each is used. The broker is named, so that the name is looked up in the sandbox.
func TestTLSToTheBrokers(t *testing.T) {
	ours, others := harness.NewAuthority(t), harness.NewAuthority(t)
	dir, elsewhere := t.TempDir(), t.TempDir()
	ours.Issue(t, dir)
	others.Issue(t, elsewhere)
	cert, key := clientCertificate(t, ours, dir, "node1")
	foreignCert, foreignKey := clientCertificate(t, others, elsewhere, "node1")
	needed := documentedPermissions(t)
	b := harness.StartBroker(t, fmt.Sprintf(`trace: true
tls { cert_file: %q, key_file: %q, ca_file: %q, verify_and_map: true, timeout: 5 }
authorization { users: [ { user: "CN=node1", permissions: { publish: [ %s ], subscribe: [ %s ] } } ] }`,
		filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem"), quoted(needed.publish), quoted(needed.subscribe)))
	_, port, err := net.SplitHostPort(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	ca := []string{"--cluster-ca-file", filepath.Join(dir, "ca.pem")}
	d := harness.Prepare(t, "--cluster-name", clusterName)
	to := []string{"--cluster-nats", "tls://localhost:" + port}
	for _, tc := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"without a certificate", append(ca, to...), "cluster.cert_file"},
		{"with another authority's", append(append([]string{"--cluster-cert-file", foreignCert, "--cluster-key-file", foreignKey}, ca...), to...), "cluster.cert_file"},
		{"a broker that is not trusted", append([]string{"--cluster-ca-file", filepath.Join(elsewhere, "ca.pem")}, to...), "unknown authority"},
	} {
		if r := check(t, d, tc.flags...); r.Code != 2 || !strings.Contains(r.Stderr, "cluster.nats") || !strings.Contains(r.Stderr, tc.want) || !strings.Contains(r.Stderr, "cluster.ca_file") {
			t.Errorf("%s: %s", tc.name, r)
		}
	}
	good := append(append([]string{"--cluster-cert-file", cert, "--cluster-key-file", key}, ca...), to...)
	if r := check(t, d, good...); r.Code != 0 {
		t.Errorf("with the right certificate: %s", r)
	}

	n := &node{Daemon: d}
	d.Args = append(d.Args, good...)
	d.Run()
	n.awaitReady()
	s, _ := n.subscribe("subscribe=a", "")
	var first struct{ ID string }
	for range 2 { // the second one is a duplicate
		n.Call("send", map[string]any{"to": "a", "data": "over TLS", "key": "k1"}, &first)
	}
	harness.WantMessage(t, s, "over TLS")
	other := harness.Prepare(t, "--cluster-name", clusterName, "--cluster-node", "other")
	other.Args = append(other.Args, good...)
	other.Run()
	(&node{Daemon: other}).awaitReady()
	var count struct{ Nodes struct{ Asked, Answered int } }
	harness.Eventually(t, "nodes answer each other", func() bool {
		n.Call("count", map[string]any{"cluster": true}, &count)
		return count.Nodes.Asked == 2 && count.Nodes.Answered == 2
	})
	other.Call("kick", map[string]any{"id": "nobody"}, nil)
	trace := b.Log.Whole()
	if strings.Contains(trace, "ermissions Violation") {
		t.Error("a permission is missing in docs/cluster.md")
	}
	used := regexp.MustCompile(`<<- \[(PUB|HPUB|SUB) (\S+)`).FindAllStringSubmatch(trace, -1)
	isUsed := func(pattern string, verbs string) bool {
		for _, u := range used {
			if strings.Contains(verbs, " "+u[1]+" ") && isMatch(pattern, u[2]) {
				return true
			}
		}
		return false
	}
	for _, pattern := range needed.publish {
		if !isUsed(pattern, " PUB HPUB ") && !strings.Contains(pattern, "STREAM.UPDATE") { // which a change of limits needs
			t.Errorf("nobody has published to %s, as docs/cluster.md says", pattern)
		}
	}
	for _, pattern := range needed.subscribe {
		if !isUsed(pattern, " SUB ") {
			t.Errorf("nobody has subscribed to %s, as docs/cluster.md says", pattern)
		}
	}
}

// operator is who vouches for accounts, as nsc sets it up.
type operator struct {
	t       *testing.T
	keys    nkeys.KeyPair
	account nkeys.KeyPair
	claims  *jwt.AccountClaims
	system  string // account, as the broker's configuration names it
	preload string
	token   string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{t: t}
	var err error
	if o.keys, err = nkeys.CreateOperator(); err != nil {
		t.Fatal(err)
	}
	if o.account, err = nkeys.CreateAccount(); err != nil {
		t.Fatal(err)
	}
	o.claims = jwt.NewAccountClaims(public(t, o.account))
	o.claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	system, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	o.system = public(t, system)
	o.preload = o.sign(jwt.NewAccountClaims(o.system))
	claims := jwt.NewOperatorClaims(public(t, o.keys))
	claims.SystemAccount = o.system
	if o.token, err = claims.Encode(o.keys); err != nil {
		t.Fatal(err)
	}
	return o
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (o *operator) sign(c *jwt.AccountClaims) string {
	o.t.Helper()
	token, err := c.Encode(o.keys)
	if err != nil {
		o.t.Fatal(err)
	}
	return token
}

// config returns what a broker needs that trusts the operator.
func (o *operator) config() string {
	return fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }",
		o.token, o.system, o.system, o.preload, o.claims.Subject, o.sign(o.claims))
}

// credentials makes a user with the documented permissions, and writes its .creds file.
func (o *operator) credentials(file string, by nkeys.KeyPair, expires time.Time) (user string) {
	o.t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		o.t.Fatal(err)
	}
	claims := jwt.NewUserClaims(public(o.t, pair))
	needed := documentedPermissions(o.t)
	claims.Pub.Allow, claims.Sub.Allow = needed.publish, needed.subscribe
	if !expires.IsZero() {
		claims.Expires = expires.Unix()
	}
	token, err := claims.Encode(by)
	if err != nil {
		o.t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		o.t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		o.t.Fatal(err)
	}
	harness.WriteFile(o.t, file+".new", text)
	if err := os.Rename(file+".new", file); err != nil {
		o.t.Fatal(err)
	}
	return claims.Subject
}

// A node shows a user's JWT, whose permissions are the documented ones. What the brokers do not accept is an error of a check;
// at run time it is logged and counted, and the node goes on once the file has what they accept.
func TestJWTCredentials(t *testing.T) {
	o := newOperator(t)
	b := harness.StartBroker(t, o.config())
	flags, api := harness.WithAPI(t)
	d := harness.Prepare(t, append(flags, "--cluster-name", clusterName, "--cluster-nats", "nats://"+b.Address)...)
	file := d.Path("node.creds")
	d.Args = append(d.Args, "--cluster-credentials-file", file)

	unknown, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(){
		"of an account that the broker does not know": func() { o.credentials(file, unknown, time.Time{}) },
		"that have expired":                           func() { o.credentials(file, o.account, time.Now().Add(-time.Minute)) },
	} {
		write()
		if r := check(t, d); r.Code != 2 || !strings.Contains(r.Stderr, "cluster.credentials_file") || !strings.Contains(r.Stderr, "cluster.nats") {
			t.Errorf("credentials %s: %s", name, r)
		}
	}
	harness.WriteFile(t, file, []byte("-----BEGIN NATS USER JWT-----\nnone\n"))
	if r := check(t, d); r.Code != 2 || !strings.Contains(r.Stderr, file) {
		t.Errorf("a damaged file: %s", r)
	}

	user := o.credentials(file, o.account, time.Time{})
	if r := check(t, d); r.Code != 0 {
		t.Errorf("the right credentials: %s", r)
	}
	n := &node{Daemon: d}
	d.Run()
	n.awaitReady()
	s, at := n.subscribe("subscribe=a", "")
	n.Call("send", map[string]any{"to": "a", "data": "by a JWT"}, nil)
	harness.WantMessage(t, s, "by a JWT")
	if strings.Contains(d.Log.Whole(), "ermissions Violation") {
		t.Error("a permission is missing in docs/cluster.md")
	}

	o.claims.Revoke(user)
	b.Configure(o.config())
	b.Reload()
	var status struct {
		Cluster struct {
			Ready   bool
			Problem string
		}
	}
	harness.Eventually(t, "the node says that it is refused", func() bool {
		n.Call("status", nil, &status)
		return !status.Cluster.Ready && strings.Contains(status.Cluster.Problem, "cluster.credentials_file")
	})
	harness.Eventually(t, "it is counted", func() bool {
		return regexp.MustCompile(`hassesd_cluster_connect_failures_total\{reason="credentials"\} [1-9]`).MatchString(d.GetAPI("http://"+api+"/metrics", "").Body)
	})
	if !d.Log.WaitFor("does not accept who this node is") {
		t.Error("the log does not say so")
	}
	if log := d.Log.Whole(); strings.Count(log, "does not accept who this node is") > 3 {
		t.Error("the log says so again and again")
	}

	o.credentials(file, o.account, time.Time{}) // which the sandbox lets the daemon read
	n.awaitReady()
	n.Call("send", map[string]any{"to": "a", "data": "by another JWT"}, nil)
	s, _ = n.subscribe("subscribe=a", at)
	harness.WantMessage(t, s, "by a JWT")
	harness.WantMessage(t, s, "by another JWT")
}

// Credentials are read for each connection, and what they may do is what docs/cluster.md lists.
func TestCredentialsAndPermissions(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := user.PublicKey()
	seed, _ := user.Seed()
	permissions := fmt.Sprintf(`authorization { users: [
  { user: admin, password: admin }
  { nkey: %s, permissions: {
    publish: [ "hassesd.t.log.*", "hassesd.t.ctl.*", "$JS.API.STREAM.INFO.hassesd-t", "$JS.API.STREAM.MSG.GET.hassesd-t",
      "$JS.API.STREAM.CREATE.hassesd-t", "$JS.API.STREAM.UPDATE.hassesd-t",
      "$JS.API.CONSUMER.CREATE.hassesd-t.>", "$JS.API.CONSUMER.MSG.NEXT.hassesd-t.>", "_INBOX.>" ]
    subscribe: [ "hassesd.t.ctl.*", "_INBOX.>" ] } }
] }`, public)
	b := startBrokers(t, 1, permissions)
	seedFile := t.TempDir() + "/seed"
	harness.WriteFile(t, seedFile, seed)
	w := &world{t: t, brokers: b, checker: newChecker()}
	n := w.addNode("n0", "--cluster-credentials-file", seedFile)
	n.awaitReady()
	other := w.addNode("n1", "--cluster-credentials-file", seedFile)
	other.awaitReady()
	s, _ := other.subscribe("subscribe=a", "")
	n.Call("send", map[string]any{"to": "a", "data": "with an NKEY"}, nil)
	harness.WantMessage(t, s, "with an NKEY")
	if strings.Contains(n.Log.Whole(), "ermissions Violation") {
		t.Error("a permission was missing")
	}
	var sandbox struct {
		Paths []struct{ Path string } `json:"paths"`
		Ports []int                   `json:"connect_ports"`
	}
	n.Call("sandbox", nil, &sandbox)
	if len(sandbox.Ports) > 0 && !slices.ContainsFunc(sandbox.Paths, func(p struct{ Path string }) bool { return strings.HasPrefix(seedFile, p.Path) }) {
		t.Errorf("the sandbox does not list the credentials: %+v", sandbox)
	}

	// Revoked, and granted again.
	one := b.all[0]
	before := readFile(t, one.config)
	harness.WriteFile(t, one.config, []byte(strings.ReplaceAll(before, public, "U"+strings.Repeat("A", len(public)-1))))
	one.kill()
	one.start()
	harness.Eventually(t, "the node is not ready", func() bool {
		var status struct {
			Cluster struct{ Ready bool } `json:"cluster"`
		}
		n.Call("status", nil, &status)
		return !status.Cluster.Ready
	})
	one.kill()
	harness.WriteFile(t, one.config, []byte(before))
	one.start()
	n.awaitReady()
}
