package jetstream

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestTheOrderInWhichBrokersAreTried(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for name, tt := range map[string]struct {
		ended map[string]error // sessions, one at each broker
		want  []string
	}{
		"nothing has failed":                  {nil, []string{"a", "b", "c"}},
		"the log was looked at again":         {map[string]error{"a": errLookAgain}, []string{"a", "b", "c"}},
		"a question was not answered":         {map[string]error{"a": errors.New("late")}, []string{"b", "c", "a"}},
		"a connection ended":                  {map[string]error{"a": fmt.Errorf("%w: stale", errClosedByPeer), "b": errors.New("late")}, []string{"c", "b", "a"}},
		"another is better than a good one":   {map[string]error{"a": &betterBrokerError{url: "c"}, "b": errors.New("late")}, []string{"c", "b", "a"}},
		"another is better that failed later": {map[string]error{"b": errors.New("late"), "a": &betterBrokerError{url: "b"}}, []string{"b", "c", "a"}},
	} {
		b := brokers{all: []broker{{url: "a"}, {url: "b"}, {url: "c"}}}
		for _, url := range []string{"c", "b", "a"} {
			if err, is := tt.ended[url]; is {
				b.ended(url, now, err)
			}
		}
		if got := b.order(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v", name, got)
		}
	}

	// Nodes spread over the brokers.
	first := make(map[string]bool)
	for range 200 {
		b := newBrokers([]string{"a", "b", "c"})
		first[b.order()[0]] = true
	}
	if len(first) != 3 {
		t.Errorf("200 nodes begin at %v", first)
	}
}
