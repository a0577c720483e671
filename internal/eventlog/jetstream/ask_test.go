package jetstream

import (
	"log/slog"
	"testing"
	"time"
)

// TestANodeThatHasNotFollowedTellsNoPosition: there is no id such as "-0".
func TestANodeThatHasNotFollowedTellsNoPosition(t *testing.T) {
	t.Parallel()
	l := New(Options{Name: "t", Node: "n", Boot: "1", Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if all := l.Peers(); len(all) != 1 || !all[0].Own || all[0].Position != "" || all[0].Ready {
		t.Errorf("the node tells of itself %+v", all)
	}
}

// A node without a broker names those that were there before it lost sight of them.
func TestWithoutABrokerAllOthersAreMissing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	l := New(Options{Name: "t", Node: "n", Boot: "1", Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	l.peers.heard(Hello{Node: "gone", Boot: "0"}, now)
	now = now.Add(2 * goneAfter)
	l.peers.heard(Hello{Node: "n", Boot: "1"}, now)
	l.peers.heard(Hello{Node: "other", Boot: "2"}, now)
	now = now.Add(time.Hour)
	silent := make(Silent)
	if answers := l.Ask(t.Context(), nil, silent); len(answers) > 0 || len(silent) != 1 || silent["2"] != "other" {
		t.Errorf("answers %v, missing %v", answers, silent)
	}
	if all := l.Peers(); len(all) != 1 || !all[0].Own {
		t.Errorf("an hour later, %+v are listed", all)
	}
}
