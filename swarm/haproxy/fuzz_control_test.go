package haproxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// requests are what the control port knows, and what it must not be led astray by.
var requests = []string{
	"GET /route HTTP/1.0\r\n\r\n",
	"GET /route HTTP/1.0\r\nbluegreen-service: web\r\n\r\n",
	"GET /state HTTP/1.1\r\nhost: a\r\nbluegreen-service: api\r\nconnection: close\r\n\r\n",
	"GET /ready HTTP/1.0\r\n\r\n",
	"POST /route HTTP/1.0\r\nbluegreen-service: web\r\ncontent-length: 8\r\n\r\n13:green",
	"POST /route HTTP/1.0\r\ncontent-length: 5\r\n\r\n13:green",
	"POST /route HTTP/1.0\r\ncontent-length: 99999999999\r\n\r\n13:green",
	"POST /route HTTP/1.0\r\ncontent-length: 26\r\n\r\n9223372036854775807:purple",
	"POST /route HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n8\r\n13:green\r\n0\r\n\r\n",
	"POST /route HTTP/1.0\r\n\r\n",
	"POST /close HTTP/1.0\r\ncontent-length: 3\r\n\r\nred",
	"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
	"CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n",
	"GET http://a/route?x=%00#y HTTP/1.1\r\nhost: a\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
	"GET /" + strings.Repeat("x", 200_000) + " HTTP/1.1\r\n\r\n",
	"GET /route HTTP/1.1\r\nhost: a\r\nx: " + strings.Repeat("y", 200_000) + "\r\n\r\n",
	"\x16\x03\x01\x00\x33\x01\x00\x00\x2f\x03\x03",
}

var goodRoute = regexp.MustCompile(`^200 \d{1,15}:(blue|green)(:[\w.:-]*)?$`)

// FuzzControl holds that whatever arrives at a proxy's control port leaves it with a route that it
// can follow, and breaks nothing in its Lua.
func FuzzControl(f *testing.F) {
	var proxies []*running
	for _, h := range haproxies(f) {
		s := newSite(f, h)
		s.colors()
		proxies = append(proxies, s.serve("web", "12:blue", 1)...)
	}
	for _, r := range requests {
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range proxies {
			send(p, data, 100*time.Millisecond)
			p.isWell(t)
		}
	})
}

// Requests that were spoiled by chance, many at once.
func TestSpoiltRequests(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		web := s.serve("web", "12:blue", 1)[0]
		chance := rand.New(rand.NewPCG(9, 3))
		var group sync.WaitGroup
		for range 20 {
			for _, r := range requests {
				data := spoil(chance, r)
				group.Go(func() { send(web, data, time.Second) })
			}
			group.Wait()
			web.isWell(t)
		}
	})
}

// isWell fails the test if a proxy has no route to follow, or its Lua failed.
func (r *running) isWell(t *testing.T) {
	t.Helper()
	if got := control(t, r, http.MethodGet, "/route", "web"); !goodRoute.MatchString(got) {
		t.Errorf("%s has the route %q", r.addr, got)
	}
	if log := r.log.String(); strings.Contains(log, "runtime error") || strings.Contains(log, "Lua applet") {
		t.Fatalf("%s: its Lua failed:\n%s", r.addr, log)
	}
}

// spoil changes a few bytes.
func spoil(chance *rand.Rand, request string) []byte {
	const bytes = "\x00\xff\r\n :/09a-"
	data := []byte(request)
	for range 1 + chance.IntN(4) {
		at, b := chance.IntN(min(len(data), 200)), bytes[chance.IntN(len(bytes))]
		switch chance.IntN(3) {
		case 0:
			data[at] = b
		case 1:
			data = append(data[:at:at], data[at+1:]...)
		default:
			data = append(data[:at:at], append([]byte{b}, data[at:]...)...)
		}
	}
	return data
}

// send sends bytes to the control port, and reads what comes in a while.
func send(p *running, data []byte, while time.Duration) {
	conn, err := net.Dial("tcp", net.JoinHostPort(p.addr, strconv.Itoa(ControlPort)))
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(while))
	conn.Write(data) // it may be refused before its end
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
}

// Nonsense from what answers at a peer's address changes no route, and keeps no proxy from
// starting. An order to it says that it cannot be understood.
func TestNonsenseOfPeers(t *testing.T) {
	answers := []string{
		"", "\r\n", "HTTP/1.0 200\r\n\r\n", "HTTP/1.0 200 OK\r\nbluegreen-service: web\r\n\r\n", "HTTP/1.0 503 No\r\n\r\n13:green",
		"HTTP/1.0 200 OK\r\nbluegreen-service: web\r\n\r\n99999999999999999999:blue", "HTTP/1.0 200 OK\r\nbluegreen-service: web\r\n\r\n-5:blue",
		"HTTP/1.0 200 OK\r\nbluegreen-service: web\r\n\r\n\x00\x00", "HTTP/1.0 200 OK\nbluegreen-service: web\n\n13:green",
		"HTTP/1.0 200 OK\r\nbluegreen-service:\r\n\r\n" + strings.Repeat("9", 100_000) + ":green", strings.Repeat("x", 100_000),
		"HTTP/1.0 200 OK\r\n\r\nserver blue 80 10.0.0.1 UP L7OK 1 x\nbackend x", "HTTP/1.0 200 OK\r\n\r\nbackend blue 80 many",
	}
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		var turn atomic.Int64
		listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", s.addr(4), ControlPort))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
				conn.Read(make([]byte, 1000))
				io.WriteString(conn, answers[int(turn.Add(1))%len(answers)])
				conn.Close()
			}
		}()
		s.dns.set("tasks.proxies", s.addr(4))
		web := s.start(1, "12:blue")
		s.ready(web)
		first := turn.Load()
		eventually(t, 60*time.Second, "each answer was given", func() bool { return turn.Load() >= first+5 && turn.Load() >= int64(len(answers)) })
		if got := control(t, web, http.MethodGet, "/route", "web"); got != "200 12:blue" {
			t.Errorf("the proxy has %q", got)
		}
		if log := web.log.String(); strings.Contains(log, "runtime error") {
			t.Error(log)
		}
		for range answers {
			report, _ := s.order(Order{Proxies: []ProxyAddr{{"web", s.addr(4)}}, Wait: 10 * time.Millisecond,
				Until: []Condition{{"web", Blue, Ready, []string{s.addr(11)}}}})
			if report.Met {
				t.Error("it is ready")
			}
		}
	})
}
