package haproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// slack is what a busy machine may take longer; it is less than what a proxy that hangs would take.
const slack = slower * 3 * time.Second

// endedWithin waits for the end of a proxy, which must come between two times from the signal to
// stop.
func endedWithin(t *testing.T, r *running, began time.Time, least, most time.Duration) {
	t.Helper()
	select {
	case <-r.ended:
		if took := time.Since(began); took < least {
			t.Errorf("the proxy ended after %s already", took)
		}
	case <-time.After(time.Until(began.Add(most))):
		t.Errorf("the proxy runs still after %s", most)
	}
	if state := r.cmd.ProcessState; state != nil && state.ExitCode() != 0 {
		t.Errorf("the proxy ended with %s", state)
	}
}

// A stopping proxy serves whoever comes, gets rid of kept connections without cutting a request,
// and goes when nobody is left. HTTP/2 connections can be ended only at the drain limit.
func TestStopServesAndEnds(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeH2} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.proxy.Drain = 10 * time.Second
				if mode == bluegreen.ModeHTTP {
					s.proxy.Drain = time.Minute
				}
				s.eachColor(func(r *bluegreen.Release) { r.Ports = []bluegreen.Port{{Target: testPort, Mode: mode}} })
				s.colors()
				a, b := s.pair()
				l := s.startLoad(mode, a)
				l.more(100)
				long := make(chan string, 1)
				go func() { long <- get(a.url("/?wait=6s")) }()
				began := time.Now()
				a.stop()
				l.more(100)
				time.Sleep(2 * time.Second) // for as long DNS and VIP may go on leading here
				l.instead.Store(&b.addr)
				most := 6*time.Second + slack
				if mode == bluegreen.ModeH2 {
					most = s.proxy.StopGrace() + slack
				}
				endedWithin(t, a, began, 5900*time.Millisecond, most)
				if got := <-long; got != Blue {
					t.Errorf("the long request: %s", got)
				}
				l.more(100)
			})
		})
	}
}

// A stopping proxy that nobody uses goes after as long as somebody could still be led to it.
func TestStopUnused(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.proxy.Drain = time.Minute
		s.colors()
		a, _ := s.pair()
		began := time.Now()
		a.stop()
		endedWithin(t, a, began, shortestLinger, shortestLinger+slack)
	})
}

// A stopping proxy answers control jobs, says that it is stopping, and takes routes.
func TestStopTakesRoutes(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		a.stop()
		eventually(t, 2*time.Second, "the proxy says that it is stopping", func() bool {
			report, _ := s.order(Order{Proxies: s.proxies(a)})
			return report.Proxies[0].Stopping
		})
		s.flip(2, Green, a, b)
		var got string
		eventually(t, 5*time.Second, "the proxy has checked green", func() bool { got = get(a.url("/")); return got != "503 Service Unavailable" })
		if got != Green {
			t.Errorf("answered %q", got)
		}
	})
}

// What does not end by itself, such as a WebSocket, lives until the drain limit and is closed then.
func TestStopAtDrainLimit(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.proxy.Drain = 6 * time.Second
				s.eachColor(func(r *bluegreen.Release) { r.Ports = []bluegreen.Port{{Target: testPort, Mode: mode}} })
				s.colors()
				a, _ := s.pair()
				echo := dialEcho(t, a)
				began := time.Now()
				a.stop()
				for time.Since(began) < s.proxy.Drain-500*time.Millisecond {
					if err := echo.say("still there"); err != nil {
						t.Fatalf("after %s: %v", time.Since(began), err)
					}
					time.Sleep(200 * time.Millisecond)
				}
				endedWithin(t, a, began, s.proxy.Drain-500*time.Millisecond, s.proxy.StopGrace()+slack)
			})
		})
	}
}

// A WebSocket stays on its color across a flip, and a control job that closes the color ends it.
func TestUpgradeAcrossFlip(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		echo := dialEcho(t, a)
		s.flip(2, Green, a, b)
		if err := echo.say("still there"); err != nil {
			t.Fatal(err)
		}
		report, _ := s.order(Order{Proxies: s.proxies(a, b), Until: []Condition{{"web", Blue, Idle, nil}}, Close: []Closing{{"web", Blue}}})
		if !report.Met || !slices.ContainsFunc(report.Proxies, func(p *ProxyReport) bool { return p.Route.Color == Green }) {
			t.Errorf("%+v", report)
		}
		if err := echo.say("still there"); err == nil {
			t.Error("the connection was not closed")
		}
	})
}

// echo is a connection that was upgraded to an echo of bytes.
type echo struct {
	net.Conn
	reader *bufio.Reader
}

func dialEcho(t *testing.T, r *running) echo {
	t.Helper()
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, "GET /echo HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %+v", err, response)
	}
	e := echo{conn, reader}
	if err := e.say("hello"); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e echo) say(words string) error {
	e.SetDeadline(time.Now().Add(slower * 5 * time.Second))
	if _, err := io.WriteString(e, words+"\n"); err != nil {
		return err
	}
	heard, err := e.reader.ReadString('\n')
	if err == nil && strings.TrimSpace(heard) != words {
		return fmt.Errorf("said %q, heard %q", words, heard)
	}
	return err
}
