package histories

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// world is a stack on a swarm in memory, and who works on it.
type world struct {
	*swarmtest.Swarm
	t     *testing.T
	cold  bool
	judge *judge

	mu       sync.Mutex
	answers  time.Time // managers answer from then on
	commands []*command
}

// command is one command that runs, or has ended.
type command struct {
	step
	number  int
	began   time.Time
	acts    int // what had happened when it began
	trouble trouble
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
}

func (c *command) String() string { return fmt.Sprintf("%s %d (command %d)", c.Do, c.N, c.number) }

const (
	proxyService = "shop_web"
	lockName     = "shop-bluegreen-lock"
	nodes        = 3
	replicas     = 2
)

var colors = []string{"blue", "green"}

func colorService(color string) string { return proxyService + "-" + color }

func image(release int) string { return fmt.Sprintf("shop/web:%d", release) }

// projects are those of all files, loaded once: commands only read them.
var projects sync.Map

func project(t *testing.T, text string) *compose.Project {
	if p, ok := projects.Load(text); ok {
		return p.(*compose.Project)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := compose.Load(context.Background(), compose.Options{Dir: dir, Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	projects.Store(text, p)
	return p
}

func file(release int, extension string) string {
	return fmt.Sprintf("services: {web: {image: '%s', expose: [8080], deploy: {replicas: %d}%s}}", image(release), replicas, extension)
}

// beginnings make swarms at rest from which histories begin, by the number of releases, warm and
// cold.
var beginnings [3][2]func() *swarmtest.Swarm

// load loads all files, and makes what histories begin with.
func load(t *testing.T) {
	for release := 1; release <= 4; release++ {
		for _, e := range []string{warmFile, coldFile, plainFile, stepFile, guardFile} {
			project(t, file(release, e))
		}
	}
	for releases := range beginnings {
		for cold := range beginnings[releases] {
			beginnings[releases][cold] = begin(t, releases, cold == 1)
		}
	}
}

func begin(t *testing.T, releases int, cold bool) (another func() *swarmtest.Swarm) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Swarm: swarmtest.New(nodes), t: t, cold: cold}
		w.Default.Start = time.Second
		w.judge = newJudge(w)
		for release := 1; release <= releases; release++ {
			if err := w.command(step{Do: up, N: release, Wait: true}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Minute)
		another = w.Copy()
		w.Close()
		if found := w.judge.found(); found != nil {
			t.Fatal(strings.Join(found, "\n"))
		}
	})
	return another
}

const (
	warmFile  = ", x-bluegreen: {canary: {}}"
	coldFile  = ", x-bluegreen: {canary: {}, keep: cold}"
	plainFile = ""
	stepFile  = ", x-bluegreen: {canary: {steps: [25, 50], every: 5s}}"
	guardFile = ", x-bluegreen: {canary: {steps: [25], every: 3s}, guard: {bake: 15s}, keep: cold}"
)

// live runs a history in a bubble, and returns what the judge found.
func live(t *testing.T, h history) (faults []string) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{Swarm: beginnings[h.Start][map[bool]int{true: 1}[h.Cold]](), t: t, cold: h.Cold}
		w.judge = newJudge(w)
		stop := w.Watch(w.judge.look)
		w.live(h)
		stop()
		w.Close()
		faults = w.judge.found()
	})
	return faults
}

func (w *world) live(h history) {
	for _, s := range h.Steps {
		w.step(s)
		time.Sleep(s.pause())
	}
	if w.ended() {
		w.inTheEnd(h)
	}
}

// ended says whether all commands end by themselves. One that does not is cancelled.
func (w *world) ended() bool {
	const most = 3 * time.Hour
	over := time.After(most)
	ok := true
	for _, c := range w.commands {
		select {
		case <-c.done:
			continue
		case <-over:
		}
		ok = false
		w.judge.fault("%v has not ended after %s", c, most)
		c.cancel()
		<-c.done
	}
	return ok
}

func (w *world) step(s step) {
	if isCommand(s.Do) {
		_ = w.command(s) // the judge has seen what came of it
		return
	}
	w.judge.act(s)
	switch s.Do {
	case nodeDown:
		w.SetNode(nodeName(s.N), api.NodeStateDown)
	case nodeUp:
		w.SetNode(nodeName(s.N), api.NodeStateReady)
	case drain:
		w.SetAvailability(nodeName(s.N), api.NodeAvailabilityDrain)
	case activate:
		w.SetAvailability(nodeName(s.N), api.NodeAvailabilityActive)
	case noLeader:
		w.mu.Lock()
		w.answers = time.Now().Add(time.Duration(s.N) * time.Second)
		w.mu.Unlock()
		w.elects(time.Duration(s.N) * time.Second)
	case killTask:
		_ = w.KillTask(proxyService, s.N) // none may run
	case trip:
		w.Trip("web")
	case hours:
		time.Sleep(2 * time.Hour)
	default:
		w.hand(s)
	}
}

// elects lets no manager know what the nodes do, until they report to the next that leads.
func (w *world) elects(lasts time.Duration) {
	const reporting = 15 * time.Second
	w.moveNodes(api.NodeStateReady, api.NodeStateUnknown)
	time.AfterFunc(lasts+reporting, func() { w.moveNodes(api.NodeStateUnknown, api.NodeStateReady) })
}

// moveNodes gives all nodes of a state another one.
func (w *world) moveNodes(from, to api.NodeState) {
	list, _ := w.NodeList(w.t.Context(), api.NodeListOptions{}) // in memory it answers
	for _, n := range list {
		if n.Status.State == from {
			w.SetNode(n.Description.Hostname, to)
		}
	}
}

