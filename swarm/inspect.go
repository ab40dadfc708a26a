package swarm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Status tells what the swarm holds of the stack. With live the proxies are asked, by a control job.
func (o *Operator) Status(ctx context.Context, live bool) (*Status, error) {
	s, err := o.observe(ctx)
	if err != nil {
		return nil, err
	}
	if s.empty() {
		return nil, s.nothing()
	}
	st := &Status{Stack: o.stack, Live: live, Drift: []string{}, Services: []ServiceStatus{}}
	if c, ok := s.Configs[lockName(o.stack)]; ok {
		since, _ := time.Parse(time.RFC3339, c.Spec.Labels[labelSince])
		st.Lock = &LockStatus{Owner: c.Spec.Labels[labelOwner], Since: since}
	}
	tasks, err := o.stackTasks(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Plain)) {
		st.Services = append(st.Services, ServiceStatus{Name: name, Kind: "plain", Swarm: swarmService(s.Plain[name], tasks)})
	}
	for _, name := range slices.Sorted(maps.Keys(s.BlueGreen)) {
		st.Services = append(st.Services, blueGreenStatus(s.BlueGreen[name], tasks))
	}
	slices.SortFunc(st.Services, func(a, b ServiceStatus) int { return strings.Compare(a.Name, b.Name) })
	if live {
		return st, o.live(ctx, s, st)
	}
	return st, nil
}

func (o *Operator) stackTasks(ctx context.Context, s *Observed) (map[string][]api.Task, error) {
	var ids []string
	for _, svc := range s.services() {
		ids = append(ids, svc.ID)
	}
	return o.tasks(ctx, ids...)
}

func swarmService(svc api.Service, tasks map[string][]api.Task) SwarmService {
	image, digest, _ := strings.Cut(svc.Spec.TaskTemplate.ContainerSpec.Image, "@")
	st := SwarmService{Name: svc.Spec.Name, ID: svc.ID, Image: image, Digest: digest, Mode: modeOf(svc.Spec)}
	if named := svc.Spec.Labels[LabelImage]; named != "" {
		st.Image = named
	}
	if isJob(svc.Spec) {
		st.Ready, st.Wanted = jobProgress(svc.Spec, latestRun(&svc, tasks[svc.ID]))
		return st
	}
	for _, t := range tasks[svc.ID] {
		if wanted(t) && t.Status.State == api.TaskStateRunning {
			st.Ready++
			if t.CreatedAt.After(st.Since) {
				st.Since = t.CreatedAt
			}
		}
	}
	st.Wanted = wantedTasks(svc.Spec, tasks[svc.ID])
	return st
}

func blueGreenStatus(b *BlueGreen, tasks map[string][]api.Task) ServiceStatus {
	st := ServiceStatus{Name: b.Name, Kind: "bluegreen"}
	if b.Proxy != nil {
		st.Swarm = swarmService(*b.Proxy, tasks)
		route, _ := b.route() // a label that cannot be read shows as no route
		next, _ := b.next()
		st.Route = &RouteStatus{Sequence: route.Sequence, Active: route.Color, Next: next.Color}
	}
	for _, c := range Colors {
		if svc := b.Colors[c]; svc != nil {
			st.Colors = append(st.Colors, ColorStatus{Color: string(c), Active: b.active() == c,
				Release: release(svc.Spec), Swarm: swarmService(*svc, tasks)})
		}
	}
	return st
}

// live asks the proxies of all services what they do, and notes where that is not what is written down.
func (o *Operator) live(ctx context.Context, s *Observed, st *Status) error {
	go o.listen(ctx)
	names := slices.Sorted(maps.Keys(s.BlueGreen))
	proxies, err := o.proxyTasks(ctx, s, names)
	if err != nil {
		return err
	}
	var ask []proxyTask
	for _, p := range proxies {
		if p.askable() {
			ask = append(ask, p)
		}
	}
	var report answer
	if len(ask) > 0 {
		got, err := o.order(ctx, s, ask, haproxy.Order{}, nil)
		if err != nil {
			return err
		}
		report = *got
	}
	for i := range st.Services {
		svc := &st.Services[i]
		for _, p := range proxies {
			if p.Service == svc.Name && !p.Waiting {
				svc.Proxies = append(svc.Proxies, proxyStatus(p, report))
			}
		}
		st.Drift = append(st.Drift, drift(*svc)...)
	}
	return nil
}

func proxyStatus(p proxyTask, report answer) ProxyStatus {
	st := ProxyStatus{Task: p.Name, Node: p.Node, Address: p.Addr, Error: string(p.State) + ": not asked", InFlight: map[string]int{}, Servers: []ServerStatus{}}
	if p.Down {
		st.Error = "its node is down"
	}
	for _, a := range report.Proxies {
		if a.Addr != p.Addr || a.Service != p.Service {
			continue
		}
		st.Error, st.Sequence, st.Active = a.Unreachable, a.Route.Sequence, a.Route.Color
		maps.Copy(st.InFlight, a.InFlight)
		for _, srv := range a.Servers {
			st.Servers = append(st.Servers, ServerStatus{Color: srv.Color, Port: srv.Port, Address: srv.Addr,
				Status: srv.Status, Check: srv.Check, InFlight: srv.InFlight})
		}
	}
	return st
}

// drift says where proxies do not do what is written down.
func drift(svc ServiceStatus) []string {
	var out []string
	if svc.Kind == "plain" {
		return nil
	}
	if svc.Route == nil {
		return []string{fmt.Sprintf("service %s has no proxies: run `docker bluegreen up`", svc.Name)}
	}
	if len(svc.Proxies) == 0 {
		out = append(out, fmt.Sprintf("service %s: no proxy runs", svc.Name))
	}
	for _, p := range svc.Proxies {
		switch {
		case p.Error != "":
			out = append(out, fmt.Sprintf("service %s: proxy %s on %s does not answer: %s", svc.Name, p.Task, p.Node, p.Error))
		case p.Sequence != svc.Route.Sequence || p.Active != svc.Route.Active:
			out = append(out, fmt.Sprintf("service %s: proxy %s on %s sends to %s (%d), written down is %s (%d)",
				svc.Name, p.Task, p.Node, p.Active, p.Sequence, svc.Route.Active, svc.Route.Sequence))
		}
	}
	return out
}
