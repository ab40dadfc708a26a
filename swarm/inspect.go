package swarm

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/execute"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Status tells what the swarm holds of the stack. With live the proxies are asked, by a control
// job. With names it tells of these services only; a name that the stack does not have is an error.
func (o *Operator) Status(ctx context.Context, live bool, services ...string) (*Status, error) {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return nil, err
	}
	if s.Empty() {
		return nil, s.NothingDeployed()
	}
	names, err := chosen(s, services)
	if err != nil {
		return nil, err
	}
	st := &Status{Stack: o.ex.Stack, Live: live, Drift: []string{}, Services: []ServiceStatus{}}
	if c, ok := s.Configs[cluster.LockName(o.ex.Stack)]; ok {
		since, _ := time.Parse(time.RFC3339, c.Spec.Labels[labelSince])
		st.Lock = &LockStatus{Owner: c.Spec.Labels[labelOwner], Command: verb(c), Since: since}
	}
	tasks, err := o.stackTasks(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if plain, ok := s.Plain[name]; ok {
			st.Services = append(st.Services, ServiceStatus{Name: name, Kind: "plain", Swarm: swarmService(plain, tasks)})
		}
		if b := s.BlueGreen[name]; b != nil { // also both, while a service is adopted
			st.Services = append(st.Services, blueGreenStatus(b, tasks))
		}
	}
	if live {
		return st, o.live(ctx, s, st)
	}
	return st, nil
}

func (o *Operator) stackTasks(ctx context.Context, s *cluster.Snapshot) (map[string][]api.Task, error) {
	var ids []string
	for _, svc := range s.Services() {
		ids = append(ids, svc.ID)
	}
	return o.ex.Now().Tasks(ctx, ids...)
}

func swarmService(svc api.Service, tasks map[string][]api.Task) SwarmService {
	image, digest, _ := strings.Cut(svc.Spec.TaskTemplate.ContainerSpec.Image, "@")
	st := SwarmService{Name: svc.Spec.Name, ID: svc.ID, Image: image, Digest: digest, Mode: cluster.ModeOf(svc.Spec)}
	if named := svc.Spec.Labels[cluster.LabelImage]; named != "" {
		st.Image = named
	}
	if cluster.IsJob(svc.Spec) {
		st.Ready, st.Wanted = execute.JobProgress(svc.Spec, execute.LatestRun(&svc, tasks[svc.ID]))
		return st
	}
	for _, t := range tasks[svc.ID] {
		if cluster.Wanted(t) && t.Status.State == api.TaskStateRunning {
			st.Ready++
			if t.CreatedAt.After(st.Since) {
				st.Since = t.CreatedAt
			}
		}
	}
	st.Wanted = cluster.WantedTasks(svc.Spec, tasks[svc.ID])
	return st
}

func blueGreenStatus(b *cluster.BlueGreen, tasks map[string][]api.Task) ServiceStatus {
	st := ServiceStatus{Name: b.Name, Kind: "bluegreen"}
	if b.Proxy != nil {
		st.Swarm = swarmService(*b.Proxy, tasks)
		route, _ := b.Route() // a label that cannot be read shows as no route
		next, _ := b.Next()
		st.Route = &RouteStatus{Sequence: route.Sequence, Active: route.Color, Share: route.Share, Next: next.Color, State: route.State.Word(), Watched: route.Guard.On}
		if route.Guard.Until > 0 {
			st.Route.Until = new(time.Unix(route.Guard.Until, 0).UTC())
		}
		if route.Tripped {
			st.Route.TakenBack = b.Proxy.Spec.Labels[cluster.LabelTripped]
		}
	}
	for _, c := range cluster.Colors {
		if svc := b.Colors[c]; svc != nil {
			st.Colors = append(st.Colors, ColorStatus{Color: string(c), Active: b.Active() == c,
				Waiting: b.Proxy != nil && b.Waiting() == c, Release: cluster.ReleaseOf(svc.Spec), Swarm: swarmService(*svc, tasks)})
		}
	}
	return st
}

// live asks the proxies of all services what they do, and notes where that is not what is written
// down.
func (o *Operator) live(ctx context.Context, s *cluster.Snapshot, st *Status) error {
	rec := cluster.NewRecord(s)
	ctx, cancel := context.WithCancel(ctx) // who watches has a context that goes on
	defer cancel()
	go o.ex.Listen(ctx)
	var names []string
	for _, svc := range st.Services {
		if svc.Kind == "bluegreen" {
			names = append(names, svc.Name)
		}
	}
	proxies, err := o.ex.ProxyTasks(ctx, o.ex.Now(), rec, names)
	if err != nil {
		return err
	}
	var ask []cluster.ProxyTask
	for _, p := range proxies {
		if p.Askable() {
			ask = append(ask, p)
		}
	}
	var report traffic.Answer
	if len(ask) > 0 {
		got, err := o.ex.Order(ctx, rec, ask, haproxy.Order{}, nil)
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

func proxyStatus(p cluster.ProxyTask, report traffic.Answer) ProxyStatus {
	st := ProxyStatus{Task: p.Name, Node: p.Node, Address: p.Addr, Error: string(p.State) + ": not asked", InFlight: map[string]int{}, Servers: []ServerStatus{}}
	if p.Down {
		st.Error = "its node is down"
	}
	for _, a := range report.Proxies {
		if a.Addr != p.Addr || a.Service != p.Service {
			continue
		}
		st.Error, st.Sequence, st.Active, st.Share, st.TakenBack = a.Unreachable, a.Route.Sequence, a.Route.Color, a.Route.Share, a.Tripped
		st.State = a.Route.State.Word()
		for color, f := range a.Figures {
			if st.Figures == nil {
				st.Figures = map[string]ProxyFigures{}
			}
			st.Figures[color] = ProxyFigures{Requests: f.Requests, Failed: f.Failed, Milliseconds: f.Time.Milliseconds()}
		}
		for color, c := range a.Ended.Colors {
			if st.Counted == nil {
				st.Counted = map[string]ProxyCount{}
			}
			st.Counted[color] = ProxyCount{Requests: c.Requests, Failed: c.Failed}
		}
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
		case p.TakenBack != "" && p.Sequence > svc.Route.Sequence:
			out = append(out, fmt.Sprintf("service %s: proxy %s on %s has taken the traffic back to %s: %s: run `docker bluegreen wait %s`, which writes that down", svc.Name, p.Task, p.Node, p.Active, p.TakenBack, svc.Name))
		case p.Sequence != svc.Route.Sequence || p.Active != svc.Route.Active || p.Share != svc.Route.Share:
			is, said := haproxy.Route{Sequence: p.Sequence, Color: p.Active, Share: p.Share}, haproxy.Route{Sequence: svc.Route.Sequence, Color: svc.Route.Active, Share: svc.Route.Share}
			out = append(out, fmt.Sprintf("service %s: proxy %s on %s sends to %s, but the label says %s", svc.Name, p.Task, p.Node, inWords(is), inWords(said)))
		}
	}
	return out
}

// inWords is a route as a message has it.
func inWords(r haproxy.Route) string {
	text := fmt.Sprintf("%s (%d)", r.Color, r.Sequence)
	if r.Share > 0 {
		text += fmt.Sprintf(" and %d %% to the other color", r.Share)
	}
	return text
}
