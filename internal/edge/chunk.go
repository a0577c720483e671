package edge

import "strconv"

// recordMax is the most plaintext one TLS record carries (RFC 8446 section 5.1): a flush fills at most one record.
const recordMax = 16384

// Chunk framing (RFC 9112 section 7.1) around a flush: the length in hexadecimal and CRLF before, CRLF behind.
const (
	chunkHead = 6 // "3ff8\r\n"
	chunkTail = 2
	chunkMax  = recordMax - chunkHead - chunkTail
	lastChunk = "0\r\n\r\n"
)

const hexDigits = "0123456789abcdef"

// frameChunk puts the chunk framing around buf[chunkHead:], whose first chunkHead bytes are free, and returns the
// framed part. The payload is not empty and not over chunkMax.
func frameChunk(buf []byte) []byte {
	n := len(buf) - chunkHead
	start := chunkHead - 2
	buf[start], buf[start+1] = '\r', '\n'
	for ; n > 0; n >>= 4 {
		start--
		buf[start] = hexDigits[n&15]
	}
	return append(buf[start:], '\r', '\n')
}

// appendChunk appends payload to dst, framed unless the stream goes to an HTTP/1.0 client.
func (c *conn) appendChunk(dst, payload []byte) []byte {
	if c.http10 {
		return append(dst, payload...)
	}
	dst = strconv.AppendInt(dst, int64(len(payload)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, payload...)
	return append(dst, "\r\n"...)
}
