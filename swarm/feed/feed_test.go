package feed

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// service is one of the stack shop, with labels in pairs.
func service(name string, replicas uint64, labels ...string) *api.Service {
	svc := &api.Service{ID: "id of " + name, Spec: api.ServiceSpec{Annotations: api.Annotations{Name: name, Labels: map[string]string{cluster.LabelStack: "shop", cluster.LabelService: "web"}}}}
	for i := 0; i < len(labels); i += 2 {
		svc.Spec.Labels[labels[i]] = labels[i+1]
	}
	svc.Spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{}
	svc.Spec.Mode.Replicated = &api.ReplicatedService{Replicas: &replicas}
	return svc
}

// web is a look at a service of which blue is active, with release 1.
func web() *Look {
	s := cluster.NewSnapshot("shop")
	for _, svc := range []*api.Service{
		service("shop_web", 2, cluster.LabelRole, cluster.RoleProxy, "bluegreen.alias.web", "5:blue"),
		service("shop_web-blue", 2, cluster.LabelRole, cluster.RoleColor, cluster.LabelColor, "blue", cluster.LabelRelease, "1"),
		service("shop_web-green", 2, cluster.LabelRole, cluster.RoleColor, cluster.LabelColor, "green", cluster.LabelRelease, "2", cluster.LabelImage, "shop/web:2"),
	} {
		s.Add(*svc)
	}
	n := api.Node{ID: "node1"}
	n.Description.Hostname = "n1"
	s.Nodes["node1"] = n
	s.Releases["web"] = []*cluster.Release{{Service: "web", Number: 1, Color: "blue"}, {Service: "web", Number: 2, Color: "green"}}
	return &Look{At: noon, Stacks: map[string]*cluster.Snapshot{"shop": s}, Locks: map[string]Lock{}, Tasks: []api.Task{task("t1", "shop_web-green", api.TaskStateStarting), task("t2", "shop_web", api.TaskStateRunning)}}
}

func task(id, service string, state api.TaskState) api.Task {
	return api.Task{ID: id, ServiceID: "id of " + service, NodeID: "node1", Slot: 1, DesiredState: api.TaskStateRunning, Status: api.TaskStatus{State: state}}
}

func (l *Look) proxy() *api.Service { return l.Stacks["shop"].BlueGreen["web"].Proxy }
func (l *Look) green() *api.Service { return l.Stacks["shop"].BlueGreen["web"].Colors["green"] }

func route(text string) func(*Look) {
	return func(l *Look) { l.proxy().Spec.Labels["bluegreen.alias.web"] = text }
}

func lock(id, command, open string) func(*Look) {
	return func(l *Look) { l.Locks["shop"] = Lock{ID: id, Owner: "ann@desk", Command: command, Open: open} }
}

func past(number int, e cluster.Entry) func(*Look) {
	return func(l *Look) {
		r := l.Stacks["shop"].Releases["web"][number-1]
		r.Log = append(r.Log, e)
	}
}

func all(changes ...func(*Look)) func(*Look) {
	return func(l *Look) {
		for _, c := range changes {
			c(l)
		}
	}
}

