package daemon

import (
	"path/filepath"
	"slices"
	"strconv"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/sandbox"
)

// neededPath is a path that the daemon opens again while it runs.
type neededPath struct {
	key string // the setting that names it; empty: none does
	sandbox.Path
}

// neededPaths returns every path that the daemon opens while it runs, also for a reload. The
// sandbox permits these and no others: a file that is read or written after the start belongs here.
// sources are the files of the settings.
func neededPaths(s *config.Settings, sources []string) []neededPath {
	var all []neededPath
	add := func(key, path string, use sandbox.Use) {
		if path != "" {
			all = append(all, neededPath{key, sandbox.Path{Path: path, Use: use}})
		}
	}
	// What a reload reads.
	for _, path := range sources {
		add("config", path, sandbox.ReadFile)
	}
	for _, c := range s.TLS.All() {
		add("tls.cert_file", c.CertFile, sandbox.ReadFile)
		add("tls.key_file", c.KeyFile, sandbox.ReadFile)
		add("tls.ocsp_file", c.OCSPFile, sandbox.ReadFile)
	}
	add("control.tls.cert_file", s.Control.TLS.CertFile, sandbox.ReadFile)
	add("control.tls.key_file", s.Control.TLS.KeyFile, sandbox.ReadFile)
	add("control.tls.client_ca_file", s.Control.TLS.ClientCAFile, sandbox.ReadFile)
	if s.Auth.Has(config.AuthSigned) {
		for _, k := range s.Auth.URLKeys() {
			add("auth.signed_url.keys", k.File, sandbox.ReadFile)
		}
	}
	if s.Auth.Has(config.AuthTokens) {
		for _, k := range s.Auth.TokenKeys() {
			add("auth.jwt.keys", k.File, sandbox.ReadFile)
		}
		add("auth.jwt.jwks_file", s.Auth.JWT.JWKSFile, sandbox.ReadFile)
	}
	for _, k := range s.Control.Keys {
		add("control.keys", k.File, sandbox.ReadFile)
	}
	if looksUpAccounts(s) {
		add("", "/etc/passwd", sandbox.ReadSystemFile)
		add("", "/etc/group", sandbox.ReadSystemFile)
	}
	// What is written, and what is removed at the end.
	add("log_file", s.LogFile, sandbox.AppendFile)
	add("pid_file", s.PIDFile, sandbox.RemoveFile)
	add("control.socket", options.ControlSocket(s), sandbox.RemoveFile)
	add("api.listen", s.API.UnixPath(), sandbox.RemoveFile)
	for _, l := range s.Listeners() {
		add("listen", l.Unix, sandbox.RemoveFile)
	}
	// What outlives a restart.
	add("state.dir", s.State.Dir, sandbox.Store)
	if path, isGiven := s.History.Path(&s.State); isGiven && !sameDirectory(path, s.State.Dir) {
		add("history.file", filepath.Dir(path), sandbox.Store)
	}
	// What the brokers are reached with.
	if options.IsClustered(s) {
		add("cluster.credentials_file", s.Cluster.CredentialsFile, sandbox.ReadFile)
		add("cluster.ca_file", s.Cluster.CAFile, sandbox.ReadFile)
		add("cluster.cert_file", s.Cluster.CertFile, sandbox.ReadFile)
		add("cluster.key_file", s.Cluster.KeyFile, sandbox.ReadFile)
		if !options.UsesACME(s) {
			for _, path := range resolverFiles {
				add("", path, sandbox.ReadSystemFile)
			}
		}
	}
	// What certificates are obtained with.
	if options.UsesACME(s) {
		add("acme.cache_dir", s.ACME.CacheDir, sandbox.Store)
		for _, path := range resolverFiles {
			add("", path, sandbox.ReadSystemFile)
		}
	}
	return all
}

// resolverFiles are read by package net for each name lookup. The root certificates are in memory
// by then.
var resolverFiles = []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"}

// looksUpAccounts reports whether a reload of these settings, or a connection to the control
// socket, looks up names of users or groups.
func looksUpAccounts(s *config.Settings) bool {
	if len(s.Control.UnixAdmins)+len(s.Control.UnixPublishers)+len(s.Control.UnixReaders) > 0 {
		return true
	}
	return slices.ContainsFunc([]string{s.User, s.Group, s.Control.UnixGroup, s.Control.FIFOGroup, s.Proxy.UnixGroup}, func(name string) bool {
		_, err := strconv.ParseUint(name, 10, 32)
		return name != "" && err != nil || name == s.User && name != "" && s.Group == ""
	})
}

func sandboxPaths(needed []neededPath) []sandbox.Path {
	paths := make([]sandbox.Path, len(needed))
	for i, n := range needed {
		paths[i] = n.Path
	}
	return paths
}
