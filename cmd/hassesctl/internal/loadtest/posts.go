package loadtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/subscription"
	"github.com/hassesd/hassesd/internal/bench"
)

// Defaults of bench --publish-http.
const (
	postPublishers = 16
	postStreams    = 1
	postDuration   = 10 * time.Second
	postSize       = 100
)

// runPosts measures publishers that POST.
func runPosts(ctx context.Context, s *session.Session, c *cli.Context) error {
	o := bench.PostOptions{
		SubscribeURL:   c.String("url"),
		Headers:        c.StringSlice("header"),
		PublishURL:     c.String("publish-url"),
		PublishHeaders: c.StringSlice("publish-header"),
		Publishers:     postPublishers,
		Streams:        postStreams,
		Size:           postSize,
		Duration:       postDuration,
		Warmup:         c.Duration("warmup"),
		Timeout:        max(s.Timeout, benchTimeout),
		PIDs:           c.IntSlice("pid"),
		Run:            strings.ToLower(rand.Text()[:8]),
	}
	if c.IsSet("publishers") {
		o.Publishers = c.Int("publishers")
	}
	if c.IsSet("streams") {
		o.Streams = c.Int("streams")
	}
	if c.IsSet("size") {
		o.Size = c.Int("size")
	}
	if c.IsSet("duration") {
		o.Duration = c.Duration("duration")
	}
	if o.Publishers < 1 || o.Publishers > 10_000 || o.Streams < 0 || o.Streams > 10_000 || o.Size < 1 || o.Size > 1<<24 || o.Duration <= 0 {
		return exit.Usagef("--publishers is 1 to 10000, --streams 0 to 10000, --size 1 to 16777216, and --duration more than 0")
	}
	devPEM := ""
	if o.SubscribeURL == "" || o.PublishURL == "" {
		hello, pid, err := askDaemon(ctx, s)
		if err != nil {
			return err
		}
		if o.SubscribeURL == "" {
			if o.SubscribeURL, err = streamTemplate(hello.URL); err != nil {
				return err
			}
		}
		if o.PublishURL == "" {
			o.PublishURL = strings.Replace(o.SubscribeURL, "?subscribe={room}", "?to={room}", 1)
		}
		if len(o.PIDs) == 0 && pid > 0 {
			o.PIDs = []int{pid}
		}
		devPEM = hello.CAPEM
	}
	var err error
	if o.Roots, err = subscription.Roots(s.CA, devPEM); err != nil {
		return err
	}
	res, err := bench.Posts(ctx, o)
	if err != nil {
		return err
	}
	if err := s.Print(res, func() { printPosts(s.Out, res) }); err != nil {
		return err
	}
	if res.Problem != "" {
		return &exit.Error{Code: exit.Failed, Err: errors.New(res.Problem)}
	}
	return nil
}

// printPosts writes the figures for people.
func printPosts(out *output.Screen, r *bench.PostResult) {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("publishers", "%d, each with one message of %d bytes at a time", r.Publishers, r.Size)
	line("published", "%d in %.1f s, %.0f a second", r.Messages, r.Seconds, r.PerSecond)
	line("  answered", "p50 %.2f, p99 %.2f ms", r.AnswerP50, r.AnswerP99)
	if r.Streams > 0 {
		line("  received", "p50 %.2f, p99 %.2f ms, streams: %d", r.ReceiptP50, r.ReceiptP99, r.Streams)
	}
	if r.ServerCPU > 0 {
		line("  CPU", "server %.3f s, generator %.3f s a thousand", r.ServerCPU, r.OwnCPU)
	} else {
		line("  CPU", "generator %.3f s a thousand", r.OwnCPU)
	}
	out.Raw([]byte(b.String()))
}
