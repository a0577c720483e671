// Gosse is a subscriber made with github.com/tmaxmax/go-sse: gosse URL. It trusts SSL_CERT_FILE.
package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/hassesd/hassesd/test/clients/internal/lines"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Args[1], nil)
	if err != nil {
		panic(err)
	}
	reports := make(chan lines.Report, 16)
	client := sse.Client{
		HTTPClient: &http.Client{},
		OnRetry: func(err error, _ time.Duration) {
			reports <- lines.Report{Kind: "error", Data: err.Error()}
		},
		ResponseValidator: func(r *http.Response) error {
			if err := sse.DefaultValidator(r); err != nil {
				return err
			}
			reports <- lines.Report{Kind: "open"}
			return nil
		},
		Backoff: sse.Backoff{InitialInterval: 100 * time.Millisecond, Multiplier: 1.1, MaxInterval: time.Second},
	}
	connection := client.NewConnection(request)
	connection.SubscribeToAll(func(e sse.Event) {
		name := e.Type
		if name == "" {
			name = "message"
		}
		reports <- lines.Report{Kind: "event", ID: e.LastEventID, Name: name, Data: e.Data}
	})
	go func() {
		for r := range reports {
			// This library hands over frames without data too, such as the stream's first, where a browser does not.
			if r.Kind != "event" || r.Data != "" {
				lines.Print(r)
			}
		}
	}()
	go func() {
		lines.UntilEOF()
		cancel()
	}()
	if err := connection.Connect(); ctx.Err() == nil {
		reports <- lines.Report{Kind: "failure", Data: err.Error()}
		<-ctx.Done()
	}
}
