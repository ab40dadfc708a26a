package swarm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

const (
	askTime   = 10 * time.Second // for one answer of Prometheus
	mostQuery = 80               // characters of a query in a reason
)

// judge asks Prometheus, each time that the guard's window has passed, what it says of a release,
// until one value is too high. What it does not answer takes no traffic back: the proxies watch
// all the same.
func (w *watch) judge(ctx context.Context, st stage) {
	tick := time.NewTicker(st.Guard.Window)
	defer tick.Stop()
	data := bluegreen.QueryData{Stack: w.o.ex.Stack, Service: st.Service, Color: string(st.Color), Release: st.Release}
	for told := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		reason, err := w.o.ask(ctx, st.Guard.Prometheus, data)
		if err != nil && !told && ctx.Err() == nil {
			told = true
			w.o.ex.Warn(st.Service, "guard", "Prometheus does not say how the release does, and the proxies watch all the same: %v", err)
		}
		if reason == "" {
			continue
		}
		w.mu.Lock()
		if w.reasons == nil {
			w.reasons = map[string]string{}
		}
		w.reasons[st.Service] = reason
		w.mu.Unlock()
		select {
		case w.tripped <- struct{}{}:
		default:
		}
		return
	}
}

// ask is why the first of the queries takes the traffic back whose value is too high; empty if none
// does.
func (o *Operator) ask(ctx context.Context, p *bluegreen.Prometheus, data bluegreen.QueryData) (reason string, err error) {
	for _, q := range p.Queries {
		text, err := q.For(data)
		if err != nil {
			return "", err
		}
		actx, cancel := context.WithTimeout(ctx, askTime)
		value, found, err := o.Prometheus.Value(actx, p.URL, text)
		cancel()
		switch {
		case err != nil:
			return "", err
		case found && value > q.Max:
			if runes := []rune(text); len(runes) > mostQuery {
				text = string(runes[:mostQuery]) + "…"
			}
			return fmt.Sprintf("Prometheus says %.4g, more than %g, for %s", value, q.Max, text), nil
		}
	}
	return "", nil
}

// judgements are the releases that Prometheus takes the traffic back from, once each.
func (w *watch) judgements() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	reasons := w.reasons
	w.reasons = nil
	return reasons
}

// takeBack takes the traffic back from releases, for these reasons by service, if they have it
// still.
func (o *Operator) takeBack(ctx context.Context, stages []*stage, reasons map[string]string, opts plan.UpOptions) error {
	if len(reasons) == 0 {
		return nil
	}
	return o.locked(ctx, "docker bluegreen up", opts.LockTimeout, func(ctx context.Context) error {
		s, err := o.tidy(ctx)
		if err != nil {
			return err
		}
		reasons = maps.Clone(reasons)
		for _, st := range stages {
			if st.overtaken(s.BlueGreen[st.Service]) != nil {
				delete(reasons, st.Service)
			}
		}
		todo, err := plan.ForJudged(s, reasons)
		if err != nil || len(todo.Steps) == 0 {
			return err
		}
		o.ex.Warn("", "guard", "%s: traffic goes back", cluster.Sentence(slices.Sorted(maps.Values(reasons))))
		return o.ex.Execute(ctx, s, todo)
	})
}
