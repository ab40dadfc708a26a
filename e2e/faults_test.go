//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/breaker"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// faultsPort is the port of this scenario.
const faultsPort = 8092

// electing is how long a swarm has no leader here; commands go on trying for longer.
const electing = 10 * time.Second

// Half of the faults, by chance, happen once, to a random call of a random command, with traffic:
// no request fails, no answer is of a version that was left, and the same command finishes.
// TestEveryCall of swarm does so with every fault at every call, in memory.
func TestFaultsAtCalls(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	t.Logf("E2E_SEED=%d", seed)
	s := newStack(t, quick(faultsPort))
	b := breaker.New(strings.TrimPrefix(env.lab.Node("n1").Host(), "unix://"))
	t.Cleanup(b.Close)
	c := &faulted{stack: s, breaker: b, random: rand.New(rand.NewPCG(seed, 0)), made: map[string][]string{}}
	s.up("v1")
	c.load = s.load(faultsPort, load.Options{Workers: 8, Rate: 200, KeepAlive: 0.5, Post: 0.3})
	for _, v := range []string{"v2", "v3"} { // the second replaces a release
		c.count("up", "V="+v)
	}
	c.count("flip", "", "--to", s.idle("web"))
	c.count("rollback", "")
	faults := slices.Clone(breaker.Faults)
	c.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for _, f := range faults[:len(faults)/2] { // which, another run chooses anew
		c.goesWrong(f)
	}
	s.zeroFailed(c.load.Stop())
}

// faulted is a stack whose commands go through a breaker.
type faulted struct {
	*stack
	breaker *breaker.Breaker
	load    *load.Load
	random  *rand.Rand
	made    map[string][]string // by a command, when nothing goes wrong
}

// count runs a command and keeps its calls.
func (c *faulted) count(command, vars string, args ...string) {
	c.t.Helper()
	c.breaker.Arm(nil)
	if r := c.through(vars, command, args...); r.wait() != 0 {
		c.t.Fatalf("%s", r)
	}
	c.made[command] = c.breaker.Calls()
}

// through runs a command whose calls go through the breaker.
func (c *faulted) through(vars, command string, args ...string) *process {
	return c.start([]string{vars, "DOCKER_HOST=" + c.breaker.Host()}, append([]string{command}, args...)...)
}

// goesWrong lets a fault happen to a random call of a random command.
func (c *faulted) goesWrong(f breaker.Fault) {
	c.t.Helper()
	from, to := c.versionOf(c.active("web")), c.versionOf(c.idle("web"))
	command := []string{"up", "flip", "rollback"}[c.random.IntN(3)]
	var vars string
	var args []string
	switch command {
	case "up":
		free := slices.DeleteFunc([]string{"v1", "v2", "v3", "v4"}, func(v string) bool { return v == from || v == to })
		to = free[c.random.IntN(len(free))]
		vars = "V=" + to
	case "flip":
		args = []string{"--to", c.idle("web")}
	}
	may := slices.DeleteFunc(slices.Clone(c.made[command]), func(call string) bool { return !f.Befalls(call) })
	armed := &breaker.Armed{Fault: f, Nth: 1 + c.random.IntN(len(may)), Lasts: electing}
	what := fmt.Sprintf("%s of %s at call %d of %d", f, strings.Join(append([]string{command}, args...), " "), armed.Nth, len(may))

	began := time.Now()
	killed := make(chan *process, 1)
	armed.Kill = func() { (<-killed).end(syscall.SIGKILL) }
	c.breaker.Arm(armed)
	p := c.through(vars, command, args...)
	killed <- p
	code := p.wait()
	c.t.Logf("%s, %s: exit %d after %.1fs", what, c.breaker.Hit(), code, time.Since(began).Seconds())
	c.breaker.Arm(nil)
	if !slices.Contains([]int{0, 1, 4}, code) && f != breaker.Killed {
		c.t.Errorf("%s: exit %d\n%s", what, code, p.out)
	}
	if code == 0 {
		c.settled(c.load, to)
	}
	// What a rollback has done, another one undoes: it is run again where it did not end. Else only
	// the lock of a process that was killed may be left, and any command takes it over.
	switch ended := c.versionOf(c.active("web")) == to && c.service("web").Spec.Labels["bluegreen.next"] == ""; {
	case code == 0:
	case command == "rollback" && ended:
		c.must("flip", "--to", c.active("web"))
	default:
		c.mustEnv([]string{vars}, append([]string{command}, args...)...)
	}
	c.settled(c.load, to)
	if st := c.load.Since(began); st.Versions[from]+st.Versions[to] != st.Total {
		c.t.Errorf("%s: answers came from %v, want %s and %s only\n%s", what, st.Versions, from, to, p.out)
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}
