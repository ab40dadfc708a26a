package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
)

// write tries a write until it is answered. A repeat may find that a try before it was carried out,
// and only its answer was lost: made looks for that, given how the repeat was refused, and returns
// what the lost answer would have been.
func write[T any](ctx context.Context, s *Steady, try func(context.Context) (T, error), made func(error) (T, bool)) (T, error) {
	doubt, unsure := false, false
	got, err := again(ctx, s, func() (T, error) {
		var none T
		if ctx.Err() != nil {
			return none, context.Cause(ctx)
		}
		if fence := s.fence.Load(); fence != nil && s.fenced {
			if err := (*fence)(); err != nil {
				return none, err
			}
		}
		got, err := within(context.WithoutCancel(ctx), s.tryTime(), try)
		if err == nil {
			return got, nil
		}
		if doubt {
			if lost, ok := made(err); ok {
				return lost, nil
			}
		}
		doubt = doubt || s.passes(err)
		unsure = unsure || lostAnswer(err)
		return none, err
	})
	if err != nil && unsure {
		err = &DoubtError{err}
	}
	return got, err
}

// DoubtError is the error of a write that may have been carried out: an answer was lost, and no
// later try could tell.
type DoubtError struct{ Err error }

func (e *DoubtError) Error() string { return e.Err.Error() }

func (e *DoubtError) Unwrap() error { return e.Err }

// update repeats a write to an object: it carries the version that was read, so it is carried out
// once at most. has says whether the object is as it was to be.
func update[T any](ctx context.Context, s *Steady, try func(context.Context) (T, error), has func() bool) (T, error) {
	return write(ctx, s, try, func(err error) (none T, made bool) { return none, OutOfSequence(err) && has() })
}

// remove repeats a removal: ids are never used again, so what is not there is removed.
func remove(ctx context.Context, s *Steady, try func(context.Context) error) error {
	_, err := write(ctx, s, func(ctx context.Context) (struct{}, error) { return struct{}{}, try(ctx) },
		func(err error) (none struct{}, made bool) { return none, NotFound(err) })
	return err
}

// create repeats a creation: names are unique, so it is carried out once at most. find returns the
// id of an object with the name and all that was asked for, empty for none.
func create[T any](ctx context.Context, s *Steady, try func(context.Context) (T, error), find func() string, answer func(id string) T) (T, error) {
	return write(ctx, s, try, func(err error) (none T, made bool) {
		if !Taken(err) {
			return none, false
		}
		id := find()
		return answer(id), id != ""
	})
}

// same says whether what the manager holds is what was written to it.
func same(a, b any) bool {
	x, xerr := json.Marshal(a)
	y, yerr := json.Marshal(b)
	return xerr == nil && yerr == nil && bytes.Equal(x, y)
}

func named(name string) filters.Args { return filters.NewArgs(filters.Arg("name", name)) }

// ServiceCreate is that of API.
func (s *Steady) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	return create(ctx, s, func(ctx context.Context) (api.ServiceCreateResponse, error) { return s.API.ServiceCreate(ctx, spec, o) },
		func() string {
			list, _ := s.ServiceList(ctx, api.ServiceListOptions{Filters: named(spec.Name)})
			for _, svc := range list {
				if svc.Spec.Name == spec.Name && maps.Equal(svc.Spec.Labels, spec.Labels) && svc.PreviousSpec == nil {
					return svc.ID
				}
			}
			return ""
		}, func(id string) api.ServiceCreateResponse { return api.ServiceCreateResponse{ID: id} })
}

// ServiceUpdate is that of API.
func (s *Steady) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return update(ctx, s, func(ctx context.Context) (api.ServiceUpdateResponse, error) {
		return s.API.ServiceUpdate(ctx, id, v, spec, o)
	},
		func() bool {
			now, _, err := s.ServiceInspectWithRaw(ctx, id, api.ServiceInspectOptions{})
			return err == nil && same(now.Spec, spec)
		})
}

