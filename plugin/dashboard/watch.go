package dashboard

import (
	"context"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// stacksView is what a page shows of all stacks.
type stacksView struct {
	// Only is the only stack that this dashboard shows; empty for all.
	Only   string               `json:"only"`
	Stacks []swarm.StackService `json:"stacks"`
	Error  string               `json:"error"`
}

// stackView is what a page shows of one stack.
type stackView struct {
	Stack   string         `json:"stack"`
	Status  *swarm.Status  `json:"status"`
	History *swarm.History `json:"history"`
	// Rates are what the proxies have counted between looks, by service, the newest last.
	Rates map[string][]rate `json:"rates"`
	// File is true if the command line has a file for this stack.
	File bool `json:"file"`
	// Unasked is why the proxies did not answer when they were asked last.
	Unasked string `json:"unasked"`
	// Error is why the rest is older, or missing.
	Error string `json:"error"`
}

// watched is what looks at a stack, once for all its pages, and only while there are any.
type watched struct {
	feed
	pages int // under Server.mu
	stop  context.CancelFunc

	mu    sync.Mutex // of the two looks
	view  stackView
	live  *swarm.Status
	meter meter
}

// watch begins to look at a stack, or at all for an empty name, until leave is called as often as
// watch was.
func (s *Server) watch(ctx context.Context, stack string) (f *feed, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watched[stack]
	if w == nil {
		w = &watched{view: stackView{Stack: stack, File: s.options.File != nil && s.options.File.Stack == stack}, meter: newMeter(s.now)}
		s.watched[stack] = w
	}
	if w.pages++; w.pages == 1 {
		w.forget(s.now)
		ctx, w.stop = context.WithCancel(ctx)
		if stack == "" {
			s.repeat(ctx, s.options.Rest, func(ctx context.Context) { s.lookAtAll(ctx, w) })
		} else {
			s.repeat(ctx, s.options.Rest, func(ctx context.Context) { s.look(ctx, w) })
			s.repeat(ctx, s.options.RestLive, func(ctx context.Context) { s.lookLive(ctx, w) })
		}
	}
	return &w.feed, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if w.pages--; w.pages == 0 {
			w.stop()
		}
	})
}

// forget leaves out what the proxies said before the last page closed: it is not what they do now.
func (w *watched) forget(now func() time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.view.Status == nil {
		return // nothing was seen yet
	}
	w.live, w.view.Unasked = nil, ""
	if !w.meter.fresh(w.meter.at) {
		w.meter = newMeter(now)
	}
	w.publish()
}

// repeat looks until ctx ends.
func (s *Server) repeat(ctx context.Context, pause time.Duration, look func(context.Context)) {
	s.looking.Go(func() {
		for {
			look(ctx)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	})
}

func (s *Server) lookAtAll(ctx context.Context, w *watched) {
	v := stacksView{Only: s.options.Stack, Stacks: []swarm.StackService{}}
	all, err := s.options.Open(s.options.Stack).Stacks(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		v.Error, _ = s.options.Outcome(err)
	default:
		for _, svc := range all.Services {
			if s.shows(svc.Stack) {
				v.Stacks = append(v.Stacks, svc)
			}
		}
	}
	w.set(v)
}

// shows says whether a stack may be looked at and changed here.
func (s *Server) shows(stack string) bool { return s.options.Stack == "" || s.options.Stack == stack }

// look reads what the swarm says of a stack.
func (s *Server) look(ctx context.Context, w *watched) {
	o := s.options.Open(w.view.Stack)
	status, err := o.Status(ctx, false)
	var history *swarm.History
	if err == nil {
		history, err = o.History(ctx, nil)
	}
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.view.Error, _ = s.options.Outcome(err)
	} else {
		w.view.Status, w.view.History, w.view.Error = status, history, ""
	}
	w.publish()
}

// lookLive asks the proxies of a stack.
func (s *Server) lookLive(ctx context.Context, w *watched) {
	live, err := s.options.Open(w.view.Stack).Status(ctx, true)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.view.Unasked = ""; err != nil {
		w.view.Unasked, _ = s.options.Outcome(err)
		w.live = nil
	} else {
		w.live = live
		w.meter.add(live)
	}
	w.publish()
}

// publish puts what the proxies said to what the swarm says, as far as both are about the same
// route: they are asked less often.
func (w *watched) publish() {
	w.view.Rates = w.meter.rates()
	v := w.view
	if v.Status != nil && w.live != nil {
		st := *v.Status
		st.Live, st.Services = true, append([]swarm.ServiceStatus(nil), st.Services...)
		same := true
		for i, svc := range st.Services {
			for _, l := range w.live.Services {
				if l.Name != svc.Name || l.Route == nil || svc.Route == nil {
					continue
				}
				if l.Route.Sequence == svc.Route.Sequence {
					st.Services[i].Proxies = l.Proxies
				} else {
					same = false
				}
			}
		}
		if same {
			st.Drift = w.live.Drift
		}
		v.Status = &st
	}
	w.set(v)
}
