package acmecert

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/pemfile"
)

const (
	// stateFile holds the record of each host.
	stateFile = "state.json"
	// damagedPrefix starts the names of state files that could not be read. The time follows, in seconds since
	// 1970.
	damagedPrefix = stateFile + ".damaged-"
	// mostDamaged is how many damaged state files are kept.
	mostDamaged = 3
	// accountFile holds the key of our account.
	accountFile = "account.key"
	// certificateSuffix ends the name of each certificateFile.
	certificateSuffix = ".pem"
	// newSuffix ends the name of a file that is being written.
	newSuffix = ".new"
	// longestHost is the longest host name that is used as a file name. File names have at most 255
	// bytes.
	longestHost = 200
	// maxFile bounds the size of a file. The longest chains have about 20 KiB, and the state a line
	// per host.
	maxFile = 1 << 20
)

// cache stores keys, certificates and the record of failures across restarts, in one directory per
// authority, so that certificates of a staging authority are not used as real ones.
type cache struct{ dir string }

func newCache(dir, directoryURL string) cache {
	host := "authority"
	if u, err := url.Parse(directoryURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	sum := sha256.Sum256([]byte(directoryURL))
	return cache{filepath.Join(dir, host+"-"+hex.EncodeToString(sum[:4]))}
}

// isAuthorityDirectory reports whether newCache could have chosen this name.
func isAuthorityDirectory(name string) bool {
	const digits = 8
	i := len(name) - digits - 1
	return i > 0 && name[i] == '-' && strings.Trim(name[i+1:], "0123456789abcdef") == ""
}

// isCacheFile reports whether a cache could have written a file of this name in an authority's
// directory.
func isCacheFile(name string) bool {
	if hidden, ok := strings.CutPrefix(name, "."); ok {
		finished, ok := strings.CutSuffix(hidden, newSuffix)
		return ok && isCacheFile(finished)
	}
	if digits, ok := strings.CutPrefix(name, damagedPrefix); ok {
		return digits != "" && strings.Trim(digits, "0123456789") == ""
	}
	return name == stateFile || name == accountFile || strings.HasSuffix(name, certificateSuffix)
}

// state is the content of stateFile.
type state struct {
	Version int               `json:"version"`
	Hosts   map[string]memory `json:"hosts"`
}

const stateVersion = 1

// readState returns the record of all hosts, which is empty if there is no file yet.
func (c cache) readState() (map[string]memory, error) {
	text, err := c.read(stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]memory{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what is remembered of certificate orders: %w", err)
	}
	hosts, err := parseState(text)
	if err != nil {
		return nil, fmt.Errorf("read what is remembered of certificate orders: %s: %w", filepath.Join(c.dir, stateFile), err)
	}
	return hosts, nil
}

func parseState(text []byte) (map[string]memory, error) {
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("it has version %d, and only %d is known", s.Version, stateVersion)
	}
	hosts := map[string]memory{}
	for name, m := range s.Hosts {
		if m.Failures < 0 || m.Failures > mostFailures || m.Failures > 0 && m.FailedAt.IsZero() {
			return nil, fmt.Errorf("host %q: %d failures at %s make no sense", name, m.Failures, m.FailedAt)
		}
		hosts[name] = m
	}
	return hosts, nil
}

// setStateAside renames a state file that cannot be read, so that it can be examined, and returns
// its new path. It keeps the newest mostDamaged of them.
func (c cache) setStateAside(now time.Time) (path string, err error) {
	path = filepath.Join(c.dir, damagedPrefix+strconv.FormatInt(max(0, now.Unix()), 10))
	if err := os.Rename(filepath.Join(c.dir, stateFile), path); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return path, err
	}
	var kept []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), damagedPrefix) {
			kept = append(kept, e.Name())
		}
	}
	slices.SortFunc(kept, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }) // numbers
	for _, name := range kept[:max(0, len(kept)-mostDamaged)] {
		err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, name)))
	}
	return path, err
}

func (c cache) writeState(hosts map[string]memory) error {
	text, err := json.MarshalIndent(state{stateVersion, hosts}, "", "\t")
	if err != nil {
		return err
	}
	return c.write(stateFile, append(text, '\n'))
}

// certificateFile returns the name of the file with a host's key and chain. They share a file, so
// that they always match. For a very long host, it is a part of its name and a hash, with a tilde
// in between, which no host name contains.
func certificateFile(host string) string {
	if len(host) > longestHost {
		sum := sha256.Sum256([]byte(host))
		host = host[:longestHost/2] + "~" + hex.EncodeToString(sum[:16])
	}
	return host + certificateSuffix
}

// accountKey returns the key of our account, and creates it the first time.
func (c cache) accountKey() (crypto.Signer, error) {
	text, err := c.read(accountFile)
	switch {
	case err == nil:
		key, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("account key %s: %w", filepath.Join(c.dir, accountFile), err)
		}
		return key, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read account key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make account key: %w", err)
	}
	if text, err = encodeKey(key); err == nil {
		err = c.write(accountFile, text)
	}
	if err != nil {
		return nil, fmt.Errorf("store account key: %w", err)
	}
	return key, nil
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func parseKey(text []byte) (crypto.Signer, error) {
	blocks, err := pemfile.Blocks(text)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 || blocks[0].Type != "PRIVATE KEY" {
		return nil, errors.New("the file is not one PEM private key")
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[0].Bytes)
	if err != nil {
		return nil, err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T is none of ours", key)
	}
	return ec, nil
}

// read reads a regular file in a real directory. It neither follows links nor waits for pipes and
// devices that another user may have planted.
func (c cache) read(name string) ([]byte, error) {
	f, err := c.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f.Name())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", f.Name(), maxFile)
	}
	return text, err
}

func (c cache) open(name string) (*os.File, error) {
	path := filepath.Join(c.dir, name)
	dir, err := os.OpenFile(c.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// write replaces a file atomically, so that a crash leaves the old or the new one. Writes of one
// file must not overlap.
func (c cache) write(name string, text []byte) error {
	if err := os.Mkdir(c.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	path := filepath.Join(c.dir, name)
	temporary := filepath.Join(c.dir, "."+name+newSuffix) // always the same name, so that crashes do not leave many
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}
