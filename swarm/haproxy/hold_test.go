package haproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// post sends a body of some kilobytes, asking first whether it is wanted.
func post(url string, kilobytes int) string {
	transport := &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: slower * 20 * time.Second}
	client := &http.Client{Transport: transport, Timeout: slower * 15 * time.Second}
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(make([]byte, kilobytes<<10)))
	if err != nil {
		return err.Error()
	}
	if kilobytes > 100 {
		request.Header.Set("Expect", "100-continue")
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// What comes while a proxy looks for its peers is held, however much it is, and goes the right way
// then.
func TestHeldUpload(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = mode })
				blue, green := s.colors()
				a := s.start(1, "1:blue")
				a.listens(t)
				var uploads sync.WaitGroup
				for _, kilobytes := range []int{1, 100, 1000} {
					uploads.Go(func() {
						if got := post(a.url("/"), kilobytes); got != Green {
							t.Errorf("%d kB: %q", kilobytes, got)
						}
					})
				}
				s.flip(2, Green, a)
				uploads.Wait()
				if b, g := blue.posts.Load(), green.posts.Load(); b != 0 || g != 3 {
					t.Errorf("3 uploads arrived as %d at blue and %d at green", b, g)
				}
			})
		})
	}
}

// On a tcp port it may be the service that speaks first.
func TestServiceSpeaksFirst(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = bluegreen.ModeTCP })
		listener, err := net.Listen("tcp", net.JoinHostPort(s.addr(11), strconv.Itoa(testPort)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, "220 welcome")
				conn.Close()
			}
		}()
		s.dns.set("tasks.web-blue", s.addr(11))
		a, _ := s.pair()
		conn, err := net.Dial("tcp", a.address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(slower * 5 * time.Second))
		if heard, err := io.ReadAll(conn); string(heard) != "220 welcome" {
			t.Errorf("heard %q, %v", heard, err)
		}
	})
}

// A proxy is not ready before its color is, and stays ready when that is gone later.
func TestHealth(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.dns.set("tasks.proxies", s.addr(1))
		a := s.start(1, "1:blue")
		a.listens(t)
		if code, took := s.health(a); code != 1 || took > slower*2*time.Second {
			t.Errorf("without a task: exit code %d after %s", code, took)
		}
		blue, _ := s.colors()
		s.ready(a)
		blue.server.Close()
		eventually(t, 5*time.Second, "the proxy sees that the task is gone", func() bool { return get(a.url("/")) == "503 Service Unavailable" })
		if code, took := s.health(a); code != 0 {
			t.Errorf("after an outage of the service: exit code %d after %s", code, took)
		}
		a.cmd.Process.Kill()
		<-a.ended
		if code, took := s.health(a); code != 1 || took > slower*5*time.Second {
			t.Errorf("without a proxy: exit code %d after %s", code, took)
		}
	})
}

// health runs the container health check of a proxy.
func (s *site) health(r *running) (code int, took time.Duration) {
	s.t.Helper()
	began := time.Now()
	cmd := s.haproxy.command(HealthCommand(), r.dir)
	out, err := cmd.CombinedOutput()
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	s.t.Logf("health check: %s of CPU\n%s", cmd.ProcessState.SystemTime()+cmd.ProcessState.UserTime(), out)
	return cmd.ProcessState.ExitCode(), time.Since(began)
}

// listens waits until the proxy takes connections.
func (r *running) listens(t *testing.T) {
	t.Helper()
	eventually(t, 10*time.Second, "the proxy listens", func() bool {
		conn, err := net.Dial("tcp", r.address())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}
