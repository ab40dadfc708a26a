package swarm

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// upWith is an up with other options than those of m.up.
func (m *memory) upWith(file string, opts plan.UpOptions) error {
	m.t.Helper()
	return m.upIn(m.t.Context(), file, opts)
}

func (m *memory) upIn(ctx context.Context, file string, opts plan.UpOptions) error {
	m.t.Helper()
	opts.ResolveImage = plan.ResolveNever
	return m.operator().Up(ctx, plantest.LoadShop(m.t, file), opts)
}

func (m *memory) flip() error {
	return m.operator().Flip(m.t.Context(), plan.FlipOptions{})
}

func (m *memory) rollback() error {
	return m.operator().Rollback(m.t.Context(), plan.FlipOptions{})
}

func (m *memory) down() error {
	return m.operator().Down(m.t.Context(), DownOptions{})
}

// Options of most commands.
var (
	never       = plan.UpOptions{ResolveImage: plan.ResolveNever}
	flipOptions = plan.FlipOptions{}
)

func (m *memory) load(file string) *compose.Project {
	m.t.Helper()
	return plantest.LoadShop(m.t, file)
}

// two are two releases: 1 on blue, and 2 on green, which takes the traffic by route 2.
func (m *memory) two() {
	m.t.Helper()
	m.must(m.up(version("1")))
	m.must(m.up(version("2")))
}

// plainly is a file without x-bluegreen.
func plainly(file string) string { return strings.Replace(file, "    x-bluegreen: {}\n", "", 1) }

// byHand changes a service as docker service update does.
func (m *memory) byHand(service string, change func(*api.ServiceSpec)) {
	m.t.Helper()
	svc := m.Service(service)
	if svc == nil {
		m.t.Fatalf("the file has no service %s", service)
	}
	change(&svc.Spec)
	if _, err := m.ServiceUpdate(m.t.Context(), svc.ID, svc.Version, svc.Spec, api.ServiceUpdateOptions{}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *memory) removeByHand(service string) {
	m.t.Helper()
	if err := m.ServiceRemove(m.t.Context(), m.Service(service).ID); err != nil {
		m.t.Fatal(err)
	}
	time.Sleep(time.Minute) // until its tasks have ended
}

func scale(n uint64) func(*api.ServiceSpec) {
	return func(s *api.ServiceSpec) { s.Mode.Replicated.Replicas = &n }
}

func image(name string) func(*api.ServiceSpec) {
	return func(s *api.ServiceSpec) { s.TaskTemplate.ContainerSpec.Image = name }
}

func label(name, value string) func(*api.ServiceSpec) {
	return func(s *api.ServiceSpec) { cluster.SetLabels(s, map[string]string{name: value}) }
}

// byChance is where tasks are, and ids.
var byChance = regexp.MustCompile(`\b(n|node|task-|service-|config-|network-|secret-)[0-9]+\b|(order-)[A-Z0-9]+|(\bshop_[a-z-]+\.)[0-9]+\b|(\bshop_(?:conf|key)-)[0-9a-f]{8}\b|(manager for )[0-9ms]+`)

// steady is a text without what is by chance.
func steady(text string) string { return byChance.ReplaceAllString(text, "${1}${2}${3}${4}${5}X") }

var several = regexp.MustCompile(`(?m)^(  \S.*) \((\d) times\)\n((?:    \| .*\n)*)`)

// eachFailure tells failures of a slot one by one: on which nodes they were, and so which of them
// are equal, is chance.
func eachFailure(text string) string {
	return several.ReplaceAllStringFunc(text, func(found string) string {
		m := several.FindStringSubmatch(found)
		n, _ := strconv.Atoi(m[2])
		return strings.Repeat(m[1]+"\n"+m[3], n)
	})
}

// wantText compares an error with what a user reads; empty for no error.
func (m *memory) wantText(err error, want string) {
	m.t.Helper()
	got := ""
	if err != nil {
		got = steady(eachFailure(err.Error()))
	}
	if got != want {
		m.t.Errorf("error:\n%s\nwant:\n%s\nevents:\n%s", got, want, strings.Join(m.events, "\n"))
	}
}

// forget forgets the events until now.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = nil
}

// wantTold fails the test unless each of these is an event.
func (m *memory) wantTold(texts ...string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var events []string
	for _, e := range m.events {
		events = append(events, steady(e))
	}
	for _, text := range texts {
		if !slices.Contains(events, text) {
			m.t.Errorf("nobody was told\n%s\nbut:\n%s", text, strings.Join(events, "\n"))
		}
	}
}

// wantNotTold fails the test if an event has this text in it.
func (m *memory) wantNotTold(text string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if strings.Contains(e, text) {
			m.t.Errorf("told: %s", e)
		}
	}
}

// failing lets the calls of a name to an object fail, so many times; it returns how often it was.
func (m *memory) failing(call, object string, times int32, err error) *atomic.Int32 {
	var n atomic.Int32
	m.Before = func(c, o string) error {
		if c == call && strings.HasPrefix(steady(o), object) && n.Add(1) <= times {
			return err
		}
		return nil
	}
	return &n
}

// calm waits until the swarm has done what services ask for.
func (m *memory) calm() { time.Sleep(time.Minute) }

// lose lets a node go down, and waits until other nodes have taken over what ran there.
func (m *memory) lose(node string) {
	m.SetNode(node, api.NodeStateDown)
	m.calm()
}

// services are the services of the swarm with their image and the number of tasks that run.
func (m *memory) services() map[string]string {
	out := map[string]string{}
	for _, o := range m.Objects() {
		if name, ok := strings.CutPrefix(o, "service "); ok {
			out[name] = m.describe(name)
		}
	}
	return out
}

func (m *memory) describe(service string) string {
	svc := m.Service(service)
	return svc.Spec.TaskTemplate.ContainerSpec.Image + " " + strings.Repeat("|", int(svc.ServiceStatus.RunningTasks))
}

func (m *memory) wantServices(want map[string]string) {
	m.t.Helper()
	m.calm()
	if got := m.services(); !maps.Equal(got, want) {
		m.t.Errorf("services %v,\nwant %v\nevents:\n%s", got, want, strings.Join(m.events, "\n"))
	}
}

// tasks are those of a service.
func (m *memory) tasks(service string) ([]api.Task, error) {
	return m.TaskList(m.t.Context(), api.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", service))})
}

var (
	errLost = errors.New("unexpected EOF") // of a call that is tried again
	// errRefused is of one that is not: the manager has answered.
	errRefused = errors.New("refused")
	errInUse   = errors.New("rpc error: code = InvalidArgument desc = config 'x' is in use by the following service: y")
	overlay    = network.CreateOptions{Driver: "overlay"}
)

func TestSteadyTextsOfTests(t *testing.T) {
	got := steady("shop_web.1 on n2: task-0012 of shop-bluegreen_order-7XK2ABCD, node3")
	if want := "shop_web.X on nX: task-X of shop-bluegreen_order-X, nodeX"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
