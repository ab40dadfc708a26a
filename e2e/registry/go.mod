// The registry of the scenarios is a module of its own: what it is made of wants a newer docker/cli than the plugin's.
module github.com/docker-bluegreen/docker-bluegreen/e2e/registry

go 1.26.0

require (
	github.com/google/go-containerregistry v0.22.1
	golang.org/x/sys v0.49.0
)
