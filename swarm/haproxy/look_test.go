package haproxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// What a port speaks is found out from its first bytes, whatever the mode is that it was given.
func TestLook(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		at := s.addr(11)
		answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }
		for i, c := range []struct {
			name   string
			serve  func(net.Listener)
			http   string // as what a port of mode http is seen
			h2     string // likewise of mode h2
			within string // of the text of SpeaksOther
		}{
			{"HTTP", serveHTTP(answer, false), SpeaksHTTP, SpeaksHTTP, ""},
			{"HTTP that refuses", serveHTTP(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, false), SpeaksHTTP, SpeaksHTTP, ""},
			{"HTTP that redirects", serveHTTP(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://x", http.StatusMovedPermanently)
			}, false), SpeaksHTTP, SpeaksHTTP, ""},
			{"slow HTTP", serveHTTP(func(w http.ResponseWriter, r *http.Request) { time.Sleep(700 * time.Millisecond); answer(w, r) }, false), SpeaksHTTP, SpeaksHTTP, ""},
			{"HTTP of both versions", serveHTTP(answer, true), SpeaksHTTP, SpeaksH2, ""},
			{"HTTP/2 alone", answers("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"), SpeaksH2, SpeaksH2, ""},
			{"TLS of Go", serveTLS(0), SpeaksTLS, SpeaksTLS, ""},
			{"TLS 1.3 alone", serveTLS(tls.VersionTLS13), SpeaksTLS, SpeaksTLS, ""},
			{"TLS that redirects who speaks HTTP", serveTLSRedirecting, SpeaksTLS, SpeaksTLS, ""},
			{"HTTP that closes for other hosts", serveOneHost, SpeaksHTTP, SpeaksHTTP, ""},
			{"SSH", answers("SSH-2.0-OpenSSH_9.2\r\n"), SpeaksOther, SpeaksOther, "SSH-2.0-OpenSSH_9.2"},
			{"MySQL", answers("J\x00\x00\x00\n8.0.36\x00\x08\x00\x00\x00"), SpeaksOther, SpeaksOther, "8.0.36"},
			{"closes", answers(""), SpeaksSilent, SpeaksSilent, ""},
			{"says nothing", func(l net.Listener) { eachConn(l, func(c net.Conn) { io.Copy(io.Discard, c) }) }, SpeaksSilent, SpeaksSilent, ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				port := 7000 + i
				listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", at, port))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { listener.Close() })
				go c.serve(listener)
				report, _ := s.order(Order{Wait: 10 * time.Second, Silence: 2 * time.Second, Look: []Look{
					{Service: "web", Color: Blue, Addr: at, Port: uint16(port), Mode: bluegreen.ModeHTTP},
					{Service: "web", Color: Blue, Addr: at, Port: uint16(port), Mode: bluegreen.ModeH2}}})
				if !report.Met || len(report.Saw) != 2 {
					t.Fatalf("%+v", report)
				}
				seen := report.Saw[0].Speaks + " " + report.Saw[1].Speaks
				if seen != c.http+" "+c.h2 && seen != c.h2+" "+c.http {
					t.Errorf("speaks %s, want %s and %s", seen, c.http, c.h2)
				}
				if !strings.Contains(report.Saw[0].Text, c.within) {
					t.Errorf("the text is %q", report.Saw[0].Text)
				}
			})
		}
	})
}

// A port on which nothing listens yet is waited for; what it lacks is told meanwhile.
func TestLookWaits(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		at := s.addr(11)
		look := Order{Wait: slower * 20 * time.Second, Silence: time.Second, Look: []Look{{Service: "web", Color: Blue, Addr: at, Port: testPort, Mode: bluegreen.ModeHTTP}}}
		timer := time.AfterFunc(3*time.Second, func() { s.startApp(11, Blue) })
		defer timer.Stop()
		report, unmet := s.order(look)
		if !report.Met || len(report.Saw) != 1 || report.Saw[0].Speaks != SpeaksHTTP || !lacks(unmet, fmt.Sprintf("%s:%d", at, testPort), "nothing listens") {
			t.Errorf("%+v, %+v", report, unmet)
		}
		look.Wait, look.Look[0].Addr = 300*time.Millisecond, s.addr(12)
		if report, _ := s.order(look); report.Met || len(report.Saw) != 0 {
			t.Errorf("%+v", report)
		}
	})
}

func serveHTTP(answer http.HandlerFunc, h2 bool) func(net.Listener) {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(h2)
	return func(l net.Listener) { (&http.Server{Handler: answer, Protocols: protocols}).Serve(l) }
}

// serveTLS is an HTTPS server: it answers 400 in plain HTTP to who does not speak TLS.
func serveTLS(least uint16) func(net.Listener) {
	return func(l net.Listener) {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Listener.Close()
		server.Listener = l
		server.TLS = &tls.Config{MinVersion: least}
		server.StartTLS()
	}
}

// serveTLSRedirecting is as nginx with error_page 497.
func serveTLSRedirecting(l net.Listener) {
	eachConn(l, func(c net.Conn) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(c, first); err != nil {
			return
		}
		if first[0] == 22 { // a handshake: a fatal alert is answer enough (RFC 8446, 6.2)
			io.WriteString(c, "\x15\x03\x03\x00\x02\x02\x28")
		} else {
			io.WriteString(c, "HTTP/1.1 301 Moved Permanently\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n")
		}
		io.Copy(io.Discard, c)
	})
}

// serveOneHost is as nginx with a default server that returns 444: what is not HTTP gets an answer.
func serveOneHost(l net.Listener) {
	eachConn(l, func(c net.Conn) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(c, first); err == nil && first[0] == 22 {
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
			io.Copy(io.Discard, c)
		}
	})
}

// answers serves a text to whoever connects, and closes after the other side: to close with
// something unread resets the connection, and the text may be lost. Without a text it closes at
// once.
func answers(text string) func(net.Listener) {
	return func(l net.Listener) {
		eachConn(l, func(c net.Conn) {
			if _, err := io.WriteString(c, text); err == nil && text != "" {
				io.Copy(io.Discard, c)
			}
		})
	}
}

func eachConn(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { defer c.Close(); serve(c) }()
	}
}
