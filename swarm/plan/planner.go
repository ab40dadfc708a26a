package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// defaultTimeout is the longest time without progress of services that do not say.
const defaultTimeout = 5 * time.Minute

// planner makes a plan from what a file wants and what the swarm holds. It asks nobody and changes
// nothing.
type planner struct {
	project  *compose.Project
	seen     *cluster.Snapshot
	images   *Images
	opts     UpOptions
	networks map[string]string // names by id
	subnet   string            // of the control network, empty while there is none
	chosen   []compose.Service
	levels   map[string]int
	current  current // versions of secrets and configs
	steps    []Step
	waiting  []Waiting
}

// ForUp returns what is to be done so that the swarm holds what the project says.
func ForUp(p *compose.Project, seen *cluster.Snapshot, im *Images, opts UpOptions) (Plan, error) {
	pl := &planner{project: p, seen: seen, images: im, opts: opts, networks: cluster.NetworkNames(seen.Networks), levels: levels(p.Services)}
	if c, ok := seen.Networks[cluster.ControlNetwork(p.Name)]; ok && len(c.IPAM.Config) > 0 {
		pl.subnet = c.IPAM.Config[0].Subnet
	}
	var err error
	if pl.chosen, err = Chosen(p, opts); err != nil {
		return Plan{}, err
	}
	if err := pl.objects(); err != nil {
		return Plan{}, err
	}
	for _, svc := range pl.planningOrder() {
		if err := pl.service(svc); err != nil {
			return Plan{}, err
		}
	}
	pl.sendCredentials()
	pl.cleanUp()
	steps := pl.linked()
	pl.withChanges(steps)
	return Plan{Command: Up, Stack: p.Name, Steps: steps, Waiting: pl.waiting}, nil
}

// planningOrder are the chosen services, each before those it depends on: whether a job runs again
// depends on what becomes of those that wait for it.
func (pl *planner) planningOrder() []compose.Service {
	list := slices.Clone(pl.chosen)
	cluster.SortBy(list, func(a, b *compose.Service) int { return pl.levels[b.Name] - pl.levels[a.Name] })
	return list
}

func (pl *planner) add(s Step) { pl.steps = append(pl.steps, pl.complete(s)) }

// complete fills in the phase and the timeout of a step.
func (pl *planner) complete(s Step) Step {
	if s.Timeout == 0 {
		s.Timeout = defaultTimeout
	}
	if s.Phase == Prepare {
		s.Phase = s.Do.Traits().Phase
	}
	if s.Settings != nil {
		s.Timeout = s.Settings.Timeout
	}
	if pl.opts.Timeout > 0 {
		s.Timeout = pl.opts.Timeout
	}
	if s.Do == Await && s.Settings != nil && len(pl.dependents(s.Service)) > 0 {
		s.Phase = Deploy
	}
	return s
}

// has says whether the plan has steps for a service, of any of these actions where some are named.
func (pl *planner) has(service string, actions ...Action) bool {
	return slices.ContainsFunc(pl.steps, func(s Step) bool {
		return s.Service == service && (len(actions) == 0 || slices.Contains(actions, s.Do))
	})
}

// objects plans the networks, secrets and configs that the chosen services use.
func (pl *planner) objects() error {
	for _, name := range slices.Sorted(maps.Keys(pl.project.Networks)) {
		n := pl.project.Networks[name]
		if err := pl.network(name, n); err != nil {
			return err
		}
	}
	blueGreen := slices.ContainsFunc(pl.chosen, func(s compose.Service) bool { return s.BlueGreen != nil })
	want := pl.project.Control.Subnet
	switch name := cluster.ControlNetwork(pl.project.Name); {
	case !blueGreen:
	case pl.seen.Networks[name].ID == "":
		pl.add(Step{Do: CreateNetwork, Name: name, Cause: "the proxies have no control network", Network: controlCreate(pl.project)})
	case want != "" && pl.subnet != "" && want != pl.subnet:
		return fmt.Errorf("x-bluegreen.control.subnet is %s, but the network %s has %s, and a network that is in use cannot change: write %s, "+
			"or run down and then up, during which nothing answers", want, name, pl.subnet, pl.subnet)
	}
	return pl.files()
}

func (pl *planner) network(name string, n compose.Network) error {
	known, exists := pl.seen.Networks[name]
	switch {
	case n.External && cluster.Predefined(name):
	case !exists && n.External:
		return fmt.Errorf("network %s is external and does not exist: create it with `docker network create --driver overlay %s`", name, name)
	case !exists:
		pl.add(Step{Do: CreateNetwork, Name: name, Cause: "it does not exist", Network: &n})
	case known.Scope != "swarm" && n.External:
		return fmt.Errorf("network %s exists only on this node: create one for services with `docker network create --driver overlay`", name)
	}
	return nil
}

