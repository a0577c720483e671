package admin

import "context"

// Backend is what the control protocol acts on: the daemon. Methods may be called from many goroutines, return
// within the context's deadline, and report refusals as an [*Error] with one of the Code constants.
type Backend interface {
	// Hello fills everything but the role.
	Hello(ctx context.Context) (Hello, error)
	Status(ctx context.Context) (Status, error)
	Clients(ctx context.Context, p ClientsParams) (Clients, error)
	Rooms(ctx context.Context, p RoomsParams) (Rooms, error)
	Count(ctx context.Context, p CountParams) (Count, error)
	// Publish gives the message its number before it returns, so that messages published one after another keep
	// their order; the returned Delivery tells the matches later. It waits while the loops are behind, within ctx.
	Publish(ctx context.Context, p SendParams) (Delivery, error)
	Kick(ctx context.Context, p KickParams) (Kicked, error)
	// LogLevel sets the level when it is not empty, and answers the level in force.
	LogLevel(ctx context.Context, level string) (string, error)
	// Reinit sets the switch when enabled is not nil, and answers the one in force.
	Reinit(ctx context.Context, enabled *bool) (bool, error)
	Reload(ctx context.Context) (Reloaded, error)
	Drain(ctx context.Context, p DrainParams) (Drained, error)
	Certificates(ctx context.Context) (Certificates, error)
	Limits(ctx context.Context, p LimitsParams) (Limits, error)
	Sandbox(ctx context.Context) (Sandbox, error)
	// CountCommandError counts a command or a connection that was refused; reason is a [Refusal]. It must not block.
	CountCommandError(reason string)
}

// Delivery is a message that has its number and is on its way to the loops.
type Delivery interface {
	ID() string
	// Matched waits until every loop has looked up its streams, and says how many there were.
	Matched(ctx context.Context) (int, error)
}
