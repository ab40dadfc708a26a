// Package breaker stands between a client and an engine, and lets calls of its API go wrong.
package breaker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Fault is what happens to a call.
type Fault string

// The faults. Of a stream, EOFAfter cuts the middle, and of other calls the answer.
const (
	Internal  Fault = "500"
	NoLeader  Fault = "no leader"
	EOFBefore Fault = "EOF before"
	EOFAfter  Fault = "EOF after"
	Hang      Fault = "hang"
	Conflict  Fault = "conflict"
	Killed    Fault = "killed after"
)

// Faults are all of them.
var Faults = []Fault{Internal, NoLeader, EOFBefore, EOFAfter, Hang, Conflict, Killed}

// What engines answer.
const (
	outOfSequence = "rpc error: code = Unknown desc = update out of sequence"
	noLeader      = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. " +
		"Make sure more than half of the managers are online."
	internal = "rpc error: code = Unknown desc = disk I/O error"
)

// Breaker is an engine's API on a port of its own.
type Breaker struct {
	server *httptest.Server
	engine *httputil.ReverseProxy
	closed chan struct{}

	mu    sync.Mutex
	armed *Armed
	calls []string
	until time.Time // no leader
}

// Armed is a fault that waits for its call.
type Armed struct {
	Fault Fault
	// Nth is the number of the call from now on, of those that it can happen to: 1 is the next.
	Nth int
	// Lasts is how long there is no leader.
	Lasts time.Duration
	// Kill ends the client, once the call was carried out.
	Kill func()

	hit string
}

// New returns the API of the engine that listens on a unix socket.
func New(socket string) *Breaker {
	b := &Breaker{closed: make(chan struct{})}
	b.engine = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	b.engine.FlushInterval = -1 // events come as they happen
	b.engine.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	b.engine.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	b.server = httptest.NewUnstartedServer(b)
	b.server.Config.ErrorLog = nil
	b.server.Start()
	return b
}

// Host is its address as a value of DOCKER_HOST.
func (b *Breaker) Host() string { return "tcp://" + b.server.Listener.Addr().String() }

// Cut cuts all connections, as they are now: the next ones work.
func (b *Breaker) Cut() { b.server.CloseClientConnections() }

// Close ends all calls.
func (b *Breaker) Close() {
	close(b.closed)
	b.server.CloseClientConnections()
	b.server.Close()
}

// Arm lets a fault happen; nil for none. Calls are counted anew.
func (b *Breaker) Arm(a *Armed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed, b.calls, b.until = a, nil, time.Time{}
}

// Calls are those since Arm.
func (b *Breaker) Calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// Hit is the call that the armed fault happened to, empty for none.
func (b *Breaker) Hit() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.armed == nil {
		return ""
	}
	return b.armed.hit
}

var (
	ofSwarm = regexp.MustCompile(`^(/v[0-9.]+)?/(services|tasks|nodes|configs|secrets|networks|swarm)\b`)
	stream  = regexp.MustCompile(`/(events|logs)$`)
)

// Befalls says whether a fault can happen to a call, which is its method and path.
func (f Fault) Befalls(call string) bool {
	method, path, _ := strings.Cut(call, " ")
	switch f {
	case Conflict:
		return method == http.MethodPost && strings.HasSuffix(path, "/update")
	case EOFAfter:
		return method != http.MethodGet || stream.MatchString(path)
	}
	return true
}

// none is no fault.
var none = &Armed{}

// strikes counts a call, and says which fault happens to it.
func (b *Breaker) strikes(call, path string) *Armed {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasSuffix(path, "/_ping") {
		return none
	}
	b.calls = append(b.calls, call)
	if ofSwarm.MatchString(path) && time.Now().Before(b.until) {
		return b.armed
	}
	if b.armed == nil || !b.armed.Fault.Befalls(call) {
		return none
	}
	if b.armed.Nth--; b.armed.Nth != 0 {
		return none
	}
	b.armed.hit = call
	if b.armed.Fault == NoLeader {
		b.until = time.Now().Add(b.armed.Lasts)
	}
	return b.armed
}

// ServeHTTP passes a call on, unless a fault happens to it.
func (b *Breaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch a := b.strikes(r.Method+" "+r.URL.Path, r.URL.Path); a.Fault {
	case Internal:
		fail(w, internal)
	case Conflict:
		fail(w, outOfSequence)
	case NoLeader:
		fail(w, noLeader)
	case EOFBefore:
		panic(http.ErrAbortHandler)
	case EOFAfter:
		if stream.MatchString(r.URL.Path) {
			b.engine.ServeHTTP(&cut{ResponseWriter: w}, r)
			return
		}
		b.engine.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Hang:
		_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the client goes
		select {
		case <-r.Context().Done():
		case <-b.closed:
		}
		panic(http.ErrAbortHandler)
	case Killed:
		if !stream.MatchString(r.URL.Path) {
			b.engine.ServeHTTP(httptest.NewRecorder(), r)
		}
		a.Kill()
		panic(http.ErrAbortHandler)
	default:
		b.engine.ServeHTTP(w, r)
	}
}

func fail(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// cut passes the beginning of a stream on.
type cut struct {
	http.ResponseWriter
	done bool
}

func (c *cut) Write(p []byte) (int, error) {
	if c.done {
		return 0, errors.New("cut")
	}
	c.done = true
	n, err := c.ResponseWriter.Write(p[:min(len(p), 12)])
	return n, errors.Join(err, http.NewResponseController(c.ResponseWriter).Flush())
}

// Unwrap is for http.ResponseController.
func (c *cut) Unwrap() http.ResponseWriter { return c.ResponseWriter }
