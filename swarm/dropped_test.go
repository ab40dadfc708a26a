package swarm

import (
	"context"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/errdefs"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

func TestStrictRefusesWhatTheEngineDrops(t *testing.T) {
	var events []cluster.Event
	o := New(&clustertest.Engine{}, "shop", func(e cluster.Event) { events = append(events, e) })
	p := plantest.LoadShop(t, "services: {web: {image: a, oom_score_adj: 1, tmpfs: '/x:exec'}}")
	seen := plantest.Nothing()
	seen.APIVersion = "1.41"
	err := o.tellUndone(p, seen, true)
	want := "with --strict these are errors:\n" +
		"service web: tmpfs: exec: the engine speaks API 1.41 and drops this key of API 1.46, so it is mounted without\n" +
		"service web: oom_score_adj: the engine speaks API 1.41 and drops this key of API 1.46, so the container has the default"
	if err == nil || err.Error() != want || len(events) > 0 {
		t.Errorf("%v, events %v", err, events)
	}
	if err := o.tellUndone(p, seen, false); err != nil || len(events) != 2 || events[0].State != cluster.Warning {
		t.Errorf("%v, events %v", err, events)
	}
	seen.APIVersion = "1.46"
	if err := o.tellUndone(p, seen, true); err != nil {
		t.Error(err)
	}
}

// The network list has the host network of the node, and a service the one of the swarm.
func TestPredefinedNetworks(t *testing.T) {
	seen := plantest.Nothing()
	seen.Networks["host"] = network.Summary{Name: "host", ID: "local", Scope: "local"}
	const file = "services: {web: {image: a, network_mode: host}}"
	todo := plantest.For(t, seen, file, plan.UpOptions{})
	plantest.Want(t, todo, "create service shop_web: it does not exist\nawait shop_web\n")
	spec := cluster.Clone(*todo.Steps[0].Spec)
	if err := cluster.NewRecord(seen).Resolve(&spec); err != nil || spec.TaskTemplate.Networks[0].Target != "host" {
		t.Fatal(err, spec.TaskTemplate.Networks)
	}
	plantest.CarriedOut(seen, todo)
	seen.Plain["web"].Spec.TaskTemplate.Networks[0].Target = "of the swarm"
	o := New(&clustertest.Engine{OnNetworkInspect: func(id string) (network.Inspect, error) {
		if id != "of the swarm" {
			return network.Inspect{}, errdefs.NotFound(context.Canceled)
		}
		return network.Inspect{Name: "host", ID: id, Scope: "swarm"}, nil
	}}, "shop", nil)
	if err := o.ex.ObservePredefined(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	plantest.Want(t, plantest.For(t, seen, file, plan.UpOptions{}), "nothing to do\n")
}
