// Package api is the operators' HTTP listener (api.listen): health checks, metrics, profiles, and
// the routes that other packages mount.
//
// To add a route, put a [Route] into [Options.Routes]. The [Server] has checked Host, method and
// role before it calls the handler, and adds the header fields that every response has. Handlers
// get everything they report from [Figures], which is a snapshot: no handler posts to a loop, or
// takes a lock that a loop holds for long.
//
//	api.Route{Path: "/api/figures", Access: api.Reads, Handler: handler}
package api
