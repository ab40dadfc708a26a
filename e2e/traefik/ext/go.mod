// Traefik's go.mod puts a folder in the place of this module that its archive on module proxies does not have.
module github.com/traefik/traefik/dynamic/ext

go 1.26.0
