package plugin

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// stopping is shown when a command is asked to stop.
var stopping = cluster.Event{
	Step:  "interrupt",
	State: cluster.Warning,
	Text:  "stopping as soon as it is safe; press Ctrl-C again to stop at once",
}

// forced is printed by the second signal.
const forced = `stopped at once: some steps may be half done
Traffic stays on the route that the proxies got last. Run the same command again to go on;
docker bluegreen status --live shows the routes of the proxies.`

// interrupter ends a context on the first SIGINT or SIGTERM and the process on the second.
type interrupter struct {
	out  io.Writer
	exit func(code int)

	mu    sync.Mutex
	force func()
}

func newInterrupter(out io.Writer, exit func(code int)) *interrupter {
	return &interrupter{out: out, exit: exit, force: func() {}}
}

// onForce sets what is done before the process ends at once.
func (i *interrupter) onForce(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.force = f
}

// watch returns a context that the first signal cancels. Signals stay ours until the process ends:
// what they did before, ending the process within a step, must not come back.
//
// Off a terminal the docker CLI cancels the parent instead of passing a signal on. That may come
// along with a signal of the same Ctrl-C, so only signals are counted.
func (i *interrupter) watch(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go i.serve(signals, cancel)
	return ctx
}

func (i *interrupter) serve(signals <-chan os.Signal, cancel context.CancelFunc) {
	<-signals
	cancel()
	<-signals
	i.mu.Lock()
	defer i.mu.Unlock()
	i.force()
	fmt.Fprintln(i.out, forced)
	i.exit(cluster.ExitInterrupted)
}
