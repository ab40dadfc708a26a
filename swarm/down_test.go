package swarm

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// What a down could not remove it names; the next one removes it.
func TestDownThatFails(t *testing.T) {
	for _, tc := range []struct{ call, object, want string }{
		{"ServiceRemove", "shop_db", "remove service shop_db: refused"},
		{"ServiceRemove", "shop_web-blue", "remove service shop_web-blue: refused"},
		{"SecretRemove", "secret-X", "remove secret shop_key: refused"},
	} {
		t.Run(tc.object, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.must(m.up(version("2") + "    secrets: [key]\nsecrets: {key: {environment: KEY_ONE}}\n"))
				m.failing(tc.call, tc.object, 1, errRefused)
				m.wantText(m.down(), tc.want)
				m.must(m.down())
				if left := m.Objects(); len(left) > 0 {
					m.t.Errorf("left: %v", left)
				}
			})
		})
	}
}

// With --prune what left the file goes, the proxies before the colors; a removal that fails keeps
// those colors that a proxy may send to.
func TestPrune(t *testing.T) {
	const rest = "services: {db: {image: 'postgres:16'}}"
	for _, tc := range []struct {
		name, object, want string
	}{
		{"all", "nothing", ""},
		{"proxies that stay", "shop_web", "remove service shop_web: refused"},
		{"a color that stays", "shop_web-green", "remove service shop_web-green: refused"},
		{"a service that stays", "shop_old", "remove service shop_old: refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.must(m.up(version("2") + "  old: {image: 'shop/old:1'}\n"))
				m.must(m.up(rest))
				if m.Service("shop_old") == nil || m.Service("shop_web") == nil {
					m.t.Error("an up without --prune removed something")
				}
				m.failing("ServiceRemove", tc.object, 1, errRefused)
				m.wantText(m.upWith(rest, plan.UpOptions{Prune: true}), tc.want)
				if tc.object == "shop_web" && (m.Service("shop_web-blue") == nil || m.Service("shop_web-green") == nil) {
					m.t.Error("a color is gone, and proxies may still send there")
				}
				m.must(m.upWith(rest, plan.UpOptions{Prune: true}))
				if left := m.Objects(); !slices.Equal(left, []string{"network shop_default", "service shop_db"}) {
					m.t.Errorf("left: %v", left)
				}
			})
		})
	}
}

// Services of a profile that is not active are in the file.
func TestPruneLeavesProfiles(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1") + "  old: {image: 'shop/old:1'}\n"))
		m.must(m.upWith(version("1")+"  old: {image: 'shop/old:1', profiles: [debug]}\n", plan.UpOptions{Prune: true}))
		if m.Service("shop_old") == nil {
			m.t.Error("a service of a profile was removed")
		}
	})
}

// A saved release that could not be removed is removed by the next command: its color serves by
// now, and must never be given back.
func TestSavedReleaseThatStays(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		fails := 2
		m.Before = func(call, id string) error {
			if call == "ConfigRemove" && strings.Contains(m.configName(id), "_saved-") && fails > 0 {
				fails--
				return errRefused
			}
			return nil
		}
		for _, command := range []func() error{func() error { return m.up(version("3")) }, m.flip} {
			err := command()
			if err == nil || !strings.Contains(err.Error(), "saved") || !strings.Contains(err.Error(), "refused") {
				m.t.Errorf("error %v", err)
			}
			m.wantRoutes("3:blue", "3:blue")
		}
		m.Before = nil
		m.must(m.up(version("3")))
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.rollback())
		m.wantRoutes("4:green", "4:green")
		m.must(m.rollback())
		m.wantRoutes("5:blue", "5:blue")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// A first release that was begun, and of which the color was scaled to 0 by hand, comes up.
func TestFirstReleaseThatWasBegun(t *testing.T) {
	for _, tc := range []struct {
		name, version, told string
		routes              string
	}{
		{"the same", "1", "web color blue: starting release 1: its tasks do not run", "1:blue"},
		{"another", "2", "web color blue: starting release 2: image shop/web:1 → shop/web:2", "1:blue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				err := m.interruptedWhen("web ports", upTo(version("1")))
				m.wantError(err, nil, "interrupted: ")
				m.byHand("shop_web-blue", scale(0))
				m.calm()
				m.must(m.up(version(tc.version)))
				m.wantTold(tc.told)
				m.wantRoutes(tc.routes, tc.routes)
				m.wantColors("shop/web:"+tc.version+" x 3 of 3", "none")
			})
		})
	}
}

// What proxies see of the tasks is told as they see it.
func TestStatusOfServers(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.answering(func(_ string, lines []string) []string {
			var out []string
			for _, l := range lines {
				f := strings.Fields(l)
				if out = append(out, l); len(f) > 3 && f[0] == "state" && f[3] == "route" {
					out = append(out, fmt.Sprintf("state %s %s backend blue 8080 3", f[1], f[2]),
						fmt.Sprintf("state %s %s server blue 8080 10.0.1.5 UP L7OK 2", f[1], f[2]),
						fmt.Sprintf("state %s %s server blue 8080 10.0.1.6 DOWN L4CON 1 Connection refused", f[1], f[2]))
				}
			}
			return out
		})
		st := m.status(true)
		want := ProxyStatus{Task: "shop_web.1", Sequence: 1, Active: "blue", InFlight: map[string]int{"blue": 3},
			Counted: map[string]ProxyCount{"blue": {Requests: 25, Failed: 1}, "green": {Requests: 25, Failed: 1}}, Servers: []ServerStatus{
				{Color: "blue", Port: 8080, Address: "10.0.1.5", Status: "UP", Check: "L7OK", InFlight: 2},
				{Color: "blue", Port: 8080, Address: "10.0.1.6", Status: "DOWN", Check: "L4CON", InFlight: 1}}}
		if got := st.Services[1].Proxies[0]; !reflect.DeepEqual(got, want) {
			m.t.Errorf("the first proxy is %+v,\nwant %+v", got, want)
		}
	})
}
