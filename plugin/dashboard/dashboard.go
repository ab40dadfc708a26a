// Package dashboard is a web page for this machine alone: what the stacks hold, and buttons for
// what commands do with traffic.
package dashboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Operator is what the page needs of the operator of a stack.
type Operator interface {
	Stacks(ctx context.Context) (*swarm.Stacks, error)
	Status(ctx context.Context, live bool, services ...string) (*swarm.Status, error)
	History(ctx context.Context, services []string) (*swarm.History, error)
	Promote(ctx context.Context, o plan.FlipOptions) error
	PlanPromote(ctx context.Context, o plan.FlipOptions) (plan.Plan, error)
	Rollback(ctx context.Context, o plan.FlipOptions) error
	PlanRollback(ctx context.Context, o plan.FlipOptions) (plan.Plan, error)
	State(ctx context.Context, command plan.Command, o plan.FlipOptions) error
	PlanState(ctx context.Context, command plan.Command, o plan.FlipOptions) (plan.Plan, error)
}

// Options are what a page is made of. All functions are called from several goroutines.
type Options struct {
	// Stack is the only stack that is shown; empty for all.
	Stack string
	// File is the stack file, nil for none.
	File *File
	// LockTimeout is how long an action waits for another command on the same stack.
	LockTimeout time.Duration
	// Rest and RestLive are how long a look rests before the next one: at the swarm, and at the
	// proxies. To ask these, a job runs on the swarm.
	Rest, RestLive time.Duration
	// Open returns an operator that tells nobody what it does.
	Open func(stack string) Operator
	// Change runs a command that changes a stack, as the command line does, and gives its events to
	// tell.
	Change func(ctx context.Context, command, stack string, tell func(cluster.Event), do func(context.Context, Operator) error) error
	// Outcome is what the command line says of the error of a command, nil included, and its exit
	// code.
	Outcome func(error) (text string, code int)
}

// File is the stack file of the command line.
type File struct {
	// Stack is the stack that it describes.
	Stack string
	// Plan reads the file, and plans what an up would do now. Warnings are about the file.
	Plan func(ctx context.Context) (p plan.Plan, warnings []string, err error)
}

// Server shows the page on an address of this machine.
type Server struct {
	options  Options
	listener net.Listener
	token    string
	once     atomic.Pointer[string] // a code that is good for the token, until it is used
	tries    tries
	now      func() time.Time
	pages    atomic.Int32

	action feed // the last action
	doing  doing

	mu      sync.Mutex
	watched map[string]*watched // by stack; "" looks at all of them
	looking sync.WaitGroup
}

// Listen returns a server on 127.0.0.1 and a port, 0 for any that is free.
func Listen(port int, o Options) (*Server, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("the page cannot be shown on port %d: %w: leave --port out, or give another one", port, err)
	}
	return &Server{options: o, listener: l, token: rand.Text(), now: time.Now, watched: map[string]*watched{}}, nil
}

// URL is the address of the page, with the token that it asks for. The token is in the part that
// browsers send to nobody.
func (s *Server) URL() string { return fmt.Sprintf("http://%s/#token=%s", s.listener.Addr(), s.token) }

// OnceURL is an address that opens the page once: other users of this machine can see what a
// browser is started with.
func (s *Server) OnceURL() string {
	code := rand.Text()
	s.once.Store(&code)
	return fmt.Sprintf("http://%s/#once=%s", s.listener.Addr(), code)
}

// closeTime is how long pages may take to get what came last.
const closeTime = 2 * time.Second

// Serve shows the page until ctx ends, or until it cannot be shown any more. Then an action that is
// under way is canceled, and waited for: its error is returned.
func (s *Server) Serve(ctx context.Context) error {
	looks, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	actions, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler:           s.handler(looks, actions),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute, // no ReadTimeout: it would end streams
		MaxHeaderBytes:    16 << 10,
		ConnContext:       knownConn,
		BaseContext:       func(net.Listener) context.Context { return looks },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	var err error
	select {
	case <-ctx.Done():
		err = s.doing.wait() // its page still shows what comes of it
	case err = <-served:
		cancel()
		err = errors.Join(err, s.doing.wait())
	}
	stop()
	goodbye, over := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer over()
	if server.Shutdown(goodbye) != nil {
		_ = server.Close() // whoever still reads is cut off
	}
	s.looking.Wait()
	return err
}
