package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// observed is an engine with services and networks, and nothing else.
type observed struct {
	engine.API
	version  string
	services []api.Service
	networks []network.Summary
	configs  []api.Config
	nodes    error
	inspect  error
}

func (o observed) NodeList(context.Context, api.NodeListOptions) ([]api.Node, error) {
	return []api.Node{{ID: "1"}}, o.nodes
}
func (o observed) ClientVersion() string { return o.version }
func (o observed) NetworkList(context.Context, network.ListOptions) ([]network.Summary, error) {
	return o.networks, nil
}
func (o observed) SecretList(context.Context, api.SecretListOptions) ([]api.Secret, error) {
	return nil, nil
}
func (o observed) ConfigList(context.Context, api.ConfigListOptions) ([]api.Config, error) {
	return o.configs, nil
}
func (o observed) ServiceList(context.Context, api.ServiceListOptions) ([]api.Service, error) {
	return o.services, nil
}
func (o observed) NetworkInspect(_ context.Context, id string, _ network.InspectOptions) (network.Inspect, error) {
	return network.Inspect{ID: id, Name: "host"}, o.inspect
}

func onNetwork(id string) api.Service {
	svc := api.Service{Spec: api.ServiceSpec{Annotations: api.Annotations{Name: "shop_db", Labels: map[string]string{LabelNamespace: "shop"}}}}
	svc.Spec.TaskTemplate.Networks = []api.NetworkAttachmentConfig{{Target: id}}
	return svc
}

// What a user reads when a swarm cannot be looked at.
func TestSwarmThatCannotBeObserved(t *testing.T) {
	saved := api.Config{ID: "c", Spec: api.ConfigSpec{Annotations: api.Annotations{Name: "shop-bluegreen_saved-1",
		Labels: map[string]string{LabelStack: "shop", LabelRole: RoleSaved}}, Data: []byte("{")}}
	for _, tc := range []struct {
		name string
		e    observed
		want string
	}{
		{"all well", observed{version: "1.47"}, ""},
		{"a worker", observed{version: "1.47", nodes: errors.New("Error response from daemon: This node is not a swarm manager. Use docker swarm init")},
			"this node is not a swarm manager: run `docker swarm init`, or name a manager with --context or DOCKER_HOST"},
		{"an old engine", observed{version: "1.40"},
			"the engine speaks API version 1.40, but orders need version 1.41: use Docker Engine 20.10 or newer"},
		{"a network that is gone", observed{version: "1.47", services: []api.Service{onNetwork("x")}, inspect: cerrdefs.ErrNotFound}, ""},
		{"a network that cannot be read", observed{version: "1.47", services: []api.Service{onNetwork("x")}, inspect: errors.New("refused")},
			"inspect the network x of service shop_db: refused"},
		{"a saved release that cannot be read", observed{version: "1.47", configs: []api.Config{saved}},
			"config shop-bluegreen_saved-1 cannot be read: unexpected end of JSON input: remove it with `docker config rm shop-bluegreen_saved-1`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := New(tc.e, "shop", nil).Observe(t.Context())
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("error %q, want %q", got, tc.want)
			}
		})
	}
}

// Networks that every node has are not in the list: their names are asked for.
func TestNetworksOfEveryNode(t *testing.T) {
	s, err := New(observed{version: "1.47", services: []api.Service{onNetwork("x")}}, "shop", nil).Observe(t.Context())
	if err != nil || s.Networks["host"].ID != "x" {
		t.Errorf("networks %v, error %v", s.Networks, err)
	}
	local, ours := network.Summary{Name: "shop_default", ID: "l", Scope: "local"}, network.Summary{Name: "shop_default", ID: "s", Scope: "swarm"}
	for _, list := range [][]network.Summary{{local, ours}, {ours, local}} {
		s, err := New(observed{version: "1.47", networks: list}, "shop", nil).Observe(t.Context())
		if err != nil || s.Networks["shop_default"].ID != "s" {
			t.Errorf("the network is %s, error %v; want the swarm's", s.Networks["shop_default"].ID, err)
		}
	}
}

