package swarm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errDigestRequired ends the list of images that could not be resolved.
var errDigestRequired = errors.New("nothing was changed, because of --resolve-image=always; without it this is a warning")

// ImageError says that a registry did not tell the digest of an image.
type ImageError struct {
	// Image is the image as the file names it, Registry the registry that it belongs to.
	Image, Registry string
	// Cause says in a few words what is wrong; WayOut what to do about it, it may be empty.
	Cause, WayOut string
	// Err is what the engine said.
	Err error
}

func (e *ImageError) Error() string { return "image " + e.Image + ": " + e.reason() }

// reason is the error without the image, for where that is named already.
func (e *ImageError) reason() string {
	text := fmt.Sprintf("registry %s: %s", e.Registry, e.Cause)
	if e.WayOut != "" {
		text += ": " + e.WayOut
	}
	return text
}

func (e *ImageError) Unwrap() error { return e.Err }

// registryTroubles are the causes that can be told from what engines say (20.10 to 29), in lower
// case, the clearest first. A registry that hides what one may not see answers "denied" for what it
// does not have, and often "unauthorized" with it.
var registryTroubles = []struct {
	says          []string
	cause, wayOut string
}{
	{[]string{"no such host", "server misbehaving", "name resolution"}, "the manager's nameserver does not know it",
		"correct the name, or the nameserver of the manager"},
	{[]string{"connection refused"}, "it refuses connections from the manager", "check that it runs there, and that the port is right"},
	{[]string{"i/o timeout", "client.timeout", "deadline exceeded", "handshake timeout"}, "it does not answer the manager in time",
		"check that it runs, and the network between"},
	{[]string{"no route to host", "network is unreachable"}, "the manager cannot reach it", "check the manager's network"},
	{[]string{"http response to https client"}, "it speaks plain HTTP", "give it TLS, or add it to insecure-registries of every node's engine"},
	{[]string{"x509:", "tls:"}, "the manager does not trust its certificate", "put its CA into /etc/docker/certs.d/REGISTRY/ca.crt on every node"},
	{[]string{"toomanyrequests", "too many requests"}, "it was asked too often", "wait, or `docker login` with an account that may ask more"},
	{[]string{"manifest unknown", "name unknown", "manifest_unknown", "name_unknown"}, "it has no such image", "correct the name, or `docker push IMAGE`"},
	{[]string{"denied", "forbidden"}, "access is denied, or there is no such image",
		"`docker login REGISTRY` with an account that may read it, or `docker push IMAGE`"},
	{[]string{"unauthorized", "no basic auth credentials", "incorrect username or password"}, "it needs a login, or refuses this one",
		"`docker login REGISTRY`, and `docker bluegreen up --with-registry-auth` for the nodes"},
	{[]string{"not found"}, "it has no such image", "correct the name, or `docker push IMAGE`"},
}

// longestCause is how much of an error that is not known is told, in bytes: it may hold a whole web
// page.
const longestCause = 200

// imageError makes one readable line of what an engine says about a look-up.
func imageError(image string, err error) *ImageError {
	e := &ImageError{Image: image, Registry: registryOf(image), Err: err}
	text := strings.ToLower(err.Error())
	pushed, _, _ := strings.Cut(image, "@")
	for _, t := range registryTroubles {
		if slices.ContainsFunc(t.says, func(words string) bool { return strings.Contains(text, words) }) {
			e.Cause, e.WayOut = t.cause, strings.NewReplacer("REGISTRY", e.Registry, "IMAGE", pushed).Replace(t.wayOut)
			return e
		}
	}
	e.Cause = strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "Error response from daemon: ")), " ")
	if len(e.Cause) > longestCause {
		e.Cause = strings.ToValidUTF8(e.Cause[:longestCause], "") + "…"
	}
	return e
}
