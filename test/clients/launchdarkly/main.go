// Launchdarkly is a subscriber made with github.com/launchdarkly/eventsource: launchdarkly URL. It trusts SSL_CERT_FILE.
package main

import (
	"os"
	"time"

	"github.com/launchdarkly/eventsource"

	"github.com/hassesd/hassesd/test/clients/internal/lines"
)

func main() {
	stream, err := eventsource.SubscribeWithURL(os.Args[1],
		eventsource.StreamOptionInitialRetry(100*time.Millisecond),
		eventsource.StreamOptionUseBackoff(time.Second))
	if err != nil {
		lines.Print(lines.Report{Kind: "failure", Data: err.Error()})
		os.Exit(1)
	}
	lines.Print(lines.Report{Kind: "open"})
	go func() {
		lines.UntilEOF()
		os.Exit(0)
	}()
	for {
		select {
		case e := <-stream.Events:
			// This library hands over frames without data too, such as the stream's first, where a browser does not.
			if e.Data() == "" {
				continue
			}
			name := e.Event()
			if name == "" {
				name = "message"
			}
			lines.Print(lines.Report{Kind: "event", ID: e.Id(), Name: name, Data: e.Data()})
		case err := <-stream.Errors:
			lines.Print(lines.Report{Kind: "error", Data: err.Error()})
		}
	}
}
