package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Route returns where the alias points, as the proxy service has it written down.
func (b *BlueGreen) Route() (haproxy.Route, error) {
	return b.routeLabel(LabelAlias + b.Name)
}

// Next returns the route of a flip that has begun and not ended; its color is empty when there is
// none. It may be the route that is written down, which not every proxy has confirmed yet, or one
// before it, when the flip was overruled.
func (b *BlueGreen) Next() (haproxy.Route, error) {
	if b.Proxy.Spec.Labels[LabelNext] == "" {
		return haproxy.Route{}, nil
	}
	return b.routeLabel(LabelNext)
}

// ByRollback is what follows the route of a move that a rollback began.
const ByRollback = ":rollback"

// NextByRollback says whether a rollback began the move in progress.
func (b *BlueGreen) NextByRollback() bool {
	return strings.HasSuffix(b.Proxy.Spec.Labels[LabelNext], ByRollback)
}

// ByShare is what follows the route of a move that changes no more than the share of a color.
const ByShare = ":share"

// NextByShare says whether the move in progress changes no more than the share of a color.
func (b *BlueGreen) NextByShare() bool {
	return strings.HasSuffix(b.Proxy.Spec.Labels[LabelNext], ByShare)
}

func (b *BlueGreen) routeLabel(label string) (haproxy.Route, error) {
	text := strings.TrimSuffix(strings.TrimSuffix(b.Proxy.Spec.Labels[label], ByRollback), ByShare)
	r, err := haproxy.ParseRoute(text)
	if err != nil {
		return r, fmt.Errorf("service %s: label %s of %s: %w: write it again with `docker service update --label-add %s=SEQUENCE:COLOR %s`",
			b.Name, label, b.Proxy.Spec.Name, err, label, b.Proxy.Spec.Name)
	}
	return r, nil
}

// Active returns the color that takes the traffic by the label, and None without a proxy.
func (b *BlueGreen) Active() Color {
	if b == nil || b.Proxy == nil {
		return None
	}
	r, err := b.Route()
	if err != nil {
		return None
	}
	return Color(r.Color)
}

// Settings returns the settings that the last up resolved.
func (b *BlueGreen) Settings() (bluegreen.Settings, error) {
	var s bluegreen.Settings
	if err := json.Unmarshal([]byte(b.Proxy.Spec.Labels[LabelSettings]), &s); err != nil {
		return s, fmt.Errorf("service %s: label %s of %s cannot be read: %w: run `docker bluegreen up` to write it again",
			b.Name, LabelSettings, b.Proxy.Spec.Name, err)
	}
	return s, nil
}

// ReleaseOf returns the number of the release that a spec of a color holds.
func ReleaseOf(spec api.ServiceSpec) int {
	n, _ := strconv.Atoi(spec.Labels[LabelRelease]) // 0 is "none"
	return n
}

// ProxiedPorts returns the ports and health of the release that a spec of a color holds.
func ProxiedPorts(spec api.ServiceSpec) (bluegreen.Release, bool) {
	var r bluegreen.Release
	err := json.Unmarshal([]byte(spec.Labels[LabelPorts]), &r)
	return r, err == nil && len(r.Ports) > 0
}

// maxConflicts is how often a write is tried again that another writer came before.
const maxConflicts = 10

// Rewrite changes a service in place and returns it as it is then. The change is applied to the
// version that was read; when another writer was faster, it is applied again to what that one
// wrote, and change may refuse. Writing nothing but labels restarts no task.
func (cl *Cluster) Rewrite(ctx context.Context, svc *api.Service, change func(*api.ServiceSpec) error) (*api.Service, error) {
	return cl.rewriteWith(ctx, svc, api.ServiceUpdateOptions{}, change)
}

func (cl *Cluster) rewriteWith(ctx context.Context, svc *api.Service, options api.ServiceUpdateOptions, change func(*api.ServiceSpec) error) (*api.Service, error) {
	current := *svc
	for try := 0; ; try++ {
		spec := Clone(current.Spec)
		if err := change(&spec); err != nil {
			return nil, err
		}
		_, err := cl.Engine.ServiceUpdate(ctx, current.ID, current.Version, spec, options)
		if err != nil && (!engine.OutOfSequence(err) || try == maxConflicts) {
			return nil, fmt.Errorf("update service %s: %w", spec.Name, err)
		}
		fresh, _, ierr := cl.Engine.ServiceInspectWithRaw(ctx, current.ID, api.ServiceInspectOptions{})
		if ierr != nil {
			ierr = fmt.Errorf("inspect service %s: %w", spec.Name, ierr)
			if err == nil {
				ierr = &UnreadError{ierr}
			}
			return nil, ierr
		}
		current = fresh
		if err == nil {
			return &current, nil
		}
	}
}

// UnreadError says that a write was carried out, and that what it made of the service could not be
// read.
type UnreadError struct{ Err error }

func (e *UnreadError) Error() string { return e.Err.Error() }

func (e *UnreadError) Unwrap() error { return e.Err }

// Relabel writes labels; an empty value removes the label.
func (cl *Cluster) Relabel(ctx context.Context, svc *api.Service, labels map[string]string) (*api.Service, error) {
	return cl.Rewrite(ctx, svc, func(s *api.ServiceSpec) error {
		SetLabels(s, labels)
		return nil
	})
}

// SetLabels sets labels of a spec; an empty value removes one.
func SetLabels(s *api.ServiceSpec, labels map[string]string) {
	for k, v := range labels {
		if v == "" {
			delete(s.Labels, k)
		} else {
			s.Labels[k] = v
		}
	}
}

// Inspect reads a service.
func (cl *Cluster) Inspect(ctx context.Context, id string) (*api.Service, error) {
	svc, _, err := cl.Engine.ServiceInspectWithRaw(ctx, id, api.ServiceInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("inspect service %s: %w", id, err)
	}
	return &svc, nil
}
