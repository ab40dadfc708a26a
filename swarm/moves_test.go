package swarm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

func force(s *api.ServiceSpec) { s.TaskTemplate.ForceUpdate++ }

// orderText is the order that a control job carries out.
func (m *memory) orderText(job string) string {
	if svc := m.Service(job); svc != nil && strings.Contains(job, "_order-") {
		return strings.Join(svc.Spec.TaskTemplate.ContainerSpec.Env, "\n")
	}
	return ""
}

// atOrder does something once an order with this text was made.
func (m *memory) atOrder(text string, do func()) {
	once := false
	m.After = func(call, object string) error {
		if call == "ServiceCreate" && !once && strings.Contains(m.orderText(object), text) {
			once = true
			do()
		}
		return nil
	}
}

// Tasks that are replaced while the proxies are to see them ready, or while their ports are looked
// at: the wait begins anew with those that are there then.
func TestTasksThatChangeMeanwhile(t *testing.T) {
	for _, tc := range []struct{ name, order, route string }{
		{"ready", "until web blue ready", "3:blue"},
		{"ports", "\nlook web", "3:blue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := version("3")
				m.two()
				if tc.name == "ports" {
					file = strings.Replace(file, `"80:8080"`, `"80:8080", "81:8081"`, 1)
				}
				m.atOrder(tc.order, func() { m.byHand("shop_web-blue", force) })
				m.must(m.up(file))
				m.After = nil
				m.calm()
				if routes := slices.Compact(m.Routes("web")); len(routes) != 1 || routes[0] != tc.route {
					m.t.Errorf("proxies send by %v, want %s", routes, tc.route)
				}
			})
		})
	}
}

// Ports on which nothing listens, and a look that cannot be taken, keep the first release from
// traffic.
func TestLooksThatFail(t *testing.T) {
	looking := func(answer func(service, addr string) []string) func(string, []string) []string {
		return func(order string, lines []string) []string {
			_, look, ok := strings.Cut(order, "\nlook ")
			if !ok {
				return lines
			}
			f := strings.Fields(look)
			return answer(f[0], f[2])
		}
	}
	for _, tc := range []struct {
		name string
		edit func(string, []string) []string
		want string
	}{
		{"nothing listens", looking(func(service, addr string) []string {
			return []string{fmt.Sprintf("unmet %s %s blue open 8080 connection refused", service, addr), "done unmet 1 1 1"}
		}), "service web (blue) did not become healthy: not all of its ports were open within 5m0s: shop_web-blue.X: 8080 connection refused. " +
			"If it does not listen on a port, list only the others in x-bluegreen.ports\n"},
		{"no job", looking(func(string, string) []string { return []string{"error no such image"} }),
			"service web did not become healthy: a job with the image of its proxies could not start: control job: no such image\n" +
				"shop_web-blue was removed again; traffic was not touched"},
		{"another protocol", looking(func(service, addr string) []string {
			return []string{fmt.Sprintf("saw %s %s 8080 other SSH-2.0", service, addr), "done met 1 0 0"}
		}), "service web: its ports do not speak what the file says:\n" +
			"  port 8080 is mode http, and it does not speak HTTP: its answer begins with \"SSH-2.0\"\n" +
			"write in x-bluegreen:\n  ports: [{target: 8080, mode: tcp}]\n" +
			"or run the command with --skip-port-check, which skips this check; traffic was not touched"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.answering(tc.edit)
				err := m.up(version("1"))
				m.wrap = nil
				if err == nil || !strings.HasPrefix(steady(err.Error()), tc.want) {
					m.t.Errorf("error:\n%v\nwant:\n%s", err, tc.want)
				}
				if m.Service("shop_web") != nil || m.Service("shop_web-blue") != nil {
					m.t.Errorf("left: %v", m.Objects())
				}
				m.must(m.up(version("1")))
			})
		})
	}
}

// A color whose tasks may take long to end is waited for as long.
func TestStopGracePeriod(t *testing.T) {
	inMemory(t, func(m *memory) {
		graceful := func(v string) string {
			return strings.Replace(version(v), "    x-bluegreen: {}", "    stop_grace_period: 3m\n    x-bluegreen: {}", 1)
		}
		m.SetApp("shop/web:1", swarmtest.App{Start: time.Second, Stop: 170 * time.Second})
		m.SetApp("shop/web:2", swarmtest.App{Start: time.Second, Stop: 10 * time.Minute})
		m.must(m.up(graceful("1")))
		m.must(m.up(graceful("2")))
		m.must(m.up(graceful("3")))
		m.wantRoutes("3:blue", "3:blue")
		m.wantError(m.up(graceful("4")), nil, "shop_web-green")
		m.wantRoutes("3:blue", "3:blue")
	})
}

