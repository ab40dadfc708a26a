// Package load sends requests to servers that name their version (the test application), and keeps
// for each when it was begun and who answered: so a test can ask for the answers of the old version
// to requests begun after a flip.
//
// It never sends a request twice. A kept connection that the server has closed is noticed before
// the next request is begun on it, as real clients do; whatever fails after that is a failure.
package load

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Options describe a load. Only Targets is required.
type Options struct {
	Targets   []string      // host:port, asked in turn
	Workers   int           // requests at a time, over all targets (default 8 per target)
	Rate      float64       // requests per second over all targets; 0 is as many as the workers can
	Rest      float64       // how long a worker rests after each request, in multiples of the time that this took; Rate is a limit then
	KeepAlive float64       // share of the workers that keep their connections (default 0: a connection for each request)
	Post      float64       // share of POSTs among the requests
	Timeout   time.Duration // of a request, with its connection (default 10s)
	Path      string        // default /
	Host      string        // Host header (default the target)
	Header    string        // one more header, such as "X-Preview: s3cret"
	Version   string        // header of the answers that names who answered (default X-Version)
	TCP       bool          // instead of HTTP: connect, read the version as a line, send one and get it back
}

// Load is a load that runs, or has run.
type Load struct {
	options Options
	began   time.Time
	next    atomic.Int64 // number of the next request
	mu      sync.Mutex
	due     time.Time // of the next request, where Rate is a limit
	stop    context.CancelFunc
	workers []*worker
	running sync.WaitGroup
}

// Start begins a load, which runs until Stop, or until ctx is done.
func Start(ctx context.Context, o Options) *Load {
	if o.Workers == 0 {
		o.Workers = 8 * len(o.Targets)
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Path == "" {
		o.Path = "/"
	}
	if o.Version == "" {
		o.Version = "X-Version"
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{options: o, began: time.Now(), stop: cancel}
	for i := range o.Workers {
		w := &worker{
			load: l, conns: make([]*conn, len(o.Targets)), versions: map[string]uint16{},
			keep: float64(i) < math.Round(o.KeepAlive*float64(o.Workers)),
		}
		l.workers = append(l.workers, w)
		l.running.Go(func() { w.run(ctx) })
	}
	return l
}

// Stop ends the load: requests in flight are waited for and counted. It returns all that was seen,
// and may be called again.
func (l *Load) Stop() Stats {
	l.stop()
	l.running.Wait()
	return l.Since(l.began)
}

// turn waits until the next request is due and returns its number; false when the load has ended.
func (l *Load) turn(ctx context.Context) (int64, bool) {
	n := l.next.Add(1) - 1
	if l.options.Rate > 0 {
		wait(ctx, time.Until(l.dueOf(n)))
	}
	return n, ctx.Err() == nil
}

// dueOf is when a request is to be begun: at its time since the load began; or, where Rate is a
// limit, so long after the one before. What a slow machine could not do then is not made up for.
func (l *Load) dueOf(n int64) time.Time {
	if l.options.Rest == 0 {
		return l.began.Add(time.Duration(float64(n) / l.options.Rate * float64(time.Second)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.due.Before(now) {
		l.due = now
	}
	due := l.due
	l.due = due.Add(time.Duration(float64(time.Second) / l.options.Rate))
	return due
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// post spreads the share of POSTs evenly over the numbers of requests.
func (o Options) post(n int64) bool {
	return math.Floor(float64(n+1)*o.Post) > math.Floor(float64(n)*o.Post)
}