func (pl *planner) service(svc compose.Service) error {
	b := pl.seen.BlueGreen[svc.Name]
	name := svc.Spec.Name
	switch {
	case pl.seen.IsForeign(name):
		return fmt.Errorf("service %s: the swarm service %s exists, and is not of stack %s: give the service another name in the file, "+
			"or the stack with -p", svc.Name, name, pl.project.Name)
	case svc.TestOf != "":
		return nil // planned with the release that it tests
	case svc.BlueGreen != nil:
		return pl.blueGreen(svc, b)
	case b != nil && (b.Proxy != nil || len(b.Colors) > 0):
		return pl.giveBack(svc, b)
	}
	return pl.plain(svc)
}

// plain plans a service without x-bluegreen: what docker stack deploy would do.
func (pl *planner) plain(svc compose.Service) error {
	spec := cluster.Clone(svc.Spec)
	image := spec.Labels[cluster.LabelImage]
	step := Step{Name: spec.Name, Service: svc.Name, Spec: &spec, Image: image}
	live, exists := pl.seen.Plain[svc.Name]
	if !exists {
		pl.images.apply(&spec, image, nil)
		step.Do, step.Cause = CreatePlain, "it does not exist"
		pl.add(step)
		pl.await(svc, spec)
		return nil
	}
	if err := sameMode(svc, live); err != nil {
		return err
	}
	pl.images.apply(&spec, image, &live.Spec)
	if keepsNetworks(svc, live) {
		spec.TaskTemplate.Networks = pl.named(live.Spec.TaskTemplate.Networks)
	}
	diff := pl.flat(spec).Differences(pl.flat(live.Spec))
	rerun := ""
	if cluster.IsJob(spec) {
		rerun = pl.rerun(svc, live)
	}
	switch {
	case len(diff) > 0:
		step.Do, step.Cause = UpdatePlain, changed(diff)
	case rerun != "":
		step.Do, step.Cause = RunJob, rerun
	case cluster.Paused(live) != "":
		step.Do, step.Cause = UpdatePlain, cluster.Paused(live)
	case !short(live) && !cluster.Rolling(live):
		return nil
	}
	if step.Do != "" {
		pl.add(step)
	}
	pl.await(svc, spec)
	return nil
}

// sameMode is the error for a service whose mode is to change.
func sameMode(svc compose.Service, live api.Service) error {
	was, is := cluster.ModeOf(live.Spec), cluster.ModeOf(svc.Spec)
	if was == is {
		return nil
	}
	return fmt.Errorf("service %s runs as %s on the swarm and deploy.mode in the file is %s, which Swarm cannot change: write deploy.mode: %s, or give the service another name in the file",
		svc.Name, was, is, was)
}

func (pl *planner) flat(spec api.ServiceSpec) FlatSpec {
	return Flatten(spec, pl.networks).Without(pl.seen.APIVersion)
}

func changed(paths []string) string { return strings.Join(words(paths), ", ") + " changed" }

// short says whether a service has fewer tasks than it should, or is a job that has not ended.
func short(svc api.Service) bool {
	st := svc.ServiceStatus
	if cluster.IsJob(svc.Spec) {
		return !completed(svc)
	}
	return st != nil && st.RunningTasks < st.DesiredTasks
}

// withChanges notes in the steps of a plan what each changes. A new release is compared with the
// one that takes the traffic now, whatever its color held before.
func (pl *planner) withChanges(steps []Step) {
	for i := range steps {
		s := &steps[i]
		switch live := pl.liveOf(*s); {
		case s.Spec == nil, s.Do == Await, s.Do == AwaitStarted, s.Do == RunJob, s.Do == RunTest, s.Do == Verify:
		case s.Do == StartColor && live != nil:
			s.Changes = changes(withoutColor(cluster.Started(cluster.Clone(*s.Spec))), new(withoutColor(cluster.Started(live.Spec))), pl.networks)
		case s.Do == Adopt, s.Do == GiveBack, s.Do == CreateProxies: // what becomes something else is not compared
			s.Changes = changes(*s.Spec, nil, pl.networks)
		case live != nil:
			s.Changes = changes(*s.Spec, &live.Spec, pl.networks)
		default:
			s.Changes = changes(*s.Spec, nil, pl.networks)
		}
	}
}

// liveOf is the service that a step's spec is to be compared with, nil for none.
func (pl *planner) liveOf(s Step) *api.Service {
	b := pl.seen.BlueGreen[s.Service]
	switch {
	case s.Do == UpdatePlain:
		live := pl.seen.Plain[s.Service]
		return &live
	case b == nil:
		return nil
	case s.Do == UpdateProxies:
		return b.Proxy
	case s.Do == StartColor:
		return b.Colors[b.Active()]
	case s.Do == ChangeColor:
		return b.Colors[s.Color]
	}
	return nil
}
