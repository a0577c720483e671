package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

// authorityName is the base of the authority's files, which no certificate can have.
const authorityName = "ca"

const (
	defaultLeafDays      = 90
	defaultAuthorityDays = 3650
)

func (p *program) pkiCommand() *cli.Command {
	return &cli.Command{
		Name:      "pki",
		Usage:     "make certificates for the control port over TLS",
		ArgsUsage: "init | issue daemon HOST... | issue client NAME",
		Description: "init makes a private authority; issue daemon a certificate for the control port of a daemon that is " +
			"reached by these names or addresses; issue client one to show to it. All keys are ECDSA P-256, in files that " +
			"only their owner can read. No daemon is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "the `DIRECTORY` of the authority, where all files are written (default: .)"},
			&cli.IntFlag{Name: "days", Usage: "the certificate is valid for `N` days (default: 90, of the authority 3650)"},
			&cli.BoolFlag{Name: "force", Usage: "replace files that are there"},
		},
		Action: func(c *cli.Context) error {
			args, err := words(c, 1, -1)
			if err != nil {
				return err
			}
			o := pkiOptions{dir: c.String("dir"), days: c.Int("days"), force: c.Bool("force"), now: time.Now()}
			if o.dir == "" {
				o.dir = "."
			}
			if c.IsSet("days") && (o.days < 1 || o.days > maxDays) {
				return usagef("--days wants a number between 1 and %d", maxDays)
			}
			switch {
			case args[0] == "init" && len(args) == 1:
				return p.pkiInit(o)
			case args[0] == "issue" && len(args) > 2 && args[1] == "daemon":
				return p.pkiIssueDaemon(o, args[2:])
			case args[0] == "issue" && len(args) == 3 && args[1] == "client":
				return p.pkiIssueClient(o, args[2])
			}
			return usagef("pki takes %s, and got %q", c.Command.ArgsUsage, strings.Join(args, " "))
		},
	}
}

// pkiOptions are the flags of pki.
type pkiOptions struct {
	dir   string
	days  int // 0: the default
	force bool
	now   time.Time
}

func (o *pkiOptions) lifetime(defaultDays int) time.Duration {
	days := o.days
	if days == 0 {
		days = defaultDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// issued is what pki prints: the --json document.
type issued struct {
	Certificate string    `json:"certificate"` // path
	Key         string    `json:"key"`         // path
	NotAfter    time.Time `json:"not_after"`
	Identities  []string  `json:"identities"` // for control.tls; of a client only
}

func (p *program) pkiInit(o pkiOptions) error {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	ca, err := newAuthority(o.now, o.lifetime(defaultAuthorityDays))
	if err != nil {
		return err
	}
	out, err := o.write(authorityName, ca)
	if err != nil {
		return err
	}
	return p.showIssued(out,
		"for --ca, and control.tls.client_ca_file of the daemon",
		"makes certificates; keep it to yourself, away from the daemon")
}

func (p *program) pkiIssueDaemon(o pkiOptions, hosts []string) error {
	for _, host := range hosts {
		if !isHost(host) {
			return usagef("%q is neither a DNS name nor an IP address", host)
		}
	}
	if hosts[0] == authorityName {
		return usagef("the first name cannot be %q: the authority's files are called so", authorityName)
	}
	return p.pkiIssue(o, hosts[0], daemonTemplate(hosts), "for control.tls.cert_file of the daemon", "for control.tls.key_file")
}

func (p *program) pkiIssueClient(o pkiOptions, name string) error {
	if !isClientName(name) {
		return usagef("%q cannot be a client's name: up to 64 letters, digits, dots, dashes and underscores, not %q, and without -key at the end", name, authorityName)
	}
	return p.pkiIssue(o, name, clientTemplate(name), "for --cert", "for --key")
}

func (p *program) pkiIssue(o pkiOptions, name string, t template, forCertificate, forKey string) error {
	ca, err := loadAuthority(filepath.Join(o.dir, authorityName+".pem"), filepath.Join(o.dir, authorityName+"-key.pem"), o.now)
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{exitFailed, err, "hassesctl pki init makes an authority; --dir tells where it is"}
	}
	if err != nil {
		return err
	}
	leaf, err := ca.issue(t, o.now, o.lifetime(defaultLeafDays))
	if err != nil {
		return err
	}
	out, err := o.write(name, leaf)
	if err != nil {
		return err
	}
	if t.isClient {
		out.Identities = admin.Identities(leaf.cert)
	}
	return p.showIssued(out, forCertificate, forKey)
}

// write stores a certificate and its key under the name.
func (o *pkiOptions) write(name string, id *keyPair) (issued, error) {
	out := issued{
		Certificate: filepath.Join(o.dir, name+".pem"),
		Key:         filepath.Join(o.dir, name+"-key.pem"),
		NotAfter:    id.cert.NotAfter.UTC(),
		Identities:  []string{},
	}
	certPEM, keyPEM, err := id.encode()
	if err != nil {
		return issued{}, err
	}
	err = writePair(newFile{out.Key, keyPEM, 0o600}, newFile{out.Certificate, certPEM, 0o644}, o.force)
	if errors.Is(err, fs.ErrExist) {
		return issued{}, &failure{exitFailed, err, "--force replaces it"}
	}
	return out, err
}

func (p *program) showIssued(out issued, forCertificate, forKey string) error {
	if p.set.json {
		return p.out.json(out)
	}
	width := len(out.Key)
	p.out.printf("%-*s  %s; valid until %s\n", width, out.Certificate, forCertificate, out.NotAfter.Format(time.DateOnly))
	p.out.printf("%-*s  %s\n", width, out.Key, forKey)
	for _, id := range out.Identities {
		p.out.printf("%s\n", id)
	}
	if len(out.Identities) > 0 {
		p.err.printf("give it a role: put one of its identities into control.tls.admin, publish or read of the daemon\n")
	}
	return p.out.err
}

// pkiWords are what can follow the words of a command line, for its completion.
func pkiWords(typed []string) []string {
	switch {
	case len(typed) == 0:
		return []string{"init", "issue"}
	case len(typed) == 1 && typed[0] == "issue":
		return []string{"daemon", "client"}
	}
	return nil
}

// isHost takes what can stand in a certificate, and be the name of a file.
func isHost(host string) bool {
	if net.ParseIP(host) != nil {
		return true
	}
	return len(host) <= 253 && isPlainName(host)
}

// isClientName takes what can stand in a URI, and be the name of files that are not taken for somebody else's.
func isClientName(name string) bool {
	return len(name) <= 64 && isPlainName(name) && name != authorityName
}

func isPlainName(name string) bool {
	return name != "" && name[0] != '.' && name[0] != '-' && !strings.HasSuffix(name, "-key") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..") &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
}
