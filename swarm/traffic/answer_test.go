package traffic

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

var twoProxies = []cluster.ProxyTask{
	{Service: "web", ID: "a", Name: "shop_web.1", Node: "n1", Addr: "10.0.0.1"},
	{Service: "web", ID: "b", Name: "shop_web.2", Node: "n2", Addr: "10.0.0.2"},
}

// What proxies lack is told proxy by proxy, until each has what was waited for.
func TestWhatProxiesLack(t *testing.T) {
	a := NewAnswer(twoProxies, nil)
	for _, step := range []struct{ line, want string }{
		{"unmet web 10.0.0.2 green ready 10.0.1.5:8080 DOWN L4CON Connection refused", "shop_web.2 on n2: 10.0.1.5:8080 DOWN L4CON Connection refused"},
		{"unmet web 10.0.0.1 green ready - no address", "shop_web.1 on n1: no address; shop_web.2 on n2: 10.0.1.5:8080 DOWN L4CON Connection refused"},
		{"unmet web 10.0.0.2 green ready 10.0.1.4:8080 INI", "shop_web.1 on n1: no address; shop_web.2 on n2: 10.0.1.4:8080 INI, 10.0.1.5:8080 DOWN L4CON Connection refused"},
		{"met web 10.0.0.2 green ready", "shop_web.1 on n1: no address"},
		{"state web 10.0.0.1 route 7:green", "shop_web.1 on n1: no address"},
		{"[NOTICE] HAProxy version is 3.2", "shop_web.1 on n1: no address"},
		{"met web 10.0.0.1 green ready", ""},
	} {
		if err := a.line(step.line); err != nil {
			t.Fatal(err)
		}
		if got := a.Unmet(); got != step.want {
			t.Errorf("after %q: %q, want %q", step.line, got, step.want)
		}
	}
	if len(a.Proxies) != 1 || a.Proxies[0].Route.String() != "7:green" {
		t.Errorf("the answers are %+v", a.Proxies)
	}
}

// A job's own error, and a line that is damaged, are errors.
func TestLinesThatAreErrors(t *testing.T) {
	for _, tc := range []struct {
		line, want string
		own        bool
	}{
		{"error no such host", "control job: no such host", true},
		{"told web 10.0.0.1 taken soon", `line of a control job "told web 10.0.0.1 taken soon": strconv.ParseFloat: parsing "soon": invalid syntax`, false},
		{"state web", `line of a control job "state web": a word is missing`, false},
	} {
		err := NewAnswer(twoProxies, nil).line(tc.line)
		var own *JobError
		if err == nil || err.Error() != tc.want || errors.As(err, &own) != tc.own {
			t.Errorf("%q: error %v, want %s", tc.line, err, tc.want)
		}
	}
}

// What is lacking is told once it has lasted for a moment: most is over at once.
func TestOnlyWhatLastsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		a := NewAnswer(twoProxies, func(text string) { told = append(told, text) })
		line := func(text string) {
			if err := a.line(text); err != nil {
				t.Error(err)
			}
		}
		line("unmet web 10.0.0.1 green ready - no address")
		time.Sleep(steadyAfter / 2)
		line("met web 10.0.0.1 green ready")
		time.Sleep(time.Minute)
		if len(told) > 0 {
			t.Errorf("told %v, which was over at once", told)
		}
		line("unmet web 10.0.0.1 green ready - no address")
		time.Sleep(2 * steadyAfter)
		line("unmet web 10.0.0.2 green ready - INI")
		a.progress.stop()
		time.Sleep(time.Minute)
		if want := []string{"shop_web.1 on n1: no address"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// Only an answer with the very route of the order confirms it.
func TestHeard(t *testing.T) {
	move := []Move{{Service: &cluster.BlueGreen{Name: "web"}, To: haproxy.Route{Sequence: 7, Color: "green"}}}
	for _, tc := range []struct {
		name, service, route string
		want                 bool
	}{
		{"the route", "web", "7:green", true},
		{"the one before", "web", "6:blue", false},
		{"a later one", "web", "8:green", false},
		{"the same number of the other color", "web", "7:blue", false},
		{"of another service", "api", "7:green", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			route, err := haproxy.ParseRoute(tc.route)
			if err != nil {
				t.Fatal(err)
			}
			answer := &Answer{}
			answer.Proxies = []*haproxy.ProxyReport{{ProxyAddr: haproxy.ProxyAddr{Service: tc.service, Addr: "10.0.0.1"}, Route: route}}
			h := Heard{}.Add(move, twoProxies, answer)
			if h["a"] != tc.want || h["b"] {
				t.Errorf("heard %v", h)
			}
		})
	}
}

