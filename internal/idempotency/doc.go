// Package idempotency remembers the keys under which messages were published, so that a publisher
// who does not know whether a message arrived can send it again without publishing it twice.
//
//	claim, earlier, err := table.Claim(ctx, key, fingerprint)
//	switch {
//	case err != nil:       // another message has the key, or ctx has ended
//	case earlier != nil:   // it was published: this is its receipt
//	default:               // nobody has published it: do so, then
//		claim.Publish(receipt) // or claim.Release(), if it was refused
//	}
//
// The table is bounded by age and by number; each entry takes [EntryBytes]. Every operation takes
// constant time, however many keys have expired.
package idempotency
