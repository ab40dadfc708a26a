package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// giveBack plans the way back from proxies to a plain service, in place: the file has no
// x-bluegreen for it any more.
func (pl *planner) giveBack(svc compose.Service, b *cluster.BlueGreen) error {
	if b.Proxy == nil {
		return pl.givenBack(svc)
	}
	spec := cluster.Clone(svc.Spec)
	if was, is := cluster.ModeOf(b.Proxy.Spec), cluster.ModeOf(spec); was != is {
		return fmt.Errorf("service %s: its proxies run as %s and deploy.mode in the file is %s, which Swarm cannot change in place: "+
			"put x-bluegreen back, or write deploy.mode: %s", svc.Name, was, is, was)
	}
	if (HostPorts(spec) || HostPorts(b.Proxy.Spec)) && !pl.opts.AcceptGap {
		return fmt.Errorf("service %s publishes host-mode ports: its proxies must stop before its own tasks can take the ports, so without "+
			"x-bluegreen they are closed for a few seconds: run the command with --accept-gap, or put x-bluegreen back", svc.Name)
	}
	image := spec.Labels[cluster.LabelImage]
	live := b.Proxy
	if active := b.Colors[b.Active()]; active != nil {
		live = active
	}
	pl.images.apply(&spec, image, &live.Spec)
	pl.add(Step{Do: GiveBack, Name: spec.Name, Service: svc.Name, Spec: &spec, Image: image,
		Cause: "x-bluegreen was taken out: the service becomes a plain one in place"})
	return nil
}

// givenBack plans the end of a giving back that was begun: some tasks may still be proxies, and the
// user's update_config is not for them.
func (pl *planner) givenBack(svc compose.Service) error {
	live, exists := pl.seen.Plain[svc.Name]
	if !exists {
		return pl.plain(svc)
	}
	spec := cluster.Clone(svc.Spec)
	if err := sameMode(svc, live); err != nil {
		return err
	}
	image := spec.Labels[cluster.LabelImage]
	pl.images.apply(&spec, image, &live.Spec)
	pl.add(Step{Do: GiveBack, Name: spec.Name, Service: svc.Name, Spec: &spec, Image: image, Begun: true, Cause: "an earlier command began it"})
	return nil
}

// cleanUp plans the removal of what has no place in the file any more.
func (pl *planner) cleanUp() {
	remaining := map[string]bool{} // blue-green services
	for name, b := range pl.seen.BlueGreen {
		remaining[name] = b.Proxy != nil || len(b.Colors) > 0
	}
	for _, svc := range pl.chosen {
		if remaining[svc.Name] = svc.BlueGreen != nil; svc.BlueGreen == nil {
			pl.removeColors(svc.Name, "the service is not blue-green any more")
		}
	}
	if pl.opts.Prune {
		pl.prune(remaining)
	}
	network := cluster.ControlNetwork(pl.project.Name)
	known, exists := pl.seen.Networks[network]
	if exists && pl.seen.Mine(known.Labels) && !slices.Contains(slices.Collect(maps.Values(remaining)), true) {
		pl.add(Step{Do: RemoveNetwork, Name: network, Cause: "no service is blue-green any more"})
	}
	for _, svc := range pl.chosen {
		if b := pl.seen.BlueGreen[svc.Name]; b != nil && svc.BlueGreen != nil {
			pl.forget(svc, b)
		}
	}
	pl.removeUnused()
}

// forget plans that the history of a service keeps no more releases than the file says.
func (pl *planner) forget(svc compose.Service, b *cluster.BlueGreen) {
	keep, made := svc.BlueGreen.Kept(), cluster.None
	for _, s := range pl.steps {
		if s.Do != StartColor || s.Service != svc.Name || pl.seen.Release(svc.Name, s.Release) != nil {
			continue
		}
		if keep--; pl.has(svc.Name, Flip) {
			made = s.Color
		}
	}
	for _, r := range pl.seen.Outdated(b, keep, made) {
		pl.add(forgotten(r, svc.BlueGreen))
	}
}

func (pl *planner) removeColors(service, cause string) {
	for _, r := range pl.seen.Releases[service] {
		pl.add(Step{Do: RemoveConfig, Name: r.Config, Cause: cause})
	}
	b := pl.seen.BlueGreen[service]
	if b == nil {
		return
	}
	for _, c := range cluster.Colors {
		if live := b.Colors[c]; live != nil {
			pl.add(Step{Do: RemoveColor, Name: live.Spec.Name, Service: service, Color: c, Cause: cause})
		}
	}
}

// prune plans the removal of services that the file does not have, not even in a profile that is
// not active.
func (pl *planner) prune(remaining map[string]bool) {
	inFile := map[string]bool{}
	for _, s := range pl.project.Services {
		inFile[s.Name] = true
	}
	for _, name := range pl.project.Disabled {
		inFile[name] = true
	}
	const cause = "it is not in the file"
	for _, name := range slices.Sorted(maps.Keys(pl.seen.Plain)) {
		if !inFile[name] {
			pl.add(Step{Do: RemoveService, Name: pl.seen.Plain[name].Spec.Name, Service: name, Cause: cause})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pl.seen.Releases)) { // its history may be all that an earlier up has left of a service
		if !inFile[name] && pl.seen.BlueGreen[name] == nil {
			pl.removeColors(name, cause)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pl.seen.BlueGreen)) {
		if inFile[name] {
			continue
		}
		if proxy := pl.seen.BlueGreen[name].Proxy; proxy != nil {
			pl.add(Step{Do: RemoveProxies, Name: proxy.Spec.Name, Service: name, Cause: cause})
		}
		pl.removeColors(name, cause)
		remaining[name] = false
	}
}
