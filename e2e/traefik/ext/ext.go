// Package ext is what Traefik's dynamic configuration embeds so that forks can add to it: nothing.
package ext

// HTTP is added to the configuration of HTTP.
type HTTP struct{}

// Router is added to each router.
type Router struct{}