// What is told of two looks that differ, as JSON without what all events have.
func TestCompare(t *testing.T) {
	nothing := func(*Look) {}
	for name, tc := range map[string]struct {
		before, after func(*Look)
		want          string
	}{
		"nothing": {nothing, nothing, ""},
		"a flip": {lock("1", "flip", ""), all(route("6:green"), lock("1", "flip", "")),
			`{"what":"moved","service":"web","color":"green","release":2,"from":"blue","from_release":1,"by":"ann@desk","command":"flip"}`},
		"a flip that the history tells of": {nothing, all(route("6:green"), past(2, cluster.Entry{At: noon, What: cluster.Activated, Route: 6, By: "bob@desk", Command: "up"})),
			`{"what":"moved","service":"web","color":"green","release":2,"from":"blue","from_release":1,"by":"bob@desk","command":"up"}`},
		"of two commands either may have done it": {lock("1", "up", ""), all(route("6:green"), lock("2", "flip", "")),
			`{"what":"unlocked","service":"","by":"ann@desk","command":"up"}
{"what":"locked","service":"","by":"ann@desk","command":"flip"}
{"what":"moved","service":"web","color":"green","release":2,"from":"blue","from_release":1}`},
		"a share": {nothing, route("6:blue:20"), `{"what":"share","service":"web","color":"green","release":2,"share":20}`},
		"the end of a share": {route("6:blue:20"), route("7:blue"),
			`{"what":"share","service":"web","color":"green","release":2,"share":0}`},
		"a share becomes all": {route("6:blue:20"), route("7:green"),
			`{"what":"moved","service":"web","color":"green","release":2,"from":"blue","from_release":1}`},
		"a guard goes back from all": {route("6:green:::0"), all(route("7:blue:::tripped"), func(l *Look) { l.proxy().Spec.Labels[cluster.LabelTripped] = "5 % failed" }),
			`{"what":"tripped","service":"web","color":"blue","release":1,"from":"green","from_release":2,"text":"5 % failed"}`},
		"a guard goes back from a share": {route("6:blue:20::0"), route("7:blue:::tripped"),
			`{"what":"tripped","service":"web","color":"blue","release":1,"from":"green","from_release":2}`},
		"a pause":     {nothing, route("6:blue::hold-30"), `{"what":"paused","service":"web","color":"blue","release":1}`},
		"maintenance": {nothing, route("6:blue::stop-60-6869"), `{"what":"maintenance","service":"web","color":"blue","release":1,"text":"hi"}`},
		"its end":     {route("6:blue::stop-60-6869"), route("7:blue"), `{"what":"live","service":"web","color":"blue","release":1}`},
		"a bad route": {nothing, route("nowhere"), ""},
		"a new release": {lock("1", "up", ""), all(lock("1", "up", ""), func(l *Look) {
			l.green().Spec.Labels[cluster.LabelRelease], l.green().Spec.Labels[cluster.LabelImage] = "3", "shop/web:3"
		}), `{"what":"began","service":"web","color":"green","release":3,"by":"ann@desk","command":"up","text":"shop/web:3"}`},
		"an earlier release": {nothing, func(l *Look) { l.green().Spec.Labels[cluster.LabelRelease] = "1" },
			`{"what":"restored","service":"web","color":"green","release":1,"text":"shop/web:2"}`},
		"tests":       {nothing, func(l *Look) { l.green().Spec.Labels[cluster.LabelTested] = "x" }, `{"what":"tested","service":"web","color":"green","release":2}`},
		"withdrawn":   {nothing, func(l *Look) { l.green().Spec.Labels[cluster.LabelWithdrawn] = "2" }, `{"what":"withdrawn","service":"web","color":"green","release":2}`},
		"scaled":      {nothing, func(l *Look) { *l.green().Spec.Mode.Replicated.Replicas = 5 }, `{"what":"scaled","service":"web","color":"green","release":2,"tasks":5}`},
		"stopped":     {nothing, func(l *Look) { *l.green().Spec.Mode.Replicated.Replicas = 0 }, `{"what":"stopped","service":"web","color":"green","release":2,"tasks":0}`},
		"started":     {func(l *Look) { *l.green().Spec.Mode.Replicated.Replicas = 0 }, nothing, `{"what":"started","service":"web","color":"green","release":2,"tasks":2}`},
		"removed":     {nothing, func(l *Look) { delete(l.Stacks["shop"].BlueGreen["web"].Colors, "green") }, `{"what":"removed","service":"web","color":"green","release":2}`},
		"no proxies":  {nothing, func(l *Look) { l.Stacks["shop"].BlueGreen["web"].Proxy = nil }, `{"what":"removed","service":"web"}`},
		"new proxies": {nothing, func(l *Look) { l.proxy().Spec.TaskTemplate.ForceUpdate++ }, `{"what":"proxies","service":"web","text":"they are replaced"}`},
		"an update": {nothing, func(l *Look) {
			l.proxy().UpdateStatus = &api.UpdateStatus{State: api.UpdateStateCompleted, Message: "update completed"}
		}, `{"what":"proxies","service":"web","text":"update completed"}`},
		"tasks": {nothing, func(l *Look) {
			failed := task("t3", "shop_web", api.TaskStateRejected)
			failed.Status.Err = "No such mount"
			l.Tasks = []api.Task{task("t1", "shop_web-green", api.TaskStateRunning), failed, task("t4", "db", api.TaskStateRunning)}
		}, `{"what":"ready","service":"web","color":"green","release":2,"task":"shop_web-green.1","node":"n1"}
{"what":"task failed","service":"web","task":"shop_web.1","node":"n1","text":"No such mount"}`},
		"waits for promote": {func(l *Look) {
			*l.green().Spec.Mode.Replicated.Replicas = 1
			l.green().Spec.Labels[cluster.LabelWaiting] = "5"
		}, func(l *Look) {
			*l.green().Spec.Mode.Replicated.Replicas = 1
			l.green().Spec.Labels[cluster.LabelWaiting] = "5"
			l.Tasks[0].Status.State = api.TaskStateRunning
		}, `{"what":"ready","service":"web","color":"green","release":2,"task":"shop_web-green.1","node":"n1"}
{"what":"waits","service":"web","color":"green","release":2}`},
		"the history": {past(1, cluster.Entry{At: noon, What: cluster.Kept, By: "bob@desk"}), all(past(1, cluster.Entry{At: noon, What: cluster.Kept, By: "bob@desk"}),
			past(2, cluster.Entry{At: noon, What: cluster.NotHealthy, By: "bob@desk", Command: "up", Text: "2 tasks of one slot failed"}), past(2, cluster.Entry{At: noon, What: cluster.Created})),
			`{"what":"failed","service":"web","color":"green","release":2,"by":"bob@desk","command":"up","text":"2 tasks of one slot failed"}`},
		"a lock opens": {lock("1", "up", ""), lock("1", "up", "smoke tests release 2 of web"),
			`{"what":"lock opened","service":"","by":"ann@desk","command":"up","text":"smoke tests release 2 of web"}`},
		"a lock closes": {lock("1", "up", "smoke tests release 2 of web"), lock("1", "up", ""), `{"what":"lock closed","service":"","by":"ann@desk","command":"up"}`},
		"a stack goes": {lock("1", "down", ""), func(l *Look) { delete(l.Stacks, "shop") },
			`{"what":"removed","service":"web","color":"blue","release":1,"by":"ann@desk","command":"down"}
{"what":"removed","service":"web","color":"green","release":2,"by":"ann@desk","command":"down"}
{"what":"removed","service":"web","by":"ann@desk","command":"down"}
{"what":"unlocked","service":"","by":"ann@desk","command":"down"}`},
		"a stack comes": {func(l *Look) { delete(l.Stacks, "shop"); l.Tasks = nil }, func(l *Look) { l.Tasks = nil },
			`{"what":"began","service":"web","color":"blue","release":1}
{"what":"began","service":"web","color":"green","release":2,"text":"shop/web:2"}
{"what":"proxies","service":"web","text":"they begin"}
{"what":"moved","service":"web","color":"blue","release":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := web(), web()
			tc.before(before)
			tc.after(after)
			after.At = noon.Add(time.Second)
			var got []string
			for _, e := range Compare(before, after) {
				if e.Stack != "shop" || !e.Time.Equal(after.At) {
					t.Errorf("%+v is of the stack %q, at %s", e, e.Stack, e.Time)
				}
				line, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, strings.NewReplacer(`"time":"2026-03-01T12:00:01Z",`, "", `"stack":"shop",`, "").Replace(string(line)))
			}
			if text := strings.Join(got, "\n"); text != tc.want {
				t.Errorf("events\n%s\nwant\n%s", text, tc.want)
			}
		})
	}
}
