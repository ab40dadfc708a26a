package execute

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// creating is an engine that only creates services: those of names with "bad" fail, and others are
// told.
type creating struct {
	engine.API
	mu      sync.Mutex
	created []string
	running int
	most    int
	enough  chan struct{} // closed when as many creations run at once as may
}

func (c *creating) ServiceCreate(ctx context.Context, spec api.ServiceSpec, _ api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	c.mu.Lock()
	c.created = append(c.created, spec.Name)
	c.running++
	if c.most = max(c.most, c.running); c.running == cluster.Parallel && c.enough != nil {
		close(c.enough)
		c.enough = nil
	}
	enough := c.enough
	c.mu.Unlock()
	if enough != nil && strings.HasPrefix(spec.Name, "many") {
		<-enough
	}
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	if strings.Contains(spec.Name, "bad") {
		return api.ServiceCreateResponse{}, errors.New("refused")
	}
	return api.ServiceCreateResponse{ID: spec.Name}, nil
}

func (c *creating) ServiceList(context.Context, api.ServiceListOptions) ([]api.Service, error) {
	return nil, nil
}

func (c *creating) ServiceInspectWithRaw(_ context.Context, id string, _ api.ServiceInspectOptions) (api.Service, []byte, error) {
	return api.Service{ID: id, Spec: api.ServiceSpec{Annotations: api.Annotations{Name: id}}}, nil, nil
}

func creation(name string, after ...int) plan.Step {
	spec := api.ServiceSpec{Annotations: api.Annotations{Name: name}, TaskTemplate: api.TaskSpec{ContainerSpec: &api.ContainerSpec{}}}
	return plan.Step{Do: plan.CreatePlain, Phase: plan.Deploy, Name: name, Service: name, Spec: &spec, After: after}
}

// What depends on a step that failed is not begun, nor are later phases; what goes before is.
func TestNothingAfterAFailure(t *testing.T) {
	e := &creating{}
	o := New(traffic.New(cluster.New(e, "shop", nil)))
	todo := plan.Plan{Stack: "shop", Steps: []plan.Step{creation("a"), creation("bad", 0), creation("c", 1), {Do: plan.Await, Phase: plan.Settle, Name: "a", Service: "a"}}}
	err := o.Execute(t.Context(), cluster.NewSnapshot("shop"), todo)
	if err == nil || !strings.Contains(err.Error(), "create service bad: refused") {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(e.created, []string{"a", "bad"}) {
		t.Errorf("created %v", e.created)
	}
}

// Independent services go side by side, but not more than are allowed at once.
func TestBounded(t *testing.T) {
	e := &creating{enough: make(chan struct{})}
	var todo plan.Plan
	for i := range 5 * cluster.Parallel {
		todo.Steps = append(todo.Steps, creation("many"+string(rune('a'+i%26))+string(rune('a'+i/26))))
	}
	if err := New(traffic.New(cluster.New(e, "shop", nil))).Execute(t.Context(), cluster.NewSnapshot("shop"), todo); err != nil {
		t.Fatal(err)
	}
	if e.most != cluster.Parallel || len(e.created) != len(todo.Steps) {
		t.Errorf("%d of %d created, %d at once, want %d", len(e.created), len(todo.Steps), e.most, cluster.Parallel)
	}
}
