package doctor

import (
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// lock looks at who works on the stack.
func (s *Stack) lock(f *findings, now time.Time) string {
	switch l := s.Lock; {
	case l == nil:
		return "nobody works on the stack"
	case l.Gone != "":
		f.add(Warning, cluster.LockName(s.Name), "run that command again: it takes the lock over", "%s has left its lock behind: %s", l.By, l.Gone)
	case now.Sub(l.Since) > long:
		f.add(Warning, cluster.LockName(s.Name), "ask who runs it; other commands wait meanwhile", "%s works for %s", l.By, ago(l.Since, now))
	default:
		f.add(OK, cluster.LockName(s.Name), "", "%s works on the stack", l.By)
	}
	return ""
}

// A control job that nobody works with is left behind once its tasks have ended for leftAfter, or
// when it is older than any order may get.
const (
	leftAfter = 30 * time.Second
	oldest    = 10 * time.Minute
)

// leftovers looks for objects that nothing needs any more.
func (s *Seen) leftovers(st *Stack, f *findings) string {
	for _, job := range st.Orders {
		if !st.busy() && s.left(job) {
			f.add(Warning, job.Spec.Name, "`docker service rm "+job.Spec.Name+"`; the next command that changes the stack does it, too", "the job of an order that ended long ago")
		}
	}
	if st.busy() {
		return "looked at in part, while a command works on the stack"
	}
	if name := cluster.ControlNetwork(st.Name); len(st.proxied()) == 0 && len(st.orphans()) == 0 {
		if n, ok := st.Networks[name]; ok && n.Scope == "swarm" {
			f.add(Warning, name, "`docker network rm "+name+"`", "the control network of a stack without blue-green services")
		}
	}
	st.oldReleases(f)
	st.unused(f)
	return "nothing is left behind"
}

// left says whether nobody waits for a control job any more, by the clock of the manager.
func (s *Seen) left(job api.Service) bool {
	now := s.Asked.Add(s.offset())
	if now.Sub(job.CreatedAt) > oldest {
		return true
	}
	var last time.Time
	for _, t := range s.Tasks {
		switch {
		case t.ServiceID != job.ID:
		case !cluster.Ended(t):
			return false
		case t.UpdatedAt.After(last):
			last = t.UpdatedAt
		}
	}
	return !last.IsZero() && now.Sub(last) > leftAfter
}

// offset is how far the clock of the engine is ahead of that of this machine.
func (s *Seen) offset() time.Duration {
	at, err := time.Parse(time.RFC3339Nano, s.Engine.SystemTime)
	if err != nil {
		return 0
	}
	return at.Sub(s.Asked)
}

// oldReleases looks for the history of services that are gone.
func (s *Stack) oldReleases(f *findings) {
	for _, name := range slices.Sorted(maps.Keys(s.Releases)) {
		if b := s.BlueGreen[name]; b != nil && (b.Proxy != nil || len(b.Colors) > 0) {
			continue
		}
		var configs []string
		for _, r := range s.Releases[name] {
			configs = append(configs, r.Config)
		}
		f.add(Warning, name, "`docker config rm "+strings.Join(configs, " ")+"`", "%s of a service that does not exist any more", cluster.Count(len(configs), "release config"))
	}
}

// unused looks for generated files, and for versions of configs and secrets, that nothing refers
// to.
func (s *Stack) unused(f *findings) {
	uses := s.Uses()
	for file, content := range haproxy.OrderFiles() { // the next order needs them
		uses[cluster.ConfigKind+" "+cluster.FileConfig(s.Name, file, content)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.Configs)) {
		c := s.Configs[name]
		if len(s.orphans()) > 0 {
			break // proxies that are made again need them
		}
		if s.Mine(c.Spec.Labels) && c.Spec.Labels[cluster.LabelRole] == cluster.RoleFile && !uses.Has(cluster.ConfigKind, cluster.Version{Name: name, ID: c.ID}) {
			f.add(Warning, name, "`docker config rm "+name+"`", "nothing uses this generated file any more")
		}
	}
	for _, kind := range []string{cluster.ConfigKind, cluster.SecretKind} {
		for _, base := range s.versioned(kind) {
			all := s.VersionsOf(kind, base)
			old := slices.DeleteFunc(slices.Clone(all), func(v cluster.Version) bool {
				return uses.Has(kind, v) || v.Labels[cluster.LabelNamespace] != s.Name
			})
			for _, v := range old {
				if len(old) < len(all) { // else the file may have it, and no service yet
					f.add(Warning, v.Name, "`docker "+kind+" rm "+v.Name+"`", "an old version of the %s %s, that nothing uses any more", kind, base)
				}
			}
		}
	}
}

// versioned are the names of secrets or configs of the file that have versions, sorted.
func (s *Stack) versioned(kind string) []string {
	bases := map[string]bool{}
	add := func(a api.Annotations) {
		if base := a.Labels[cluster.LabelVersionOf]; base != "" && a.Labels[cluster.LabelNamespace] == s.Name {
			bases[base] = true
		}
	}
	if kind == cluster.SecretKind {
		for _, x := range s.Secrets {
			add(x.Spec.Annotations)
		}
	} else {
		for _, c := range s.Configs {
			add(c.Spec.Annotations)
		}
	}
	return slices.Sorted(maps.Keys(bases))
}
