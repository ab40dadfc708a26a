package swarm

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// otherAnswers is an engine on which orders are answered otherwise.
type otherAnswers struct {
	engine.API
	// edit is given the order and the lines that its job printed, the time is that of the last one.
	edit func(order string, lines []string) []string
}

func (m *memory) answering(edit func(order string, lines []string) []string) {
	m.wrap = func(e engine.API) engine.API { return otherAnswers{e, edit} }
}

// ServiceLogs gives what a job printed once it has ended.
func (a otherAnswers) ServiceLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	job, _, err := a.ServiceInspectWithRaw(ctx, id, api.ServiceInspectOptions{})
	if err != nil {
		return nil, err
	}
	logs, err := a.API.ServiceLogs(ctx, id, o)
	if err != nil {
		return nil, err
	}
	var text, out bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, io.Discard, logs); err != nil {
		return nil, err
	}
	var lines []string
	for s := bufio.NewScanner(&text); s.Scan(); {
		lines = append(lines, s.Text())
	}
	w := stdcopy.NewStdWriter(&out, stdcopy.Stdout)
	for _, l := range a.edit(strings.Join(job.Spec.TaskTemplate.ContainerSpec.Env, "\n"), lines) {
		fmt.Fprintln(w, l)
	}
	return io.NopCloser(&out), nil
}

// unmet makes orders that wait for a condition end without it, where the color is this one.
func unmet(want, color, why string) func(order string, lines []string) []string {
	return func(order string, lines []string) []string {
		if !strings.Contains(order, "until web "+color+" "+want) {
			return lines
		}
		var out []string
		for _, l := range lines {
			f := strings.Fields(l)
			switch {
			case f[0] == "state" && f[3] == "flags":
				out = append(out, fmt.Sprintf("unmet %s %s %s %s 10.0.9.9:8080 %s", f[1], f[2], color, want, why), l)
			case f[0] == "told":
			case f[0] == "done":
				out = append(out, "done unmet 10000 1 1")
			default:
				out = append(out, l)
			}
		}
		return out
	}
}

// otherOrders is an engine on which other orders are carried out than those that are given.
type otherOrders struct {
	otherAnswers
	change func(order string) string
}

func (o otherOrders) ServiceCreate(ctx context.Context, spec api.ServiceSpec, opts api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	spec = cluster.Clone(spec)
	for i, text := range spec.TaskTemplate.ContainerSpec.Env {
		spec.TaskTemplate.ContainerSpec.Env[i] = o.change(text)
	}
	return o.API.ServiceCreate(ctx, spec, opts)
}

func (m *memory) ordering(change func(order string) string, edit func(order string, lines []string) []string) {
	m.wrap = func(e engine.API) engine.API { return otherOrders{otherAnswers{e, edit}, change} }
}

// neverReady makes flips wait for a task that does not exist: no proxy sees the color ready.
func neverReady(order string) string {
	if !strings.Contains(order, "\nroute ") {
		return order
	}
	return strings.ReplaceAll(order, " ready ", " ready 10.0.9.9 ")
}

// unreachable makes the first proxies of flips unreachable, whose answers lack something.
func unreachable(n int) func(order string, lines []string) []string {
	return func(order string, lines []string) []string {
		if !strings.Contains(order, " ready 10.0.9.9 ") {
			return lines
		}
		var out []string
		lost := map[string]bool{}
		for _, l := range lines {
			f := strings.Fields(l)
			if f[0] == "unmet" && len(lost) < n {
				lost[f[2]] = true
				out = append(out, strings.Join(f[:5], " ")+" - unreachable: no connection", fmt.Sprintf("unreachable %s %s no connection", f[1], f[2]))
			}
			if !lost[f[2]] {
				out = append(out, l)
			}
		}
		return out
	}
}

// What proxies answer decides what an up does, and what its user reads.
func TestAnswersOfOrders(t *testing.T) {
	const each = "shop_web.X on nX: "
	for _, tc := range []struct {
		name   string
		edit   func(order string, lines []string) []string
		want   string
		told   string
		routes string
	}{
		{"requests that do not end in time", unmet(haproxy.Idle, "blue", "2 in flight"), "",
			"web drain blue: not drained after 30s: " + each + "10.0.9.9:8080 2 in flight; " + each + "10.0.9.9:8080 2 in flight", "3:blue"},
		{"tasks that ended are still known", unmet(haproxy.Empty, "blue", "UP L4OK"),
			"service web: the proxies still know tasks of blue after 1m0s: " + each + "10.0.9.9:8080 UP L4OK; " + each + "10.0.9.9:8080 UP L4OK\n" +
				"shop_web-blue could not be restored: service web: the proxies still know tasks of blue after 1m0s: " + each + "10.0.9.9:8080 UP L4OK; " +
				each + "10.0.9.9:8080 UP L4OK: run `docker bluegreen up` or `rollback` again", "", "2:green"},
		{"a job that cannot work", func(_ string, _ []string) []string { return []string{"error no such host"} },
			"control job: no such host", "", "2:green"},
		{"a line that is cut short", func(_ string, _ []string) []string { return []string{"state web"} },
			"the control job did not end in time: run the command again", "", "2:green"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.answering(tc.edit)
				err := m.up(version("3"))
				m.wrap = nil
				m.wantText(err, tc.want)
				if tc.told != "" {
					m.wantTold(tc.told)
				}
				m.wantRoutes(tc.routes, tc.routes)
				m.calm()
				m.must(m.up(version("3")))
				m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
			})
		})
	}
}

