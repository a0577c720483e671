package pki

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// authorityName is the base of the authority's files, which no certificate can have.
const authorityName = "ca"

const (
	defaultLeafDays      = 90
	defaultAuthorityDays = 3650
)

// options are the flags of the command.
type options struct {
	dir   string
	days  int // 0: the default
	force bool
	now   time.Time
}

func (o *options) lifetime(defaultDays int) time.Duration {
	days := o.days
	if days == 0 {
		days = defaultDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// issued is the --json document of the command.
type issued struct {
	Certificate string    `json:"certificate"` // path
	Key         string    `json:"key"`         // path
	NotAfter    time.Time `json:"not_after"`
	Identities  []string  `json:"identities"` // for control.tls; of a client only
}

// write stores a certificate and its key under the name.
func (o *options) write(name string, id *keyPair) (issued, error) {
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
		return issued{}, &exit.Error{Code: exit.Failed, Err: err, Hint: "--force replaces it"}
	}
	return out, err
}