func nodeName(n int) string { return fmt.Sprintf("n%d", n) }

func (w *world) leaderless() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.answers)
}

// command runs a command, and returns its error if it is waited for.
func (w *world) command(s step) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	c := &command{step: s, number: len(w.commands) + 1, began: time.Now(), ctx: ctx, cancel: cancel, done: make(chan struct{})}
	if s.Trouble != nil {
		c.trouble = *s.Trouble
	}
	w.commands = append(w.commands, c)
	w.judge.begins(c)
	m := &manager{API: w.Engine(), w: w, c: c}
	var err error
	go func() {
		defer close(c.done)
		err = w.run(c, swarm.New(m, "shop", func(e cluster.Event) { w.judge.hears(c, e) }))
		cancel()
		m.mu.Lock()
		dead := m.dead
		m.mu.Unlock()
		w.judge.ends(c, err, dead)
	}()
	if !s.Wait {
		return nil
	}
	<-c.done
	return err
}

func (w *world) run(c *command, o *swarm.Operator) error {
	opts := plan.UpOptions{ResolveImage: plan.ResolveNever, Yes: true, SkipPortCheck: true, Timeout: time.Minute, LockTimeout: 2 * time.Hour}
	turn := plan.FlipOptions{LockTimeout: opts.LockTimeout}
	switch c.Do {
	case up, waitingUp:
		opts.NoFlip = c.Do == waitingUp
		extension := warmFile
		if w.cold {
			extension = coldFile
		}
		return o.Up(c.ctx, project(w.t, file(c.N, extension)), opts)
	case stepUp:
		return o.Up(c.ctx, project(w.t, file(c.N, stepFile)), opts)
	case guardUp:
		return o.Up(c.ctx, project(w.t, file(c.N, guardFile)), opts)
	case plainUp:
		return o.Up(c.ctx, project(w.t, file(c.N, plainFile)), opts)
	case flip:
		turn.To = colors[c.N]
		return o.Flip(c.ctx, turn)
	case canary:
		turn.Share = c.N
		return o.Canary(c.ctx, turn)
	case pause:
		turn.State = haproxy.State{Kind: haproxy.Hold, Seconds: 30}
		return o.State(c.ctx, plan.Pause, turn)
	case resume:
		return o.State(c.ctx, plan.Resume, turn)
	case promote:
		return o.Promote(c.ctx, turn)
	case rollback:
		return o.Rollback(c.ctx, turn)
	case rollbackTo:
		turn.Release = c.step.N
		return o.Rollback(c.ctx, turn)
	default:
		return o.Down(c.ctx, swarm.DownOptions{LockTimeout: opts.LockTimeout})
	}
}

// hand does what somebody does with docker.
func (w *world) hand(s step) {
	ctx := w.t.Context()
	change := func(name string, o api.ServiceUpdateOptions, change func(*api.ServiceSpec)) {
		if svc := w.Service(name); svc != nil {
			spec := svc.Spec
			change(&spec)
			_, _ = w.ServiceUpdate(ctx, svc.ID, svc.Version, spec, o) // a command may be faster
		}
	}
	unchanged := func(*api.ServiceSpec) {}
	back := api.ServiceUpdateOptions{Rollback: "previous"}
	to := func(n int) func(*api.ServiceSpec) {
		return func(spec *api.ServiceSpec) {
			if spec.Mode.Replicated != nil {
				spec.Mode.Replicated.Replicas = new(uint64(n))
			}
		}
	}
	switch s.Do {
	case scale:
		change(colorService(colors[s.N/10]), api.ServiceUpdateOptions{}, to(s.N%10))
	case scaleProxies:
		change(proxyService, api.ServiceUpdateOptions{}, to(s.N))
	case restart:
		change(colorService(colors[s.N]), api.ServiceUpdateOptions{}, func(spec *api.ServiceSpec) { spec.TaskTemplate.ForceUpdate++ })
	case rollbackColor:
		change(colorService(colors[s.N]), back, unchanged)
	case rollbackProxy:
		change(proxyService, back, unchanged)
	case removeColor:
		_ = w.ServiceRemove(ctx, colorService(colors[s.N]))
	case removeProxy:
		_ = w.ServiceRemove(ctx, proxyService)
	default:
		panic("nobody knows how to " + s.Do)
	}
}

// inTheEnd brings everything back, runs the last command once more, and an up that must end well.
func (w *world) inTheEnd(h history) {
	w.mu.Lock()
	w.answers = time.Time{}
	w.mu.Unlock()
	clear(w.judge.down)
	for n := 1; n <= nodes; n++ {
		w.SetNode(nodeName(n), api.NodeStateReady)
		w.SetAvailability(nodeName(n), api.NodeAvailabilityActive)
	}
	time.Sleep(2 * time.Minute)
	w.judge.act(step{Do: "all is quiet"})
	last := step{Do: up, N: max(h.Start, 1)}
	for _, s := range h.Steps {
		if isCommand(s.Do) {
			last = s
		}
	}
	last = step{Do: last.Do, N: last.N, Wait: true}
	err := w.command(last)
	switch {
	case err == nil:
	case last.Do == up || last.Do == plainUp:
		w.judge.fault("in the end, %s %d once more: %v", last.Do, last.N, err)
	case last.Do == down && !strings.Contains(err.Error(), "nothing is deployed"):
		w.judge.fault("in the end, down once more: %v", err)
	}
	if last.Do != up {
		last = step{Do: up, N: 2, Wait: true}
		if err := w.command(last); err != nil {
			w.judge.fault("in the end, up: %v", err)
		}
	}
	time.Sleep(time.Minute)
	w.judge.isRight(last.N)
}