// A color that some proxy does not see ready: nothing leads traffic there. A rollback only passes
// over proxies that cannot be reached.
func TestColorThatIsNotReady(t *testing.T) {
	const each = "shop_web.X on nX: DOWN L4CON Connection refused"
	const lost = "shop_web.X on nX: unreachable: no connection"
	for _, tc := range []struct {
		name    string
		lost    int // proxies that cannot be reached
		command func(m *memory) error
		want    string
		told    string
		route   string
	}{
		{"flip", 0, (*memory).flip, "not ready in every proxy: " + each + "; " + each, "", "2:green"},
		{"flip, and all are lost", 2, (*memory).flip, "not ready in every proxy: " + lost + "; " + lost, "", "2:green"},
		{"up", 0, func(m *memory) error { return m.up(version("3")) }, "service web (blue) did not become healthy: not ready in every proxy: " + each + "; " + each +
			"\nshop_web-blue holds release 1 again; traffic was not touched", "", "2:green"},
		{"rollback", 0, (*memory).rollback, "not ready in every proxy: " + each + "; " + each + notThere, "", "2:green"},
		{"rollback, and one is lost", 1, (*memory).rollback, "not ready in every proxy: " + lost + "; " + each + notThere, "", "2:green"},
		{"rollback, and all are lost", 2, (*memory).rollback, "", "flip: rolling back anyway: " + lost + "; " + lost, "3:blue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.ordering(neverReady, unreachable(tc.lost))
				m.wantText(tc.command(m), tc.want)
				m.wrap = nil
				if tc.told != "" {
					m.wantTold(tc.told)
				}
				m.wantRoutes(tc.route, tc.route)
				if got := m.written(); got != tc.route {
					m.t.Errorf("written down is %q", got)
				}
			})
		})
	}
}

const notThere = "\ntraffic is where it was: a rollback does not wait for proxies that cannot be reached, " +
	"but it sends no traffic to tasks that do not answer: see `docker service logs shop_web-blue`"

// A flip waits for proxies that come on: each time one more of them is ready they have their time
// anew.
func TestSlowProxies(t *testing.T) {
	for _, tc := range []struct {
		name, told string // in the first order
		want       string
	}{
		{"one comes on", "met %s %s blue ready", ""},
		{"none does", "", "not ready in every proxy: shop_web.X on nX: INI; shop_web.X on nX: INI"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				flips := 0
				m.ordering(func(order string) string {
					if strings.Contains(order, "\nroute ") && strings.Contains(order, "\nuntil ") {
						if flips++; flips == 1 {
							return neverReady(order)
						}
					}
					return order
				}, func(order string, lines []string) []string {
					if !strings.Contains(order, " ready 10.0.9.9 ") {
						return lines
					}
					var out []string
					for i, l := range lines {
						f := strings.Fields(l)
						if f[0] == "unmet" {
							l = strings.Join(f[:5], " ") + " - INI"
						}
						out = append(out, l)
						if f[0] == "unmet" && i == 0 && tc.told != "" {
							out = append(out, fmt.Sprintf(tc.told, f[1], f[2]))
						}
					}
					return out
				})
				m.wantText(m.flip(), tc.want)
				m.wrap = nil
				if tc.want == "" {
					m.wantTold("flip: not ready in every proxy yet: shop_web.X on nX: INI")
					m.wantRoutes("3:blue", "3:blue")
				} else {
					m.wantRoutes("2:green", "2:green")
				}
			})
		})
	}
}

