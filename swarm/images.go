package swarm

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/errgroup"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// parallel is how many things of one kind are done at once.
const parallel = 8

// images are the images of one up, as they go to the swarm.
type images struct {
	policy   string
	resolved map[string]resolved // by the image's full name, as below: two spellings of one image are one
}

// lookup asks registries for the images of one up.
type lookup struct {
	images      *images
	required    bool // an image that cannot be resolved is an error
	credentials *credentials
	asked       map[string]bool // by the image's full name
}

type resolved struct {
	image     string // with digest; empty when the file itself gives the digest
	platforms []api.Platform
}

func newLookup(opts UpOptions) *lookup {
	return &lookup{images: &images{policy: opts.ResolveImage, resolved: map[string]resolved{}}, required: opts.RequireDigests,
		credentials: newCredentials(opts.RegistryAuth), asked: map[string]bool{}}
}

// fullName is an image with its registry and tag: nginx and docker.io/library/nginx:latest are one. What is no name of an
// image is left to the swarm to refuse.
func fullName(image string) string {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return image
	}
	return named.String()
}

// resolveImages asks the registries, once for each distinct image of one up. An image that cannot be resolved goes to
// the swarm as it is, with a warning, unless a digest is required.
func (o *Operator) resolveImages(ctx context.Context, im *lookup, wanted []string) error {
	if im.images.policy == ResolveNever {
		return nil
	}
	var mu sync.Mutex
	failed := map[string]error{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, image := range wanted {
		name := fullName(image)
		if im.asked[name] {
			continue
		}
		im.asked[name] = true
		auth, err := im.credentials.of(image)
		if err != nil && im.credentials.first(image) {
			o.warn("", "image "+image, "it is looked up without credentials: %v", err)
		}
		g.Go(func() error {
			r, err := o.resolveImage(gctx, image, auth)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[image] = err
			} else {
				im.images.resolved[name] = r
			}
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return o.unresolved(im, failed)
}

// unresolved tells which images could not be resolved, or returns it. A digest in the file stands for itself.
func (o *Operator) unresolved(im *lookup, failed map[string]error) error {
	var errs []error
	for _, image := range slices.Sorted(maps.Keys(failed)) {
		err := imageError(image, failed[image])
		switch {
		case strings.Contains(fullName(image), "@"):
			o.warn("", "image "+image, "it was not found, and is left to the nodes as it is: %v", err)
		case im.required:
			errs = append(errs, err)
		default:
			o.warn("", "image "+image, "its digest cannot be resolved; what runs it keeps its digest, else each node uses what it has or pulls: %v", err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(append(errs, errDigestRequired)...)
}

func (o *Operator) resolveImage(ctx context.Context, image, auth string) (resolved, error) {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return resolved{}, err
	}
	d, err := o.engine.DistributionInspect(ctx, reference.FamiliarString(named), auth)
	if err != nil {
		return resolved{}, err
	}
	r := resolved{platforms: platforms(d)}
	if _, pinned := named.(reference.Canonical); pinned {
		return r, nil
	}
	pinned, err := reference.WithDigest(named, d.Descriptor.Digest)
	if err != nil {
		return resolved{}, err
	}
	r.image = reference.FamiliarString(pinned)
	return r, nil
}

// platforms are those that an image runs on, as the docker client gives them to the swarm: an image is of "arm" where a
// node says "armv7l", and no task would ever be placed there (swarmkit#2294).
func platforms(d registry.DistributionInspect) []api.Platform {
	var list []api.Platform
	for _, p := range d.Platforms {
		if strings.EqualFold(p.Architecture, "arm") {
			p.Architecture = ""
		}
		list = append(list, api.Platform{Architecture: p.Architecture, OS: p.OS})
	}
	return list
}

// apply puts the image into a spec. live is the spec that runs now, nil when there is none: its digest is kept
// as long as the file names the same image and nothing newer is known or asked for.
func (im *images) apply(spec *api.ServiceSpec, named string, live *api.ServiceSpec) {
	same := live != nil && live.Labels[LabelImage] == named && live.TaskTemplate.ContainerSpec != nil
	r, ok := im.resolved[fullName(named)]
	switch {
	case ok && !(same && im.policy == ResolveChanged):
		if r.image != "" {
			spec.TaskTemplate.ContainerSpec.Image = r.image
		}
		setPlatforms(spec, r.platforms)
	case same:
		spec.TaskTemplate.ContainerSpec.Image = live.TaskTemplate.ContainerSpec.Image
		if p := live.TaskTemplate.Placement; p != nil {
			setPlatforms(spec, p.Platforms)
		}
	}
}

func setPlatforms(spec *api.ServiceSpec, list []api.Platform) {
	if len(list) == 0 {
		return
	}
	placement := api.Placement{} // never the one that came with the spec: the proxies' may be shared
	if p := spec.TaskTemplate.Placement; p != nil {
		placement = *p
	}
	placement.Platforms = list
	spec.TaskTemplate.Placement = &placement
}

// lookups are the images of services, those of the proxies included, that the registries are to be asked for.
func lookups(s *Observed, services []compose.Service, policy string) []string {
	set := map[string]bool{}
	add := func(image string, live *api.Service) {
		if policy != ResolveChanged || live == nil || live.Spec.Labels[LabelImage] != image {
			set[image] = true
		}
	}
	for _, svc := range services {
		image, b := svc.Spec.Labels[LabelImage], s.BlueGreen[svc.Name]
		if b == nil {
			b = &BlueGreen{Name: svc.Name}
		}
		live := b.Colors[b.active()]
		if plain, ok := s.Plain[svc.Name]; ok && svc.BlueGreen == nil {
			live = &plain
		}
		add(image, live)
		if svc.BlueGreen != nil {
			add(svc.BlueGreen.Proxy.Image, b.Proxy)
		}
	}
	return slices.Sorted(maps.Keys(set))
}
