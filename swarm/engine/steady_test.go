package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
)

// first gives these faults to the first requests.
func first(faults ...fault) func(int) fault {
	return func(n int) fault {
		if n <= len(faults) {
			return faults[n-1]
		}
		return none
	}
}

// during gives a fault to each request but the first ones, while a time lasts.
func during(f fault, after int, most time.Duration) func(int) fault {
	began := time.Now()
	return func(n int) fault {
		if n > after && time.Since(began) < most {
			return f
		}
		return none
	}
}

const (
	wayOut = ": see `docker node ls`, and run the command again once it answers"
	ever   = 24 * time.Hour
)

// A read is tried again until it is answered, for a minute at most.
func TestReadsAreSteady(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fault    func() func(int) fault
		before   bool          // the manager has answered before
		want     string        // of the error
		min, max time.Duration // it takes
		told     string
	}{
		{"no fault", func() func(int) fault { return first() }, false, "", 0, 0, ""},
		{"connection closed", func() func(int) fault { return first(eof) }, false, "", time.Millisecond, time.Second, ""},
		{"connection reset", func() func(int) fault { return first(reset, reset) }, false, "", time.Millisecond, 2 * time.Second, ""},
		{"no leader for 30 s", func() func(int) fault { return during(noLeader, 0, 30*time.Second) }, false, "", 30 * time.Second, 37 * time.Second,
			"Error response from daemon: rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online.; over"},
		{"500 for ever", func() func(int) fault { return during(broke, 0, ever) }, false, "no answer from the manager for X: Error response from daemon: something broke" + wayOut,
			50 * time.Second, time.Minute, "Error response from daemon: something broke"},
		{"no answer once", func() func(int) fault { return first(hang) }, false, "", 30 * time.Second, 31 * time.Second, "the manager did not answer within 30s; over"},
		{"no answer", func() func(int) fault { return during(hang, 0, ever) }, false, "no answer from the manager for X: the manager did not answer within 30s" + wayOut,
			time.Minute, 61 * time.Second, "the manager did not answer within 30s"},
		{"no engine", func() func(int) fault { return during(refused, 0, ever) }, false, "Cannot connect to the Docker daemon at tcp://manager:2375. Is the docker daemon running?", 0, 0, ""},
		{"an engine that is started again", func() func(int) fault { return during(refused, 1, 20*time.Second) }, true, "", 20 * time.Second, 27 * time.Second,
			"Cannot connect to the Docker daemon at tcp://manager:2375. Is the docker daemon running?; over"},
		{"no manager", func() func(int) fault { return during(worker, 0, ever) }, false, "Error response from daemon: This node is not a swarm manager. Use \"docker swarm init\"", 0, 0, ""},
		{"a manager that is just starting", func() func(int) fault { return first(none, worker) }, true, "", time.Millisecond, time.Second, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, e := newManager(t, tc.fault())
				var told []string
				s := NewSteady(e, func(err error) {
					if err == nil {
						err = errors.New("over")
					}
					told = append(told, err.Error())
				})
				if tc.before {
					if _, err := s.NodeList(t.Context(), api.NodeListOptions{}); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				nodes, err := s.NodeList(t.Context(), api.NodeListOptions{})
				took := time.Since(began)
				if got := text(err, took); got != tc.want || (len(nodes) == 1) != (err == nil) {
					t.Errorf("%v, error %q; want %q", nodes, got, tc.want)
				}
				if took < tc.min || took > tc.max {
					t.Errorf("it took %s, want %s to %s", took, tc.min, tc.max)
				}
				if got := strings.Join(told, "; "); got != tc.told {
					t.Errorf("told %q, want %q", got, tc.told)
				}
			})
		})
	}
}

// text is an error with X for how long it took.
func text(err error, took time.Duration) string {
	if err == nil {
		return ""
	}
	return strings.Replace(err.Error(), took.Round(time.Second).String()+":", "X:", 1)
}

// A write is carried out once, whatever becomes of its answer.
func TestWritesAreCarriedOutOnce(t *testing.T) {
	spec := func(v string) (s api.ServiceSpec) {
		s.Name, s.Labels = "web", map[string]string{"v": v}
		return s
	}
	writes := []struct {
		name  string
		there bool // the service, before
		write func(ctx context.Context, s *Steady) error
		want  string // the service's label, after
	}{
		{"create", false, func(ctx context.Context, s *Steady) error {
			r, err := s.ServiceCreate(ctx, spec("2"), api.ServiceCreateOptions{})
			if err == nil && r.ID != "web-id" {
				err = fmt.Errorf("the id is %q", r.ID)
			}
			return err
		}, "2"},
		{"update", true, func(ctx context.Context, s *Steady) error {
			_, err := s.ServiceUpdate(ctx, "web-id", api.Version{Index: 7}, spec("2"), api.ServiceUpdateOptions{})
			return err
		}, "2"},
		{"remove", true, func(ctx context.Context, s *Steady) error { return s.ServiceRemove(ctx, "web-id") }, ""},
	}
	for _, faults := range [][]fault{{}, {eof}, {lost}, {reset}, {noLeader, noLeader}, {hang}, {hangMade}, {eof, lost}, {lost, noLeader, eof}} {
		for _, w := range writes {
			t.Run(fmt.Sprintf("%s/%v", w.name, faults), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, e := newManager(t, first(faults...))
					if w.there {
						m.service, m.index = &api.Service{ID: "web-id", Meta: api.Meta{Version: api.Version{Index: 7}}, Spec: spec("1")}, 7
					}
					if err := w.write(t.Context(), NewSteady(e, func(error) {})); err != nil {
						t.Fatal(err)
					}
					got := ""
					if m.service != nil {
						got = m.service.Spec.Labels["v"]
					}
					if got != w.want || strings.Join(m.made, " ") != w.name {
						t.Errorf("the service is %q, writes %v; want %q, and one %s", got, m.made, w.want, w.name)
					}
				})
			})
		}
	}
}

