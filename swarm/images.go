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

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// lookup asks registries for the images of one up.
type lookup struct {
	images      *plan.Images
	required    bool // an image that cannot be resolved is an error
	credentials *credentials
	asked       map[string]bool // by the image's full name
}

func newLookup(opts plan.UpOptions) *lookup {
	return &lookup{images: &plan.Images{Policy: opts.ResolveImage, Resolved: map[string]plan.Resolved{}}, required: opts.RequireDigests,
		credentials: newCredentials(opts.RegistryAuth), asked: map[string]bool{}}
}

// resolveImages asks the registries, once for each distinct image of one up. An image that cannot
// be resolved goes to the swarm as it is, with a warning, unless a digest is required.
func (o *Operator) resolveImages(ctx context.Context, im *lookup, wanted []string) error {
	if im.images.Policy == plan.ResolveNever {
		return nil
	}
	var mu sync.Mutex
	failed := map[string]error{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cluster.Parallel)
	for _, image := range wanted {
		name := plan.FullName(image)
		if im.asked[name] {
			continue
		}
		im.asked[name] = true
		auth, err := im.credentials.of(image)
		if err != nil && im.credentials.first(image) {
			o.ex.Warn("", "image "+image, "it is looked up without credentials: %v", err)
		}
		g.Go(func() error {
			r, err := o.resolveImage(gctx, image, auth)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[image] = err
			} else {
				im.images.Resolved[name] = r
			}
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return o.unresolved(im, failed)
}

// unresolved tells which images could not be resolved, or returns it. A digest in the file stands
// for itself.
func (o *Operator) unresolved(im *lookup, failed map[string]error) error {
	var errs []error
	for _, image := range slices.Sorted(maps.Keys(failed)) {
		err := imageError(image, failed[image])
		switch {
		case strings.Contains(plan.FullName(image), "@"):
			o.ex.Warn("", "image "+image, "it was not found; the nodes use the digest in the file: %s", err.reason())
		case im.required:
			errs = append(errs, err)
		default:
			o.ex.Warn("", "image "+image, "its digest cannot be resolved. Running services keep their digest; for others each node uses the image that it has or pulls: %s", err.reason())
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(append(errs, errDigestRequired)...)
}

func (o *Operator) resolveImage(ctx context.Context, image, auth string) (plan.Resolved, error) {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return plan.Resolved{}, err
	}
	d, err := o.ex.Engine.DistributionInspect(ctx, reference.FamiliarString(named), auth)
	if err != nil {
		return plan.Resolved{}, err
	}
	r := plan.Resolved{Platforms: platforms(d)}
	if _, pinned := named.(reference.Canonical); pinned {
		return r, nil
	}
	pinned, err := reference.WithDigest(named, d.Descriptor.Digest)
	if err != nil {
		return plan.Resolved{}, err
	}
	r.Image = reference.FamiliarString(pinned)
	return r, nil
}

// platforms are those that an image runs on, as the docker client gives them to the swarm: an image
// is of "arm" where a node says "armv7l", and no task would ever be placed there (swarmkit#2294).
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
