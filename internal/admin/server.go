package admin

import (
	"context"
	"log/slog"
	"net"
	"os"
)

// ServerOptions say what a [Server] acts on.
type ServerOptions struct {
	Backend Backend
	Logger  *slog.Logger

	// Answers gets the text of the classic status, clientlist, numberofclients and subscribedclients, one record a
	// line. hasses logged these at every level, so give it a logger that no level silences. nil: Logger.
	Answers *slog.Logger

	// Delimiter ends a classic command, besides the newline. 0: ';'.
	Delimiter byte

	// MaxMessage is the bound of a message's bytes in force; it is asked for each read. nil: 64 KiB.
	MaxMessage func() int
}

type Server struct{}

func NewServer(o ServerOptions) *Server { return &Server{} }

func (s *Server) ListenUnix(path string, mode os.FileMode, gid int) error { return nil }
func (s *Server) ListenTCP(addr string) (net.Addr, error)                 { return nil, nil }
func (s *Server) OpenFIFO(path string, gid int) error                     { return nil }
func (s *Server) Serve()                                                  {}
func (s *Server) Shutdown(ctx context.Context) error                      { return nil }
