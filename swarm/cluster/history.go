package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Author is who changes a stack, and from what; what is not known is empty.
type Author struct {
	// By is the user and the machine.
	By string
	// Command is the command, such as up.
	Command string
	// Files are the stack files, and Commit is the git commit that they are of.
	Files, Commit string
}

// What happened to a release.
type What string

// What can happen to a release.
const (
	Created    What = "created"     // its color began to start
	Activated  What = "active"      // all traffic goes to it
	GotShare   What = "share"       // it has a share of the traffic
	Kept       What = "kept"        // its guard has ended, and it has kept the traffic
	StateSet   What = "state"       // requests wait, are refused, or get to it again
	TakenBack  What = "went back"   // its guard has taken the traffic back
	SentBack   What = "rolled back" // a rollback has taken the traffic back
	NotHealthy What = "failed"      // it got no traffic, since it was not ready or failed a test
)

// Entry is one thing that happened to a release.
type Entry struct {
	At   time.Time `json:"at"`
	What What      `json:"what"`
	// By is who did it, and Command how.
	By      string `json:"by,omitempty"`
	Command string `json:"command,omitempty"`
	// Text says more, such as the cause of a failure.
	Text string `json:"text,omitempty"`
	// Route is the sequence of the route that it came with; 0 where there is none.
	Route uint64 `json:"route,omitempty"`
	// Receipt is what the proxies had counted meanwhile, in words.
	Receipt string `json:"receipt,omitempty"`
}

// Release is what is written down of a release, in a config of its own.
type Release struct {
	Service string
	Color   Color
	Number  int
	// Again is the number of the release that a rollback brought back as this one, 0 for none.
	Again int
	// Image is its image as the file names it.
	Image string
	// Files and Commit are the stack files that it was made from, and the git commit of those.
	Files, Commit string
	// Spec is what its color was made from, with names in the place of ids.
	Spec api.ServiceSpec
	Log  []Entry
	// Config is the name of the config.
	Config string
}

// Limits of what is written down.
const (
	mostEntries = 50  // in the log of one release
	mostText    = 500 // bytes in one of its texts
)

func releaseConfig(stack, service string, number int) string {
	const limit = 64
	name := fmt.Sprintf("%s_%s-release-%d", Namespace(stack), service, number)
	if len(name) <= limit {
		return name
	}
	return configName(Namespace(stack)+"_release", fmt.Sprintf("%s %d", service, number))
}

// decodeRelease reads a config of the history. One that somebody has changed by hand is passed
// over: nothing that serves needs it.
func decodeRelease(c api.Config) (*Release, bool) {
	l := c.Spec.Labels
	if l[LabelRole] != RoleRelease {
		return nil, false
	}
	r := &Release{Service: l[LabelService], Color: Color(l[LabelColor]), Image: l[LabelImage], Files: l[LabelFiles], Commit: l[LabelCommit], Config: c.Spec.Name}
	r.Number, _ = strconv.Atoi(l[LabelRelease])
	r.Again, _ = strconv.Atoi(l[LabelAgain]) // 0 is "none"
	if r.Number < 1 || !slices.Contains(Colors, r.Color) || json.Unmarshal(c.Spec.Data, &r.Spec) != nil || r.Spec.TaskTemplate.ContainerSpec == nil || r.Spec.Labels == nil || json.Unmarshal([]byte(l[LabelLog]), &r.Log) != nil {
		return nil, false
	}
	return r, true
}

// AddRelease takes in a config of the stack, if it is one of the history.
func (s *Snapshot) AddRelease(c api.Config) {
	r, ok := decodeRelease(c)
	if !ok {
		return
	}
	list := s.Releases[r.Service]
	at, _ := slices.BinarySearchFunc(list, r.Number, func(r *Release, number int) int { return r.Number - number })
	s.Releases[r.Service] = slices.Insert(list, at, r)
}

// Release is what is written down of a release; nil for none.
func (s *Snapshot) Release(service string, number int) *Release {
	for _, r := range s.Releases[service] {
		if r.Number == number {
			return r
		}
	}
	return nil
}

