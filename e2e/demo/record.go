//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// The terminal that is recorded.
const (
	columns = 100
	rows    = 13
)

// Typing and reading take their time, so that a person can follow. What commands do is as it was.
const (
	keystroke = 35 * time.Millisecond
	reading   = 2 * time.Second
)

// recording is a terminal whose output is written down in the format of asciinema,
// https://docs.asciinema.org/manual/asciicast/v2. A marker says what traffic has come to: a JSON
// object with the answers of each version, and those that failed.
type recording struct {
	mu    sync.Mutex
	began time.Time
	out   *bufio.Writer
	err   error // the first of the writes
}

func newRecording(w io.Writer) *recording {
	r := &recording{began: time.Now(), out: bufio.NewWriter(w)}
	r.line(map[string]any{"version": 2, "width": columns, "height": rows, "title": "examples/hello"})
	return r
}

func (r *recording) line(v any) {
	b, err := json.Marshal(v)
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err2 := r.out.Write(append(b, '\n'))
	r.err = errors.Join(r.err, err, err2)
}

func (r *recording) event(kind, text string) {
	r.line([]any{float64(time.Since(r.began).Milliseconds()) / 1000, kind, text})
}

// Write takes what a terminal shows.
func (r *recording) Write(b []byte) (int, error) {
	r.event("o", string(b))
	return len(b), nil
}

// typed shows a line as a person types it.
func (r *recording) typed(ctx context.Context, line string) error {
	r.event("o", "\x1b[1m$\x1b[0m ")
	for _, c := range line + "\r\n" {
		if err := pause(ctx, keystroke); err != nil {
			return err
		}
		r.event("o", string(c))
	}
	return nil
}

// run records a command on a terminal of its own.
func (r *recording) run(ctx context.Context, cmd *exec.Cmd) error {
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: rows, Cols: columns})
	if err != nil {
		return err
	}
	defer terminal.Close()
	_, _ = io.Copy(r, terminal) // it ends with EIO, when the command has ended
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return context.Cause(ctx)
}

// traffic marks what a load has come to, ten times a second, until ctx is done.
func (r *recording) traffic(ctx context.Context, l *load.Load) {
	began := time.Now()
	for pause(ctx, 100*time.Millisecond) == nil {
		st := l.Since(began)
		counts := map[string]int{"failed": st.Failed}
		for v, n := range st.Versions {
			counts[v] = n
		}
		b, err := json.Marshal(counts)
		if err == nil {
			r.event("m", string(b))
		}
	}
}

func (r *recording) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, r.out.Flush())
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// hello plays examples/hello as the quick start has it, from its second release on. It writes the
// recording into a file at the end, if no request failed.
func hello(file string) scene {
	return scene{
		stack: "hello", file: "examples/hello/compose.yaml", images: []string{"nginx:1.22", "nginx:1.26"}, port: 80,
		play: func(ctx context.Context, s *screen, sh *shell, target string) error {
			if _, err := sh.run(ctx, "1.22", "up"); err != nil {
				return err
			}
			l := load.Start(ctx, load.Options{Targets: []string{target}, Workers: workers, Rate: rate, Rest: rest, KeepAlive: 0.5, Timeout: slowest, Version: "Server"})
			defer l.Stop()
			if _, err := l.AwaitRequests(ctx, enough); err != nil {
				return err
			}
			var text bytes.Buffer
			r := newRecording(&text)
			err := r.play(ctx, sh, l)
			if err := errors.Join(err, r.close()); err != nil {
				return err
			}
			st := l.Stop()
			s.say("%s", st)
			if st.Failed > 0 {
				return fmt.Errorf("%d requests failed", st.Failed)
			}
			return os.WriteFile(file, text.Bytes(), 0o644)
		},
	}
}

// play records the commands under traffic.
func (r *recording) play(ctx context.Context, sh *shell, l *load.Load) error {
	counting, stop := context.WithCancel(ctx)
	var counter sync.WaitGroup
	counter.Go(func() { r.traffic(counting, l) })
	defer counter.Wait()
	defer stop()
	for _, c := range []struct {
		typed, version string
		args           []string
	}{
		{"V=1.26 docker bluegreen up", "1.26", []string{"up"}},
		{"docker bluegreen rollback", "", []string{"rollback"}},
	} {
		if err := errors.Join(pause(ctx, reading/2), r.typed(ctx, c.typed)); err != nil {
			return err
		}
		sh.screen.say("$ %s", c.typed)
		if err := r.run(ctx, sh.command(ctx, c.version, c.args...)); err != nil {
			return err
		}
		if err := pause(ctx, reading); err != nil {
			return err
		}
	}
	return nil
}
