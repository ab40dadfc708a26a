package suite

import (
	"context"
	"net/netip"
	"slices"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// background is for what comes when the scenario's context has ended.
var background = context.Background()

// objects are scenarios without tasks, or where tasks do not matter.
var objects = []Scenario{
	{Name: "service of a taken name", run: func(r *run) {
		r.create(r.spec(Serves, 0))
		_, err := r.Engine.ServiceCreate(r.Context(), r.spec(Serves, 0), api.ServiceCreateOptions{})
		r.is("second service", engine.Taken, err)
	}},
	{Name: "service written from an old version", run: func(r *run) {
		id := r.create(r.spec(Serves, 0))
		old := r.inspect(id)
		r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = "1" })
		_, err := r.Engine.ServiceUpdate(r.Context(), id, old.Version, old.Spec, api.ServiceUpdateOptions{})
		r.is("write from the old version", engine.OutOfSequence, err)
		if label := r.inspect(id).Spec.Labels["now"]; label != "1" {
			r.Errorf("label %q after a write that was refused", label)
		}
	}},
	{Name: "previous spec", run: func(r *run) {
		id := r.create(r.spec(Serves, 0))
		if p := r.inspect(id).PreviousSpec; p != nil {
			r.Errorf("a new service has the previous spec %+v", p)
		}
		for _, n := range []string{"1", "2"} {
			r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = n })
		}
		if p := r.inspect(id).PreviousSpec; p == nil || p.Labels["now"] != "1" || p.Name != r.name {
			r.Errorf("previous spec %+v", p)
		}
	}},
	{Name: "missing objects", run: missingObjects},
	{Name: "services by name and label", run: servicesByName},
	{Name: "network of a taken name", run: func(r *run) {
		r.net("net")
		_, err := r.Engine.NetworkCreate(r.Context(), r.name+"-net", network.CreateOptions{Driver: "overlay", Scope: "swarm"})
		r.is("second network", engine.Taken, err)
	}},
	{Name: "subnets of networks", run: func(r *run) {
		var seen []netip.Prefix
		for _, name := range []string{"a", "b", "c"} {
			subnet := r.subnet(r.net(name))
			if slices.ContainsFunc(seen, subnet.Overlaps) {
				r.Errorf("%s overlaps with one of %v", subnet, seen)
			}
			seen = append(seen, subnet)
		}
	}},
	{Name: "network in use", run: func(r *run) {
		id := r.net("net")
		s := r.spec(Serves, 0)
		s.TaskTemplate.Networks = []api.NetworkAttachmentConfig{{Target: id}}
		svc := r.create(s)
		r.is("network of a service", engine.InUse, r.Engine.NetworkRemove(r.Context(), id))
		r.must(r.Engine.ServiceRemove(r.Context(), svc))
		r.await("the network can be removed", func() bool { return r.Engine.NetworkRemove(r.Context(), id) == nil })
		r.await("the network is gone", func() bool {
			_, err := r.Engine.NetworkInspect(r.Context(), id, network.InspectOptions{Scope: "swarm"})
			return err != nil && engine.NotFound(err)
		})
	}},
	{Name: "config of a taken name", run: func(r *run) {
		r.conf("a")
		_, err := r.Engine.ConfigCreate(r.Context(), api.ConfigSpec{Annotations: api.Annotations{Name: r.name + "-a"}, Data: []byte("b")})
		r.is("second config", engine.Taken, err)
	}},
	{Name: "labels of a config", run: configLabels},
	{Name: "config in use", run: func(r *run) {
		id := r.conf("a")
		s := r.spec(Serves, 0)
		file := &api.ConfigReferenceFileTarget{Name: "/a", UID: "0", GID: "0", Mode: 0o444}
		s.TaskTemplate.ContainerSpec.Configs = []*api.ConfigReference{{ConfigID: id, ConfigName: r.name + "-a", File: file}}
		svc := r.create(s)
		r.is("config of a service", engine.InUse, r.Engine.ConfigRemove(r.Context(), id))
		r.update(svc, func(s *api.ServiceSpec) { s.TaskTemplate.ContainerSpec.Configs = nil })
		r.must(r.Engine.ConfigRemove(r.Context(), id)) // a previous spec does not use it
	}},
	{Name: "secrets", run: secrets},
	{Name: "secret in use", run: func(r *run) {
		id := r.sec("a")
		s := r.spec(Serves, 0)
		file := &api.SecretReferenceFileTarget{Name: "a", UID: "0", GID: "0", Mode: 0o444}
		s.TaskTemplate.ContainerSpec.Secrets = []*api.SecretReference{{SecretID: id, SecretName: r.name + "-a", File: file}}
		r.create(s)
		r.is("secret of a service", engine.InUse, r.Engine.SecretRemove(r.Context(), id))
	}},
	{Name: "events of a service", run: serviceEvents},
}

