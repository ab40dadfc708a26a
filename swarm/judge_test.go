package swarm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// judge sees what a command does to the stack shop, and hears what it says about it. Names and
// labels are those of docs/mechanism.md; nothing else of the product tells it what is right.
type judge struct {
	m *memory
	// stops says that the command is asked to stop what takes traffic.
	stops  bool
	writes atomic.Int32

	mu    sync.Mutex
	wrong []string
}

func (j *judge) finds(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

// mayGet says whether a proxy sends to a color, or one that starts may.
func (j *judge) mayGet(color string) bool {
	routes := j.m.Routes("web")
	if web := j.m.Service("shop_web"); web != nil {
		routes = append(routes, web.Spec.Labels["bluegreen.alias.web"])
	}
	return slices.ContainsFunc(routes, func(r string) bool {
		f := strings.Split(r, ":") // the third is a share of the other color
		return len(f) > 1 && (f[1] == color || len(f) > 2 && f[1] != "")
	})
}

// seesUpdate sees a write of a service: what takes traffic stays as it is, but for labels and more
// replicas.
func (j *judge) seesUpdate(id string, v api.Version, spec api.ServiceSpec) {
	old, _, err := j.m.ServiceInspectWithRaw(j.m.t.Context(), id, api.ServiceInspectOptions{})
	color, ok := strings.CutPrefix(old.Spec.Name, "shop_web-")
	if err != nil || old.Version != v || !ok || j.stops || !j.mayGet(color) {
		return
	}
	was, is := old.Spec.TaskTemplate, spec.TaskTemplate
	was.ForceUpdate, is.ForceUpdate = 0, 0
	switch {
	case !bytes.Equal(toJSON(was), toJSON(is)):
		j.finds("%s was changed from %s to %s while a proxy may send to it", old.Spec.Name, toJSON(was), toJSON(is))
	case *spec.Mode.Replicated.Replicas < *old.Spec.Mode.Replicated.Replicas:
		j.finds("%s was scaled to %d while a proxy may send to it", old.Spec.Name, *spec.Mode.Replicated.Replicas)
	}
}

// seesRemoval sees that a service is removed.
func (j *judge) seesRemoval(id string) {
	if color, ok := strings.CutPrefix(j.nameOf(id), "shop_web-"); ok && !j.stops && j.mayGet(color) {
		j.finds("shop_web-%s was removed while a proxy may send to it", color)
	}
}

// nameOf is the name of a service, its id once it is gone.
func (j *judge) nameOf(id string) string {
	svc, _, err := j.m.ServiceInspectWithRaw(j.m.t.Context(), id, api.ServiceInspectOptions{})
	if err != nil {
		return id
	}
	return svc.Spec.Name
}

func toJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// state is what a user sees of a stack.
type state struct {
	Services map[string]string // image, and a stroke for each task that runs
	Others   []string          // networks, configs and secrets, the lock among them
	Orders   []string
	Colors   []string // that the proxies send to, each once, with the other one's share
	Next     string
	Previous string // what a rollback goes back to
}

var until = regexp.MustCompile(`:{1,3}\d{9,}$|:::tripped$`)

// looks sees the stack as it is now.
func (j *judge) looks() state {
	s := state{Services: j.m.services()}
	for name := range s.Services {
		if strings.Contains(name, "_order-") {
			delete(s.Services, name)
			s.Orders = append(s.Orders, name)
		}
	}
	for _, o := range j.m.Objects() {
		if !strings.HasPrefix(o, "service ") && !strings.Contains(o, "-release-") { // the history: TestHistory
			s.Others = append(s.Others, steady(o))
		}
	}
	for _, r := range j.m.Routes("web") {
		_, color, _ := strings.Cut(r, ":")
		s.Colors = append(s.Colors, until.ReplaceAllString(color, "")) // another time in each run
	}
	slices.Sort(s.Colors)
	s.Colors = slices.Compact(s.Colors)
	if web := j.m.Service("shop_web"); web != nil {
		s.Next = web.Spec.Labels["bluegreen.next"]
		for name := range s.Services {
			l := j.m.Service(name).Spec.Labels
			if r := l["bluegreen.release"]; r != "" && r == web.Spec.Labels["bluegreen.previous"] {
				s.Previous = s.image(name)
			}
		}
	}
	return s
}

func (s state) image(service string) string {
	image, _, _ := strings.Cut(s.Services[service], " ")
	return image
}

func (s state) color(c string) string { return s.Services["shop_web-"+c] }

// same compares two states, the second of which may have leftovers.
func (s state) same(leftovers bool, other state) bool {
	if leftovers {
		other.Orders = nil
		other.Others = slices.DeleteFunc(slices.Clone(other.Others), func(o string) bool { return o == lockName })
	}
	return slices.Equal(s.lines(), other.lines())
}

func (s state) lines() []string {
	lines := []string{fmt.Sprintf("proxies send to %v", s.Colors), fmt.Sprintf("next %q", s.Next), fmt.Sprintf("before %q", s.Previous)}
	for name, what := range s.Services {
		lines = append(lines, name+": "+what)
	}
	lines = slices.Concat(lines, s.Others, s.Orders)
	slices.Sort(lines)
	return lines
}

// differs says in what s is not as it is wanted.
func (s state) differs(wanted state) string {
	var b strings.Builder
	for _, l := range s.lines() {
		if !slices.Contains(wanted.lines(), l) {
			fmt.Fprintf(&b, "  there is: %s\n", l)
		}
	}
	for _, l := range wanted.lines() {
		if !slices.Contains(s.lines(), l) {
			fmt.Fprintf(&b, "  wanted: %s\n", l)
		}
	}
	return b.String()
}

// serves checks that the colors that proxies send to run in full, with what was there or what is
// wanted there.
func (j *judge) serves(before, now, wanted state) {
	for _, route := range now.Colors {
		c, _, _ := strings.Cut(route, ":")
		got := now.color(c)
		if image := now.image("shop_web-" + c); got != image+" |||" || image != before.image("shop_web-"+c) && image != wanted.image("shop_web-"+c) {
			j.finds("a proxy sends to %s, which is %q; before it was %q, wanted is %q", c, got, before.color(c), wanted.color(c))
		}
	}
}

// hears checks that the exit code and the text of an error are true.
func (j *judge) hears(err error, h *happening, before, now, wanted state) {
	ended := now.Next == "" && slices.Equal(now.Colors, wanted.Colors)
	switch code := cluster.ExitCode(err); {
	case code == cluster.ExitDone && !ended:
		j.finds("exit code 0, but proxies send to %v, next %q", now.Colors, now.Next)
	case code == cluster.ExitUnhealthy:
		j.finds("exit code 3, but all that was started is healthy")
	case (code == cluster.ExitInterrupted) != (err != nil && h.name == "Ctrl-C"):
		j.finds("exit code %d", code)
	}
	if err == nil {
		return
	}
	text := err.Error()
	for says, isTrue := range j.claims(before, now, wanted) {
		for _, m := range regexp.MustCompile(says).FindAllStringSubmatch(text, -1) {
			if !isTrue(m[len(m)-1]) {
				j.finds("it is not true that %q", m[0])
			}
		}
	}
	if !wayOut.MatchString(text) && !answered.MatchString(text) {
		j.finds("the text has no way out")
	}
	if c := h.hit.Load(); c != nil && strings.HasPrefix(c.object, "shop_web") && !aboutWhat.MatchString(text) {
		j.finds("the text does not say what it is about")
	}
	if strings.Count(text, "interrupted: ") > 1 {
		j.finds("the text says twice that it was interrupted")
	}
}

// wayOut is what a user can do; aboutWhat is a service, or all of them. What the manager has
// answered is told as it is.
var (
	answered  = regexp.MustCompile("refused|Bad Gateway")
	wayOut    = regexp.MustCompile("(?is)run .*again|run `docker|once it answers|^interrupted: nothing was done$|the old color may still run$")
	aboutWhat = regexp.MustCompile("web|stack|manager|^interrupted: ")
)

// claims are what texts of errors may say of services, and whether it is true.
func (j *judge) claims(before, now, wanted state) map[string]func(what string) bool {
	colors := func(want state) func(string) bool {
		return func(string) bool {
			return slices.Equal(now.Colors, want.Colors) && (len(now.Colors) > 0 || now.image("shop_web") == want.image("shop_web"))
		}
	}
	there := func(name string) bool { return now.Services[name] != "" }
	asBefore := func(name string) bool { return now.image(name) == before.image(name) }
	return map[string]func(string) bool{
		`traffic was not touched|traffic is where it was`: func(what string) bool { return j.stops || colors(before)(what) },
		`nothing was done`: func(string) bool { return before.same(true, now) },
		`nothing was stopped|both colors run on`: func(string) bool {
			return slices.Equal(active(now.Colors), active(before.Colors)) || before.color("green") == "" || strings.HasSuffix(now.color("green"), "|||")
		},
		`(\S+) was removed again`:        func(name string) bool { return !there(name) },
		`(\S+) was left running`:         there,
		`(\S+) is half-way`:              there,
		`(\S+) holds release \d+ again`:  asBefore,
		`(\S+) is a plain service again`: asBefore,
		`traffic of (\w+) has moved`:     colors(wanted),
		`the flip was completed`:         colors(wanted),
		`the others send to (\w+) now`:   func(color string) bool { return slices.Contains(now.Colors, color) },
		`did not become healthy`:         func(string) bool { return false },
	}
}

// active are colors that proxies send to, without shares of the others.
func active(routes []string) []string {
	var out []string
	for _, r := range routes {
		color, _, _ := strings.Cut(r, ":")
		out = append(out, color)
	}
	return slices.Compact(out)
}

// ends fails the test with what was found.
func (j *judge) ends(format string, args ...any) {
	j.m.t.Helper()
	if len(j.wrong) > 0 {
		j.m.mu.Lock()
		defer j.m.mu.Unlock()
		j.m.t.Errorf("%s:\n%s\nevents:\n%s", fmt.Sprintf(format, args...), strings.Join(j.wrong, "\n"), strings.Join(j.m.events, "\n"))
	}
	j.wrong = nil
}
