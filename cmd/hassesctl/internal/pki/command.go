// Package pki is the command that makes certificates for the control port over TLS. It asks no
// daemon.
package pki

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// Command returns the command pki.
func Command(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:      "pki",
		Usage:     "make certificates for the control port over TLS",
		ArgsUsage: "init | issue daemon HOST... | issue client NAME",
		Description: "init makes a private certificate authority. issue daemon makes a certificate for the " +
			"control port of a daemon with these names or addresses; issue client makes one to " +
			"present to it. All keys are ECDSA P-256, in files that only their owner can read. No " +
			"daemon is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "Write all files into the `DIRECTORY` of the authority. Default: the current directory."},
			&cli.IntFlag{Name: "days", Usage: "Make the certificate valid for `N` days. Default: 90, for the authority 3650."},
			&cli.BoolFlag{Name: "force", Usage: "Replace existing files."},
		},
		Action: func(c *cli.Context) error {
			args, err := cmdline.Words(c, 1, -1)
			if err != nil {
				return err
			}
			o := options{dir: c.String("dir"), days: c.Int("days"), force: c.Bool("force"), now: time.Now()}
			if o.dir == "" {
				o.dir = "."
			}
			if c.IsSet("days") && (o.days < 1 || o.days > maxDays) {
				return exit.Usagef("--days must be between 1 and %d", maxDays)
			}
			switch {
			case args[0] == "init" && len(args) == 1:
				return initialize(s, o)
			case args[0] == "issue" && len(args) > 2 && args[1] == "daemon":
				return issueDaemon(s, o, args[2:])
			case args[0] == "issue" && len(args) == 3 && args[1] == "client":
				return issueClient(s, o, args[2])
			}
			return exit.Usagef("pki takes %s, and got %q", c.Command.ArgsUsage, strings.Join(args, " "))
		},
	}
}

// initialize makes an authority.
func initialize(s *session.Session, o options) error {
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
	return showIssued(s, out,
		"for --ca, and control.tls.client_ca_file of the daemon",
		"makes certificates; keep it to yourself, away from the daemon")
}

func issueDaemon(s *session.Session, o options, hosts []string) error {
	for _, host := range hosts {
		if !isHost(host) {
			return exit.Usagef("%q is neither a DNS name nor an IP address", host)
		}
	}
	if hosts[0] == authorityName {
		return exit.Usagef("the first name cannot be %q: the authority's files have that name", authorityName)
	}
	return issueLeaf(s, o, hosts[0], daemonTemplate(hosts), "for control.tls.cert_file of the daemon", "for control.tls.key_file")
}

func issueClient(s *session.Session, o options, name string) error {
	if !isClientName(name) {
		return exit.Usagef("%q cannot be a client's name: up to 64 letters, digits, dots, dashes and underscores, not %q, and without -key at the end", name, authorityName)
	}
	return issueLeaf(s, o, name, clientTemplate(name), "for --cert", "for --key")
}

// issueLeaf makes a certificate with the authority in the directory.
func issueLeaf(s *session.Session, o options, name string, t template, forCertificate, forKey string) error {
	ca, err := loadAuthority(filepath.Join(o.dir, authorityName+".pem"), filepath.Join(o.dir, authorityName+"-key.pem"), o.now)
	if errors.Is(err, fs.ErrNotExist) {
		return &exit.Error{Code: exit.Failed, Err: err, Hint: "make an authority with hassesctl pki init, or name its directory with --dir"}
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
		out.Identities = api.Identities(leaf.cert)
	}
	return showIssued(s, out, forCertificate, forKey)
}

// showIssued prints where the files are and what they are for.
func showIssued(s *session.Session, out issued, forCertificate, forKey string) error {
	if s.JSON {
		return s.Out.JSON(out)
	}
	width := len(out.Key)
	s.Out.Printf("%-*s  %s; valid until %s\n", width, out.Certificate, forCertificate, out.NotAfter.Format(time.DateOnly))
	s.Out.Printf("%-*s  %s\n", width, out.Key, forKey)
	for _, id := range out.Identities {
		s.Out.Printf("%s\n", id)
	}
	if len(out.Identities) > 0 {
		s.Err.Printf("give it a role: put one of its identities into control.tls.admin, publish or read of the daemon\n")
	}
	return s.Out.Err()
}

// Words returns what can follow the words of a command line, for its completion.
func Words(typed []string) []string {
	switch {
	case len(typed) == 0:
		return []string{"init", "issue"}
	case len(typed) == 1 && typed[0] == "issue":
		return []string{"daemon", "client"}
	}
	return nil
}
