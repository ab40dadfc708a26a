package swarm

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// status is what the swarm holds, without what is by chance; the times must be there.
func (m *memory) status(live bool) *Status {
	m.t.Helper()
	st, err := m.operator().Status(m.t.Context(), live)
	m.must(err)
	clean := func(s *SwarmService) {
		if s.ID == "" && s.Name != "" || s.Since.IsZero() != (s.Ready == 0 || strings.HasSuffix(s.Mode, "-job")) {
			m.t.Errorf("%s has the id %q, and tasks since %s", s.Name, s.ID, s.Since)
		}
		s.ID, s.Since = "", time.Time{}
	}
	for i := range st.Services {
		svc := &st.Services[i]
		clean(&svc.Swarm)
		for j := range svc.Colors {
			clean(&svc.Colors[j].Swarm)
		}
		for j := range svc.Proxies {
			p := &svc.Proxies[j]
			if p.Address == "" || p.Node == "" {
				m.t.Errorf("proxy %s is at %q on %q", p.Task, p.Address, p.Node)
			}
			p.Address, p.Node = "", ""
		}
	}
	for i := range st.Drift {
		st.Drift[i] = steady(st.Drift[i])
	}
	return st
}

func (m *memory) wantStatus(live bool, want *Status) {
	m.t.Helper()
	got := m.status(live)
	for i := range got.Services {
		for j := range got.Services[i].Proxies { // they have counted more at each look
			p := &got.Services[i].Proxies[j]
			if counted := p.Counted["green"]; p.Error == "" && (counted.Requests == 0 || counted.Failed != 1) {
				m.t.Errorf("proxy %s has counted %+v", p.Task, p.Counted)
			}
			p.Counted = nil
		}
	}
	if !reflect.DeepEqual(got, want) {
		m.t.Errorf("status\n%+v\nwant\n%+v", *got, *want)
	}
}

func dbStatus() ServiceStatus {
	return ServiceStatus{Name: "db", Kind: "plain", Swarm: SwarmService{Name: "shop_db", Image: "postgres:16", Mode: "replicated", Ready: 1, Wanted: 1}}
}

// webStatus is web with two releases, of which green takes the traffic.
func webStatus(proxies int) ServiceStatus {
	color := func(c, image string, release int, active bool) ColorStatus {
		return ColorStatus{Color: c, Active: active, Release: release,
			Swarm: SwarmService{Name: "shop_web-" + c, Image: image, Mode: "replicated", Ready: 3, Wanted: 3}}
	}
	return ServiceStatus{Name: "web", Kind: "bluegreen", Route: &RouteStatus{Sequence: 2, Active: "green"},
		Swarm:  SwarmService{Name: "shop_web", Image: bluegreen.DefaultProxyImage, Mode: "replicated", Ready: proxies, Wanted: proxies},
		Colors: []ColorStatus{color("blue", "shop/web:1", 1, false), color("green", "shop/web:2", 2, true)}}
}

func answers(task string, sequence uint64, active, failure string) ProxyStatus {
	return ProxyStatus{Task: task, Sequence: sequence, Active: active, Error: failure, InFlight: map[string]int{}, Servers: []ServerStatus{}}
}

func TestStatus(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		want := &Status{Stack: "shop", Drift: []string{}, Services: []ServiceStatus{dbStatus(), webStatus(2)}}
		m.wantStatus(false, want)
		want.Live = true
		want.Services[1].Proxies = []ProxyStatus{answers("shop_web.1", 2, "green", ""), answers("shop_web.2", 2, "green", "")}
		m.wantStatus(true, want)
		m.must(m.up(strings.Replace(version("2"), "postgres:16", "postgres:16@sha256:"+strings.Repeat("a", 64), 1)))
		st := m.status(false)
		if db := st.Services[0].Swarm; db.Image != "postgres:16@sha256:"+strings.Repeat("a", 64) || db.Digest != "sha256:"+strings.Repeat("a", 64) {
			m.t.Errorf("db has the image %s and the digest %s", db.Image, db.Digest)
		}
	})
}