// net makes a network, and returns once it has a subnet.
func (r *run) net(name string) (id string) {
	r.Helper()
	created, err := r.Engine.NetworkCreate(r.Context(), r.name+"-"+name, network.CreateOptions{Driver: "overlay", Scope: "swarm"})
	r.must(err)
	r.network = append(r.network, created.ID)
	r.subnet(created.ID)
	return created.ID
}

func (r *run) subnet(id string) (subnet netip.Prefix) {
	r.Helper()
	r.await("the network has a subnet", func() bool {
		n, err := r.Engine.NetworkInspect(r.Context(), id, network.InspectOptions{Scope: "swarm"})
		r.must(err)
		if len(n.IPAM.Config) > 0 {
			subnet, err = netip.ParsePrefix(n.IPAM.Config[0].Subnet)
		}
		return err == nil && subnet.IsValid()
	})
	return subnet
}

func (r *run) conf(name string) (id string) {
	r.Helper()
	created, err := r.Engine.ConfigCreate(r.Context(), api.ConfigSpec{Annotations: api.Annotations{Name: r.name + "-" + name}, Data: []byte(name)})
	r.must(err)
	r.config = append(r.config, created.ID)
	return created.ID
}

func (r *run) sec(name string) (id string) {
	r.Helper()
	created, err := r.Engine.SecretCreate(r.Context(), api.SecretSpec{Annotations: api.Annotations{Name: r.name + "-" + name}, Data: []byte(name)})
	r.must(err)
	r.secret = append(r.secret, created.ID)
	return created.ID
}