// A route that a proxy knows and that is later than the order's is raised above, once.
func TestOutrun(t *testing.T) {
	for _, tc := range []struct {
		name   string
		routes []string
		want   string
		raised bool
	}{
		{"nobody answers", nil, "7:green", false},
		{"as ordered", []string{"7:green", "6:blue"}, "7:green", false},
		{"one later", []string{"7:green", "9:blue"}, "10:green", true},
		{"two later", []string{"12:blue", "9:blue"}, "13:green", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			moves := []Move{{Service: &cluster.BlueGreen{Name: "web"}, To: haproxy.Route{Sequence: 7, Color: "green"}}}
			answer := &Answer{}
			for _, r := range tc.routes {
				route, err := haproxy.ParseRoute(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Proxies = append(answer.Proxies, &haproxy.ProxyReport{ProxyAddr: haproxy.ProxyAddr{Service: "web"}, Route: route})
			}
			if raised := Outrun(moves, answer); raised != tc.raised || moves[0].To.String() != tc.want {
				t.Errorf("raised %v to %s, want %v to %s", raised, moves[0].To, tc.raised, tc.want)
			}
		})
	}
}

// A proxy that has no process yet starts with the route that was written down when it was made.
func TestOutdated(t *testing.T) {
	written := time.Unix(1000, 0)
	web := &cluster.BlueGreen{Name: "web"}
	web.Proxy = serviceUpdated(written)
	moves := []Move{{Service: web}}
	for _, tc := range []struct {
		name string
		p    cluster.ProxyTask
		want bool
	}{
		{"waits, and was made before", cluster.ProxyTask{Service: "web", Waiting: true, Created: written.Add(-time.Second)}, true},
		{"waits, and was made after", cluster.ProxyTask{Service: "web", Waiting: true, Created: written.Add(time.Second)}, false},
		{"runs", cluster.ProxyTask{Service: "web", Created: written.Add(-time.Second)}, false},
		{"on a node that is down", cluster.ProxyTask{Service: "web", Waiting: true, Down: true, Created: written.Add(-time.Second)}, false},
		{"of another service", cluster.ProxyTask{Service: "api", Waiting: true, Created: written.Add(-time.Second)}, false},
	} {
		if got := outdated(moves, []cluster.ProxyTask{tc.p}); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// Limits begin anew as long as fewer servers are lacking than ever before.
func TestAdvanced(t *testing.T) {
	const lacks = "unmet web 10.0.0.1 green ready 10.0.1.4:8080 INI\nunmet web 10.0.0.1 green ready 10.0.1.5:8080 INI\n"
	for _, tc := range []struct {
		name   string
		lines  string
		before int // the fewest of earlier orders
		want   bool
		fewest int
	}{
		{"all is as it was", lacks, math.MaxInt, false, 2},
		{"another proxy is ready", lacks + "unmet web 10.0.0.2 green ready - no address\nmet web 10.0.0.2 green ready\n", math.MaxInt, true, 2},
		{"another server is ready", lacks + "state web 10.0.0.1 server green 8080 10.0.1.4 UP L4OK 0 -\n", math.MaxInt, true, 1},
		{"as many as before", lacks + "state web 10.0.0.1 server green 8080 10.0.1.4 UP L4OK 0 -\n", 1, false, 1},
		{"a server of another proxy", lacks + "state web 10.0.0.2 server green 8080 10.0.1.4 UP L4OK 0 -\n", math.MaxInt, false, 2},
		{"one that has passed no check", lacks + "state web 10.0.0.1 server green 8080 10.0.1.4 UP INI 0 -\n", math.MaxInt, false, 2},
		{"fewer than before", "unmet web 10.0.0.1 green ready 10.0.1.5:8080 INI\nunmet web 10.0.0.2 green ready - x\nmet web 10.0.0.2 green ready\n", 2, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, fewest := NewAnswer(twoProxies, nil), tc.before
			for line := range strings.Lines(tc.lines) {
				if err := a.line(strings.TrimSpace(line)); err != nil {
					t.Fatal(err)
				}
			}
			if got := a.Advanced(&fewest); got != tc.want || fewest != tc.fewest {
				t.Errorf("advanced %v, fewest %d; want %v and %d", got, fewest, tc.want, tc.fewest)
			}
		})
	}
}
