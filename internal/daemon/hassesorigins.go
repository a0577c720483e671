package daemon

import (
	"log/slog"

	"github.com/hassesd/hassesd/internal/config"
)

// warnOfHassesOrigins warns that every page on the web may read streams because hasses' spellings
// imply it, and no setting.
func warnOfHassesOrigins(log *slog.Logger, s *config.Settings) {
	if s.HasHassesDefault("cors.origins") {
		log.Warn("pages of any web origin may read streams, as with hasses; list the origins that may with --cors-origin",
			"cors_origins", s.CORS.Origins)
	}
}
