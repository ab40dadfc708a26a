package swarm

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// oracle is a Prometheus that says what a test wants.
type oracle struct {
	mu    sync.Mutex
	asked []string
	says  func(query string) (float64, bool, error)
}

func (o *oracle) Value(_ context.Context, url, query string) (float64, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, url+" "+query)
	return o.says(query)
}

// judgedBy runs an up whose releases Prometheus judges.
func (m *memory) judgedBy(o *oracle, file string, opts plan.UpOptions) error {
	m.t.Helper()
	op := m.operator()
	op.Prometheus = o
	opts.ResolveImage = plan.ResolveNever
	return op.Up(m.t.Context(), m.load(file), opts)
}

const queries = `prometheus: {url: "http://metrics:9090", queries: [{query: 'errors{color="{{.Color}}",of="{{.Stack}}_{{.Service}}",release="{{.Release}}"}', max: 0.1}, {query: slow, max: 2}]}`

// While an up waits, Prometheus is asked each time that the window has passed, with the release in
// the query. A value that is too high takes the traffic back, as the guards of the proxies do.
func TestPrometheusTakesTrafficBack(t *testing.T) {
	for name, says := range map[string]string{"errors": `errors{color="green",of="shop_web",release="2"}`, "slow": "slow"} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := func(v string) string { return options(version(v), "{guard: {"+queries+"}}") }
				began := time.Now()
				o := &oracle{says: func(query string) (float64, bool, error) {
					if query == says && time.Since(began) > time.Minute {
						return 3.14159, true, nil
					}
					return 0.05, query != "slow", nil // no data is no failure
				}}
				m.must(m.judgedBy(o, file("1"), plan.UpOptions{}))
				err := m.judgedBy(o, file("2"), plan.UpOptions{})
				var unhealthy *cluster.UnhealthyError
				m.wantError(err, &unhealthy, "service web (green) lost its traffic again, its guard took it back: Prometheus says 3.142, more than ", ", for "+says, "traffic of web is on blue again; green keeps release 2")
				if took := time.Since(began); took < time.Minute || took > 90*time.Second {
					t.Errorf("it took %s", took)
				}
				m.wantRoutes("4:blue:::tripped", "4:blue:::tripped")
				if first := o.asked[0]; first != `http://metrics:9090 errors{color="green",of="shop_web",release="2"}` || o.asked[1] != "http://metrics:9090 slow" {
					t.Errorf("asked was %q", o.asked[:2])
				}
				m.must(m.rollback()) // as after a guard: it does not go forward again
				m.wantRoutes("4:blue:::tripped", "4:blue:::tripped")
				h, err := m.operator().History(m.t.Context(), nil)
				m.must(err)
				if h.Releases[0].Outcome != outcomeBack || !strings.Contains(h.Releases[0].Cause, "Prometheus says") {
					t.Errorf("the history is %+v", h.Releases[0])
				}
			})
		})
	}
}

// A share is taken back, too, and what Prometheus does not answer takes nothing back.
func TestPrometheusDuringSteps(t *testing.T) {
	file := func(v string) string {
		return options(version(v), "{canary: {steps: [10, 50], every: 3m}, guard: {bake: 1m, "+queries+"}}")
	}
	inMemory(t, func(m *memory) {
		silent := &oracle{says: func(string) (float64, bool, error) { return 0, false, errors.New("no connection") }}
		m.must(m.judgedBy(silent, file("1"), plan.UpOptions{}))
		m.must(m.judgedBy(silent, file("2"), plan.UpOptions{}))
		m.wantTold("web guard: Prometheus does not say how the release does, and the proxies watch all the same: no connection")
		m.wantRoute("", "green")
		began := time.Now()
		high := &oracle{says: func(string) (float64, bool, error) { return 9, time.Since(began) > time.Minute, nil }}
		m.wantError(m.judgedBy(high, file("3"), plan.UpOptions{}), new(*cluster.UnhealthyError), "its guard took it back: Prometheus says 9, more than 0.1")
		m.wantRoute("", "green:::tripped")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// Services whose guards go back together do so here, too; a release that has been left meanwhile is
// left alone.
func TestPrometheusOfOneOrder(t *testing.T) {
	file := func(v string) string {
		return "services:\n  web: {image: 'shop/web:" + v + "', expose: [8080], x-bluegreen: {guard: {" + queries + "}}}\n  api: {image: 'shop/api:" + v + "', expose: [8080], x-bluegreen: {guard: {}}}\n"
	}
	inMemory(t, func(m *memory) {
		o := &oracle{says: func(string) (float64, bool, error) { return 9, true, nil }}
		m.must(m.judgedBy(o, file("1"), plan.UpOptions{}))
		m.wantError(m.judgedBy(o, file("2"), plan.UpOptions{}), new(*cluster.UnhealthyError), "service web (green) lost its traffic", "service api (green) lost its traffic again, its guard took it back: with service web: Prometheus says 9")
		for _, service := range []string{"web", "api"} {
			for _, r := range m.Routes(service) {
				if r != "4:blue:::tripped" {
					t.Errorf("%s sends by %s", service, r)
				}
			}
		}
	})
}
