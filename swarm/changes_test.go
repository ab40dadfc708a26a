package swarm

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// in is a command that ends with its context.
type in = func(ctx context.Context, m *memory) error

// loaded are the projects that were loaded, by their text.
var loaded sync.Map

func upTo(file string) in { return upWith(file, plan.UpOptions{}) }

func upWith(file string, opts plan.UpOptions) in {
	opts.LockTimeout, opts.Yes, opts.ResolveImage = time.Hour, true, plan.ResolveNever
	return func(ctx context.Context, m *memory) error {
		p, ok := loaded.Load(file)
		if !ok {
			p, _ = loaded.LoadOrStore(file, m.load(file))
		}
		return m.operator().Up(ctx, p.(*compose.Project), opts)
	}
}

func flipTo(color string) in {
	return func(ctx context.Context, m *memory) error {
		return m.operator().Flip(ctx, plan.FlipOptions{To: color, LockTimeout: time.Hour})
	}
}

func promoting(ctx context.Context, m *memory) error {
	return m.operator().Promote(ctx, plan.FlipOptions{LockTimeout: time.Hour})
}

func rollingBack(ctx context.Context, m *memory) error {
	return m.operator().Rollback(ctx, plan.FlipOptions{LockTimeout: time.Hour})
}

// backTo brings an earlier release back.
func backTo(release int) in {
	return func(ctx context.Context, m *memory) error {
		return m.operator().Rollback(ctx, plan.FlipOptions{Release: release, LockTimeout: time.Hour})
	}
}

// baked is a file whose releases are watched for a while.
func baked(v string) string { return options(version(v), "{guard: {bake: 20s}, keep: cold}") }

func tripping(_ context.Context, m *memory) error {
	if !m.Trip("web") {
		return errors.New("no guard watches")
	}
	return nil
}

func pausing(ctx context.Context, m *memory) error {
	return m.operator().State(ctx, plan.Pause, plan.FlipOptions{State: haproxy.State{Kind: haproxy.Hold, Seconds: 30}, LockTimeout: time.Hour})
}

func goingDown(ctx context.Context, m *memory) error {
	err := m.operator().Down(ctx, DownOptions{LockTimeout: time.Hour})
	if errors.Is(err, cluster.ErrNothingDeployed) {
		return nil
	}
	return err
}

// change is a command at each of whose calls something goes wrong.
type change struct {
	name    string
	before  []in
	command in
	// stops says that it is asked to stop what takes traffic.
	stops bool
	// oneMore says that once it has ended, the same command again undoes it, and further that it
	// goes on to the release before.
	oneMore, further bool
	// staysWarm says that the color that was left may stay warm if the command is ended before it
	// is cold: then the same command finds nothing to do.
	staysWarm bool
	writes    int // at least so many
}

