package plugin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/cli/cli/streams"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func TestSignals(t *testing.T) {
	var out bytes.Buffer
	exited := make(chan int)
	i := newInterrupter(&out, func(code int) { exited <- code })
	forced := false
	i.onForce(func() { forced = true })
	ctx, cancel := context.WithCancel(t.Context())
	signals := make(chan os.Signal)
	go i.serve(signals, cancel)

	signals <- os.Interrupt
	<-ctx.Done()
	signals <- syscall.SIGTERM
	if code := <-exited; code != cluster.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if !forced {
		t.Error("the renderer was not closed")
	}
	if !strings.HasPrefix(out.String(), "stopped at once:") {
		t.Errorf("printed %q", out.String())
	}
}

func TestInterruptedOperationSaysSo(t *testing.T) {
	h := newHarness()
	parent, cancel := context.WithCancel(t.Context())
	h.op.flip = func(ctx context.Context, _ plan.FlipOptions) error {
		cancel()
		<-ctx.Done()
		return &cluster.InterruptedError{Left: "both colors run"}
	}
	shown := make(chan struct{})
	out := writerFunc(func(p []byte) { close(shown) })
	h.Streams = memoryStreams{h.In(), h.Out(), streams.NewOut(out)}
	err := h.operate(parent, "flip", "shop", func(ctx context.Context, s session) error {
		err := s.Flip(ctx, plan.FlipOptions{})
		<-shown
		return err
	})
	if exitCode(err) != cluster.ExitInterrupted {
		t.Errorf("%v", err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// A file that never comes on stdin must not hold Ctrl-C up.
func TestInterruptedWhileReadingStdin(t *testing.T) {
	h := newHarness()
	r, w := io.Pipe()
	defer w.Close()
	h.Streams = memoryStreams{streams.NewIn(r), h.Out(), h.Err()}
	h.common.files = []string{"-"}
	ctx, cancel := context.WithCancel(t.Context())
	load := h.load
	h.load = func(ctx context.Context, o compose.Options) (*compose.Project, error) {
		cancel()
		return load(ctx, o)
	}
	if err := runUp(ctx, h.app, plan.UpOptions{}, dryRun{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
