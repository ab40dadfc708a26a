//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// drainLimit is the longest wait of these stacks for what is in flight, longer than the slowest
// request (slow).
const (
	drainLimit = 8 * time.Second
	slow       = 5 * time.Second
)

const draining = `
services:
  web:
    image: app:${V:-v1}
    ports: [{target: 8080, published: 8280, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "haproxy:newest"}
      health: {path: /}
      timeout: 5m
      drain: 8s
      keep: %s
`

// Scenario d: slow requests and an upload that are open across a flip end on the old color, as they
// began. A WebSocket goes on until the drain limit and is closed then, whether the old color is
// kept or scaled to 0.
func TestInFlight(t *testing.T) {
	t.Parallel()
	s := newStack(t, fmt.Sprintf(draining, "cold"))
	s.up("v1")
	s.acrossUp(t, "v1", "v2")
	if n := len(s.tasks("web-blue")); n != 0 {
		t.Errorf("keep: cold left %d tasks of the old color", n)
	}
	s.write(fmt.Sprintf(draining, "warm"))
	s.up("v2")
	s.acrossUp(t, "v2", "v3")
	if n := len(s.tasks("web-green")); n != 2 {
		t.Errorf("keep: warm left %d tasks of the old color, want 2", n)
	}
}

// acrossUp runs an up with all kinds of long requests open.
func (s *stack) acrossUp(t *testing.T, old, next string) {
	t.Helper()
	quick := s.load(8280, load.Options{Rate: 50})
	slows := s.load(8280, load.Options{Rate: 6, Workers: 60, Timeout: time.Minute, Path: fmt.Sprintf("/slow?ms=%d", slow.Milliseconds())})
	up := startUpload(target("n2", 8280))
	chat := startChat(t, target("n3", 8280))
	await(t, quick, old)

	ended := make(chan result, 1)
	go func() { ended <- s.runEnv([]string{"V=" + next}, "up") }()
	await(t, quick, next)
	flipped := time.Now()
	up.finish()
	up.check(t, old)
	s.exits(<-ended, 0)

	chat.check(t, old, flipped)
	slows.Stop()
	across := slows.Between(flipped.Add(-slow+time.Second), flipped) // they ended a second after the flip, at the soonest
	if across.Versions[old] == 0 {
		t.Errorf("no slow request was in flight at the flip: %s", across)
	}
	s.zeroFailed(slows.Stop())
	s.zeroFailed(quick.Stop())
}

// upload is a POST whose body goes on until finish.
type upload struct {
	done    chan struct{} // closed to end the body
	sent    chan int
	version string
	body    string
	err     error
	ended   chan struct{}
}

func startUpload(target string) *upload {
	u := &upload{done: make(chan struct{}), sent: make(chan int, 1), ended: make(chan struct{})}
	r, w := io.Pipe()
	go u.feed(w)
	go func() {
		defer close(u.ended)
		resp, err := http.Post("http://"+target+"/upload", "application/octet-stream", r)
		if u.err = err; err != nil {
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		u.version, u.body, u.err = resp.Header.Get("X-Version"), strings.TrimSpace(string(body)), err
	}()
	return u
}

// feed writes a piece ten times a second.
func (u *upload) feed(w *io.PipeWriter) {
	piece, sent := make([]byte, 16<<10), 0
	defer func() { u.sent <- sent }()
	defer w.Close()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		n, err := w.Write(piece)
		sent += n
		select {
		case <-u.done:
			return
		case <-tick.C:
		}
		if err != nil {
			return
		}
	}
}

func (u *upload) finish() { close(u.done) }

// check fails the test unless one version got the whole body.
func (u *upload) check(t *testing.T, version string) {
	t.Helper()
	<-u.ended
	sent := <-u.sent
	if u.err != nil || u.version != version || u.body != fmt.Sprint(sent) {
		t.Errorf("upload of %d bytes: %q from %s, %v; want all of them at %s", sent, u.body, u.version, u.err, version)
	}
}

// chat is a WebSocket that talks ten times a second until it is closed.
type chat struct {
	version string
	closed  chan time.Time
}

func startChat(t *testing.T, target string) *chat {
	t.Helper()
	ctx, cancel := contextFor(t, patience)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, "http://"+target+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	ch := &chat{version: resp.Header.Get("X-Version"), closed: make(chan time.Time, 1)}
	go func() {
		defer c.CloseNow()
		tick := time.NewTicker(100 * time.Millisecond)
		for echoes(t.Context(), c, "still there") {
			<-tick.C
		}
		ch.closed <- time.Now()
	}()
	return ch
}

// echoes says whether a message that is sent comes back.
func echoes(ctx context.Context, c *websocket.Conn, message string) bool {
	if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return false
	}
	_, got, err := c.Read(ctx)
	return err == nil && string(got) == message
}

// check fails the test unless the WebSocket lived on for the drain limit after the flip, and is
// closed now. A second of it is left for what passes between the flip and our notice of it.
func (c *chat) check(t *testing.T, version string, flipped time.Time) {
	t.Helper()
	if c.version != version {
		t.Errorf("the WebSocket was opened by %s, want %s", c.version, version)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	select {
	case at := <-c.closed:
		if lived := at.Sub(flipped); lived < drainLimit-time.Second {
			t.Errorf("the WebSocket was closed %s after the flip, before the drain limit of %s", lived, drainLimit)
		}
	case <-ctx.Done():
		t.Error("the WebSocket is open still, after the drain limit")
	}
}
