package server

import (
	"context"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/jsonrpc"
)

type none struct{}

// methods are all methods of the JSON form. The error for an unknown method lists them in this
// order.
var methods = jsonrpc.NewTable(
	jsonrpc.New(api.MethodAuth, api.RoleNone, func(_ context.Context, c *conn, p api.AuthParams) (api.Authorized, error) {
		return c.authorize(p.Key)
	}),
	jsonrpc.New(api.MethodHello, api.RoleRead, func(ctx context.Context, c *conn, _ none) (api.Hello, error) {
		h, err := c.backend.Hello(ctx)
		h.Name, h.Protocol, h.Role = "hassesd", api.ProtocolVersion, c.role()
		return h, err
	}),
	jsonrpc.New(api.MethodStatus, api.RoleRead, func(ctx context.Context, c *conn, p api.StatusParams) (api.Status, error) {
		return c.backend.Status(ctx, p)
	}),
	jsonrpc.New(api.MethodNodes, api.RoleRead, func(ctx context.Context, c *conn, _ none) (api.Nodes, error) {
		return c.backend.Nodes(ctx)
	}),
	jsonrpc.NewList(api.MethodClients, api.RoleRead, func(ctx context.Context, c *conn, p api.ClientsParams) (clientsPage, error) {
		return listClients(ctx, c.backend, p)
	}),
	jsonrpc.NewList(api.MethodRooms, api.RoleRead, func(ctx context.Context, c *conn, p api.RoomsParams) (roomsPage, error) {
		return listRooms(ctx, c.backend, p)
	}),
	jsonrpc.New(api.MethodCount, api.RoleRead, func(ctx context.Context, c *conn, p api.CountParams) (api.Count, error) {
		return c.backend.Count(ctx, p)
	}),
	jsonrpc.New(api.MethodSend, api.RolePublish, func(_ context.Context, c *conn, p jsonrpc.SendParams) (Delivery, error) {
		return c.publish(p.Message())
	}),
	jsonrpc.New(api.MethodLogLevel, api.RoleRead, func(ctx context.Context, c *conn, p api.LevelParams) (api.Level, error) {
		level, err := c.backend.LogLevel(ctx, p.Level)
		return api.Level{Level: level}, err
	}),
	jsonrpc.New(api.MethodReinit, api.RoleRead, func(ctx context.Context, c *conn, p api.ReinitParams) (api.Reinit, error) {
		enabled, err := c.backend.Reinit(ctx, p.Enabled)
		return api.Reinit{Enabled: enabled}, err
	}),
	jsonrpc.New(api.MethodKick, api.RoleAdmin, func(ctx context.Context, c *conn, p api.KickParams) (api.Kicked, error) {
		return c.backend.Kick(ctx, p)
	}),
	jsonrpc.New(api.MethodReload, api.RoleAdmin, func(ctx context.Context, c *conn, _ none) (api.Reloaded, error) {
		return c.backend.Reload(ctx)
	}),
	jsonrpc.New(api.MethodDrain, api.RoleAdmin, func(ctx context.Context, c *conn, p api.DrainParams) (api.Drained, error) {
		return c.backend.Drain(ctx, p)
	}),
	jsonrpc.New(api.MethodCertificates, api.RoleRead, func(ctx context.Context, c *conn, _ none) (api.Certificates, error) {
		return c.backend.Certificates(ctx)
	}),
	jsonrpc.NewList(api.MethodLimits, api.RoleRead, func(ctx context.Context, c *conn, p api.LimitsParams) (api.Limits, error) {
		p.Penalized = min(p.Penalized, api.MaxPenalized)
		return c.backend.Limits(ctx, p)
	}),
	jsonrpc.New(api.MethodSandbox, api.RoleRead, func(ctx context.Context, c *conn, _ none) (api.Sandbox, error) {
		return c.backend.Sandbox(ctx)
	}),
)