// LastRelease is the highest number that any release of a service has had, so far as is known.
func (s *Snapshot) LastRelease(b *BlueGreen) int {
	last := 0
	for _, c := range Colors {
		if svc := b.Colors[c]; svc != nil {
			last = max(last, ReleaseOf(svc.Spec))
		}
		if spec := b.Saved[c]; spec != nil {
			last = max(last, ReleaseOf(*spec))
		}
	}
	for _, r := range s.Releases[b.Name] {
		last = max(last, r.Number)
	}
	return last
}

// Outdated are the releases of a service beyond the newest ones, as many as are kept: none of them
// is held by a color, or saved for one. What the color made holds does not count: it is about to
// get another release.
func (s *Snapshot) Outdated(b *BlueGreen, keep int, made Color) []*Release {
	held := map[int]bool{}
	for _, c := range Colors {
		if c == made {
			continue
		}
		if svc := b.Colors[c]; svc != nil {
			held[ReleaseOf(svc.Spec)] = true
		}
		if spec := b.Saved[c]; spec != nil {
			held[ReleaseOf(*spec)] = true
		}
	}
	all := s.Releases[b.Name]
	beyond := all[:min(max(len(all)-keep, 0), len(all))]
	return slices.DeleteFunc(slices.Clone(beyond), func(r *Release) bool { return held[r.Number] })
}

// portable is the spec of a color as a release: without what happened to it.
func portable(rec *Record, spec api.ServiceSpec) api.ServiceSpec {
	spec = Named(spec, rec.NetworkNames())
	SetLabels(&spec, map[string]string{LabelServed: "", LabelWaiting: "", LabelReady: "", LabelTested: "", LabelUnverified: "", LabelReduced: "", LabelWithdrawn: ""})
	return Started(spec)
}

// Named is a spec with names in the place of ids, since networks may be made anew. names are those
// of networks by id.
func Named(spec api.ServiceSpec, names map[string]string) api.ServiceSpec {
	spec = Clone(spec)
	for i := range spec.TaskTemplate.Networks {
		n := &spec.TaskTemplate.Networks[i]
		n.Target = cmp.Or(names[n.Target], n.Target)
	}
	c := spec.TaskTemplate.ContainerSpec
	for _, r := range c.Secrets {
		r.SecretID = ""
	}
	for _, r := range c.Configs {
		if p := c.Privileges; p != nil && p.CredentialSpec != nil && p.CredentialSpec.Config == r.ConfigID && r.ConfigID != "" {
			p.CredentialSpec.Config = r.ConfigName
		}
		r.ConfigID = ""
	}
	return spec
}

// Past is something that happened to a release, as it is to be written down.
type Past struct {
	Service string
	Number  int
	Entry
	// Spec is what a release is about to be made from; nil for one that a color holds.
	Spec *api.ServiceSpec
	// Missing says that it is told only if the release has no such entry: whoever should have written
	// it was ended just before.
	Missing bool
}

