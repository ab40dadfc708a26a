package traffic

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

func serviceUpdated(at time.Time) *api.Service {
	return &api.Service{Meta: api.Meta{UpdatedAt: at}}
}

// oneJob is an engine with one job, of one task.
type oneJob struct {
	engine.API
	state api.TaskState
	node  api.NodeState
}

func (e oneJob) NodeList(context.Context, api.NodeListOptions) ([]api.Node, error) {
	return []api.Node{{ID: "1", Status: api.NodeStatus{State: e.node}}}, nil
}

func (e oneJob) TaskList(context.Context, api.TaskListOptions) ([]api.Task, error) {
	return []api.Task{{ServiceID: "job", NodeID: "1", Status: api.TaskStatus{State: e.state, Err: "no such image"}}}, nil
}

func onNode(availability api.NodeAvailability) *cluster.Record {
	s := cluster.NewSnapshot("shop")
	n := api.Node{ID: "1"}
	n.Description.Hostname, n.Spec.Availability = "n1", availability
	s.Nodes["1"] = n
	return cluster.NewRecord(s)
}

// A job that can give no answer any more ends the wait for it, with the reason.
func TestJobThatGivesNoAnswer(t *testing.T) {
	for _, tc := range []struct {
		name  string
		state api.TaskState
		node  api.NodeState
		want  string
		job   bool // that it was the job's fault: it may be tried elsewhere
		most  limits
	}{
		{"rejected", api.TaskStateRejected, api.NodeStateReady, "control job on n1: rejected: no such image", true, limits{time.Hour, time.Hour}},
		{"failed", api.TaskStateFailed, api.NodeStateReady, "control job on n1: failed: no such image", true, limits{time.Hour, time.Hour}},
		{"orphaned", api.TaskStateOrphaned, api.NodeStateReady, "control job on n1: orphaned: no such image", true, limits{time.Hour, time.Hour}},
		{"its node is down", api.TaskStateRunning, api.NodeStateDown, "control job on n1: the node is down", false, limits{time.Hour, time.Hour}},
		{"its node is disconnected", api.TaskStateRunning, api.NodeStateDisconnected, "control job on n1: the node is disconnected", false, limits{time.Hour, time.Hour}},
		{"it runs", api.TaskStateRunning, api.NodeStateReady, "", false, limits{time.Hour, time.Hour}},
		{"it does not start", api.TaskStatePreparing, api.NodeStateReady, "control job on n1: it did not start: it has been preparing for 8s", true, limits{8 * time.Second, time.Hour}},
		{"it prints nothing", api.TaskStateRunning, api.NodeStateReady, "the control job did not end in time: run the command again", true, limits{time.Hour, 8 * time.Second}},
		{"it has completed", api.TaskStateComplete, api.NodeStateReady, "", false, limits{time.Hour, time.Hour}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sw := New(cluster.New(oneJob{state: tc.state, node: tc.node}, "shop", nil))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := sw.jobFailure(ctx, onNode(api.NodeAvailabilityActive), "job", tc.most, func() time.Time { return time.Time{} })
				time.Sleep(time.Minute) // until nobody looks any more
				if tc.want == "" {
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error %v, want none until the end of the wait", err)
					}
					return
				}
				var job *JobError
				if err == nil || err.Error() != tc.want || errors.As(err, &job) != tc.job {
					t.Errorf("error %v, want %s", err, tc.want)
				}
			})
		})
	}
}