func TestStatusOfServices(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		for _, live := range []bool{false, true} {
			st, err := m.operator().Status(m.t.Context(), live, "db", "db")
			if err != nil || len(st.Services) != 1 || st.Services[0].Name != "db" || len(st.Drift) > 0 {
				m.t.Errorf("status of db, live %t: %+v, %v", live, st, err)
			}
		}
		if _, err := m.operator().Status(m.t.Context(), false, "web", "wbe"); err == nil || err.Error() != "stack shop has no service wbe: it has db, web" {
			m.t.Errorf("status of wbe: %v", err)
		}
	})
}

// A service is plain and blue-green at once while it is adopted: both are told.
func TestStatusDuringAnAdoption(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(plainly(version("1"))))
		var kinds []string
		m.Before = func(call, object string) error {
			if kinds == nil && call == "ServiceUpdate" && object == "shop_web" { // the color is there, the name is not the proxies' yet
				kinds = []string{}
				for _, svc := range m.status(false).Services {
					kinds = append(kinds, svc.Name+" "+svc.Kind)
				}
			}
			return nil
		}
		m.must(m.up(version("1")))
		if want := []string{"db plain", "web plain", "web bluegreen"}; !slices.Equal(kinds, want) {
			m.t.Errorf("meanwhile %q, want %q", kinds, want)
		}
	})
}

// A status tells what is not as it is written down, service by service.
func TestStatusTellsDrift(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(m *memory)
		want   []string
	}{
		{"all well", func(*memory) {}, []string{}},
		{"no proxies", func(m *memory) { m.removeByHand("shop_web") }, []string{"service web has no proxies: run `docker bluegreen up`"}},
		{"proxies scaled to 0", func(m *memory) { m.byHand("shop_web", scale(0)) }, []string{"service web: no proxy runs"}},
		{"an older label", func(m *memory) { m.byHand("shop_web", label(cluster.LabelAlias+"web", "1:blue")) }, []string{
			"service web: proxy shop_web.X on nX sends to green (2), but the label says blue (1)",
			"service web: proxy shop_web.X on nX sends to green (2), but the label says blue (1)"}},
		{"a node that is down", func(m *memory) { m.lose(m.nodeOfProxy()) },
			[]string{"service web: proxy shop_web.X on nX does not answer: its node is down"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				tc.change(m)
				m.calm()
				if got := m.status(true).Drift; !reflect.DeepEqual(got, tc.want) {
					m.t.Errorf("drift %q, want %q", got, tc.want)
				}
				if got := m.status(false).Drift; len(got) != 0 {
					m.t.Errorf("without asking the proxies: %q", got)
				}
			})
		})
	}
}

// A status names who works on the stack, and what a flip that did not end leads to.
func TestStatusOfWhatGoesOn(t *testing.T) {
	inMemory(t, func(m *memory) {
		_, err := m.operator().Status(m.t.Context(), false)
		m.wantText(err, "stack shop: nothing is deployed")
		m.two()
		node := m.nodeOfProxy()
		m.lose(node)
		m.wantError(m.flip(), new(*cluster.UnconfirmedError))
		m.must(m.operator().locked(m.t.Context(), "docker bluegreen up", time.Minute, func(context.Context) error {
			st := m.status(false)
			if st.Lock == nil || st.Lock.Owner != owner() || st.Lock.Command != "up" || time.Since(st.Lock.Since) > time.Minute {
				m.t.Errorf("the lock is %+v, want it of %s", st.Lock, owner())
			}
			if route := *st.Services[1].Route; route != (RouteStatus{Sequence: 3, Active: "blue", Next: "blue"}) {
				m.t.Errorf("the route is %+v", route)
			}
			return nil
		}))
		if st := m.status(false); st.Lock != nil {
			m.t.Errorf("a lock that was released is told: %+v", st.Lock)
		}
	})
}

