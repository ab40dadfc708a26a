// Package plantest has the stack of which plans are made in unit tests, and the swarm after a plan.
package plantest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Shop is a stack file with a blue-green service and a plain one.
const Shop = `
services:
  web:
    image: shop/web:1
    ports: ["80:8080"]
    deploy: {replicas: 3, labels: {traefik.enable: "true"}}
    x-bluegreen: {}
  db:
    image: postgres:16
`

// LoadShop loads a stack file under the name shop.
func LoadShop(t *testing.T, file string) *compose.Project {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := compose.Load(context.Background(), compose.Options{Dir: dir, Name: "shop", Environ: secretContents})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Nothing is a swarm of three nodes that holds nothing.
func Nothing() *cluster.Snapshot {
	return &cluster.Snapshot{Stack: "shop", APIVersion: "1.47", Nodes: map[string]api.Node{"1": {}, "2": {}, "3": {}},
		Networks: map[string]network.Summary{}, Secrets: map[string]api.Secret{}, Configs: map[string]api.Config{},
		Plain: map[string]api.Service{}, BlueGreen: map[string]*cluster.BlueGreen{}, Foreign: map[string]api.Service{}, Finished: map[string]cluster.Began{}}
}

// For is the plan of an up; the test ends when there is none.
func For(t *testing.T, seen *cluster.Snapshot, file string, opts plan.UpOptions) plan.Plan {
	t.Helper()
	todo, err := plan.ForUp(LoadShop(t, file), seen, &plan.Images{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return todo
}

// CarriedOut makes seen what the swarm holds once the plan is carried out, with all tasks running.
func CarriedOut(seen *cluster.Snapshot, todo plan.Plan) {
	for _, s := range todo.Steps {
		b := func() *cluster.BlueGreen { return seen.Entry(s.Service) }
		switch s.Do {
		case plan.CreateNetwork:
			seen.Networks[s.Name] = network.Summary{Name: s.Name, ID: "id of " + s.Name, Scope: "swarm", Labels: s.Network.Create.Labels,
				IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: "10.0.9.0/24"}}}}
		case plan.CreateSecret, plan.UpdateSecret, plan.CreateConfig, plan.UpdateConfig, plan.RemoveSecret, plan.RemoveConfig:
			filesCarriedOut(seen, s)
		case plan.CreatePlain, plan.UpdatePlain:
			svc := running(seen, *s.Spec)
			if live, ok := seen.Plain[s.Service]; ok {
				svc.PreviousSpec = &live.Spec
			}
			seen.Plain[s.Service] = *svc
		case plan.RunTest, plan.Verify:
			seen.Plain[s.Job] = *running(seen, *s.Spec)
			cluster.SetLabels(&b().Colors[s.Color].Spec, s.Passed)
		case plan.GiveBack:
			seen.Plain[s.Service] = *running(seen, *s.Spec)
			b().Proxy = nil
		case plan.RemoveService:
			delete(seen.Plain, s.Service)
		case plan.RemoveProxies:
			b().Proxy = nil
		case plan.RemoveColor:
			delete(b().Colors, s.Color)
		case plan.RemoveNetwork:
			delete(seen.Networks, s.Name)
		case plan.StopColor:
			b().Saved[s.Color] = new(cluster.Clone(b().Colors[s.Color].Spec))
			b().Colors[s.Color] = running(seen, cluster.Stopped(b().Colors[s.Color].Spec))
		case plan.StartColor, plan.ChangeColor:
			b().Colors[s.Color] = running(seen, *s.Spec)
		case plan.MarkColor:
			cluster.SetLabels(&b().Colors[s.Color].Spec, map[string]string{cluster.LabelWaiting: s.Spec.Labels[cluster.LabelWaiting]})
		case plan.CreateProxies, plan.UpdateProxies, plan.Adopt:
			b().Proxy = running(seen, *s.Spec)
			delete(seen.Plain, s.Service)
			mark(b(), s)
		case plan.Flip:
			cluster.SetLabels(&b().Proxy.Spec, map[string]string{cluster.LabelAlias + s.Service: s.To.String(), cluster.LabelPrevious: "1"})
			delete(b().Saved, s.Color)
			mark(b(), s)
		case plan.Retire:
			if s.Settings.Keep == bluegreen.KeepCold {
				b().Colors[s.Color] = running(seen, cluster.Stopped(b().Colors[s.Color].Spec))
			}
		}
	}
}

func mark(b *cluster.BlueGreen, s plan.Step) {
	if c := b.Colors[cluster.Color(s.To.Color)]; c != nil {
		cluster.SetLabels(&c.Spec, map[string]string{cluster.LabelServed: s.To.String()[:1]})
	}
}

func running(seen *cluster.Snapshot, spec api.ServiceSpec) *api.Service {
	spec = cluster.Clone(spec)
	rec := cluster.NewRecord(seen)
	_ = rec.Resolve(&spec) // configs are not there
	rec.FillSubnet(&spec)
	n := uint64(1)
	if r := cluster.Replicas(spec); r != nil {
		n = *r
	}
	status := &api.ServiceStatus{RunningTasks: n, DesiredTasks: n}
	if cluster.IsJob(spec) {
		status = &api.ServiceStatus{CompletedTasks: 1}
	}
	return &api.Service{ID: "id of " + spec.Name, Spec: spec, ServiceStatus: status}
}

// Want compares a plan with its text.
func Want(t *testing.T, todo plan.Plan, want string) {
	t.Helper()
	if got, want := todo.String(), strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("plan:\n%swant:\n%s", got, want)
	}
}

// filesCarriedOut carries out a step of a secret or config. Here secrets keep their data, so that
// they can be compared.
func filesCarriedOut(seen *cluster.Snapshot, s plan.Step) {
	meta := api.Meta{CreatedAt: time.Unix(int64(len(seen.Secrets)+len(seen.Configs)), 0)}
	switch s.Do {
	case plan.CreateSecret:
		seen.Secrets[s.Name] = api.Secret{ID: "id of " + s.Name, Meta: meta, Spec: s.Secret.Spec}
	case plan.CreateConfig:
		seen.Configs[s.Name] = api.Config{ID: "id of " + s.Name, Meta: meta, Spec: s.Config.Spec}
	case plan.UpdateSecret:
		x := seen.Secrets[s.Name]
		x.Spec.Labels = s.Secret.Spec.Labels
		seen.Secrets[s.Name] = x
	case plan.UpdateConfig:
		x := seen.Configs[s.Name]
		x.Spec.Labels = s.Config.Spec.Labels
		seen.Configs[s.Name] = x
	case plan.RemoveSecret:
		delete(seen.Secrets, s.Name)
	case plan.RemoveConfig:
		delete(seen.Configs, s.Name)
	}
}

// secretContents are the contents of secrets, as variables of the environment.
var secretContents = []string{"KEY_ONE=one", "KEY_TWO=two", "KEY_THREE=three", "KEY_HUNTER=hunter4"}

// Compared is a snapshot that tells which secrets hold what a project wants.
func Compared(t *testing.T, seen *cluster.Snapshot, p *compose.Project) *cluster.Snapshot {
	t.Helper()
	compared, err := cluster.New(&clustertest.SecretEngine{Secrets: seen.Secrets}, "shop", nil).CompareSecrets(t.Context(), seen, p)
	if err != nil {
		t.Fatal(err)
	}
	return compared
}