func missingObjects(r *run) {
	ctx, none := r.Context(), "nothinghasthisid0000000000"
	_, _, inspect := r.Engine.ServiceInspectWithRaw(ctx, none, api.ServiceInspectOptions{})
	_, update := r.Engine.ServiceUpdate(ctx, none, api.Version{Index: 1}, r.spec(Serves, 0), api.ServiceUpdateOptions{})
	_, tasks := r.Engine.TaskList(ctx, api.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", none))})
	_, net := r.Engine.NetworkInspect(ctx, none, network.InspectOptions{Scope: "swarm"})
	config, secret := api.ConfigSpec{Annotations: api.Annotations{Name: "x"}}, api.SecretSpec{Annotations: api.Annotations{Name: "x"}}
	for what, err := range map[string]error{
		"inspect service": inspect, "update service": update, "tasks of service": tasks, "remove service": r.Engine.ServiceRemove(ctx, none),
		"inspect network": net, "remove network": r.Engine.NetworkRemove(ctx, none),
		"update config": r.Engine.ConfigUpdate(ctx, none, api.Version{Index: 1}, config), "remove config": r.Engine.ConfigRemove(ctx, none),
		"update secret": r.Engine.SecretUpdate(ctx, none, api.Version{Index: 1}, secret), "remove secret": r.Engine.SecretRemove(ctx, none),
	} {
		r.is(what, engine.NotFound, err)
	}
}

func servicesByName(r *run) {
	one, two := r.spec(Serves, 0), r.spec(Serves, 0)
	one.Name, two.Name = r.name+"-a", r.name+"-ab"
	two.Labels["two"] = "x"
	a, b := r.create(one), r.create(two)
	for _, c := range []struct {
		key, value string
		want       []string
	}{
		{"name", r.name + "-a", []string{a, b}}, // names that begin so
		{"name", r.name + "-ab", []string{b}},
		{"label", "suite=" + r.name, []string{a, b}},
		{"label", "two", []string{b}},
		{"id", a, []string{a}},
	} {
		list, err := r.Engine.ServiceList(r.Context(), api.ServiceListOptions{Filters: filters.NewArgs(filters.Arg(c.key, c.value), filters.Arg("label", "suite="+r.name))})
		r.must(err)
		var have []string
		for _, svc := range list {
			have = append(have, svc.ID)
			if svc.ServiceStatus != nil {
				r.Errorf("a list that did not ask for the status has %+v", svc.ServiceStatus)
			}
		}
		slices.Sort(have)
		if slices.Sort(c.want); !slices.Equal(have, c.want) {
			r.Errorf("%s=%s: %v, want %v", c.key, c.value, have, c.want)
		}
	}
	if svc := r.inspect(one.Name); svc.ID != a {
		r.Errorf("inspect by name: %s, want %s", svc.ID, a)
	}
}

func configLabels(r *run) {
	id := r.conf("a")
	find := func() api.Config {
		list, err := r.Engine.ConfigList(r.Context(), api.ConfigListOptions{})
		r.must(err)
		return list[slices.IndexFunc(list, func(c api.Config) bool { return c.ID == id })]
	}
	old := find()
	other := old.Spec
	other.Data = []byte("b")
	r.is("another content", engine.OnlyLabels, r.Engine.ConfigUpdate(r.Context(), id, old.Version, other))
	other = old.Spec
	other.Name += "b"
	r.is("another name", engine.OnlyLabels, r.Engine.ConfigUpdate(r.Context(), id, old.Version, other))
	next := old.Spec
	next.Labels = map[string]string{"now": "1"}
	r.must(r.Engine.ConfigUpdate(r.Context(), id, old.Version, next))
	r.is("old version", engine.OutOfSequence, r.Engine.ConfigUpdate(r.Context(), id, old.Version, next))
	if now := find(); now.Spec.Labels["now"] != "1" || string(now.Spec.Data) != "a" || now.Version == old.Version {
		r.Errorf("config %+v", now)
	}
}

func secrets(r *run) {
	id := r.sec("a")
	_, err := r.Engine.SecretCreate(r.Context(), api.SecretSpec{Annotations: api.Annotations{Name: r.name + "-a"}, Data: []byte("b")})
	r.is("second secret", engine.Taken, err)
	list, err := r.Engine.SecretList(r.Context(), api.SecretListOptions{})
	r.must(err)
	secret := list[slices.IndexFunc(list, func(s api.Secret) bool { return s.ID == id })]
	if secret.Spec.Data != nil || secret.Spec.Name != r.name+"-a" {
		r.Errorf("listed: %+v", secret)
	}
	// The content is looked at before the version: so it can be asked for without a write.
	outdated := api.Version{Index: secret.Version.Index - 1}
	secret.Spec.Data = []byte("a")
	r.is("same content", engine.OutOfSequence, r.Engine.SecretUpdate(r.Context(), id, outdated, secret.Spec))
	secret.Spec.Data = []byte("b")
	r.is("other content", engine.OnlyLabels, r.Engine.SecretUpdate(r.Context(), id, outdated, secret.Spec))
}

func serviceEvents(r *run) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	messages, failed := r.Engine.Events(ctx, events.ListOptions{Filters: filters.NewArgs(filters.Arg("type", string(events.ServiceEventType)))})
	id := r.create(r.spec(Serves, 0))
	r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = "1" })
	r.must(r.Engine.ServiceRemove(r.Context(), id))
	var seen []events.Action
	r.await("create, update and remove", func() bool {
		for {
			select {
			case m := <-messages:
				if m.Actor.ID == id {
					seen = append(seen, m.Action)
				}
				continue
			case err := <-failed:
				r.Fatal(err)
			default:
			}
			return len(seen) > 0 && seen[0] == events.ActionCreate && slices.Contains(seen, events.ActionUpdate) && seen[len(seen)-1] == events.ActionRemove
		}
	})
}
