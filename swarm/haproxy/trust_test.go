package haproxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Proxies and orders of the former version and of this one understand each other, since proxies are
// replaced one after the other. testdata/former has the Lua of the version before services were
// named.
func TestFormerVersion(t *testing.T) {
	bluegreen, order := "bluegreen.lua", "order.lua"
	for _, c := range []struct {
		name             string
		here, peer, jobs []string
	}{
		{"a new proxy among former ones", nil, []string{bluegreen}, nil},
		{"a former proxy among new ones", []string{bluegreen}, nil, nil},
		{"former orders to new proxies", nil, nil, []string{order}},
		{"former orders to both", nil, []string{bluegreen}, []string{order}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.colors()
				s.dns.set("tasks.proxies", s.addr(1), s.addr(2))
				s.former = c.peer
				a, b := s.start(1, "1:blue"), s.start(2, "1:blue")
				s.ready(a, b)
				s.former = c.jobs
				s.flip(5, Green, a, b)

				s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3))
				s.former = c.here
				stale := s.start(3, "1:blue")
				var first string
				eventually(t, 20*time.Second, "the proxy with a stale label serves", func() bool {
					first = get(stale.url("/"))
					return first == Green || first == Blue
				})
				if first != Green {
					t.Errorf("its first answer was %q", first)
				}
				s.former = c.jobs
				report, _ := s.order(Order{Proxies: s.proxies(a, b, stale), Wait: 10 * time.Second, Routes: map[string]Route{"web": {Sequence: 6, Color: Blue}},
					Until: []Condition{{"web", Blue, Ready, []string{s.addr(11)}}}})
				for _, p := range report.Proxies {
					if !confirms(p, Route{Sequence: 6, Color: Blue}) {
						t.Errorf("%s: %s, route %s", p.Addr, p.Outcome, p.Route)
					}
				}
			})
		})
	}
}

// serve starts proxies of a service at addresses of the site that DNS names as its proxies.
func (s *site) serve(service, route string, numbers ...int) []*running {
	s.t.Helper()
	own := s.proxy.Service
	s.proxy.Service, s.proxy.Peers = service, "tasks."+service+"-proxies"
	defer func() { s.proxy.Service = own }()
	var addrs []string
	for _, n := range numbers {
		addrs = append(addrs, s.addr(n))
	}
	s.dns.set(s.proxy.Peers, addrs...)
	var ps []*running
	for _, n := range numbers {
		ps = append(ps, s.start(n, route))
	}
	s.ready(ps...)
	return ps
}

// An address that was a peer's, and is that of a proxy of another service by now, turns no route:
// neither that proxy answers a question for web's, nor does it take an order for it.
func TestOtherService(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		web := s.serve("web", "12:blue", 1)[0]
		api := s.serve("api", "37:green", 4)[0]
		s.dns.set("tasks.web-proxies", s.addr(1), s.addr(4))
		eventually(t, 10*time.Second, "the proxy of api refuses", func() bool { return control(t, web, http.MethodGet, "/route", "api") == "421 this is a proxy of web" })
		report, _ := s.order(Order{Routes: map[string]Route{"web": {Sequence: 40, Color: Blue}}, Proxies: []ProxyAddr{{"web", web.addr}, {"web", api.addr}}})
		for i, want := range []string{Taken, Refused} {
			if got := report.Proxies[i].Outcome; got != want {
				t.Errorf("proxy %d: %s, want %s", i, got, want)
			}
		}
		if got := report.Proxies[1].Unreachable; got != "answered 421 this is a proxy of api" {
			t.Errorf("the other proxy is %q", got)
		}
		if got := control(t, api, http.MethodGet, "/route", "api"); got != "200 37:green" {
			t.Errorf("api has %q", got)
		}
	})
}

