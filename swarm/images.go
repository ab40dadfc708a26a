package swarm

import (
	"context"
	"fmt"
	"sync"

	"github.com/distribution/reference"
	api "github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/errgroup"
)

// parallel is how many things of one kind are done at once.
const parallel = 8

// images are the images of one up, as they go to the swarm.
type images struct {
	resolved map[string]resolved // by the image as the file names it
	auth     map[string]string   // encoded credentials, likewise
	policy   string
}

type resolved struct {
	image     string // with digest
	platforms []api.Platform
}

// resolveImages asks the registries, once for each distinct image that may have changed. An image whose digest
// cannot be had goes to the swarm as it is, with a warning.
func (o *Operator) resolveImages(ctx context.Context, s *Observed, wanted []string, opts UpOptions) (*images, error) {
	im := &images{resolved: map[string]resolved{}, auth: map[string]string{}, policy: opts.ResolveImage}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	known := s.knownImages()
	for _, image := range wanted {
		if opts.RegistryAuth != nil {
			auth, err := opts.RegistryAuth(image)
			if err != nil {
				return nil, fmt.Errorf("credentials for image %s: %w", image, err)
			}
			im.auth[image] = auth
		}
		if opts.ResolveImage == ResolveNever || opts.ResolveImage == ResolveChanged && known[image] {
			continue
		}
		g.Go(func() error {
			r, err := o.resolveImage(ctx, image, im.auth[image])
			if err != nil {
				o.warn("", "image "+image, "its digest cannot be resolved, each node uses what it has or pulls: %v", err)
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			im.resolved[image] = r
			return nil
		})
	}
	return im, g.Wait()
}

func (o *Operator) resolveImage(ctx context.Context, image, auth string) (resolved, error) {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return resolved{}, err
	}
	if _, pinned := named.(reference.Canonical); pinned {
		return resolved{image: image}, nil
	}
	d, err := o.engine.DistributionInspect(ctx, image, auth)
	if err != nil {
		return resolved{}, err
	}
	pinned, err := reference.WithDigest(named, d.Descriptor.Digest)
	if err != nil {
		return resolved{}, err
	}
	r := resolved{image: reference.FamiliarString(pinned)}
	for _, p := range d.Platforms {
		r.platforms = append(r.platforms, api.Platform{Architecture: p.Architecture, OS: p.OS})
	}
	return r, nil
}

// apply puts the image into a spec. live is the spec that runs now, nil when there is none: its digest is kept
// as long as the file names the same image and nothing newer is known.
func (im *images) apply(spec *api.ServiceSpec, named string, live *api.ServiceSpec) {
	if r, ok := im.resolved[named]; ok {
		spec.TaskTemplate.ContainerSpec.Image = r.image
		if len(r.platforms) > 0 {
			if spec.TaskTemplate.Placement == nil {
				spec.TaskTemplate.Placement = &api.Placement{}
			}
			spec.TaskTemplate.Placement.Platforms = r.platforms
		}
		return
	}
	if live != nil && live.Labels[LabelImage] == named && live.TaskTemplate.ContainerSpec != nil {
		spec.TaskTemplate.ContainerSpec.Image = live.TaskTemplate.ContainerSpec.Image
		if p := live.TaskTemplate.Placement; p != nil && len(p.Platforms) > 0 && spec.TaskTemplate.Placement != nil {
			spec.TaskTemplate.Placement.Platforms = p.Platforms
		}
	}
}

// knownImages are the images, as files name them, that the stack's services run now.
func (s *Observed) knownImages() map[string]bool {
	known := map[string]bool{}
	for _, svc := range s.Plain {
		known[svc.Spec.Labels[LabelImage]] = true
	}
	for _, b := range s.BlueGreen {
		if b.Proxy != nil {
			known[b.Proxy.Spec.Labels[LabelImage]] = true
		}
		for _, c := range b.Colors {
			known[c.Spec.Labels[LabelImage]] = true
		}
	}
	return known
}
