package breaker

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
)

// engine is a server on a unix socket that keeps which calls reached it.
type engine struct {
	mu    sync.Mutex
	calls []string
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
		w.Header().Set("Api-Version", "1.51")
		return
	case strings.HasSuffix(path, "/logs"):
		fmt.Fprint(w, strings.Repeat("a line of output\n", 10))
	case r.Method == http.MethodGet:
		fmt.Fprint(w, "[]")
	default:
		fmt.Fprint(w, "{}")
	}
	e.calls = append(e.calls, r.Method+" "+path)
}

func (e *engine) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := e.calls
	e.calls = nil
	return calls
}

func start(t *testing.T) (*engine, *Breaker, *client.Client) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: e}}
	server.Start()
	t.Cleanup(server.Close)
	b := New(socket)
	t.Cleanup(b.Close)
	c, err := client.NewClientWithOpts(client.WithHost(b.Host()), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return e, b, c
}

// Each fault is what a client gets, and what reaches the engine.
func TestFaults(t *testing.T) {
	const remove, update = "DELETE configs/x", "POST configs/x/update"
	for _, tc := range []struct {
		fault   Fault
		errs    []string // of a removal, an update and another update
		reached []string
	}{
		{Internal, []string{"disk I/O error", "", ""}, []string{update, update}},
		{NoLeader, []string{"does not have a leader", "does not have a leader", "does not have a leader"}, nil},
		{EOFBefore, []string{"EOF", "", ""}, []string{update, update}},
		{EOFAfter, []string{"EOF", "", ""}, []string{remove, update, update}},
		{Hang, []string{"context deadline exceeded", "", ""}, []string{update, update}},
		{Conflict, []string{"", "update out of sequence", ""}, []string{remove, update}},
		{Killed, []string{"EOF", "", ""}, []string{remove, update, update}},
		{"", []string{"", "", ""}, []string{remove, update, update}},
	} {
		t.Run(string(tc.fault), func(t *testing.T) {
			e, b, c := start(t)
			killed := 0
			if tc.fault != "" {
				b.Arm(&Armed{Fault: tc.fault, Nth: 1, Lasts: time.Minute, Kill: func() { killed++ }})
			}
			for i, do := range []func(context.Context) error{
				func(ctx context.Context) error { return c.ConfigRemove(ctx, "x") },
				func(ctx context.Context) error { return c.ConfigUpdate(ctx, "x", swarm.Version{}, swarm.ConfigSpec{}) },
				func(ctx context.Context) error { return c.ConfigUpdate(ctx, "x", swarm.Version{}, swarm.ConfigSpec{}) },
			} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err := do(ctx)
				cancel()
				if want := tc.errs[i]; (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("call %d: error %v, want %q", i, err, want)
				}
			}
			if got := e.take(); !slices.Equal(got, tc.reached) {
				t.Errorf("the engine got %v, want %v", got, tc.reached)
			}
			if got := len(b.Calls()); tc.fault != "" && got != 3 {
				t.Errorf("%d calls were counted", got)
			}
			if (tc.fault != "") != (b.Hit() != "") || (killed == 1) != (tc.fault == Killed) {
				t.Errorf("it hit %q, and killed %d times", b.Hit(), killed)
			}
		})
	}
}

// The fault happens to the nth call that it can happen to, and to no other.
func TestNth(t *testing.T) {
	e, b, c := start(t)
	b.Arm(&Armed{Fault: Conflict, Nth: 2})
	for i := range 3 {
		_ = c.ConfigRemove(t.Context(), "x")
		err := c.ConfigUpdate(t.Context(), "x", swarm.Version{}, swarm.ConfigSpec{})
		if (err != nil) != (i == 1) {
			t.Errorf("update %d: %v", i, err)
		}
	}
	if got := len(e.take()); got != 5 {
		t.Errorf("%d calls reached the engine, want 5", got)
	}
}

// A stream is passed on as a whole, and with EOFAfter its beginning.
func TestStream(t *testing.T) {
	for _, tc := range []struct {
		armed *Armed
		whole bool
	}{{nil, true}, {&Armed{Fault: EOFAfter, Nth: 1}, false}} {
		t.Run(fmt.Sprint(tc.whole), func(t *testing.T) {
			_, b, c := start(t)
			b.Arm(tc.armed)
			logs, err := c.ServiceLogs(t.Context(), "x", container.LogsOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer logs.Close()
			text, err := io.ReadAll(logs)
			if whole := len(text) == 170 && err == nil; whole != tc.whole || len(text) == 0 {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		})
	}
}
