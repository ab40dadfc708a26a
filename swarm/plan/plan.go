// Package plan makes plans: from what a file wants and what the swarm holds, to steps. It asks
// nobody and changes nothing.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Step is one change to the swarm, complete: who carries it out decides nothing.
type Step struct {
	Do Action
	// Phase is the part of the plan that the step belongs to.
	Phase Phase
	// After are the positions in the plan of the steps of the same phase that must be done before.
	After []int
	// Name is the name on the swarm of what is changed.
	Name string
	// Cause says why, in words.
	Cause string
	// Changes are the fields that the step changes, as they may be shown.
	Changes []Change
	// Service is the compose service, empty for networks, secrets and configs.
	Service string
	// Color is the color that the step is about, None where there is none.
	Color cluster.Color
	// Spec is what the service shall be, with names in the place of ids; nil where the step has no
	// service.
	Spec *api.ServiceSpec
	// Files are the generated files that Spec refers to, by config name.
	Files map[string]string
	// Network, Secret and Config are what is created or gets other labels, nil but in their own
	// steps.
	Network *compose.Network
	Secret  *compose.Secret
	Config  *compose.Config
	// Look is what CheckPorts looks at. A StartColor has it when that comes next: the proxies' own
	// checks would only say that the color is not ready, so they are waited for after it.
	Look *Look
	// Job is the compose service of a test.
	Job string
	// Passed are labels that the color gets when a test has passed; an empty one goes.
	Passed map[string]string
	// From and To are the routes before and after a flip.
	From, To haproxy.Route
	// Force flips even when some proxy does not see the color ready, or cannot be reached: the way
	// back must not fail for that.
	Force bool
	// Waits says that the color has run for a while: tasks of it that are just replaced are waited for.
	Waits bool
	// Release is the number of the release that a color gets, 0 where it keeps its own.
	Release int
	// Settings are those of the blue-green service, nil for others.
	Settings *bluegreen.Settings
	// Timeout is the longest time without progress.
	Timeout time.Duration
	// Image is the image of Spec as the file names it.
	Image string
	// Router is what stands in front of the running service and asks the swarm for its tasks, zero
	// for none. ByAddress is nil where the service has no virtual address.
	Router compose.Router
	// Revives says that the color takes the traffic and has no task before this step, and that
	// proxies start after it: those call themselves ready only when they can serve.
	Revives bool
	// Unserved says that the active color has no task, and gets none before the flip: proxies that are
	// replaced cannot become healthy meanwhile.
	Unserved bool
	// Late says that a share is taken away only when the active color runs again.
	Late bool
	// Guarded says that the proxies watch the release that a flip or a share brings traffic to.
	Guarded bool
	// Reason is why To takes the traffic back, as a guard does; empty if it does not.
	Reason string
	// EndsGuard says that the step changes no more than that: nobody watches any more.
	EndsGuard bool
	// Begun says that an earlier command began the step.
	Begun bool
	// Optional says that what waits for the step goes on without it when it fails.
	Optional bool
}

// Look says which ports of a color are looked at, and from where.
type Look struct {
	Ports []bluegreen.Port
	// Proxies is the spec of the proxies: what they run, and where, is where the look is taken
	// from.
	Proxies *api.ServiceSpec
	// Serving says that the color takes the traffic of other ports already.
	Serving bool
}

// String tells the step and its cause in one line.
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", s.Do, s.Name)
	if s.Do == Flip {
		fmt.Fprintf(&b, " to %s", s.To.Color)
	}
	if s.Guarded {
		b.WriteString(", watched by the proxies")
	}
	if s.Cause != "" {
		b.WriteString(": " + s.Cause)
	}
	return b.String()
}

// Command is the command that carries a plan out.
type Command string

// The commands that make plans.
const (
	Up       Command = "up"
	FlipTo   Command = "flip"
	Promote  Command = "promote"
	Canary   Command = "canary"
	Rollback Command = "rollback"
	Pause    Command = "pause"
	Resume   Command = "resume"
	Maintain Command = "maintenance"
	Live     Command = "live"
	Down     Command = "down"
)

// Plan is all that a command will do.
type Plan struct {
	Command Command
	Stack   string
	Steps   []Step
	// Cause is why a rollback takes traffic back, for the history; it may be empty.
	Cause string
	// Stands are what the plan rests on, by service, where it needs no file.
	Stands map[string]Stand
	// Waiting are the releases that wait for a promote when the plan is carried out.
	Waiting []Waiting
	// Notes are sentences about what the command would do before it makes its own plan.
	Notes []string
}