// changes are the commands that write, each in all that it can be asked to do.
func changes() []change {
	cold := func(v string) string { return options(version(v), "{keep: cold}") }
	two, twoCold := []in{upTo(version("1")), upTo(version("2"))}, []in{upTo(cold("1")), upTo(cold("2"))}
	long := func(v string) string { return options(version(v), "{guard: {bake: 24h}}") }
	withoutWeb := "services: {db: {image: 'postgres:16'}}"
	job := func(v string) string { return withJob(v, v, once, completed) }
	return []change{
		{name: "first", command: upTo(version("1")), writes: 8},
		{name: "new version", before: two, command: upTo(version("3")), writes: 14},
		{name: "keep cold", before: twoCold, command: upTo(cold("3")), writes: 12},
		{name: "job", before: []in{upTo(job("1")), upTo(job("2"))}, command: upTo(job("3")), writes: 15},
		{name: "test", before: []in{upTo(withTest("1")), upTo(withTest("2"))}, command: upTo(withTest("3")), writes: 14},
		{name: "release that waits after its test", before: []in{upTo(withTest("1")), upTo(withTest("2"))},
			command: upWith(withTest("3"), plan.UpOptions{NoFlip: true}), writes: 7},
		{name: "verification", before: []in{upTo(strings.Replace(withTest("1"), "{test:", "{verify:", 1)), upTo(strings.Replace(withTest("2"), "{test:", "{verify:", 1))},
			command: upTo(strings.Replace(withTest("3"), "{test:", "{verify:", 1)), writes: 14},
		{name: "canary", before: []in{upTo(weighed("1")), upTo(weighed("2"))}, command: giving(25), writes: 6},
		{name: "canary that grows", before: []in{upTo(weighed("1")), upTo(weighed("2")), giving(25)}, command: giving(50), writes: 6},
		{name: "canary that is promoted", before: []in{upTo(weighed("1")), upTo(weighed("2")), giving(25)}, command: promoting, writes: 6},
		{name: "canary that is rolled back", before: []in{upTo(weighed("1")), upTo(weighed("2")), promoting, upTo(weighed("3")), giving(25)}, command: rollingBack, further: true, writes: 7},
		{name: "canary before another release", before: []in{upTo(weighed("1")), upTo(weighed("2")), giving(25)}, command: upTo(weighed("3")), writes: 12},
		{name: "steps", before: []in{upTo(stepped("1")), upTo(stepped("2"))}, command: upTo(stepped("3")), writes: 25},
		{name: "guard", before: []in{upTo(baked("1")), upTo(baked("2"))}, command: upTo(baked("3")), writes: 20},
		{name: "watched release that is rolled back", before: []in{upTo(guarded("1")), upWith(guarded("2"), plan.UpOptions{Detach: true})}, command: rollingBack, oneMore: true, writes: 6},
		{name: "watched release before another", before: []in{upTo(long("1")), upWith(long("2"), plan.UpOptions{Detach: true})},
			command: upWith(long("3"), plan.UpOptions{Detach: true, SkipBake: true}), writes: 15},
		{name: "guard that has tripped", before: []in{upTo(baked("1")), upWith(baked("2"), plan.UpOptions{Detach: true}), tripping}, command: promoting, writes: 4},
		{name: "pause", before: two, command: pausing, writes: 5},
		{name: "flip", before: two, command: flipTo("blue"), writes: 6},
		{name: "flip to a cold color", before: twoCold, command: flipTo("blue"), staysWarm: true, writes: 7},
		{name: "promote", before: []in{two[0], two[1], upTo(options(version("3"), "{promote: manual}"))}, command: promoting, writes: 6},
		{name: "release that waits", before: two, command: upTo(options(version("3"), "{promote: manual}")), writes: 6},
		{name: "earlier release that waits", before: two, command: upTo(options(version("1"), "{promote: manual}")), writes: 3},
		{name: "release that is withdrawn", before: []in{two[0], two[1], upTo(options(version("3"), "{promote: manual}"))},
			command: upTo(options(version("2"), "{promote: manual}")), writes: 3},
		{name: "rollback", before: two, command: rollingBack, oneMore: true, writes: 6},
		{name: "rollback to an earlier release", before: []in{two[0], two[1], upTo(version("3"))}, command: backTo(1), writes: 12},
		{name: "adoption", before: []in{upTo(plainly(version("1")))}, command: upTo(version("2")), writes: 9},
		{name: "giving back", before: two, command: upTo(plainly(version("2"))), writes: 8},
		{name: "prune", before: two, command: upWith(withoutWeb, plan.UpOptions{Prune: true}), stops: true, writes: 6},
		{name: "down", before: two, command: goingDown, stops: true, writes: 6},
	}
}

// finishes runs the command again, to its end.
func (m *memory) finishes(command in, color string) {
	m.t.Helper()
	m.calm()
	m.must(command(m.t.Context(), m))
	for _, r := range m.Routes("web") {
		if !strings.HasSuffix(r, ":"+color) {
			m.t.Errorf("in the end a proxy sends by %s", r)
		}
	}
}
