package http2

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// codec reads and writes heads without a table, for all connections. See init.
type codec struct {
	decoder *hpack.Decoder // it keeps nothing between two blocks
	out     bytes.Buffer
	encoder *hpack.Encoder
	reader  headReader
	lower   map[string]string // the names of our fields in lower case
}

// init makes the zero value ready.
func (k *codec) init() {
	k.lower = make(map[string]string)
	k.decoder = newDecoder(0)
	k.encoder = hpack.NewEncoder(&k.out)
	// Our heads are not worth a table: it would have to be kept for each connection. The encoder
	// would say so in the first block that it writes, to one client; see noTable.
	k.encoder.SetMaxDynamicTableSize(0)
	k.encode(200, nil)
}

// noTable begins the first block of a connection: its peer need not keep a table for us. A peer that
// has announced a smaller one than the default insists on hearing so (RFC 7541, section 4.2).
const noTable = 0x20

// encode returns the block of a response head. It is good until the next call.
func (k *codec) encode(status int, fields []Field) []byte {
	k.out.Reset()
	k.write(":status", strconv.Itoa(status))
	for _, f := range fields {
		k.write(k.lowered(f.Name), f.Value)
	}
	return k.out.Bytes()
}

// lowered returns the name in lower case. Our answers have few different ones.
func (k *codec) lowered(name string) string {
	low, ok := k.lower[name]
	if !ok {
		low = strings.ToLower(name)
		if len(k.lower) < maxFields {
			k.lower[name] = low
		}
	}
	return low
}

func (k *codec) write(name, value string) {
	if err := k.encoder.WriteField(hpack.HeaderField{Name: name, Value: value}); err != nil {
		panic("http2: internal error: a buffer takes no more: " + err.Error())
	}
}

func newDecoder(table uint32) *hpack.Decoder {
	d := hpack.NewDecoder(table, nil)
	d.SetAllowedMaxDynamicTableSize(table)
	return d
}