// What a dry run says: the plan, and what its command would settle first. It writes nothing.
func TestDryRuns(t *testing.T) {
	inMemory(t, func(m *memory) {
		_, err := m.operator().PlanDown(m.t.Context())
		m.wantText(err, "stack shop: nothing is deployed")
		m.wantText(m.down(), "stack shop: nothing is deployed")
		m.wantPlan(version("1"), `create network shop_default: it does not exist
create network shop-bluegreen_control: the proxies have no control network
create service shop_db: it does not exist
start color shop_web-blue: release 1: first release
check ports of shop_web-blue: 8080 must speak http before proxies take traffic there
create proxies shop_web: there are none
await shop_db
`)
		m.two()
		m.wantPlan(version("2"), "nothing to do\n")
		m.wantPlan(plainly(version("2")), `give back shop_web: x-bluegreen was taken out: the service becomes a plain one in place
remove color shop_web-blue: the service is not blue-green any more
remove color shop_web-green: the service is not blue-green any more
remove network shop-bluegreen_control: no service is blue-green any more
remove config shop-bluegreen_web-release-1: the service is not blue-green any more
remove config shop-bluegreen_web-release-2: the service is not blue-green any more
`, "service web runs blue-green and has no x-bluegreen in the file: giving back removes the proxies and both colors, "+
			"so a rollback is no longer possible: up asks first, or needs --yes")
		m.lose(m.nodeOfProxy())
		m.wantError(m.flip(), new(*cluster.UnconfirmedError))
		m.must(m.operator().locked(m.t.Context(), "docker bluegreen up", time.Minute, func(context.Context) error {
			m.wantDryNotes()
			return nil
		}))
	})
}

// wantPlan compares a dry run of an up, and sees that it writes nothing.
func (m *memory) wantPlan(file, want string, notes ...string) {
	m.t.Helper()
	m.Before = func(call, object string) error {
		m.t.Errorf("a dry run writes: %s %s", call, object)
		return nil
	}
	todo, err := m.operator().Plan(m.t.Context(), m.load(file), never)
	m.Before = nil
	m.must(err)
	if got := todo.String(); got != want {
		m.t.Errorf("plan:\n%swant:\n%s", got, want)
	}
	if !reflect.DeepEqual(todo.Notes, notes) {
		m.t.Errorf("notes %q,\nwant %q", todo.Notes, notes)
	}
}

// wantDryNotes compares what dry runs say while another command works, and a flip has not ended.
func (m *memory) wantDryNotes() {
	m.t.Helper()
	notes := func(who string) []string {
		return []string{"another command works on the stack, so " + who + " would wait for it: " + owner(),
			"service web: an earlier flip did not end: " + who + " first asks the proxies for their route"}
	}
	up, err := m.operator().Plan(m.t.Context(), m.load(version("3")), never)
	m.must(err)
	flip, err := m.operator().PlanFlip(m.t.Context(), flipOptions)
	m.must(err)
	back, err := m.operator().PlanRollback(m.t.Context(), flipOptions)
	m.must(err)
	down, err := m.operator().PlanDown(m.t.Context())
	m.must(err)
	for who, got := range map[string][]string{"an up": up.Notes, "the flip": flip.Notes, "the rollback": back.Notes} {
		if want := notes(who); !reflect.DeepEqual(got, want) {
			m.t.Errorf("notes of %s: %q, want %q", who, got, want)
		}
	}
	if want := notes("the down")[:1]; !reflect.DeepEqual(down.Notes, want) {
		m.t.Errorf("notes of the down: %q, want %q", down.Notes, want)
	}
	if got, want := back.String(), "flip shop_web to green: release 2\n"; got != want {
		m.t.Errorf("plan of a rollback: %swant %s", got, want)
	}
}