// ServiceRemove is that of API.
func (s *Steady) ServiceRemove(ctx context.Context, id string) error {
	return remove(ctx, s, func(ctx context.Context) error { return s.API.ServiceRemove(ctx, id) })
}

// NetworkCreate is that of API.
func (s *Steady) NetworkCreate(ctx context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	return create(ctx, s, func(ctx context.Context) (network.CreateResponse, error) { return s.API.NetworkCreate(ctx, name, o) },
		func() string {
			list, _ := s.NetworkList(ctx, network.ListOptions{Filters: named(name)})
			for _, n := range list {
				if n.Name == name && n.Scope == "swarm" && maps.Equal(n.Labels, o.Labels) {
					return n.ID
				}
			}
			return ""
		}, func(id string) network.CreateResponse { return network.CreateResponse{ID: id} })
}

// NetworkRemove is that of API.
func (s *Steady) NetworkRemove(ctx context.Context, id string) error {
	return remove(ctx, s, func(ctx context.Context) error { return s.API.NetworkRemove(ctx, id) })
}

// ConfigCreate is that of API.
func (s *Steady) ConfigCreate(ctx context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return create(ctx, s, func(ctx context.Context) (api.ConfigCreateResponse, error) { return s.API.ConfigCreate(ctx, spec) },
		func() string {
			list, _ := s.ConfigList(ctx, api.ConfigListOptions{Filters: named(spec.Name)})
			for _, c := range list {
				if c.Spec.Name == spec.Name && maps.Equal(c.Spec.Labels, spec.Labels) && bytes.Equal(c.Spec.Data, spec.Data) {
					return c.ID
				}
			}
			return ""
		}, func(id string) api.ConfigCreateResponse { return api.ConfigCreateResponse{ID: id} })
}

// ConfigUpdate is that of API.
func (s *Steady) ConfigUpdate(ctx context.Context, id string, v api.Version, spec api.ConfigSpec) error {
	_, err := update(ctx, s, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.API.ConfigUpdate(ctx, id, v, spec)
	}, func() bool {
		list, _ := s.ConfigList(ctx, api.ConfigListOptions{Filters: filters.NewArgs(filters.Arg("id", id))})
		for _, c := range list {
			if c.ID == id {
				return maps.Equal(c.Spec.Labels, spec.Labels) // all that can change
			}
		}
		return false
	})
	return err
}

// ConfigRemove is that of API.
func (s *Steady) ConfigRemove(ctx context.Context, id string) error {
	return remove(ctx, s, func(ctx context.Context) error { return s.API.ConfigRemove(ctx, id) })
}

// SecretCreate is that of API.
func (s *Steady) SecretCreate(ctx context.Context, spec api.SecretSpec) (api.SecretCreateResponse, error) {
	return create(ctx, s, func(ctx context.Context) (api.SecretCreateResponse, error) { return s.API.SecretCreate(ctx, spec) },
		func() string {
			list, _ := s.SecretList(ctx, api.SecretListOptions{Filters: named(spec.Name)})
			for _, x := range list {
				if x.Spec.Name == spec.Name && maps.Equal(x.Spec.Labels, spec.Labels) { // its data cannot be read
					return x.ID
				}
			}
			return ""
		}, func(id string) api.SecretCreateResponse { return api.SecretCreateResponse{ID: id} })
}

// SecretUpdate is that of API.
func (s *Steady) SecretUpdate(ctx context.Context, id string, v api.Version, spec api.SecretSpec) error {
	_, err := update(ctx, s, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.API.SecretUpdate(ctx, id, v, spec)
	}, func() bool {
		list, _ := s.SecretList(ctx, api.SecretListOptions{Filters: filters.NewArgs(filters.Arg("id", id))})
		for _, x := range list {
			if x.ID == id {
				return maps.Equal(x.Spec.Labels, spec.Labels) // all that can change
			}
		}
		return false
	})
	return err
}

// SecretRemove is that of API.
func (s *Steady) SecretRemove(ctx context.Context, id string) error {
	return remove(ctx, s, func(ctx context.Context) error { return s.API.SecretRemove(ctx, id) })
}
