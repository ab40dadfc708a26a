package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// silence is how long a port may take to answer the first request that it ever gets.
const silence = 30 * time.Second

// checkPorts finds out what a color speaks on the ports that proxies are about to take over, from
// where those will be. A port that speaks something else than the file says is an error before any
// request goes there.
func (r *run) checkPorts(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	w := cluster.Waiting{Service: s.Service, Color: s.Color, Step: "ports", Svc: b.Colors[s.Color], Timeout: s.Timeout}
	for failed, began := 0, time.Now(); ; {
		tasks, err := r.Await(ctx, r.known, w)
		if err != nil {
			return err
		}
		report, err := r.look(ctx, b, s, tasks)
		var job *traffic.JobError
		switch {
		case errors.Is(err, cluster.ErrTasksChanged) && r.Pause(ctx):
		case errors.As(err, &job):
			if failed++; failed == cluster.MaxFailures {
				return &cluster.UnhealthyError{Service: s.Service, Cause: "a job with the image of its proxies could not start: " + job.Text}
			}
		case err != nil:
			return err
		case report.Met:
			if err := r.judgePorts(s, report.Saw); err != nil || b.Proxy == nil || s.Look.Serving {
				return err
			}
			return r.awaitReady(ctx, b, s.Color, s.Timeout)
		case time.Since(began) >= s.Timeout:
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("not all of its ports were open within %s: %s. If it does not listen on a port, list only the others in x-bluegreen.ports", s.Timeout, report.Unmet()), tasks)
		}
	}
}

// look asks one task of a color on each port, as long as the tasks stay the same.
func (r *run) look(ctx context.Context, b *cluster.BlueGreen, s plan.Step, tasks []api.Task) (*traffic.Answer, error) {
	color := b.Colors[s.Color]
	network := cluster.ServingNetwork(color.Spec, cluster.ServersAlias(r.Stack, b.Name, s.Color))
	ord := haproxy.Order{Wait: s.Timeout, Silence: silence}
	a := traffic.NewAnswer(nil, func(unmet string) { r.Working(b.Name, "ports", "%s", unmet) })
	for _, port := range s.Look.Ports {
		ord.Look = append(ord.Look, haproxy.Look{Service: b.Name, Color: string(s.Color), Addr: cluster.TaskAddress(tasks[0], network), Port: port.Target, Mode: port.Mode})
	}
	a.Names[haproxy.ProxyAddr{Service: b.Name, Addr: cluster.TaskAddress(tasks[0], network)}] = r.known.TaskName(tasks[0], color.Spec.Name)
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { r.watchTasks(ctx, color, tasks, cancel) })
	here := traffic.Place{Image: s.Look.Proxies.TaskTemplate.ContainerSpec.Image, Network: networkName(r.known, network), Placement: s.Look.Proxies.TaskTemplate.Placement,
		Start: s.Timeout + silence}
	return r.Send(ctx, r.known, here, ord, a)
}

// networkName is the name of a network of which only the id is known.
func networkName(rec *cluster.Record, id string) string {
	return rec.NetworkNames()[id]
}

// judgePorts compares what ports speak with their modes.
func (r *run) judgePorts(s plan.Step, saw []haproxy.Saw) error {
	modes := map[uint16]string{}
	for _, port := range s.Settings.Ports {
		modes[port.Target] = port.Mode
	}
	var wrong []string
	for _, seen := range saw {
		mode, why := misfit(modes[seen.Port], seen)
		if why == "" {
			continue
		}
		modes[seen.Port] = mode
		wrong = append(wrong, fmt.Sprintf("  port %d is mode %s, and %s", seen.Port, modeIn(s.Look.Ports, seen.Port), why))
	}
	if len(wrong) == 0 {
		r.Done(s.Service, "ports", "they speak what the file says")
		return nil
	}
	slices.Sort(wrong)
	r.Event(cluster.Failed, s.Service, "ports", "they do not speak what the file says")
	return fmt.Errorf("service %s: its ports do not speak what the file says:\n%s\nwrite in x-bluegreen:\n  ports: [%s]\n"+
		"or run the command with --skip-port-check, which skips this check; traffic was not touched", s.Service, strings.Join(wrong, "\n"), portList(s.Settings.Ports, modes))
}

func modeIn(ports []bluegreen.Port, target uint16) string {
	i := slices.IndexFunc(ports, func(p bluegreen.Port) bool { return p.Target == target })
	return ports[i].Mode
}

// portList is a list of ports as a compose file has it.
func portList(ports []bluegreen.Port, modes map[uint16]string) string {
	var items []string
	for _, port := range ports {
		items = append(items, fmt.Sprintf("{target: %d, mode: %s}", port.Target, cmp.Or(modes[port.Target], port.Mode)))
	}
	return strings.Join(items, ", ")
}

// misfit says why a port cannot have its mode, and which it should have; why is empty where it can.
func misfit(mode string, saw haproxy.Saw) (better, why string) {
	switch saw.Speaks {
	case mode:
		return mode, ""
	case haproxy.SpeaksTLS:
		return bluegreen.ModeTCP, "it speaks TLS, so a proxy can only pass the bytes on"
	case haproxy.SpeaksHTTP:
		return bluegreen.ModeHTTP, "it speaks HTTP/1.1"
	case haproxy.SpeaksH2:
		return bluegreen.ModeH2, "it speaks HTTP/2 without TLS"
	case haproxy.SpeaksSilent:
		return bluegreen.ModeTCP, fmt.Sprintf("it closed the connection, or did not answer an HTTP request within %s", silence)
	}
	return bluegreen.ModeTCP, fmt.Sprintf("it does not speak HTTP: its answer begins with %q", saw.Text)
}
