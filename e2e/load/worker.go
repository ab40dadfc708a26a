package load

import (
	"context"
	"sync"
	"time"
)

// worker sends one request after the other, in turn to all targets.
type worker struct {
	load  *Load
	keep  bool    // connections are kept
	conns []*conn // of each target; nil if there is none

	mu       sync.Mutex // guards what follows
	records  []record
	versions map[string]uint16 // index into names
	names    []string
	failures []Failure
}

// record is one request. It is small: there are millions of them.
type record struct {
	begin   int64 // ns after the load began
	took    int64 // ns
	target  uint16
	version uint16
	post    bool
	failed  bool
}

func (w *worker) run(ctx context.Context) {
	defer func() {
		for _, c := range w.conns {
			c.close()
		}
	}()
	for {
		n, more := w.load.turn(ctx)
		if !more {
			return
		}
		began := time.Now()
		ok := w.request(n)
		wait(ctx, time.Duration(w.load.options.Rest*float64(time.Since(began))))
		if !ok && w.load.options.Rate == 0 {
			time.Sleep(5 * time.Millisecond) // a refused connection costs nothing: do not take the machine from what is being tested
		}
	}
}

func (w *worker) request(n int64) (ok bool) {
	o := &w.load.options
	r := record{target: uint16(n % int64(len(o.Targets))), post: o.post(n) && !o.TCP}
	begin := time.Now()
	r.begin = begin.Sub(w.load.began).Nanoseconds()
	version, err := w.exchange(r, n, begin.Add(o.Timeout))
	r.took = time.Since(begin).Nanoseconds()
	r.failed = err != nil

	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && len(w.failures) < maxFailures {
		w.failures = append(w.failures, Failure{begin, time.Duration(r.took), o.Targets[r.target], r.post, err})
	}
	v, ok := w.versions[version]
	if !ok {
		v = uint16(len(w.names))
		w.versions[version] = v
		w.names = append(w.names, version)
	}
	r.version = v
	w.records = append(w.records, r)
	return err == nil
}

func (w *worker) exchange(r record, n int64, limit time.Time) (version string, err error) {
	o := &w.load.options
	c := w.conns[r.target]
	w.conns[r.target] = nil
	if !c.usable() {
		c.close()
		if c, err = dial(o.Targets[r.target], limit); err != nil {
			return "", err
		}
	}
	c.SetDeadline(limit)
	reuse := false
	if o.TCP {
		version, err = c.talk()
	} else {
		version, reuse, err = c.http(o, o.Targets[r.target], r.post, w.keep, n)
	}
	if err != nil || !reuse || !w.keep {
		c.close()
		return version, err
	}
	w.conns[r.target] = c
	return version, nil
}
