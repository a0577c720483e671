package httppublish

import (
	"mime"
	"strings"

	"github.com/hassesd/hassesd/internal/idempotency"
)

// media is how a body is read.
type media uint8

const (
	mediaRaw         media = iota // the body is the data
	mediaForm                     // application/x-www-form-urlencoded
	mediaJSON                     // application/json
	mediaEventStream              // text/event-stream
)

// plainly are the types as most clients write them, which need no parsing.
var plainly = map[string]media{ //nolint:gochecknoglobals // a constant in all but the language
	"text/plain":                        mediaRaw,
	"application/x-www-form-urlencoded": mediaForm,
	"application/json":                  mediaJSON,
	"text/event-stream":                 mediaEventStream,
}

// parseMedia returns how the body is to be read.
func parseMedia(h *Head) (media, *failure) {
	for _, coding := range h.ContentEncoding {
		if !strings.EqualFold(strings.TrimSpace(coding), "identity") {
			return 0, fail(CodeUnsupportedMediaType, "the body has a Content-Encoding; send it as it is")
		}
	}
	switch len(h.ContentType) {
	case 0:
		return mediaRaw, nil
	case 1:
	default:
		return 0, fail(CodeBadRequest, "the request has more than one Content-Type field")
	}
	if m, ok := plainly[h.ContentType[0]]; ok {
		return m, nil
	}
	name, parameters, err := mime.ParseMediaType(h.ContentType[0])
	if err != nil {
		return 0, fail(CodeUnsupportedMediaType, "the Content-Type cannot be read; write one such as application/json")
	}
	var m media
	switch name {
	case "multipart/form-data":
		return 0, fail(CodeUnsupportedMediaType, "multipart/form-data is not read here; send application/x-www-form-urlencoded or application/json")
	case "application/x-www-form-urlencoded":
		m = mediaForm
	case "application/json":
		m = mediaJSON
	case "text/event-stream":
		m = mediaEventStream
	default:
		return mediaRaw, nil
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return 0, fail(CodeUnsupportedMediaType, "the body is in another charset than UTF-8")
	}
	return m, nil
}

// wantsTarget reports whether the query names the targets.
func (m media) wantsTarget() bool { return m == mediaRaw || m == mediaEventStream }

// bodySpare is what a body may have beside its messages: names of fields, targets.
const bodySpare = 64 << 10

// limit returns how long a body may be whose messages have at most messageBytes of data each; 0: as
// long as it likes.
func (m media) limit(messageBytes int) int64 {
	switch m {
	case mediaRaw:
		return int64(messageBytes)
	case mediaForm:
		return 3*int64(messageBytes) + bodySpare // each byte as %XX
	case mediaJSON:
		return MaxBatch * (6*int64(messageBytes) + bodySpare) // each byte as \u00XX
	case mediaEventStream:
	}
	return 0
}

func bodyTooLarge(limit int64) *failure {
	return fail(CodeTooLarge, "the body has more than %d bytes, which is the limit; send less, or raise limits.message_bytes", limit)
}

// parseKey returns the idempotency key of a request; empty: it has none.
func parseKey(fields []string) (string, *failure) {
	switch {
	case len(fields) == 0:
		return "", nil
	case len(fields) > 1:
		return "", failField("key", "the request has more than one Idempotency-Key field")
	case !idempotency.IsValid(fields[0]):
		return "", failField("key", "the Idempotency-Key is not %d to %d visible ASCII characters", idempotency.MinKey, idempotency.MaxKey)
	}
	return fields[0], nil
}
