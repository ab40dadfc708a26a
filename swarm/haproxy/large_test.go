package haproxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An order to 50 proxies of each of 100 services fits into the environment.
func TestOrderIsSplit(t *testing.T) {
	order := Order{Routes: map[string]Route{}}
	for i := range 100 {
		for n := range 50 {
			order.Proxies = append(order.Proxies, ProxyAddr{fmt.Sprintf("service-with-a-name-%d", i), fmt.Sprintf("10.177.%d.%d", i, n)})
		}
	}
	env := order.Env()
	for i, e := range env {
		if len(e) >= 128<<10 {
			t.Errorf("variable %d has %d bytes", i, len(e))
		}
	}
	if got := OrderText(append([]string{"A=b"}, env...)); got != order.encode() || len(env) < 2 {
		t.Errorf("%d variables hold %d bytes, want %d", len(env), len(got), len(order.encode()))
	}
	small := Order{Wait: time.Second}.Env()
	if len(small) != 1 || small[0] != "BLUEGREEN_ORDER=wait 1000\n" {
		t.Errorf("%q", small)
	}
}

// An order of several variables is read, and reaches more proxies than are asked at a time.
func TestLargeOrder(t *testing.T) {
	const services, each = 20, 50
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		var told atomic.Int64
		port := manyProxies(t, &told)
		order := Order{Wait: 2 * time.Minute, Routes: map[string]Route{}}
		for i := range services {
			name := fmt.Sprint("service-", strings.Repeat("x", 200), i)
			order.Routes[name] = Route{Sequence: 2, Color: Green}
			for n := range each {
				order.Proxies = append(order.Proxies, ProxyAddr{name, fmt.Sprintf("127.200.%d.%d", i, n+1)})
			}
		}
		s.changed = func(files map[string]string) {
			files["order.cfg"] = strings.ReplaceAll(files["order.cfg"], fmt.Sprint("BLUEGREEN_PORT ", ControlPort), "BLUEGREEN_PORT "+port)
		}
		report, _ := s.order(order)
		t.Logf("%d bytes; waited %s, connected %s, told %s", len(order.encode()), report.Waited, report.Connected, report.Told)
		if got := told.Load(); got < services*each/2 || !report.Met {
			t.Errorf("%d proxies were told, met: %t", got, report.Met)
		}
		taken := 0
		for _, p := range report.Proxies {
			if p.Outcome == Taken {
				taken++
			}
		}
		if taken < services*each/2 { // a busy machine may be late with some: they are asked again
			t.Errorf("%d proxies are reported to have taken it", taken)
		}
	})
}

// manyProxies answers as a proxy at all addresses of the machine, and returns the port.
func manyProxies(t *testing.T, told *atomic.Int64) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/route" {
			told.Add(1)
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "taken 2:green")
			return
		}
		io.WriteString(w, "route 1:blue\nflags met ready\nbackend blue 80 0\nbackend green 80 0\nserver green 80 10.0.0.1 UP L4OK 0 \n")
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
