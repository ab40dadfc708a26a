//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// apiCalls is what the plugin asked of the engine, in order.
type apiCalls struct {
	mu   sync.Mutex
	list []string
}

func (c *apiCalls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// counting is the address of an engine API that passes all calls on to the manager and keeps them.
func counting(t *testing.T) (*apiCalls, string) {
	t.Helper()
	c := &apiCalls{}
	socket := strings.TrimPrefix(env.lab.Node("n1").Host(), "unix://")
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.FlushInterval = -1 // events come as they happen
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.list = append(c.list, r.Method+" "+r.URL.Path)
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	return c, "tcp://" + server.Listener.Addr().String()
}

// idleServices is a stack of n services without tasks, and a blue-green one.
func idleServices(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
services:
  web:
    image: app:v1
    expose: [8080]
    deploy: {endpoint_mode: dnsrr}
    x-bluegreen: {proxy: {image: %q, deploy: {replicas: 1}}}
`, newest)
	for i := range n {
		fmt.Fprintf(&b, "  idle%d: {image: 'app:v1', deploy: {replicas: 0, endpoint_mode: dnsrr}}\n", i)
	}
	return b.String()
}

// What an up with nothing to do asks of the engine does not depend on the number of services; and
// it writes nothing but the lock.
func TestCallsOfNothingToDo(t *testing.T) {
	t.Parallel()
	s := newStack(t, "")
	var few []string
	for _, n := range []int{2, 20} {
		s.write(idleServices(n))
		s.up("v1")
		kept, host := counting(t)
		s.says(s.mustEnv([]string{"DOCKER_HOST=" + host}, "up"), "nothing to do")
		list := kept.take()
		if n == 2 {
			few = list
			t.Logf("%d calls:\n%s", len(few), strings.Join(few, "\n"))
			continue
		}
		if len(list) != len(few) {
			t.Errorf("%d calls with %d services:\n%s\n\n%d calls with 2:\n%s", len(list), n, strings.Join(list, "\n"), len(few), strings.Join(few, "\n"))
		}
		writes := slices.DeleteFunc(list, func(call string) bool {
			return strings.HasPrefix(call, "GET ") || strings.HasPrefix(call, "HEAD ") || strings.Contains(call, "/configs/")
		})
		if len(writes) > 0 {
			t.Errorf("written: %v", writes)
		}
	}
}

// asked is a blue-green service of two tasks behind two proxies.
const asked = `
services:
  web:
    image: app:${V:-v1}
    expose: [8080]
    deploy: {replicas: 2, endpoint_mode: dnsrr}
    x-bluegreen: {health: {path: /, interval: 500ms}, drain: 3s, proxy: {image: "HAPROXY"}}
`

// A new version costs a few calls, and five a second for all that is waited for together: on a
// manager that is busy, a command that waits must not be what keeps it so.
func TestCallsOfANewVersion(t *testing.T) {
	t.Parallel()
	s := newStack(t, strings.ReplaceAll(asked, "HAPROXY", newest))
	s.up("v1")
	for _, c := range []struct {
		vars  []string
		args  []string
		fixed int // calls that do not wait
	}{
		{[]string{"V=v2"}, []string{"up"}, 45},
		{nil, []string{"flip"}, 30},
		{nil, []string{"rollback"}, 30},
	} {
		kept, host := counting(t)
		r := s.mustEnv(append(c.vars, "DOCKER_HOST="+host), c.args...)
		list := kept.take()
		took := r.ended.Sub(r.began)
		most := c.fixed + int(5*took.Seconds())
		t.Logf("%s: %d calls in %.1fs, at most %d", c.args[0], len(list), took.Seconds(), most)
		if len(list) > most {
			t.Errorf("%s: %d calls in %s, want at most %d:\n%s", c.args[0], len(list), took, most, strings.Join(list, "\n"))
		}
	}
}
