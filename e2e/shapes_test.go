//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// shapes is a service with an HTTP and a TCP port on two networks, one on every node, and one that
// speaks HTTP/2. Each caller shares one network with web.
const shapes = `
x-bluegreen: {proxy: {image: "haproxy:newest"}, timeout: 5m, drain: 3s}
networks:
  back: {}
services:
  web:
    image: app:${V:-v1}
    environment: {APP_TCP_PORTS: "9000"}
    networks: [default, back]
    ports: [{target: 8080, published: 8380, mode: host}, {target: 9000, published: 9380, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen: {ports: [{target: 8080}, {target: 9000, mode: tcp}]}
  everywhere:
    image: app:${V:-v1}
    ports: [{target: 8080, published: 8381, mode: host}]
    deploy: {mode: global, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen: {health: {path: /}}
  h2:
    image: app:${V:-v1}
    ports: [{target: 8080, published: 8382, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen: {ports: [{target: 8080, mode: h2}]}
  front-caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080/"}
    ports: [{target: 8080, published: 8383, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
  back-caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080/"}
    networks: [back]
    ports: [{target: 8080, published: 8383, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n3]}}
`

// Scenario g: a TCP port beside an HTTP one, two networks, one task on every node, HTTP/2: whatever
// the shape of a service, an up with a new version and a flip lose nothing, and what begins after
// them goes to the new color. TCP connections stay where they are.
func TestShapes(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, shapes)
	s.up("v1")
	loads := map[string]*load.Load{
		"http":   s.load(8380, load.Options{Rate: 200, KeepAlive: 0.5, Post: 0.3}),
		"tcp":    s.load(9380, load.Options{Rate: 200, TCP: true}),
		"global": s.load(8381, load.Options{Rate: 200, KeepAlive: 0.5, Post: 0.3}),
	}
	h2 := startH2(t, target("n2", 8382))
	s.called("v1", true)
	moved := func(version string, since time.Time) {
		t.Helper()
		for name, l := range loads {
			await(t, l, version)
			if st := l.Since(since); len(st.Versions) != 1 {
				t.Errorf("%s: answers came from %v, want only %s", name, st.Versions, version)
			}
		}
		h2.only(t, version)
		s.called(version, false)
	}

	s.up("v2")
	moved("v2", time.Now())
	talk := dialEcho(t, target("n3", 9380))
	s.must("flip")
	flipped := time.Now()
	moved("v1", flipped)
	talk.still(t, "v2")
	for name, l := range loads {
		t.Run(name, func(t *testing.T) { (&stack{t: t}).zeroFailed(l.Stop()) })
	}
	t.Run("h2", h2.end)
}

// called waits until both callers get answers of a version by the alias, and fails the test if any
// call failed. Until then they may have failed if this is the first time: they started before the
// proxies.
func (s *stack) called(version string, first bool) {
	s.t.Helper()
	for _, node := range []string{"n2", "n3"} {
		s.eventually("the caller on "+node+" is answered by "+version, func() bool {
			return callerStats(s.t, node, first).Last == version
		})
		if st := callerStats(s.t, node, true); !first && st.Failed > 0 {
			s.t.Errorf("%d calls from %s failed: %v", st.Failed, node, st.Errors)
		}
	}
}

// calls is what a caller tells at /stats.
type calls struct {
	Failed int
	Errors []string
	Last   string
}

func callerStats(t *testing.T, node string, reset bool) (st calls) {
	t.Helper()
	url := "http://" + target(node, 8383) + "/stats"
	if reset {
		url += "?reset=1"
	}
	resp, err := http.Get(url)
	if err != nil {
		return calls{} // it starts still
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		t.Fatal(err)
	}
	return st
}

// echo is a TCP connection to the app.
type echo struct {
	net.Conn
	r       *bufio.Reader
	version string
}

func dialEcho(t *testing.T, target string) *echo {
	t.Helper()
	c, err := net.Dial("tcp", target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	e := &echo{Conn: c, r: bufio.NewReader(c)}
	version, err := e.r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	e.version = strings.TrimSpace(version)
	return e
}

// still fails the test unless the connection was made to a version and goes on.
func (e *echo) still(t *testing.T, version string) {
	t.Helper()
	e.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(e, "hello")
	line, err := e.r.ReadString('\n')
	if e.version != version || line != "hello\n" || err != nil {
		t.Errorf("a TCP connection from before the flip, to %s: got %q back, %v; want it to stay with %s", e.version, line, err, version)
	}
}

// h2 are requests one after the other over HTTP/2 without TLS.
type h2 struct {
	get    func() (version string, err error)
	stop   chan struct{}
	errors chan []error // what failed, once it has ended
}

func startH2(t *testing.T, target string) *h2 {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	h := &h2{stop: make(chan struct{}), errors: make(chan []error, 1)}
	h.get = func() (string, error) { return getH2(client, "http://"+target+"/") }
	go h.run()
	t.Cleanup(transport.CloseIdleConnections)
	return h
}

func getH2(client *http.Client, url string) (version string, err error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s", resp.Proto, resp.Status)
	}
	return resp.Header.Get("X-Version"), nil
}

func (h *h2) run() {
	var errs []error
	defer func() { h.errors <- errs }()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-h.stop:
			return
		case <-tick.C:
			if _, err := h.get(); err != nil {
				errs = append(errs, err)
			}
		}
	}
}

// only fails the test unless requests begun now are answered by a version.
func (h *h2) only(t *testing.T, version string) {
	t.Helper()
	for range 20 {
		if got, err := h.get(); err != nil || got != version {
			t.Errorf("HTTP/2: answered by %q, %v; want %s", got, err, version)
			return
		}
	}
}

func (h *h2) end(t *testing.T) {
	close(h.stop)
	if errs := <-h.errors; len(errs) > 0 {
		t.Errorf("%d requests failed, first: %v", len(errs), errs[0])
	}
}