// Waiting is a release that is ready on the idle color.
type Waiting struct {
	Service string
	Color   cluster.Color
	Release int
	// Preview is how requests get to it; nil if they cannot.
	Preview *bluegreen.Preview
	// Canary is how it can get a share of the traffic, nil if it cannot; Share is that which it has,
	// in percent.
	Canary *bluegreen.Canary
	Share  int
	// Steps says that the up goes on, through the steps of Canary to all traffic, and then carries
	// Verify out.
	Steps  bool
	Verify []Step
	// After is how long the release waits for all traffic, without steps.
	After time.Duration
	// Guard is what the proxies watch the release by, nil if they do not; Bakes says that it has all
	// traffic, and is watched.
	Guard *bluegreen.Guard
	Bakes bool
}

// Left are the shares of the steps that are still to come, with 100 for all of the traffic.
func (w Waiting) Left() []int {
	if w.After > 0 {
		return []int{100}
	}
	left := slices.DeleteFunc(slices.Clone(w.Canary.Steps), func(s int) bool { return s <= w.Share })
	return append(left, 100)
}

// String tells it, how to try the release, and the command to type next.
func (w Waiting) String() string {
	if w.Bakes {
		return fmt.Sprintf("release %d has the traffic on %s: for %s the proxies take it back if %s", w.Release, w.Color, w.Guard.Bake, w.Guard)
	}
	text := fmt.Sprintf("release %d waits on %s: run `docker bluegreen promote %s` to make it active", w.Release, w.Color, w.Service)
	switch {
	case w.Steps && w.After > 0:
		return fmt.Sprintf("release %d is ready on %s: it gets all traffic after %s, or sooner by `docker bluegreen promote %s`", w.Release, w.Color, w.After, w.Service)
	case w.Steps:
		var shares []string
		for _, s := range w.Left() {
			shares = append(shares, fmt.Sprintf("%d %%", s))
		}
		if w.Share > 0 {
			text = fmt.Sprintf("release %d on %s goes on from %d %% of the traffic", w.Release, w.Color, w.Share)
		} else {
			text = fmt.Sprintf("release %d is ready on %s", w.Release, w.Color)
		}
		return fmt.Sprintf("%s: it gets %s, each share for %s", text, strings.Join(shares, ", then "), w.Canary.Every)
	case w.Share > 0:
		text = fmt.Sprintf("release %d on %s gets %d %% of the traffic: run `docker bluegreen canary PERCENT %s` to change that, `promote %s` to make it active, or `rollback %s`",
			w.Release, w.Color, w.Share, w.Service, w.Service, w.Service)
	case w.Canary != nil:
		text = fmt.Sprintf("release %d waits on %s: run `docker bluegreen canary 10 %s` to give it 10 %% of the traffic, or `promote %s` to make it active",
			w.Release, w.Color, w.Service, w.Service)
	}
	if w.Preview == nil {
		return text
	}
	var ways []string
	if w.Preview.Port != 0 {
		ways = append(ways, fmt.Sprintf("port %d of %s", w.Preview.Port, w.Service))
	}
	if name := w.Preview.Header.Name; name != "" { // not its value, which may be a secret
		ways = append(ways, "the header "+name)
	}
	return text + "; to try it first, use " + strings.Join(ways, " or ")
}

// Has says whether the plan does anything about a service.
func (p Plan) Has(service string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Service == service })
}

// Changes says whether the plan changes anything that can be seen: credentials that are sent again
// cannot.
func (p Plan) Changes() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Do != SendAuth })
}

// Confirmation says what must be asked for first, nil for nothing. What an earlier command began
// was asked for then.
func (p Plan) Confirmation() *ConfirmationError {
	e := &ConfirmationError{Plan: Plan{Stack: p.Stack}}
	for _, s := range p.Steps {
		if s.Do == GiveBack && !s.Begun {
			e.Services = append(e.Services, s.Service)
		}
	}
	if len(e.Services) == 0 {
		return nil
	}
	for _, s := range p.Steps {
		if slices.Contains(e.Services, s.Service) {
			e.Plan.Steps = append(e.Plan.Steps, s)
		}
	}
	slices.Sort(e.Services)
	return e
}

// String tells the plan, a line for each step.
func (p Plan) String() string {
	if len(p.Steps) == 0 {
		return "nothing to do\n"
	}
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}
