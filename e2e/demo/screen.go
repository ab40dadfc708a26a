//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/moby/term"
)

// screen prints lines, and on a terminal below them one that changes all the time.
type screen struct {
	began time.Time
	tty   bool

	mu   sync.Mutex
	out  io.Writer
	live string // as it stands there
}

func newScreen(out *os.File) *screen {
	return &screen{began: time.Now(), out: out, tty: term.IsTerminal(out.Fd())}
}

// say prints a line with the time since the start.
func (s *screen) say(format string, args ...any) {
	s.print(fmt.Sprintf("%5.1fs  %s", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...)))
}

func (s *screen) print(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live != "" {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	fmt.Fprintln(s.out, line)
	fmt.Fprint(s.out, s.live)
}

// show replaces the live line; empty removes it. Not on a terminal it is a line like others.
func (s *screen) show(line string) {
	if !s.tty {
		if line != "" {
			s.print(line)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = line
	fmt.Fprint(s.out, "\r\x1b[K"+line)
}

// lines is a writer for the output of a command: each line is shown by itself, set off from our
// own.
func (s *screen) lines() io.WriteCloser {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for in := bufio.NewScanner(r); in.Scan(); {
			s.print("        │ " + in.Text())
		}
		_, _ = io.Copy(io.Discard, r) // a line that is too long must not block the command
	}()
	return &lineWriter{w, done}
}

type lineWriter struct {
	*io.PipeWriter
	done chan struct{}
}

// Close returns when all lines have been shown.
func (w *lineWriter) Close() error {
	err := w.PipeWriter.Close()
	<-w.done
	return err
}
