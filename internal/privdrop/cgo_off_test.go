//go:build !cgo

package privdrop

const isCgo = false
