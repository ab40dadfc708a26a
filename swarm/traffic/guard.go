package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// WentBackError says that a guard has taken the traffic back while a command was about to move it:
// nothing was told.
type WentBackError struct {
	// Services are those with a proxy that has gone back.
	Services []string
}

func (e *WentBackError) Error() string {
	return fmt.Sprintf("the guard of %s has taken the traffic back meanwhile: see `docker bluegreen status`", cluster.Sentence(e.Services))
}

// wentBack are the services of moves of which a proxy has gone back by itself: before it was told,
// or since then. What was just given is not given once more.
func wentBack(moves []Move, report *Answer) []string {
	var names []string
	for _, m := range moves {
		before := slices.ContainsFunc(report.Beyond, func(p haproxy.ProxyAddr) bool { return p.Service == m.Service.Name })
		if before || slices.ContainsFunc(report.Proxies, func(p *haproxy.ProxyReport) bool {
			return p.Service == m.Service.Name && p.Route.Tripped && p.Route.Sequence > m.To.Sequence
		}) {
			names = append(names, m.Service.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Tripped asks the proxies of services, and returns those of which one has gone back by itself. A
// service without a proxy has none.
func (sw *Switch) Tripped(ctx context.Context, rec *cluster.Record, names []string) ([]string, error) {
	moves, err := sw.standing(ctx, rec, names)
	if err != nil || len(moves) == 0 {
		return nil, err
	}
	proxies, err := sw.Askable(ctx, rec, moves)
	if errors.Is(err, ErrNoProxy) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	report, err := sw.Order(ctx, rec, proxies, haproxy.Order{}, nil)
	if err != nil {
		return nil, err
	}
	var tripped []string
	for _, m := range moves {
		if slices.ContainsFunc(report.Proxies, func(p *haproxy.ProxyReport) bool {
			return p.Service == m.Service.Name && p.Route.Tripped && p.Route.Sequence > m.From.Sequence
		}) {
			tripped = append(tripped, m.Service.Name)
		}
	}
	return tripped, nil
}

// watchFor is how long one control job watches.
const watchFor = 5 * time.Minute

// Watch asks the proxies of services each second what they count, and returns once one of them has
// gone back by itself, or with ctx. each gets the figures of all proxies, by service and color.
// Proxies that come and go meanwhile, and jobs that are taken away, cost a few seconds. failed is
// told once why the figures are missing.
func (sw *Switch) Watch(ctx context.Context, rec *cluster.Record, names []string, each func(map[string]map[string]haproxy.Figures), failed func(error)) {
	told := false
	for ctx.Err() == nil {
		report, err := sw.watchOnce(ctx, rec, names, each)
		if err == nil && slices.ContainsFunc(report.Proxies, func(p *haproxy.ProxyReport) bool { return p.Route.Tripped }) {
			return
		}
		if err != nil && !errors.Is(err, cluster.ErrTasksChanged) && !errors.Is(err, errRemoved) && !told && ctx.Err() == nil {
			told = true
			failed(err)
		}
		if !sw.Pause(ctx) {
			return
		}
	}
}

func (sw *Switch) watchOnce(ctx context.Context, rec *cluster.Record, names []string, each func(map[string]map[string]haproxy.Figures)) (*Answer, error) {
	moves, err := sw.standing(ctx, rec, names)
	if err != nil {
		return nil, err
	}
	proxies, err := sw.Askable(ctx, rec, moves)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { sw.watchProxies(ctx, rec, moves, proxies, cancel) })
	return sw.order(ctx, rec, proxies, haproxy.Order{Watch: watchFor}, func() *Answer {
		a := NewAnswer(proxies, nil)
		a.each = each
		return a
	})
}