// Labels of a flip that did not end and that nobody can read stop the next command.
func TestBrokenLabelOfAFlip(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		for name, value := range map[string]string{cluster.LabelNext: "12", cluster.LabelAlias + "web": "green"} {
			was := m.Service("shop_web").Spec.Labels
			m.byHand("shop_web", func(s *api.ServiceSpec) {
				cluster.SetLabels(s, map[string]string{cluster.LabelNext: "3:blue", name: value})
			})
			want := fmt.Sprintf("service web: label %s of shop_web: %q is not a route: it should read like 7:green: "+
				"write it again with `docker service update --label-add %s=SEQUENCE:COLOR shop_web`", name, value, name)
			m.wantText(m.flip(), want)
			m.wantText(m.rollback(), want)
			m.wantText(m.up(version("3")), want)
			m.byHand("shop_web", func(s *api.ServiceSpec) { s.Labels = was })
		}
		m.must(m.flip())
		m.wantRoutes("3:blue", "3:blue")
	})
}

// The color to which a flip that did not end leads was removed by hand: the flip is settled, and an
// up brings the color back.
func TestColorOfAFlipRemoved(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		node := m.nodeOfProxy()
		m.lose(node)
		m.wantError(m.flip(), new(*cluster.UnconfirmedError))
		m.SetNode(node, api.NodeStateReady)
		m.removeByHand("shop_web-blue")
		m.must(m.up(version("2")))
		m.wantTold("settle: the earlier flip of web has ended")
		m.wantRoutes("3:blue", "3:blue")
		m.wantColors("shop/web:2 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// Writes that fail when traffic has moved, or may have: nothing is stopped, and the user is told.
func TestWritesThatFailAfterTheOrder(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(m *memory)
		from   int // the write of shop_web from which on they fail
		want   string
		routes []string // after the same command again
	}{
		{"the route", func(*memory) {}, 2, "update service shop_web: refused\n" +
			"traffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first", []string{"5:blue", "5:blue"}},
		{"the end", func(*memory) {}, 3, "update service shop_web: refused\n" +
			"traffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first", []string{"5:blue", "5:blue"}},
		{"the raised route", func(m *memory) {
			m.byHand("shop_web", label(cluster.LabelAlias+"web", "1:green"))
			for _, c := range cluster.Colors { // else it is known before the order
				m.byHand("shop_web-"+string(c), label(cluster.LabelServed, "1"))
			}
		}, 2,
			"update service shop_web: refused\nupdate service shop_web: refused\n" +
				"traffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first", []string{"5:blue", "5:blue"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.must(m.flip())
				m.must(m.flip())
				m.wantRoutes("4:green", "4:green")
				tc.before(m)
				m.calm()
				writes := 0
				m.Before = func(call, object string) error {
					if call == "ServiceUpdate" && object == "shop_web" {
						if writes++; writes >= tc.from {
							return errRefused
						}
					}
					return nil
				}
				err := m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue"})
				m.Before = nil
				m.wantText(err, tc.want)
				for _, n := range []string{"n1", "n2", "n3"} {
					m.SetNode(n, api.NodeStateReady)
				}
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
				m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue"}))
				if routes := m.Routes("web"); !slices.Equal(routes, tc.routes) {
					m.t.Errorf("proxies send by %v, want %v", routes, tc.routes)
				}
			})
		})
	}
}

// An up whose route cannot be written down once the order was given takes nothing back, nor does it
// try to: the new release has the traffic.
func TestUpThatFailsAfterTheOrder(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		ordered := false
		m.atOrder("route web 3:blue", func() { ordered = true })
		m.Before = func(call, object string) error {
			if ordered && call == "ServiceUpdate" && object == "shop_web" {
				return errRefused
			}
			return nil
		}
		err := m.up(version("3"))
		m.Before = nil
		m.wantText(err, "update service shop_web: refused\n"+
			"traffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first")
		m.wantRoutes("3:blue", "3:blue")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.up(version("3")))
		m.wantRoutes("3:blue", "3:blue")
	})
}

