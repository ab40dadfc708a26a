package plan

import (
	"maps"
	"slices"

	"github.com/distribution/reference"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Images are the images of one up, as they go to the swarm.
type Images struct {
	Policy   string
	Resolved map[string]Resolved // by the image's full name, as below: two spellings of one image are one
}

// Resolved is what a registry said of an image.
type Resolved struct {
	Image     string // with digest; empty when the file itself gives the digest
	Platforms []api.Platform
}

// FullName is an image with its registry and tag: nginx and docker.io/library/nginx:latest are one.
// What is no name of an image is left to the swarm to refuse.
func FullName(image string) string {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return image
	}
	return named.String()
}

// apply puts the image into a spec. live is the spec that runs now, nil when there is none: its
// digest is kept as long as the file names the same image and nothing newer is known or asked for.
func (im *Images) apply(spec *api.ServiceSpec, named string, live *api.ServiceSpec) {
	same := live != nil && live.Labels[cluster.LabelImage] == named && live.TaskTemplate.ContainerSpec != nil
	r, ok := im.Resolved[FullName(named)]
	switch {
	case ok && !(same && im.Policy == ResolveChanged):
		if r.Image != "" {
			spec.TaskTemplate.ContainerSpec.Image = r.Image
		}
		setPlatforms(spec, r.Platforms)
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

// Lookups are the images of services, those of the proxies included, that the registries are to be
// asked for.
func Lookups(s *cluster.Snapshot, services []compose.Service, policy string) []string {
	set := map[string]bool{}
	add := func(image string, live *api.Service) {
		if policy != ResolveChanged || live == nil || live.Spec.Labels[cluster.LabelImage] != image {
			set[image] = true
		}
	}
	for _, svc := range services {
		image, b := svc.Spec.Labels[cluster.LabelImage], s.BlueGreen[svc.Name]
		if b == nil {
			b = &cluster.BlueGreen{Name: svc.Name}
		}
		live := b.Colors[b.Active()]
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
