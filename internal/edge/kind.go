package edge

// httpVersion is a version of HTTP that streams are served over.
type httpVersion uint8

// The versions.
const (
	http10 httpVersion = iota
	http11
	http20

	numHTTPVersions = int(http20) + 1
)

// String returns the version as lists and counters show it.
func (v httpVersion) String() string {
	switch v {
	case http10:
		return "1.0"
	case http11:
		return "1.1"
	case http20:
		return "2"
	}
	return "unknown"
}

// kind is what a stream is counted as: its version of HTTP, and whether TLS carries it.
type kind uint8

const numKinds = numHTTPVersions * 2

func kindOf(v httpVersion, secure bool) kind {
	k := kind(v) * 2
	if secure {
		k++
	}
	return k
}

func (k kind) version() httpVersion { return httpVersion(k / 2) }
func (k kind) secure() bool         { return k%2 == 1 }
