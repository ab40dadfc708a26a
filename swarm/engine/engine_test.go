package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
)

// slow is an engine whose writes take a while, and end with their context.
type slow struct {
	API
	takes time.Duration
	calls *[]string
}

func (s slow) write(ctx context.Context, name string) error {
	*s.calls = append(*s.calls, name)
	select {
	case <-time.After(s.takes):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s slow) ServiceCreate(ctx context.Context, _ api.ServiceSpec, _ api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	return api.ServiceCreateResponse{}, s.write(ctx, "ServiceCreate")
}
func (s slow) ServiceUpdate(ctx context.Context, _ string, _ api.Version, _ api.ServiceSpec, _ api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return api.ServiceUpdateResponse{}, s.write(ctx, "ServiceUpdate")
}
func (s slow) ServiceRemove(ctx context.Context, _ string) error {
	return s.write(ctx, "ServiceRemove")
}
func (s slow) NetworkCreate(ctx context.Context, _ string, _ network.CreateOptions) (network.CreateResponse, error) {
	return network.CreateResponse{}, s.write(ctx, "NetworkCreate")
}
func (s slow) NetworkRemove(ctx context.Context, _ string) error {
	return s.write(ctx, "NetworkRemove")
}
func (s slow) ConfigCreate(ctx context.Context, _ api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return api.ConfigCreateResponse{}, s.write(ctx, "ConfigCreate")
}
func (s slow) ConfigUpdate(ctx context.Context, _ string, _ api.Version, _ api.ConfigSpec) error {
	return s.write(ctx, "ConfigUpdate")
}
func (s slow) ConfigRemove(ctx context.Context, _ string) error { return s.write(ctx, "ConfigRemove") }
func (s slow) SecretCreate(ctx context.Context, _ api.SecretSpec) (api.SecretCreateResponse, error) {
	return api.SecretCreateResponse{}, s.write(ctx, "SecretCreate")
}
func (s slow) SecretUpdate(ctx context.Context, _ string, _ api.Version, _ api.SecretSpec) error {
	return s.write(ctx, "SecretUpdate")
}
func (s slow) SecretRemove(ctx context.Context, _ string) error { return s.write(ctx, "SecretRemove") }

// writes are all writes to a swarm.
func writes(e API) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"ServiceCreate": func(ctx context.Context) error {
			_, err := e.ServiceCreate(ctx, api.ServiceSpec{}, api.ServiceCreateOptions{})
			return err
		},
		"ServiceUpdate": func(ctx context.Context) error {
			_, err := e.ServiceUpdate(ctx, "", api.Version{}, api.ServiceSpec{}, api.ServiceUpdateOptions{})
			return err
		},
		"ServiceRemove": func(ctx context.Context) error { return e.ServiceRemove(ctx, "") },
		"NetworkCreate": func(ctx context.Context) error {
			_, err := e.NetworkCreate(ctx, "", network.CreateOptions{})
			return err
		},
		"NetworkRemove": func(ctx context.Context) error { return e.NetworkRemove(ctx, "") },
		"ConfigCreate": func(ctx context.Context) error {
			_, err := e.ConfigCreate(ctx, api.ConfigSpec{})
			return err
		},
		"ConfigUpdate": func(ctx context.Context) error { return e.ConfigUpdate(ctx, "", api.Version{}, api.ConfigSpec{}) },
		"ConfigRemove": func(ctx context.Context) error { return e.ConfigRemove(ctx, "") },
		"SecretCreate": func(ctx context.Context) error {
			_, err := e.SecretCreate(ctx, api.SecretSpec{})
			return err
		},
		"SecretUpdate": func(ctx context.Context) error { return e.SecretUpdate(ctx, "", api.Version{}, api.SecretSpec{}) },
		"SecretRemove": func(ctx context.Context) error { return e.SecretRemove(ctx, "") },
	}
}

// A write that has begun is carried out, whatever is interrupted meanwhile; none begins after that;
// and none lasts for ever.
func TestWholeWrites(t *testing.T) {
	signal := errors.New("signal")
	for _, tc := range []struct {
		name        string
		takes       time.Duration
		interrupted time.Duration // after the begin; negative for before, 0 for not at all
		want        string
		begins      bool
	}{
		{"in time", time.Second, 0, "", true},
		{"interrupted meanwhile", 10 * time.Second, time.Second, "", true},
		{"interrupted before", time.Second, -1, "signal", false},
		{"no answer", time.Hour, 0, "no answer from the manager for X: the manager did not answer within 30s" + wayOut, true},
	} {
		var names []string
		for name := range writes(nil) {
			names = append(names, name)
		}
		for _, name := range names {
			t.Run(tc.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var calls []string
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					switch {
					case tc.interrupted < 0:
						cancel(signal)
					case tc.interrupted > 0:
						time.AfterFunc(tc.interrupted, func() { cancel(signal) })
					}
					began := time.Now()
					err := writes(NewSteady(slow{takes: tc.takes, calls: &calls}, func(error) {}))[name](ctx)
					got := text(err, time.Since(began))
					if got != tc.want || slices.Contains(calls, name) != tc.begins {
						t.Errorf("error %q, calls %v; want %q, and that it begins: %v", got, calls, tc.want, tc.begins)
					}
				})
			})
		}
	}
}

// What errors of the engine mean.
func TestErrors(t *testing.T) {
	plain := errors.New("unexpected EOF")
	if got := ManagerError(plain); got != plain {
		t.Errorf("%v became %v", plain, got)
	}
	if got := ManagerError(errors.New("Error response from daemon: This node is not a swarm manager.")); got != ErrNotManager {
		t.Errorf("a worker's error became %v", got)
	}
	if !OutOfSequence(errors.New("rpc error: code = Unknown desc = update out of sequence")) || OutOfSequence(plain) {
		t.Error("writes that came second are not told from others")
	}
	if !NotFound(cerrdefs.ErrNotFound) || NotFound(plain) || NotFound(nil) {
		t.Error("what is not there is not told from others")
	}
}
