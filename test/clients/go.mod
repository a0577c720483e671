module github.com/hassesd/hassesd/test/clients

go 1.26.8

require (
	github.com/launchdarkly/eventsource v1.11.0
	github.com/tmaxmax/go-sse v0.11.0
)
