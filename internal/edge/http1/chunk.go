package http1

import "strconv"

// RecordMax is the most plaintext that one record of [Conn.NextRecord] has: that of a TLS record
// (RFC 8446 section 5.1).
const RecordMax = 16384

// Chunk framing (RFC 9112 section 7.1) around a record: the length in hexadecimal and CRLF before
// it, CRLF after it.
const (
	ChunkHead = 6 // "3ff8\r\n"
	chunkTail = 2
	chunkMax  = RecordMax - ChunkHead - chunkTail
	lastChunk = "0\r\n\r\n"
)

const hexDigits = "0123456789abcdef"

// frameChunk puts the chunk framing around buf[ChunkHead:], whose first ChunkHead bytes are free,
// and returns the framed part. The payload is not empty and not over chunkMax.
func frameChunk(buf []byte) []byte {
	n := len(buf) - ChunkHead
	start := ChunkHead - 2
	buf[start], buf[start+1] = '\r', '\n'
	for ; n > 0; n >>= 4 {
		start--
		buf[start] = hexDigits[n&15]
	}
	return append(buf[start:], '\r', '\n')
}

// appendChunk appends payload as one chunk.
func appendChunk(dst, payload []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(payload)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, payload...)
	return append(dst, "\r\n"...)
}