// A route that somebody wrote by hand while a flip begins stops it.
func TestRouteChangedMeanwhile(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		once := false
		m.Before = func(call, object string) error {
			if call == "ServiceUpdate" && object == "shop_web" && !once {
				once = true
				m.byHand("shop_web", label(cluster.LabelAlias+"web", "9:green"))
			}
			return nil
		}
		m.wantText(m.flip(), "service web: its route changed from 2:green to 9:green meanwhile: run the command again")
		m.wantRoutes("2:green", "2:green")
		if next := m.Service("shop_web").Spec.Labels[cluster.LabelNext]; next != "" {
			m.t.Errorf("the flip is still written down: %s", next)
		}
		m.must(m.flip())
		m.wantRoutes("10:blue", "10:blue")
	})
}

// Proxies that know a later route than the one written down get one that is later still.
func TestProxiesAheadOfTheLabel(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		for range 4 {
			m.must(m.flip())
		}
		m.wantRoutes("6:green", "6:green")
		m.byHand("shop_web", label(cluster.LabelAlias+"web", "3:blue"))
		m.byHand("shop_web-blue", label(cluster.LabelServed, "3")) // else it is known before the order
		m.byHand("shop_web-green", label(cluster.LabelServed, "2"))
		m.calm()
		m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "green"}))
		m.wantRoutes("7:green", "7:green")
		if route := m.Service("shop_web").Spec.Labels[cluster.LabelAlias+"web"]; route != "7:green" {
			m.t.Errorf("written down is %s", route)
		}
	})
}

// An interruption while the order is carried out: the proxies are asked, and the flip is completed.
func TestInterruptedWhileTheOrderIsCarriedOut(t *testing.T) {
	for _, tc := range []struct {
		name    string
		command in
		want    string
	}{
		{"flip", flipTo("blue"), "interrupted: traffic of web has moved; the old color may still run"},
		{"up", upTo(version("3")), "interrupted: traffic of web has moved to the new release; run `docker bluegreen up` again to finish"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				ctx, interrupt := context.WithCancel(m.t.Context())
				defer interrupt()
				m.answering(func(order string, lines []string) []string {
					if strings.Contains(order, "\nroute web 3:blue") && ctx.Err() == nil {
						interrupt()
						return nil
					}
					return lines
				})
				m.wantText(tc.command(ctx, m), tc.want)
				m.wrap = nil
				m.wantRoutes("3:blue", "3:blue")
				l := m.Service("shop_web").Spec.Labels
				if l[cluster.LabelAlias+"web"] != "3:blue" || l[cluster.LabelNext] != "" {
					m.t.Errorf("written down is %s, next %q; want 3:blue, and none", l[cluster.LabelAlias+"web"], l[cluster.LabelNext])
				}
				m.finishes(tc.command, "blue")
			})
		})
	}
}

// Proxies that all end right after they were told: none that stays has confirmed.
func TestProxiesThatEndAfterTheOrder(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.answering(func(order string, lines []string) []string {
			if strings.Contains(order, "\nroute web 3:blue") && *cluster.Replicas(m.Service("shop_web").Spec) == 2 {
				m.byHand("shop_web", scale(0))
				time.Sleep(5 * time.Second)
			}
			return lines
		})
		err := m.flip()
		m.wrap = nil
		m.wantText(err, "service web: not all proxies confirmed: no proxy runs, except stopping ones\nthe others send to blue now; "+bringBack)
		m.byHand("shop_web", scale(2))
		m.calm()
		m.must(m.flip())
		m.wantRoutes("3:blue", "3:blue")
	})
}

// A proxy that came during the flip and cannot be told: it is named, and nothing is stopped.
func TestNewProxyThatCannotBeTold(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		orders := 0
		m.answering(func(order string, lines []string) []string {
			if strings.Contains(order, "\nroute web 3:blue") && orders == 0 {
				orders++
				m.byHand("shop_web", scale(3))
				time.Sleep(10 * time.Second)
			}
			return lines
		})
		m.Before = func(call, object string) error {
			if orders > 0 && call == "ServiceCreate" {
				return errRefused
			}
			return nil
		}
		err := m.flip()
		m.wrap, m.Before = nil, nil
		m.wantText(err, "create control job: refused\nservice web: not all proxies confirmed: shop_web.X on nX\nthe others send to blue now; "+bringBack)
		m.must(m.flip())
		m.wantRoutes("3:blue", "3:blue", "3:blue")
	})
}

// A proxy dies while the proxies are asked whether they forgot the old tasks: the others are asked
// anew, and the one that takes its place.
func TestProxyDiesWhileAColorIsEmptied(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		killed := false
		m.After = func(call, object string) error {
			if call != "ServiceCreate" || !strings.Contains(object, "_order-") || killed || !cluster.IsStopped(m.Service("shop_web-blue").Spec) {
				return nil
			}
			killed = true
			return m.KillTask("shop_web", 1)
		}
		m.must(m.up(version("3")))
		if !killed {
			m.t.Error("no proxy was killed")
		}
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}
