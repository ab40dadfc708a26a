package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/swarm"
)

// call is a call of the API; a write has the name of its object, or its id.
type call struct{ name, object string }

func (c *call) String() string { return strings.TrimSpace(c.name + " " + c.object) }

func (c *call) write() bool { return c.object != "" }

func (c *call) update() bool { return c.write() && strings.HasSuffix(c.name, "Update") }

// answers says whether something can still go wrong once the call is carried out.
func (c *call) answers() bool { return c.write() || c.name == "ServiceLogs" }

// fault is what happens to one call of a command.
type fault struct {
	name string
	// befalls says which calls it may happen to; nil for all.
	befalls func(*call) bool
	// strikes is what happens instead of the call, which carryOut is.
	strikes func(ctx context.Context, h *happening, carryOut func() error) error
}

// What managers and clients answer.
var (
	errInternal = fmt.Errorf("%w: Error response from daemon: rpc error: code = Unknown desc = disk I/O error", cerrdefs.ErrInternal)
	errNoLeader = fmt.Errorf("%w: Error response from daemon: rpc error: code = Unknown desc = The swarm does not have a leader. "+
		"It's possible that too few managers are online. Make sure more than half of the managers are online.", cerrdefs.ErrInternal)
	errSequence = fmt.Errorf("%w: Error response from daemon: rpc error: code = Unknown desc = update out of sequence", cerrdefs.ErrInternal)
	// errGateway is from between the client and the manager. It is not tried again, as errRefused.
	errGateway = errors.New("Error response from daemon: Bad Gateway")
	errKilled  = errors.New("this process is dead")
)

// longOutage is longer than any call is tried again.
const longOutage = 5 * time.Minute

// faults are all that happens to calls. What fails in passing is tried again: so there are those
// that last longer, too.
var faults = []fault{
	{"500", nil, func(context.Context, *happening, func() error) error { return errInternal }},
	{"refused three times", (*call).write, func(_ context.Context, h *happening, _ func() error) error {
		h.more.Store(2) // as often as labels are tried to be written
		return errRefused
	}},
	{"refused", func(c *call) bool { return !c.write() }, func(context.Context, *happening, func() error) error { return errRefused }},
	{"502 after", (*call).write, func(_ context.Context, h *happening, carryOut func() error) error {
		return h.answerless(carryOut, errGateway)
	}},
	{"no leader for 30 s", nil, func(_ context.Context, h *happening, _ func() error) error {
		return h.elects(30 * time.Second)
	}},
	{"no leader for long", nil, func(_ context.Context, h *happening, _ func() error) error {
		return h.elects(longOutage)
	}},
	{"EOF before", nil, func(context.Context, *happening, func() error) error { return errLost }},
	{"EOF after", (*call).answers, func(_ context.Context, h *happening, carryOut func() error) error {
		return h.answerless(carryOut, errLost)
	}},
	{"EOF after, and no answer for long", (*call).write, func(_ context.Context, h *happening, carryOut func() error) error {
		return errors.Join(carryOut(), h.from(errLost, longOutage))
	}},
	{"hang before", nil, func(ctx context.Context, _ *happening, _ func() error) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}},
	{"hang after", (*call).answers, func(ctx context.Context, h *happening, carryOut func() error) error {
		if h.hit.Load().write() {
			defer func() { <-ctx.Done() }()
		}
		return h.answerless(carryOut, context.DeadlineExceeded)
	}},
	{"conflict", (*call).update, func(context.Context, *happening, func() error) error { return errSequence }},
	{"killed after", nil, func(_ context.Context, h *happening, carryOut func() error) error {
		_ = carryOut()
		close(h.killed)
		<-h.over
		return errKilled
	}},
	{"Ctrl-C", nil, func(_ context.Context, h *happening, carryOut func() error) error {
		h.interrupt()
		return carryOut()
	}},
}

// happening is a fault that happens to one call of a command: the nth of those that it befalls.
type happening struct {
	fault
	nth int32
	// interrupt is Ctrl-C.
	interrupt context.CancelFunc
	// setNodes gives all nodes a state.
	setNodes func(api.NodeState)
	// killed is closed when the process of the command dies, over when the test ends.
	killed, over chan struct{}

	count  atomic.Int32
	hit    atomic.Pointer[call]
	outage atomic.Pointer[outage]
	more   atomic.Int32 // writes that are refused
}

// outage is a time in which every call fails.
type outage struct {
	end time.Time
	err error
}

func (h *happening) String() string {
	if c := h.hit.Load(); c != nil {
		return fmt.Sprintf("%s at %s", h.name, c)
	}
	return h.name + " at no call"
}

// from lets all calls fail from now on, for a time.
func (h *happening) from(err error, lasts time.Duration) error {
	h.outage.Store(&outage{time.Now().Add(lasts), err})
	return err
}

// elects lets no manager lead for a time. The nodes report to the next one a while later.
func (h *happening) elects(lasts time.Duration) error {
	h.setNodes(api.NodeStateUnknown)
	time.AfterFunc(lasts+reporting, func() { h.setNodes(api.NodeStateReady) })
	return h.from(errNoLeader, lasts)
}

// reporting is how long a node takes to report to a manager that leads now.
const reporting = 15 * time.Second

// answerless carries a call out whose answer is lost; that of a stream is only cut.
func (h *happening) answerless(carryOut func() error, err error) error {
	if !h.hit.Load().write() {
		return carryOut()
	}
	return errors.Join(carryOut(), err)
}

// to is what becomes of a call.
func (h *happening) to(ctx context.Context, c *call, carryOut func() error) error {
	select {
	case <-h.killed:
		<-h.over
		return errKilled
	default:
	}
	if out := h.outage.Load(); out != nil && time.Now().Before(out.end) {
		return out.err
	}
	if c.write() && h.more.Add(-1) >= 0 {
		return errRefused
	}
	if h.befalls != nil && !h.befalls(c) || h.count.Add(1) != h.nth {
		return carryOut()
	}
	h.hit.Store(c)
	return h.strikes(ctx, h, carryOut)
}

// cut is a stream that gives its first bytes only, and then an error: at once, or when ctx ends.
func (h *happening) cut(ctx context.Context, c *call, whole io.ReadCloser) io.ReadCloser {
	if h.hit.Load() != c || h.name != "EOF after" && h.name != "hang after" {
		return whole
	}
	r, w := io.Pipe()
	go func() {
		defer whole.Close()
		_, err := io.CopyN(w, whole, 12)
		if h.name == "hang after" && err == nil {
			<-ctx.Done()
		}
		w.CloseWithError(errLost)
	}()
	return r
}
