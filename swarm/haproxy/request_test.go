package haproxy

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// A request that the service cuts off may be sent again only if that cannot do harm.
func TestPostIsSentOnce(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		blue, _ := s.colors()
		a, _ := s.pair()
		const posts = 20
		for range posts {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if got := ask(client, http.MethodPost, a.url("/cut")); got != "502 Bad Gateway" {
				t.Errorf("a request that is cut off got %q", got)
			}
		}
		if got := blue.posts.Load(); got != posts {
			t.Errorf("%d requests reached the service as %d", posts, got)
		}
	})
}

// A task that is gone but still known costs no request: another one gets it.
func TestDeadTask(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Health.Interval = 3 * time.Second })
		s.colors()
		dead := s.startApp(12, Blue)
		s.dns.set("tasks.web-blue", s.addr(11), s.addr(12))
		a, _ := s.pair()
		dead.server.Close()
		eventually(t, 5*time.Second, "the kernel refuses connections to the dead task", func() bool {
			conn, err := net.Dial("tcp", net.JoinHostPort(s.addr(12), strconv.Itoa(testPort)))
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		for i := range 20 {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if got := ask(client, []string{http.MethodGet, http.MethodPost}[i%2], a.url("/")); got != Blue {
				t.Errorf("request %d got %q", i, got)
			}
		}
	})
}

// The service learns who asked, unless a proxy in front has said so already.
func TestForwardedFor(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, _ := s.pair()
		for _, c := range []struct{ name, given, want string }{
			{"by the proxy", "", "127.0.0.1"},
			{"by a proxy in front", "192.0.2.7", "192.0.2.7"},
		} {
			t.Run(c.name, func(t *testing.T) {
				request, _ := http.NewRequest(http.MethodGet, a.url("/"), nil)
				if c.given != "" {
					request.Header.Set("X-Forwarded-For", c.given)
				}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if got := response.Header.Get("X-From"); got != c.want {
					t.Errorf("the service saw %q, want %q", got, c.want)
				}
			})
		}
	})
}

// Only the control network is answered on the control port.
func TestControlIsClosedToOthers(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		s.subnet = s.prefix + "128/25"
		a, _ := s.pair()
		for _, c := range []struct {
			name, from string
			want       int
		}{{"from the control network", s.addr(200), http.StatusOK}, {"from another", s.addr(100), 0}} {
			t.Run(c.name, func(t *testing.T) {
				dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
				client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}, Timeout: 5 * time.Second}
				response, err := client.Get(fmt.Sprintf("http://%s:%d/state", a.addr, ControlPort))
				got := 0
				if err == nil {
					got = response.StatusCode
					response.Body.Close()
				}
				if got != c.want {
					t.Errorf("%d, %v", got, err)
				}
			})
		}
	})
}

// A proxy that does not know its control network does not start.
func TestControlNeedsSubnet(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		out, err := h.command([]string{"haproxy", "-c", "-f", Dir + "/haproxy.cfg"}, s.files(1, "1:blue")).CombinedOutput()
		if err == nil || !strings.Contains(string(out), SubnetVariable) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