// Who answers the question of a proxy for its peers' routes with nonsense, or as a proxy of another
// service, is not believed.
func TestPeersAreChecked(t *testing.T) {
	for _, c := range []struct {
		name, service, answer string
		taken                 bool
	}{
		{"a later route", "web", "13:green", true},
		{"a later route, with a share", "web", "13:green:25", true},
		{"a later route, with words of later versions", "web", "13:green:25:x", true},
		{"a share that is none", "web", "13:green:x", false},
		{"too large a share", "web", "13:green:100", false},
		{"another service", "api", "13:green", false},
		{"no service", "", "13:green", false},
		{"another color", "web", "13:purple", false},
		{"no color", "web", "13:", false},
		{"the last number that there is", "web", "9223372036854775807:green", false},
		{"a number beyond it", "web", "9223372036854775808:green", false},
		{"a jump", "web", "1000013:green", false},
		{"a little less than a jump", "web", "1000012:green", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.colors()
				web := s.serve("web", "12:blue", 1)[0]
				asked := s.peer(4, c.service, c.answer)
				s.dns.set("tasks.web-proxies", s.addr(1), s.addr(4))
				for range 2 {
					select {
					case <-asked:
					case <-time.After(30 * time.Second):
						t.Fatal("the peer is not asked")
					}
				}
				eventually(t, 10*time.Second, "it is told in the log", func() bool { return strings.Contains(web.log.String(), "route "+c.answer+" ") })
				want := "200 12:blue"
				if c.taken {
					want = "200 " + c.answer
				}
				if got := control(t, web, http.MethodGet, "/route", "web"); got != want {
					t.Errorf("the proxy has %q, want %q", got, want)
				}
			})
		})
	}
}

// A peer whose address is not in the control network is not asked.
func TestPeersAreInside(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		s.subnet = s.prefix + "0/26"
		outside, inside := s.peer(64, "web", "13:green"), s.peer(63, "web", "14:green")
		s.dns.set("tasks.proxies", s.addr(1), s.addr(64), s.addr(63))
		web := s.start(1, "12:blue")
		for range 3 {
			select {
			case <-inside:
			case <-outside:
				t.Fatal("the peer outside was asked")
			case <-time.After(30 * time.Second):
				t.Fatal("the peer inside was not asked")
			}
		}
		s.ready(web)
	})
}

// peer answers the questions of proxies with a route at one of the site's addresses. Each question
// is told to the channel.
func (s *site) peer(n int, service, route string) <-chan struct{} {
	s.t.Helper()
	asked := make(chan struct{}, 1000)
	answerAt(s.t, fmt.Sprintf("%s:%d", s.addr(n), ControlPort), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if service != "" {
			w.Header()["bluegreen-service"] = []string{service}
		}
		fmt.Fprint(w, route)
		asked <- struct{}{}
	}))
	return asked
}

// What an order may tell a proxy.
func TestOrdersAreChecked(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		web := s.serve("web", "12:blue", 1)[0]
		for _, c := range []struct{ name, service, body, want string }{
			{"another service", "api", "13:green", "421 this is a proxy of web"},
			{"another color", "web", "13:purple", "400 not a route"},
			{"no color", "web", "13:", "400 not a route"},
			{"a color and more", "web", "13:greenish", "400 not a route"},
			{"the last number", "web", "9223372036854775807:green", "400 too far ahead of 12:blue"},
			{"a number beyond", "web", "9223372036854775808:green", "400 not a route"},
			{"many digits", "web", strings.Repeat("9", 150) + ":green", "400 not a route"},
			{"a long one", "web", "13:green:" + strings.Repeat("x", 500), "400 not a route"},
			{"nothing", "web", "", "400 not a route"},
			{"two lines", "web", "13:green\n14:green", "400 not a route"},
			{"a NUL", "web", "13:green\x00", "400 not a route"},
			{"an older one", "web", "11:green", "200 kept 12:blue"},
			{"a later one", "web", "13:green", "200 taken 13:green"},
			{"one of who names no service", "", "14:blue", "200 taken 14:blue"},
			{"a share that is none", "web", "15:green:x", "400 not a share"},
			{"a share below 0", "web", "15:green:-1", "400 not a share"},
			{"too large a share", "web", "15:green:100", "400 not a share"},
			{"a share", "web", "15:green:25", "200 taken 15:green:25"},
			{"more words", "web", "16:green::x", "200 taken 16:green::x"},
		} {
			t.Run(c.name, func(t *testing.T) {
				if got := control(t, web, http.MethodPost, "/route", c.service, c.body); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
	})
}

// control asks a proxy on its control port for something of a service, and returns code and text.
func control(t testing.TB, p *running, method, path, service string, body ...string) string {
	t.Helper()
	request, err := http.NewRequest(method, fmt.Sprintf("http://%s:%d%s", p.addr, ControlPort, path), strings.NewReader(strings.Join(body, "")))
	if err != nil {
		t.Fatal(err)
	}
	if service != "" {
		request.Header.Set("bluegreen-service", service)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	return fmt.Sprint(response.StatusCode, " ", readAll(t, response.Body))
}
