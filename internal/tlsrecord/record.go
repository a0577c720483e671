package tlsrecord

import "encoding/binary"

// ContentType is what a record contains (RFC 8446 section 5.1).
type ContentType uint8

// The content types.
const (
	ChangeCipherSpec ContentType = 20
	AlertRecord      ContentType = 21
	Handshake        ContentType = 22
	ApplicationData  ContentType = 23 // and, from outside, any protected record
)

// Sizes of records in bytes (RFC 8446 sections 5.1 and 5.2).
const (
	HeaderLen     = 5
	MaxPlaintext  = 1 << 14
	MaxCiphertext = MaxPlaintext + 256
	tagLen        = 16
	overhead      = 1 + tagLen // the content type and the tag
)

// MaxRecord is the size of the largest record with its header.
const MaxRecord = HeaderLen + MaxCiphertext

// legacyVersion is the version in the header of every protected record.
const legacyVersion = 0x0303

// Size returns the size of a record with its header, given at least HeaderLen bytes of it. The
// error is an [Alert]: no protected record begins so.
func Size(record []byte) (int, error) {
	switch {
	case ContentType(record[0]) != ApplicationData:
		return 0, UnexpectedMessage // ChangeCipherSpec too: its time is over with the handshake
	case binary.BigEndian.Uint16(record[1:]) != legacyVersion:
		return 0, ProtocolVersion
	}
	n := int(binary.BigEndian.Uint16(record[3:]))
	if n > MaxCiphertext {
		return 0, RecordOverflow
	}
	return HeaderLen + n, nil
}

// appendHeader appends the header of a protected record with n bytes of ciphertext.
func appendHeader(dst []byte, n int) []byte {
	return append(dst, byte(ApplicationData), legacyVersion>>8, legacyVersion&0xff, byte(n>>8), byte(n))
}

// unpad returns the content and its type (RFC 8446 section 5.4).
func unpad(inner []byte) (ContentType, []byte, error) {
	for i := len(inner) - 1; i >= 0; i-- {
		if inner[i] != 0 {
			return ContentType(inner[i]), inner[:i], nil
		}
	}
	return 0, nil, UnexpectedMessage
}
