package traffic

import (
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// A flip is done only when a proxy that stays has confirmed: those that start ask it.
func TestHandedOn(t *testing.T) {
	moves := []Move{{Service: &cluster.BlueGreen{Name: "web"}}}
	stays := cluster.ProxyTask{Service: "web", ID: "stays", State: api.TaskStateRunning}
	starting := cluster.ProxyTask{Service: "web", ID: "starting", State: api.TaskStateStarting}
	stopping := cluster.ProxyTask{Service: "web", ID: "stopping", State: api.TaskStateRunning, Stopping: true}
	down := cluster.ProxyTask{Service: "web", ID: "down", State: api.TaskStateRunning, Down: true}
	for _, tc := range []struct {
		name string
		all  []cluster.ProxyTask
		h    Heard
		want bool
	}{
		{"none", nil, Heard{}, false},
		{"one that stays", []cluster.ProxyTask{stays, stopping}, Heard{"stays": true, "stopping": true}, true},
		{"only one that stops", []cluster.ProxyTask{stays, stopping}, Heard{"stopping": true}, false},
		{"only one that no name leads to yet", []cluster.ProxyTask{starting}, Heard{"starting": true}, false},
		{"only one on a node that is down", []cluster.ProxyTask{down}, Heard{"down": true}, false},
		{"of another service", []cluster.ProxyTask{{Service: "api", ID: "stays", State: api.TaskStateRunning}}, Heard{"stays": true}, false},
	} {
		if got := handedOn(moves, tc.all, tc.h); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// An unfinished flip goes where the proxies went; when nobody took it, a later route overrules it.
func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		name, label, next string
		proxies           []string
		want              string
	}{
		{"nobody took it", "7:blue", "8:green", []string{"7:blue", "7:blue"}, "9:blue"},
		{"one took it", "7:blue", "8:green", []string{"7:blue", "8:green"}, "8:green"},
		{"label behind the proxies", "5:blue", "", []string{"8:green"}, "8:green"},
		{"written down and not confirmed", "8:green", "8:green", []string{"8:green", "7:blue"}, "8:green"},
		{"all well", "8:green", "", []string{"8:green"}, "8:green"},
		{"nobody answers", "7:blue", "8:green", nil, "9:blue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			route, err := haproxy.ParseRoute(tc.label)
			if err != nil {
				t.Fatal(err)
			}
			proxy := &api.Service{}
			proxy.Spec.Labels = map[string]string{cluster.LabelAlias + "web": tc.label, cluster.LabelNext: tc.next}
			m := Move{Service: &cluster.BlueGreen{Name: "web", Proxy: proxy}, From: route, To: route}
			report := &Answer{}
			for _, r := range tc.proxies {
				its, err := haproxy.ParseRoute(r)
				if err != nil {
					t.Fatal(err)
				}
				report.Proxies = append(report.Proxies, &haproxy.ProxyReport{ProxyAddr: haproxy.ProxyAddr{Service: "web"}, Route: its})
			}
			if err := m.judge(report); err != nil || m.To.String() != tc.want {
				t.Errorf("points to %s, error %v; want %s", m.To, err, tc.want)
			}
		})
	}
}