// What another writer did meanwhile is not taken for ours, and is not written over.
func TestWritesOfOthersAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *manager
		m, e := newManager(t, func(n int) fault {
			if n == 1 { // while our first try is lost, another writes
				m.service = &api.Service{ID: "web-id", Meta: api.Meta{Version: api.Version{Index: 8}}}
				m.service.Spec.Labels = map[string]string{"v": "theirs"}
				return eof
			}
			return none
		})
		s := NewSteady(e, func(error) {})
		if _, err := s.ServiceUpdate(t.Context(), "web-id", api.Version{Index: 7}, api.ServiceSpec{}, api.ServiceUpdateOptions{}); err == nil || !OutOfSequence(err) {
			t.Errorf("update: %v", err)
		}
		m.asked = 0
		if _, err := s.ServiceCreate(t.Context(), api.ServiceSpec{}, api.ServiceCreateOptions{}); err == nil || !Taken(err) {
			t.Errorf("create: %v", err)
		}
		if len(m.made) > 0 {
			t.Errorf("written: %v", m.made)
		}
	})
}

// A fence holds writes back until it opens, or refuses them; reads pass it.
func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, e := newManager(t, first())
		s := NewSteady(e, func(error) {})
		began, lost := time.Now(), errors.New("lost")
		s.Fence(func() error {
			if time.Since(began) < 20*time.Second {
				return &NotNow{errors.New("old")}
			}
			return nil
		})
		if _, err := s.ServiceCreate(t.Context(), api.ServiceSpec{}, api.ServiceCreateOptions{}); err != nil || time.Since(began) < 20*time.Second {
			t.Errorf("written after %s: %v", time.Since(began), err)
		}
		s.Fence(func() error { return lost })
		if err := s.ServiceRemove(t.Context(), "web-id"); !errors.Is(err, lost) {
			t.Errorf("removed: %v", err)
		}
		if list, err := s.ServiceList(t.Context(), api.ServiceListOptions{}); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		if err := s.Unfenced().ServiceRemove(t.Context(), "web-id"); err != nil {
			t.Error(err)
		}
		if got := strings.Join(m.made, " "); got != "create remove" {
			t.Errorf("written: %s", got)
		}
	})
}

// The start of a stream has a deadline, and is tried again; the stream itself lasts.
func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, e := newManager(t, first(hang, eof))
		m.service = &api.Service{ID: "web-id"}
		began := time.Now()
		logs, err := NewSteady(e, func(error) {}).ServiceLogs(t.Context(), "web-id", container.LogsOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(logs)
		if took := time.Since(began); err != nil || string(text) != "late" || took < 10*time.Minute {
			t.Errorf("%q after %s: %v", text, took, err)
		}
		logs.Close()
	})
}

// Who gives up does not wait for the next try, and is told what was wrong.
func TestGivingUp(t *testing.T) {
	for _, tc := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want string
	}{
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Second)
		},
			"Error response from daemon: something broke"},
		{"cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, 10*time.Second, errors.New("it did not end in time"))
		}, "it did not end in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, e := newManager(t, during(broke, 0, ever))
				ctx, cancel := tc.ctx(t.Context())
				defer cancel()
				began := time.Now()
				_, err := NewSteady(e, func(error) {}).NodeList(ctx, api.NodeListOptions{})
				if err == nil || err.Error() != tc.want || time.Since(began) > 10*time.Second {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		})
	}
}

// A manager that has not answered for a minute is not waited for that long by every call that comes
// after; once it answers, it is again.
func TestOneMinuteInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, e := newManager(t, during(hang, 0, 3*time.Minute))
		s := NewSteady(e, func(error) {})
		for _, want := range []time.Duration{time.Minute, 10 * time.Second, 10 * time.Second} {
			began := time.Now()
			_, err := s.NodeList(t.Context(), api.NodeListOptions{})
			if took := time.Since(began); !errors.As(err, new(*SilentError)) || took < want || took > want+2*time.Second {
				t.Errorf("after %s, want %s: %v", took, want, err)
			}
		}
		time.Sleep(3 * time.Minute)
		if _, err := s.NodeList(t.Context(), api.NodeListOptions{}); err != nil || s.silent.Load() != nil {
			t.Errorf("it answers: %v", err)
		}
	})
}
