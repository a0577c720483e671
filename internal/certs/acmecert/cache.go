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
	// stateFile holds what is remembered of each host.
	stateFile = "state.json"
	// damagedPrefix begins the names of those that could not be read; the time follows, in seconds since 1970.
	damagedPrefix = stateFile + ".damaged-"
	// mostDamaged is how many of them are kept.
	mostDamaged = 3
	// accountFile holds the key by which the authority knows us.
	accountFile = "account.key"
	// certificateSuffix ends the name of each certificateFile.
	certificateSuffix = ".pem"
	// newSuffix ends the name of a file that is still being written.
	newSuffix = ".new"
	// longestHost is the longest name of a host that a file can be called by: a name of a file may have 255 bytes.
	longestHost = 200
	// maxFile bounds what is read of a file: the longest chains are some 20 KiB, and the state is a line a host.
	maxFile = 1 << 20
)

// cache is where keys, certificates and the memory of failures survive restarts: a directory for each authority, so
// that what a staging authority issued is not taken for the real one's.
type cache struct{ dir string }

func newCache(dir, directoryURL string) cache {
	host := "authority"
	if u, err := url.Parse(directoryURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	sum := sha256.Sum256([]byte(directoryURL))
	return cache{filepath.Join(dir, host+"-"+hex.EncodeToString(sum[:4]))}
}

// isAuthorityDirectory says whether newCache could have made up this name.
func isAuthorityDirectory(name string) bool {
	const digits = 8
	i := len(name) - digits - 1
	return i > 0 && name[i] == '-' && strings.Trim(name[i+1:], "0123456789abcdef") == ""
}

// isCacheFile says whether a cache could have made a file of this name in an authority's directory.
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

// readState returns what is remembered of all hosts; nothing when there is no file yet.
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

// setStateAside gives a state that cannot be read another name, for whoever wants to know what has become of it, and
// returns where it is. Of several the newest are kept.
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

// certificateFile is the name of the file with a host's key and chain: one, so that the two never disagree. That of a
// very long host is a part of it and a hash, with a tilde between that no host has.
func certificateFile(host string) string {
	if len(host) > longestHost {
		sum := sha256.Sum256([]byte(host))
		host = host[:longestHost/2] + "~" + hex.EncodeToString(sum[:16])
	}
	return host + certificateSuffix
}

// accountKey returns the key by which the authority knows us, and makes it the first time.
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

// read reads a file that is one, in a directory that is one: links, pipes and devices that somebody has planted are not
// followed and not waited for.
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

// write puts a file in its place in one step, so that a crash leaves the old one or the new one. Two writes of one file
// must not meet.
func (c cache) write(name string, text []byte) error {
	if err := os.Mkdir(c.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	path := filepath.Join(c.dir, name)
	temporary := filepath.Join(c.dir, "."+name+newSuffix) // always the same, so that crashes leave no heap of them
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
