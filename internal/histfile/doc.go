// Package histfile writes and reads the file in which the history of a hub survives a restart.
//
// A file holds all of one history or is worth nothing. It is a gzip stream (RFC 1952), whose
// checksum and length prove that it is whole, of a CBOR sequence (RFC 8742): a header, and then
// each event, oldest first.
//
//	err := histfile.Write(w, time.Now(), hub.Checkpoint(now), keys.Checkpoint())
//
//	r, err := histfile.NewReader(file, time.Now())
//	h := hub.New(hub.Options{Epoch: r.Last.Epoch, Seq: r.First()})
//	for {
//		event, err := r.Next() // io.EOF: that was all, and all of it is true
//		err = h.Restore(now, event)
//	}
//
// What was read before an error must be thrown away. The package opens no files, and trusts nothing
// it reads.
package histfile