// WriteHistory writes down what happened to releases. Traffic needs none of it: what fails is a
// warning. A release that is not written down yet is, if a color holds it.
func (cl *Cluster) WriteHistory(ctx context.Context, rec *Record, past ...Past) {
	var names []string
	entries := map[string][]Past{}
	for _, p := range past {
		b := rec.Entry(p.Service)
		if keep := cl.keeps(b); keep == 0 || p.Number == 0 {
			continue
		}
		p.At, p.By, p.Command = time.Now().UTC().Truncate(time.Second), cl.Author.By, cl.Author.Command
		p.Text = cut(p.Text)
		name := releaseConfig(cl.Stack, p.Service, p.Number)
		if _, ok := entries[name]; !ok {
			names = append(names, name)
		}
		entries[name] = append(entries[name], p)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	known, err := cl.readHistory(ctx, rec, names)
	for _, name := range names {
		if err == nil {
			err = cl.addToHistory(ctx, rec, known[name], name, entries[name])
		}
	}
	if err != nil {
		cl.Warn("", "history", "the history may lack what happened just now: %v", err)
	}
}

// DropHistory removes what is written down of a release.
func (cl *Cluster) DropHistory(ctx context.Context, rec *Record, service string, number int) {
	name := releaseConfig(cl.Stack, service, number)
	c, ok := rec.Config(name)
	if !ok {
		return
	}
	if err := cl.Engine.ConfigRemove(ctx, c.ID); err != nil && !engine.NotFound(err) {
		cl.Warn(service, "history", "remove config %s: %v", name, err)
		return
	}
	rec.Note(func(s *Snapshot) { delete(s.Configs, name) })
}

// keeps is how many releases the file says are written down.
func (cl *Cluster) keeps(b *BlueGreen) int {
	if b.Proxy == nil {
		return bluegreen.DefaultHistory
	}
	settings, err := b.Settings()
	if err != nil {
		return bluegreen.DefaultHistory
	}
	return settings.Kept()
}

// readHistory reads those of the configs that there are, each with its version: another command may
// have written it since this one looked.
func (cl *Cluster) readHistory(ctx context.Context, rec *Record, names []string) (map[string]api.Config, error) {
	known := map[string]api.Config{}
	if !slices.ContainsFunc(names, func(n string) bool { _, ok := rec.Config(n); return ok }) {
		return known, nil
	}
	args := filters.NewArgs()
	for _, n := range names {
		args.Add("name", n)
	}
	configs, err := cl.Engine.ConfigList(ctx, api.ConfigListOptions{Filters: args})
	for _, c := range configs {
		known[c.Spec.Name] = c
	}
	return known, err
}

// addToHistory adds entries to a release, which it writes down first where that was not done.
func (cl *Cluster) addToHistory(ctx context.Context, rec *Record, c api.Config, name string, past []Past) error {
	var log []Entry
	if c.ID != "" && json.Unmarshal([]byte(c.Spec.Labels[LabelLog]), &log) != nil {
		return nil // somebody has changed it by hand
	}
	before := len(log)
	for _, p := range past {
		if !slices.ContainsFunc(log, func(e Entry) bool { return e.What == p.What && (p.Missing || e.Route == p.Route && e.Text == p.Text) }) {
			log = append(log, p.Entry)
		}
	}
	if len(log) == before {
		return nil // an earlier command got as far as this
	}
	log = log[max(0, len(log)-mostEntries):]
	if c.ID != "" {
		spec := c.Spec
		spec.Labels = maps.Clone(spec.Labels)
		spec.Labels[LabelLog] = string(MustJSON(log))
		return cl.Engine.ConfigUpdate(ctx, c.ID, c.Version, spec)
	}
	spec, made := specOf(rec, past[0])
	if spec == nil {
		return nil
	}
	labels := map[string]string{LabelNamespace: Namespace(cl.Stack), LabelStack: cl.Stack, LabelRole: RoleRelease, LabelService: past[0].Service,
		LabelColor: spec.Labels[LabelColor], LabelRelease: strconv.Itoa(past[0].Number), LabelImage: spec.Labels[LabelImage], LabelLog: string(MustJSON(log))}
	known := map[string]string{LabelAgain: spec.Labels[LabelAgain]}
	if made { // else it is from before there was a history
		known[LabelFiles], known[LabelCommit] = cl.Author.Files, cl.Author.Commit
	}
	for l, v := range known {
		if v != "" {
			labels[l] = v
		}
	}
	err := cl.ensureConfig(ctx, rec, api.ConfigSpec{Annotations: api.Annotations{Name: name, Labels: labels}, Data: MustJSON(portable(rec, *spec))})
	if err != nil && engine.Taken(err) {
		return nil // by a command that was killed right then
	}
	return err
}

// specOf is what a release is about to be made from, or was: then a color holds it.
func specOf(rec *Record, p Past) (spec *api.ServiceSpec, made bool) {
	if p.Spec != nil {
		return p.Spec, true
	}
	for _, svc := range rec.Entry(p.Service).Colors {
		if svc != nil && ReleaseOf(svc.Spec) == p.Number {
			return &svc.Spec, false
		}
	}
	return nil, false
}

// cut is a text that is not too long for a label.
func cut(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) <= mostText {
		return text
	}
	return strings.ToValidUTF8(text[:mostText], "") + "…"
}
