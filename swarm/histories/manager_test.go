package histories

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

var (
	errDead     = errors.New("the process is dead")
	errCut      = errors.New("Cannot connect to the Docker daemon at tcp://n1:2376. Is the docker daemon running?")
	errEOF      = errors.New("unexpected EOF")
	errNoLeader = errors.New("rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.")
)

// manager is the engine of one command: its calls go through what befalls it, and the judge
// sees its writes.
type manager struct {
	engine.API // of the swarm
	w          *world
	c          *command

	mu            sync.Mutex
	calls, writes int
	dead          bool
	cutUntil      time.Time
}

// begin is a call that is about to be carried out, unless it has an error. It may take a while.
func (m *manager) begin(ctx context.Context, isWrite bool) (after error, err error) {
	if m.c.trouble.Kind == slow {
		select {
		case <-time.After(time.Duration(m.c.trouble.For) * 100 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if m.w.leaderless() {
		return nil, errNoLeader
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls++; isWrite {
		m.writes++
	}
	switch t := m.c.trouble; {
	case m.dead:
		return nil, errDead
	case t.Kind == killed && isWrite && m.writes == t.At:
		m.die()
		return nil, errDead
	case t.Kind == killedAfter && isWrite && m.writes == t.At:
		m.die()
		after = errDead
	case t.Kind == lostAnswer && isWrite && m.writes == t.At:
		after = errEOF
	case t.Kind == interrupted && isWrite && m.writes == t.At:
		m.c.cancel()
	case t.Kind == cutOff && m.calls >= t.At:
		if m.cutUntil.IsZero() {
			m.cutUntil = time.Now().Add(time.Duration(t.For) * time.Second)
		}
		if time.Now().Before(m.cutUntil) {
			return nil, errCut
		}
	}
	return after, ctx.Err()
}

func (m *manager) die() {
	m.dead = true
	m.c.cancel()
}

// read carries a read out.
func read[T any](ctx context.Context, m *manager, call func() (T, error)) (T, error) {
	if _, err := m.begin(ctx, false); err != nil {
		var none T
		return none, err
	}
	return call()
}

// write carries a write out, once the judge has seen it.
func write[T any](ctx context.Context, m *manager, see func(), call func() (T, error)) (T, error) {
	after, err := m.begin(ctx, true)
	if err != nil {
		var none T
		return none, err
	}
	see()
	v, err := call()
	return v, errors.Join(err, after)
}

func nothing(err error) (struct{}, error) { return struct{}{}, err }

func (m *manager) unseen() {}

func (m *manager) Events(ctx context.Context, o events.ListOptions) (<-chan events.Message, <-chan error) {
	if _, err := m.begin(ctx, false); err != nil {
		failed := make(chan error, 1)
		failed <- err
		return make(chan events.Message), failed
	}
	return m.API.Events(ctx, o)
}

func (m *manager) NodeList(ctx context.Context, o api.NodeListOptions) ([]api.Node, error) {
	return read(ctx, m, func() ([]api.Node, error) { return m.API.NodeList(ctx, o) })
}

func (m *manager) ServiceList(ctx context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	return read(ctx, m, func() ([]api.Service, error) { return m.API.ServiceList(ctx, o) })
}

func (m *manager) ServiceInspectWithRaw(ctx context.Context, id string, o api.ServiceInspectOptions) (api.Service, []byte, error) {
	svc, err := read(ctx, m, func() (api.Service, error) {
		svc, _, err := m.API.ServiceInspectWithRaw(ctx, id, o)
		return svc, err
	})
	return svc, nil, err
}

func (m *manager) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	return write(ctx, m, func() { m.w.judge.writes(m.c, spec.Name) }, func() (api.ServiceCreateResponse, error) {
		return m.API.ServiceCreate(ctx, spec, o)
	})
}

func (m *manager) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return write(ctx, m, func() { m.w.judge.updates(m.c, v, spec) }, func() (api.ServiceUpdateResponse, error) {
		return m.API.ServiceUpdate(ctx, id, v, spec, o)
	})
}

func (m *manager) ServiceRemove(ctx context.Context, id string) error {
	_, err := write(ctx, m, func() { m.w.judge.removes(m.c, id) }, func() (struct{}, error) { return nothing(m.API.ServiceRemove(ctx, id)) })
	return err
}

func (m *manager) ServiceLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	return read(ctx, m, func() (io.ReadCloser, error) { return m.API.ServiceLogs(ctx, id, o) })
}

func (m *manager) TaskList(ctx context.Context, o api.TaskListOptions) ([]api.Task, error) {
	return read(ctx, m, func() ([]api.Task, error) { return m.API.TaskList(ctx, o) })
}

func (m *manager) TaskLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	return read(ctx, m, func() (io.ReadCloser, error) { return m.API.TaskLogs(ctx, id, o) })
}

func (m *manager) NetworkList(ctx context.Context, o network.ListOptions) ([]network.Summary, error) {
	return read(ctx, m, func() ([]network.Summary, error) { return m.API.NetworkList(ctx, o) })
}

func (m *manager) NetworkInspect(ctx context.Context, id string, o network.InspectOptions) (network.Inspect, error) {
	return read(ctx, m, func() (network.Inspect, error) { return m.API.NetworkInspect(ctx, id, o) })
}

func (m *manager) NetworkCreate(ctx context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	return write(ctx, m, m.unseen, func() (network.CreateResponse, error) { return m.API.NetworkCreate(ctx, name, o) })
}

func (m *manager) NetworkRemove(ctx context.Context, id string) error {
	_, err := write(ctx, m, m.unseen, func() (struct{}, error) { return nothing(m.API.NetworkRemove(ctx, id)) })
	return err
}

func (m *manager) ConfigList(ctx context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	return read(ctx, m, func() ([]api.Config, error) { return m.API.ConfigList(ctx, o) })
}

func (m *manager) ConfigCreate(ctx context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return write(ctx, m, m.unseen, func() (api.ConfigCreateResponse, error) {
		made, err := m.API.ConfigCreate(ctx, spec)
		if err == nil && spec.Name == lockName {
			m.w.judge.locks(m.c)
		}
		return made, err
	})
}

func (m *manager) ConfigUpdate(ctx context.Context, id string, v api.Version, spec api.ConfigSpec) error {
	_, err := write(ctx, m, m.unseen, func() (struct{}, error) { return nothing(m.API.ConfigUpdate(ctx, id, v, spec)) })
	return err
}

func (m *manager) ConfigRemove(ctx context.Context, id string) error {
	_, err := write(ctx, m, m.unseen, func() (struct{}, error) { return nothing(m.API.ConfigRemove(ctx, id)) })
	return err
}

func (m *manager) SecretList(ctx context.Context, o api.SecretListOptions) ([]api.Secret, error) {
	return read(ctx, m, func() ([]api.Secret, error) { return m.API.SecretList(ctx, o) })
}
