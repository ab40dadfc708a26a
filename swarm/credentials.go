package swarm

import (
	"context"
	"fmt"
	"sync"

	"github.com/distribution/reference"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// credentials are those of docker login, asked for once for each registry: a credential helper is a
// program.
type credentials struct {
	ask func(image string) (string, error) // nil for none

	mu    sync.Mutex
	known map[string]credential // by registry
}

type credential struct {
	encoded string
	err     error
	told    bool // that err is known
}

func newCredentials(ask func(string) (string, error)) *credentials {
	return &credentials{ask: ask, known: map[string]credential{}}
}

// of returns the encoded credentials for an image, empty for none.
func (c *credentials) of(image string) (string, error) {
	if c.ask == nil {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	host := registryOf(image)
	known, ok := c.known[host]
	if !ok {
		known.encoded, known.err = c.ask(image)
		if known.err != nil {
			known.err = fmt.Errorf("cannot get credentials for registry %s: %w: fix credsStore or credHelpers in docker's config.json, or run `docker login %s`",
				host, known.err, host)
		}
		c.known[host] = known
	}
	return known.encoded, known.err
}

// first says whether the error of an image's credentials has not been told yet.
func (c *credentials) first(image string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	host := registryOf(image)
	known := c.known[host]
	first := !known.told
	known.told = true
	c.known[host] = known
	return first
}

// registryOf is the registry of an image; what is no image has none.
func registryOf(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// sendable returns why it cannot get the credentials for some image of the services, nil if they
// can.
func (c *credentials) sendable(services []compose.Service) error {
	for _, svc := range services {
		if _, err := c.of(svc.Spec.Labels[cluster.LabelImage]); err != nil {
			return fmt.Errorf("service %s: %w", svc.Name, err)
		}
		if svc.BlueGreen == nil {
			continue
		}
		if _, err := c.of(svc.BlueGreen.Proxy.Image); err != nil {
			return fmt.Errorf("service %s: %w", svc.Name, err)
		}
	}
	return nil
}

// authWrites is an engine to which every service is written with the credentials for its image,
// which the swarm gives to the nodes that pull it. Other credentials alone never restart a task
// that runs (swarmkit#2351). Written without, a service keeps those that it has.
type authWrites struct {
	engine.API
	credentials *credentials
}

func (e authWrites) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	o.EncodedRegistryAuth = e.auth(spec)
	return e.API.ServiceCreate(ctx, spec, o)
}

func (e authWrites) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	o.EncodedRegistryAuth = e.auth(spec)
	return e.API.ServiceUpdate(ctx, id, v, spec, o)
}

// auth returns the credentials for a spec. Those for the file's images are known to be there; an
// older release may be of a registry whose credentials are gone, and is put back all
// the same.
func (e authWrites) auth(spec api.ServiceSpec) string {
	if spec.TaskTemplate.ContainerSpec == nil {
		return ""
	}
	encoded, _ := e.credentials.of(spec.TaskTemplate.ContainerSpec.Image) // see above
	return encoded
}
