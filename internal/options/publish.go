package options

import (
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/publish"
)

// Publish returns the limits of publishers.
func Publish(s *config.Settings) publish.Limits {
	return publish.Limits{
		MessageBytes: s.Limits.MessageBytes,
		Pace:         publish.Pace{Messages: s.Limits.PublishRate, Bytes: s.Limits.PublishBytes},
	}
}

// HTTPPublish returns the configuration of POST, but for tokens and keys.
func HTTPPublish(s *config.Settings) httppublish.Config {
	return httppublish.Config{
		Access:       httppublish.Access{Local: s.Dev},
		Origins:      s.CORS.Origins,
		Loopback:     s.Dev,
		MessageBytes: s.Limits.MessageBytes,
		BodyTimeout:  s.Limits.RequestTimeout,
		StreamIdle:   s.Publish.StreamIdle,
	}
}

// bodyTimes is how many times as much as the data of the largest message its request may hold in
// memory: as JSON, where each byte is six, read and decoded.
const bodyTimes = 14

// BodyBytes returns how much one request that publishes one message may hold.
func BodyBytes(s *config.Settings) int64 { return int64(s.Limits.MessageBytes)*bodyTimes + 1<<20 }

// Dedup returns the limits of idempotency keys. They take no more than a part of the budget.
func Dedup(s *config.Settings, b memguard.Budget) idempotency.Limits {
	most := b.KeyBytes(int64(s.Publish.DedupKeys)*idempotency.EntryBytes) / idempotency.EntryBytes
	return idempotency.Limits{Window: s.Publish.DedupWindow, Keys: int(most)}
}