// A control job runs where a proxy runs, on a node that takes tasks: the image is there.
func TestWhereAnOrderRuns(t *testing.T) {
	running := cluster.ProxyTask{Service: "web", NodeID: "1", Addr: "10.0.0.1", State: api.TaskStateRunning, Image: "haproxy:3"}
	down, waiting, noAddress := running, running, running
	down.Down, waiting.Waiting, noAddress.Addr = true, true, ""
	for _, tc := range []struct {
		name  string
		node  api.NodeAvailability
		proxy cluster.ProxyTask
		want  bool
	}{
		{"runs", api.NodeAvailabilityActive, running, true},
		{"drained", api.NodeAvailabilityDrain, running, false},
		{"paused", api.NodeAvailabilityPause, running, false},
		{"down", api.NodeAvailabilityActive, down, false},
		{"waits", api.NodeAvailabilityActive, waiting, false},
		{"no address", api.NodeAvailabilityActive, noAddress, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := onNode(tc.node)
			hosts := jobHosts(s, []cluster.ProxyTask{tc.proxy, tc.proxy})
			if ok := len(hosts) == 1 && hosts[0].NodeID == "1"; ok != tc.want {
				t.Errorf("runs on %v, want one node: %v", hosts, tc.want)
			}
			if tc.want {
				return
			}
			_, err := New(cluster.New(nil, "shop", nil)).Order(t.Context(), s, []cluster.ProxyTask{tc.proxy}, haproxy.Order{}, nil)
			if want := "no proxy runs on a node that is ready and active: see `docker service ps` of the proxy service"; err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

// What an order waits for: the new color of each service that has addresses, nothing for the rest.
func TestOrderOfMoves(t *testing.T) {
	move := func(name string, ready []string) Move {
		return Move{Service: &cluster.BlueGreen{Name: name}, To: haproxy.Route{Sequence: 3, Color: "green"}, Ready: ready}
	}
	o := moveOrder([]Move{move("web", []string{"10.0.0.1"}), move("api", nil)})
	if len(o.Until) != 1 || o.Until[0].Service != "web" || o.Until[0].Want != haproxy.Ready || o.Until[0].Color != "green" {
		t.Errorf("it waits for %+v", o.Until)
	}
	if o.Routes["web"].String() != "3:green" || o.Routes["api"].String() != "3:green" {
		t.Errorf("it tells %v", o.Routes)
	}
	shares := move("web", []string{"10.0.0.1"})
	shares.From, shares.To = haproxy.Route{Sequence: 2, Color: "blue"}, haproxy.Route{Sequence: 3, Color: "blue", Share: 25}
	if o := moveOrder([]Move{shares}); o.Until[0].Color != "green" || o.Routes["web"].String() != "3:blue:25" {
		t.Errorf("a share of green waits for %+v and tells %v", o.Until, o.Routes)
	}
	if forced([]Move{move("web", []string{"10.0.0.1"})}) {
		t.Error("a move is forced that nobody forces")
	}
	m := move("web", []string{"10.0.0.1"})
	m.Force = true
	if !forced([]Move{m}) {
		t.Error("a move that is forced is not")
	}
	if m.Ready = nil; forced([]Move{m}) {
		t.Error("a move that waits for nothing needs no force")
	}
}

// The texts of a move that did not end as it should have.
func TestTextsOfMoves(t *testing.T) {
	web := &cluster.BlueGreen{Name: "web"}
	blue, green := haproxy.Route{Sequence: 2, Color: "blue"}, haproxy.Route{Sequence: 3, Color: "green"}
	const stays = "nothing was stopped: both colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again"
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"a flip", unconfirmed([]Move{{Service: web, From: blue, To: green}}, []cluster.ProxyTask{{Name: "shop_web.1", Node: "n1", Down: true}}),
			"service web: not all proxies confirmed: shop_web.1 on n1 (node is down)\nthe others send to green now; " + stays},
		{"no flip", unconfirmed([]Move{{Service: web, From: blue, To: blue}}, []cluster.ProxyTask{{Name: "shop_web.1", Node: "n1", State: api.TaskStateStarting, Err: "oops"}}),
			"service web: not all proxies confirmed: shop_web.1 on n1 (starting): oops\n" + stays},
		{"none", unconfirmed([]Move{{Service: web, From: blue, To: blue}}, nil), "service web: not all proxies confirmed: no proxy runs, except stopping ones\n" + stays},
		{"stopping", unconfirmed([]Move{{Service: web, From: blue, To: blue}}, []cluster.ProxyTask{{Name: "shop_web.1", Node: "n1", Stopping: true, State: api.TaskStateRunning}}),
			"service web: not all proxies confirmed: shop_web.1 on n1 (stopping)\n" + stays},
		{"doubt", mayHaveMoved(errors.New("unexpected EOF")),
			"unexpected EOF\ntraffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first"},
		{"doubt that says so itself", mayHaveMoved(&cluster.UnconfirmedError{Service: "web", Proxies: []string{"x"}, After: "y"}),
			"service web: not all proxies confirmed: x\ny"},
	} {
		if tc.err.Error() != tc.want {
			t.Errorf("%s:\n%v\nwant:\n%s", tc.name, tc.err, tc.want)
		}
	}
	if mayHaveMoved(nil) != nil {
		t.Error("no error became one")
	}
}