// written is what the proxy service has written down: the route, and that of the move in progress.
func (m *memory) written() string {
	l := m.Service("shop_web").Spec.Labels
	return strings.TrimSpace(l[cluster.LabelAlias+"web"] + " " + l[cluster.LabelNext])
}

// A move stays marked until every proxy has confirmed; then the next command removes the mark. One
// without the mark, as an earlier version of the plugin left it, is a move that has ended.
func TestMarkOfAMove(t *testing.T) {
	for _, tc := range []struct {
		name        string
		first, then func(m *memory) error
		written     string
		unmarked    bool
		want        string
	}{
		{"flip, flip", (*memory).flip, (*memory).flip, "3:blue 3:blue", false, "3:blue"},
		{"flip, rollback", (*memory).flip, (*memory).rollback, "3:blue 3:blue", false, "4:green"},
		{"rollback, rollback", (*memory).rollback, (*memory).rollback, "3:blue 3:blue:rollback", false, "3:blue"},
		{"rollback, rollback, of an earlier version", (*memory).rollback, (*memory).rollback, "3:blue 3:blue:rollback", true, "4:green"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				node := m.nodeOfProxy()
				m.SetNode(node, api.NodeStateDown)
				m.calm()
				m.wantError(tc.first(m), new(*cluster.UnconfirmedError))
				if got := m.written(); got != tc.written {
					m.t.Errorf("written down is %q, want %q", got, tc.written)
				}
				st, err := m.operator().Status(m.t.Context(), false)
				m.must(err)
				for _, svc := range st.Services {
					if svc.Name == "web" && (svc.Route.Active != "blue" || svc.Route.Next != "blue") {
						m.t.Errorf("the status is %+v", svc.Route)
					}
				}
				m.SetNode(node, api.NodeStateReady)
				if tc.unmarked {
					m.byHand("shop_web", label(cluster.LabelNext, ""))
				}
				m.must(tc.then(m))
				m.wantRoutes(tc.want, tc.want)
				if got := m.written(); got != tc.want {
					m.t.Errorf("in the end written down is %q, want %q", got, tc.want)
				}
			})
		})
	}
}

// A flip that nobody took is overruled; when that is not confirmed at once, the same flip again
// still goes where it was to go.
func TestOverruledFlip(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.byHand("shop_web", label(cluster.LabelNext, "3:blue"))
		node := m.nodeOfProxy()
		m.SetNode(node, api.NodeStateDown)
		m.calm()
		m.wantError(m.flip(), new(*cluster.UnconfirmedError))
		if got := m.written(); got != "4:green 3:blue" {
			m.t.Errorf("written down is %q", got)
		}
		m.SetNode(node, api.NodeStateReady)
		m.must(m.flip())
		m.wantRoutes("5:blue", "5:blue")
		if got := m.written(); got != "5:blue" {
			m.t.Errorf("in the end written down is %q", got)
		}
	})
}

// A proxy that comes during a flip with a later route, which somebody wrote by hand.
func TestLaterRouteDuringAFlip(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.answering(func(order string, lines []string) []string {
			if strings.Contains(order, "\nroute web 3:blue") && *cluster.Replicas(m.Service("shop_web").Spec) == 2 {
				m.byHand("shop_web", func(s *api.ServiceSpec) {
					s.Labels[cluster.LabelAlias+"web"] = "9:green"
					s.Mode.Replicated.Replicas = new(uint64(3))
				})
				time.Sleep(10 * time.Second)
			}
			return lines
		})
		m.wantText(m.flip(), "the proxies follow another route than the label\n"+
			"service web: not all proxies confirmed: shop_web.X on nX\nthe others send to blue now; "+bringBack)
		m.wrap = nil
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.up(version("3")))
		if routes := slices.Compact(m.Routes("web")); len(routes) != 1 {
			m.t.Errorf("proxies send by %v, want all by one route", routes)
		}
	})
}

// An interruption while proxies that confirm are waited for.
func TestInterruptedWhileProxiesAreAwaited(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		ctx, interrupt := context.WithCancel(m.t.Context())
		defer interrupt()
		m.answering(func(order string, lines []string) []string {
			if strings.Contains(order, "until web blue idle") {
				m.byHand("shop_web", scale(0))
				time.Sleep(5 * time.Second)
				time.AfterFunc(5*time.Second, interrupt)
			}
			return lines
		})
		m.wantText(m.upIn(ctx, version("3"), plan.UpOptions{}), "interrupted: traffic is where it was; run `docker bluegreen up` again to finish")
		m.wrap = nil
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}
