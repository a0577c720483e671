package daemon

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/config"
)

const (
	// maxKeyFile bounds the size of a key file; JWK sets with certificates in them reach some 100
	// KiB.
	maxKeyFile = 1 << 20
	// maxKeyRead bounds how long the writer of a pipe may take.
	maxKeyRead = 5 * time.Second
)

// authorization is who may subscribe, and publish with a token, by the settings and the files that
// they name.
type authorization struct {
	policy   *auth.Policy // nil: everybody may
	tokens   *auth.Tokens // of publishers, and of subscribers who may have one; nil: none are read
	files    []string
	warnings []string

	// Of the content of the files, by the key of the settings that names them.
	digests map[string][sha256.Size]byte
}

// readAuthorization reads all keys that the settings name; a start does so while the process may
// still read what only root can. The error has everything that is wrong.
func readAuthorization(s *config.Settings) (*authorization, error) {
	r := authReader{authorization: authorization{digests: make(map[string][sha256.Size]byte)}}
	o := auth.Options{Cookie: s.Auth.JWT.Cookie, Query: s.Auth.JWT.Query}
	if s.Auth.Has(config.AuthSigned) {
		o.URLKeys = r.urlKeys(s.Auth.URLKeys())
	}
	if s.ReadsTokens() {
		r.authorization.tokens = r.tokens(s)
	}
	if s.Auth.Has(config.AuthTokens) {
		o.Tokens = r.authorization.tokens
	}
	if err := errors.Join(r.problems...); err != nil {
		return nil, &configurationError{err}
	}
	if s.Auth.Has(config.AuthNone) {
		return &r.authorization, nil
	}
	policy, err := auth.NewPolicy(o)
	if err != nil {
		return nil, &fault{key: "auth", err: err}
	}
	r.policy = policy
	return &r.authorization, nil
}

// authReader collects keys and problems.
type authReader struct {
	authorization
	problems []error
}

func (r *authReader) urlKeys(list []config.KeyFile) []auth.URLKey {
	const setting = "auth.signed_url.keys"
	var keys []auth.URLKey
	for _, f := range list {
		text, ok := r.read(setting, f.File, true)
		if !ok {
			continue
		}
		k, err := auth.NewURLKey(f.ID, text)
		if err != nil {
			r.addError(setting, fmt.Errorf("%s %w", f.File, err))
			continue
		}
		keys = append(keys, k)
	}
	return keys
}

func (r *authReader) tokens(s *config.Settings) *auth.Tokens {
	const setting = "auth.jwt.keys"
	o := auth.TokenOptions{Issuer: s.Auth.JWT.Issuer, Audience: s.Auth.JWT.Audience, Leeway: s.Auth.JWT.Leeway}
	for _, f := range s.Auth.TokenKeys() {
		alg := auth.Algorithm(f.Algorithm)
		text, ok := r.read(setting, f.File, alg == auth.HS256)
		if !ok {
			continue
		}
		k, err := auth.NewTokenKey(f.ID, alg, text)
		if err != nil {
			r.addError(setting, fmt.Errorf("%s %w", f.File, err))
			continue
		}
		o.Keys = append(o.Keys, k)
	}
	o.Keys = append(o.Keys, r.keySet(s.Auth.JWT.JWKSFile)...)
	if len(r.problems) > 0 {
		return nil
	}
	tokens, err := auth.NewTokens(o)
	if err != nil {
		r.addError(setting, err)
	}
	return tokens
}

func (r *authReader) keySet(path string) []auth.TokenKey {
	const setting = "auth.jwt.jwks_file"
	if path == "" {
		return nil
	}
	text, mode, err := readKeyFile(path)
	if err != nil {
		r.addError(setting, err)
		return nil
	}
	keys, passed, err := auth.ParseJWKS(text)
	if err != nil {
		r.addError(setting, fmt.Errorf("%s %w", path, err))
		return nil
	}
	isSecret := slices.ContainsFunc(keys, func(k auth.TokenKey) bool { return k.Algorithm == auth.HS256 })
	r.note(setting, path, text, mode, isSecret)
	for _, p := range passed {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %s; it is passed over", path, p))
	}
	return keys
}

func (r *authReader) addError(setting string, err error) {
	r.problems = append(r.problems, &fault{key: setting, err: err})
}

// read reads the file of one key.
func (r *authReader) read(setting, path string, isSecret bool) ([]byte, bool) {
	text, mode, err := readKeyFile(path)
	if err != nil {
		r.addError(setting, err)
		return nil, false
	}
	r.note(setting, path, text, mode, isSecret)
	return text, true
}

// note records a file that was read, and warns of permissions that others should not have.
func (r *authReader) note(setting, path string, text []byte, mode fs.FileMode, isSecret bool) {
	r.files = append(r.files, path)
	before := r.digests[setting]
	r.digests[setting] = sha256.Sum256(append(before[:], text...))
	switch perm := mode.Perm(); {
	case isSecret && perm&0o004 != 0:
		r.warnings = append(r.warnings, fmt.Sprintf("%s can be read by every user of this machine (mode %04o), who could let themselves in; use 0640 or 0600", path, perm))
	case perm&0o022 != 0:
		r.warnings = append(r.warnings, fmt.Sprintf("%s can be replaced by others than its owner (mode %04o), who could let themselves in; use 0640 or 0600", path, perm))
	}
}

// readKeyFile returns the content and the mode of a file. It does not wait long for a pipe in its
// place.
func readKeyFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(maxKeyRead)) // regular files have none, and never block for long
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(text) > maxKeyFile {
		return nil, 0, fmt.Errorf("%s is longer than %d bytes", path, maxKeyFile)
	}
	return text, info.Mode(), nil
}

// unreadable returns the files that the process, as it is now, cannot open any more.
func (a *authorization) unreadable() []string {
	var list []string
	for _, path := range a.files {
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrPermission) {
			list = append(list, path)
		}
		if err == nil {
			f.Close()
		}
	}
	return list
}

// authorizer holds the authorization that applies. Callers of use hold Daemon.reloading, except at
// the start.
type authorizer struct {
	log     *slog.Logger
	current *authorization // nil: none yet
}

// use makes next apply, and returns the settings whose files have another content than before.
func (a *authorizer) use(s *config.Settings, next *authorization) (renewed []string) {
	for _, setting := range []string{"auth.signed_url.keys", "auth.jwt.keys", "auth.jwt.jwks_file"} {
		if a.current != nil && a.current.digests[setting] != next.digests[setting] {
			renewed = append(renewed, setting)
		}
	}
	isNew := a.current == nil || len(renewed) > 0
	a.current = next
	if isNew {
		a.log.Info("authorization in force", "modes", s.Auth.Mode, "files", next.files)
	}
	for _, w := range next.warnings {
		a.log.Warn("key file needs attention", "what", w)
	}
	return renewed
}

// warnOfUnreadable warns of keys that the process, as it is now, cannot read again.
func (a *authorizer) warnOfUnreadable() {
	for _, path := range a.current.unreadable() {
		a.log.Warn("key for tokens or URLs cannot be read any more with the rights that the daemon has left, so that every reload fails; give the file to its group, with mode 0640", "file", path)
	}
}
