package swarm

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

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// silence is how long a port may take to answer the first request that it ever gets.
const silence = 30 * time.Second

// checkPorts finds out what a color speaks on the ports that proxies are about to take over, from where those will be. A
// port that speaks something else than the file says is an error before any request goes there.
func (r *run) checkPorts(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	w := waiting{Service: s.Service, Color: s.Color, Step: "ports", Svc: b.Colors[s.Color], Timeout: s.Timeout}
	for failed, began := 0, time.Now(); ; {
		tasks, err := r.await(ctx, r.seen, w)
		if err != nil {
			return err
		}
		report, err := r.look(ctx, b, s, tasks)
		var job *jobError
		switch {
		case errors.Is(err, errTasksChanged) && r.pause(ctx):
		case errors.As(err, &job):
			if failed++; failed == maxFailures {
				return &UnhealthyError{Service: s.Service, Cause: "what runs its proxies could not be started: " + job.text}
			}
		case err != nil:
			return err
		case report.Met:
			if err := r.judgePorts(s, report.Saw); err != nil || b.Proxy == nil || s.Look.Serving {
				return err
			}
			return r.awaitReady(ctx, b, s.Color, s.Timeout)
		case time.Since(began) >= s.Timeout:
			return r.unhealthy(ctx, r.seen, w, fmt.Sprintf("not all of its ports were open within %s: %s; where it does not listen on one, name the others with x-bluegreen.ports", s.Timeout, report.Unmet()), tasks)
		}
	}
}

// look asks one task of a color on each port, as long as the tasks stay the same.
func (r *run) look(ctx context.Context, b *BlueGreen, s Step, tasks []api.Task) (*answer, error) {
	color := b.Colors[s.Color]
	network := servingID(color.Spec, serversAlias(r.stack, b.Name, s.Color))
	ord := haproxy.Order{Wait: s.Timeout, Silence: silence}
	a := newAnswer(nil, func(unmet string) { r.working(b.Name, "ports", "%s", unmet) })
	for _, port := range s.Look.Ports {
		ord.Look = append(ord.Look, haproxy.Look{Service: b.Name, Color: string(s.Color), Addr: address(tasks[0], network), Port: port.Target, Mode: port.Mode})
	}
	a.names[haproxy.ProxyAddr{Service: b.Name, Addr: address(tasks[0], network)}] = r.seen.taskName(tasks[0], color.Spec.Name)
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { r.watchTasks(ctx, color, tasks, cancel) })
	here := place{Image: s.Look.Proxies.TaskTemplate.ContainerSpec.Image, Network: networkName(r.seen, network), Placement: s.Look.Proxies.TaskTemplate.Placement,
		Start: s.Timeout + silence}
	return r.send(ctx, r.seen, here, ord, a)
}

// networkName is the name of a network of which only the id is known.
func networkName(s *Observed, id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return networkNames(s.Networks)[id]
}

// judgePorts compares what ports speak with their modes.
func (r *run) judgePorts(s Step, saw []haproxy.Saw) error {
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
		r.done(s.Service, "ports", "they speak what the file says")
		return nil
	}
	slices.Sort(wrong)
	r.event(Failed, s.Service, "ports", "they do not speak what the file says")
	return fmt.Errorf("service %s: proxies must not take over its ports as the file has them:\n%s\nwrite in x-bluegreen:\n  ports: [%s]\n"+
		"or, if you know better, run the command with --skip-port-check; traffic was not touched", s.Service, strings.Join(wrong, "\n"), portList(s.Settings.Ports, modes))
}

func modeIn(ports []compose.Port, target uint16) string {
	i := slices.IndexFunc(ports, func(p compose.Port) bool { return p.Target == target })
	return ports[i].Mode
}

// portList is a list of ports as a compose file has it.
func portList(ports []compose.Port, modes map[uint16]string) string {
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
		return compose.ModeTCP, "it speaks TLS, of which a proxy can only pass on the bytes"
	case haproxy.SpeaksHTTP:
		return compose.ModeHTTP, "it speaks HTTP/1.1"
	case haproxy.SpeaksH2:
		return compose.ModeH2, "it speaks HTTP/2 without TLS"
	case haproxy.SpeaksSilent:
		return compose.ModeTCP, fmt.Sprintf("it closed the connection, or gave no answer to a request of HTTP within %s", silence)
	}
	return compose.ModeTCP, fmt.Sprintf("it speaks something else than HTTP: its answer begins with %q", saw.Text)
}