// Each service of the swarm has its place by its labels; what lost them is plain.
func TestWhereServicesBelong(t *testing.T) {
	ours := func(role, color string) map[string]string {
		return map[string]string{LabelNamespace: Namespace("shop"), LabelStack: "shop", LabelRole: role, LabelService: "web", LabelColor: color}
	}
	for _, tc := range []struct {
		name, service string
		labels        map[string]string
		where         func(s *Snapshot) string
	}{
		{"plain", "shop_db", map[string]string{LabelNamespace: "shop"}, func(s *Snapshot) string { return s.Plain["db"].ID }},
		{"proxies", "shop_web", ours(RoleProxy, ""), func(s *Snapshot) string { return s.BlueGreen["web"].Proxy.ID }},
		{"a color", "shop_web-blue", ours(RoleColor, "blue"), func(s *Snapshot) string { return s.BlueGreen["web"].Colors[Blue].ID }},
		{"an order", "shop-bluegreen_order-1", ours(RoleOrder, ""), func(s *Snapshot) string { return s.Orders[0].ID }},
		{"of another stack", "blog_web", map[string]string{LabelNamespace: "blog"}, func(s *Snapshot) string { return s.Foreign["blog_web"].ID }},
		{"of no stack", "registry", nil, func(s *Snapshot) string { return s.Foreign["registry"].ID }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewSnapshot("shop")
			s.Add(api.Service{ID: "id", Spec: api.ServiceSpec{Annotations: api.Annotations{Name: tc.service, Labels: tc.labels}}})
			if got := tc.where(s); got != "id" || s.ServiceNames["id"] != tc.service {
				t.Errorf("it is not where it belongs: %+v", s)
			}
			if foreign := strings.HasPrefix(tc.name, "of "); s.IsForeign(tc.service) != foreign {
				t.Errorf("foreign: %v, want %v", !foreign, foreign)
			}
		})
	}
}

// Which services a command is for, and why it cannot be.
func TestNamesOfServices(t *testing.T) {
	blog := api.Service{Spec: api.ServiceSpec{Annotations: api.Annotations{Name: "blog_web", Labels: map[string]string{LabelStack: "blog"}}}}
	full := func() *Snapshot {
		s := NewSnapshot("shop")
		s.Plain["db"] = api.Service{}
		for _, name := range []string{"web", "api"} {
			s.Entry(name).Proxy = &api.Service{}
		}
		s.Entry("half") // a color is left, and no proxies
		return s
	}
	only := func(change func(s *Snapshot)) *Snapshot {
		s := NewSnapshot("shop")
		change(s)
		return s
	}
	for _, tc := range []struct {
		name   string
		s      *Snapshot
		wanted []string
		want   []string
		err    string
	}{
		{"all", full(), nil, []string{"api", "web"}, ""},
		{"one", full(), []string{"web"}, []string{"web"}, ""},
		{"twice", full(), []string{"web", "api", "web"}, []string{"api", "web"}, ""},
		{"plain", full(), []string{"db"}, nil, "service db of stack shop is not blue-green: add x-bluegreen to it and run `docker bluegreen up`"},
		{"unknown", full(), []string{"www"}, nil, "stack shop has no blue-green service www: it has api, web"},
		{"without proxies", full(), []string{"half"}, nil, "stack shop has no blue-green service half: it has api, web"},
		{"nothing", NewSnapshot("shop"), nil, nil, "stack shop: nothing is deployed"},
		{"another stack", only(func(s *Snapshot) { s.Foreign["blog_web"] = blog }), nil, nil,
			"stack shop: nothing is deployed: blue-green services run in blog: name the stack with -p"},
		{"plain services only", only(func(s *Snapshot) { s.Plain["db"] = api.Service{} }), nil, nil,
			"stack shop has no blue-green service: run `docker bluegreen up` first"},
		{"plain services only, and one is named", only(func(s *Snapshot) { s.Plain["db"] = api.Service{} }), []string{"web"}, nil,
			"stack shop has no blue-green service web: it has none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.s.Names(tc.wanted)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tc.err || !slices.Equal(got, tc.want) {
				t.Errorf("%v, error %q; want %v, %q", got, text, tc.want, tc.err)
			}
		})
	}
}

// eventful is an engine with events.
type eventful struct {
	engine.API
	messages chan events.Message
	failed   chan error
}

func (e eventful) Events(context.Context, events.ListOptions) (<-chan events.Message, <-chan error) {
	return e.messages, e.failed
}

// Events let waits look sooner; health checks, of which there is one a second, do not. When events
// end, waits go on without.
func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		e := eventful{messages: make(chan events.Message), failed: make(chan error)}
		cl := New(e, "shop", func(ev Event) { told = append(told, ev.Step+": "+ev.Text) })
		done := make(chan struct{})
		go func() { defer close(done); cl.Listen(t.Context()) }()
		time.Sleep(time.Minute)
		before := cl.poll.turns.stirred
		e.messages <- events.Message{Action: "exec_start: /bin/check"}
		synctest.Wait()
		if !cl.poll.turns.stirred.Equal(before) {
			t.Error("a health check counts as something that happened")
		}
		e.messages <- events.Message{Action: events.ActionUpdate}
		synctest.Wait()
		if !cl.poll.turns.stirred.Equal(time.Now()) {
			t.Error("an update counts as nothing")
		}
		e.failed <- errors.New("unexpected EOF")
		<-done
		if want := []string{"events: the engine's events ended, and waiting goes on without them: unexpected EOF"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}
