package load

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const maxFailures = 20 // kept of each worker

// Failure is a request that got no right answer.
type Failure struct {
	Begin  time.Time
	Took   time.Duration
	Target string
	Post   bool
	Err    error
}

func (f Failure) String() string {
	method := map[bool]string{true: "POST", false: "GET"}[f.Post]
	return fmt.Sprintf("%s %s %s after %s: %v", f.Begin.Format("15:04:05.000"), method, f.Target, f.Took.Round(time.Millisecond), f.Err)
}

// Stats are the requests that were begun in a span of time and have ended.
type Stats struct {
	Total    int
	Failed   int
	Posts    int                       // sent
	PostsOK  int                       // answered rightly
	Versions map[string]int            // right answers of each version
	Targets  map[string]map[string]int // the same per target
	Failures []Failure                 // the first ones
	// Wrong is from the begin of the first failed request to that of the last.
	Wrong time.Duration

	wrongFrom, wrongTo int64

	took []int64 // of the right answers, ns, sorted
}

// Since are the requests begun at or after t.
func (l *Load) Since(t time.Time) Stats { return l.Between(t, time.Now()) }

// Between are the requests begun at or after from and before to.
func (l *Load) Between(from, to time.Time) Stats {
	s := Stats{Versions: map[string]int{}, Targets: map[string]map[string]int{}}
	for _, t := range l.options.Targets {
		s.Targets[t] = map[string]int{}
	}
	for _, w := range l.workers {
		w.addTo(&s, from, to)
	}
	slices.SortFunc(s.Failures, func(a, b Failure) int { return a.Begin.Compare(b.Begin) })
	s.Failures = s.Failures[:min(len(s.Failures), maxFailures)]
	slices.Sort(s.took)
	return s
}

func (w *worker) addTo(s *Stats, from, to time.Time) {
	first, end := from.Sub(w.load.began).Nanoseconds(), to.Sub(w.load.began).Nanoseconds()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.failures {
		if !f.Begin.Before(from) && f.Begin.Before(to) {
			s.Failures = append(s.Failures, f)
		}
	}
	start, _ := slices.BinarySearchFunc(w.records, first, func(r record, at int64) int { return cmp.Compare(r.begin, at) })
	for _, r := range w.records[start:] {
		if r.begin >= end {
			break
		}
		s.add(r, w.load.options.Targets[r.target], w.names[r.version])
	}
}

func (s *Stats) add(r record, target, version string) {
	s.Total++
	if r.post {
		s.Posts++
	}
	if r.failed {
		if s.Failed == 0 || r.begin < s.wrongFrom {
			s.wrongFrom = r.begin
		}
		s.Failed++
		s.wrongTo = max(s.wrongTo, r.begin)
		s.Wrong = time.Duration(s.wrongTo - s.wrongFrom)
		return
	}
	if r.post {
		s.PostsOK++
	}
	s.Versions[version]++
	s.Targets[target][version]++
	s.took = append(s.took, r.took)
}

// Add adds the times of other right answers, for Quantile alone.
func (s *Stats) Add(o Stats) {
	s.took = append(s.took, o.took...)
	slices.Sort(s.took)
}

// Quantile is the time that a share of the right answers took at most: 0.99 is the p99. Zero
// without answers.
func (s Stats) Quantile(share float64) time.Duration {
	if len(s.took) == 0 {
		return 0
	}
	return time.Duration(s.took[min(int(share*float64(len(s.took))), len(s.took)-1)])
}

// Await returns when a version has answered a request that was begun after the call, on every
// target.
func (l *Load) Await(ctx context.Context, version string) error {
	for begin := time.Now(); ; {
		s := l.Since(begin)
		missing := slices.DeleteFunc(slices.Clone(l.options.Targets), func(t string) bool { return s.Targets[t][version] > 0 })
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer of %s from %s: %w\n%s", version, strings.Join(missing, ", "), context.Cause(ctx), s)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// AwaitRequests returns when n requests that were begun after the call have ended, and how they
// ended.
func (l *Load) AwaitRequests(ctx context.Context, n int) (Stats, error) {
	for begin := time.Now(); ; {
		if s := l.Since(begin); s.Total >= n {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return l.Since(begin), fmt.Errorf("fewer than %d requests ended: %w", n, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// String is a summary of one line, and the first failures below.
func (s Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, %d failed, %d of %d POSTs ok, p50 %s, p99 %s;", s.Total, s.Failed, s.PostsOK, s.Posts,
		s.Quantile(.5).Round(10*time.Microsecond), s.Quantile(.99).Round(10*time.Microsecond))
	for _, v := range slices.Sorted(maps.Keys(s.Versions)) {
		fmt.Fprintf(&b, " %s: %d", v, s.Versions[v])
	}
	for _, f := range s.Failures[:min(len(s.Failures), 5)] {
		fmt.Fprintf(&b, "\n  %s", f)
	}
	return b.String()
}
