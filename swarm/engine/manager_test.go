package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
)

// fault is what goes wrong with one request.
type fault string

const (
	none     fault = ""
	eof      fault = "eof"       // the connection is closed before the request is carried out
	lost     fault = "lost"      // it is closed after that
	reset    fault = "reset"     // it is reset before
	hang     fault = "hang"      // no answer at all
	hangMade fault = "hang-made" // carried out, and then no answer
	noLeader fault = "no-leader"
	refused  fault = "refused" // nobody listens
	worker   fault = "worker"  // the engine is no manager
	broke    fault = "broke"   // 500
)

// manager is an engine behind HTTP that holds at most one service. It runs in a bubble: its
// connections are pipes.
type manager struct {
	t       *testing.T
	fault   func(request int) fault
	mu      sync.Mutex
	service *api.Service
	index   uint64
	made    []string // writes that were carried out
	asked   int
	reset   atomic.Bool // what is closed now is reset
	conns   chan net.Conn
	closed  sync.Once
}

func newManager(t *testing.T, fault func(int) fault) (*manager, API) {
	m := &manager{t: t, fault: fault, conns: make(chan net.Conn)}
	server := httptest.NewUnstartedServer(m)
	server.Listener.Close()
	server.Listener = m
	server.Start()
	t.Cleanup(server.Close)
	c, err := client.NewClientWithOpts(client.WithHost("tcp://manager:2375"), client.WithVersion("1.51"), client.WithDialContext(m.dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return m, c
}

func (m *manager) Accept() (net.Conn, error) {
	conn, ok := <-m.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (m *manager) Close() error { m.closed.Do(func() { close(m.conns) }); return nil }

func (m *manager) Addr() net.Addr { return &net.TCPAddr{} }

func (m *manager) dial(context.Context, string, string) (net.Conn, error) {
	m.mu.Lock()
	f := m.fault(m.asked + 1)
	if f == refused {
		m.asked++
	}
	m.mu.Unlock()
	if f == refused {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	here, there := net.Pipe()
	m.conns <- there
	return &pipe{here, m}, nil
}

type pipe struct {
	net.Conn
	m *manager
}

func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if err != nil && p.m.reset.Swap(false) {
		err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	body, err := io.ReadAll(r.Body) // else nobody notices that the client is gone
	if err != nil {
		m.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m.mu.Lock()
	m.asked++
	f := m.fault(m.asked)
	m.mu.Unlock()
	closed := func() {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			m.t.Error(err)
			return
		}
		conn.Close()
	}
	switch f {
	case eof:
		closed()
	case reset:
		m.reset.Store(true)
		closed()
	case hang:
		<-r.Context().Done()
	case noLeader:
		answer(w, http.StatusInternalServerError, "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online.")
	case broke:
		answer(w, http.StatusInternalServerError, "something broke")
	case worker:
		answer(w, http.StatusServiceUnavailable, "This node is not a swarm manager. Use \"docker swarm init\"")
	case lost:
		m.carryOut(httptest.NewRecorder(), r)
		closed()
	case hangMade:
		m.carryOut(httptest.NewRecorder(), r)
		<-r.Context().Done()
	default:
		m.carryOut(w, r)
	}
}

func answer(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{%q: %q}", "message", message)
}

// carryOut does what a manager does with the requests of these tests.
func (m *manager) carryOut(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1.51")
	out := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			m.t.Error(err)
		}
	}
	var spec api.ServiceSpec
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&spec); err != nil {
			m.t.Error(err)
		}
	}
	made := func(what string) { m.made = append(m.made, what); m.index++ }
	switch {
	case path == "/nodes":
		out([]api.Node{{ID: "n1"}})
	case path == "/services" && m.service == nil:
		out([]api.Service{})
	case path == "/services":
		out([]api.Service{*m.service})
	case path == "/services/create" && m.service != nil:
		answer(w, http.StatusConflict, "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service web already exists")
	case path == "/services/create":
		made("create")
		m.service = &api.Service{ID: "web-id", Meta: api.Meta{Version: api.Version{Index: m.index}}, Spec: spec}
		w.WriteHeader(http.StatusCreated)
		out(api.ServiceCreateResponse{ID: "web-id"})
	case m.service == nil:
		answer(w, http.StatusNotFound, "service web-id not found")
	case path == "/services/web-id/update" && r.URL.Query().Get("version") != fmt.Sprint(m.service.Version.Index):
		answer(w, http.StatusInternalServerError, "rpc error: code = Unknown desc = update out of sequence")
	case path == "/services/web-id/update":
		made("update")
		m.service.Spec, m.service.Version.Index = spec, m.index
		out(api.ServiceUpdateResponse{})
	case path == "/services/web-id" && r.Method == http.MethodDelete:
		made("remove")
		m.service = nil
	case path == "/services/web-id/logs":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		time.Sleep(10 * time.Minute)
		fmt.Fprint(w, "late")
	default:
		out(m.service)
	}
}
