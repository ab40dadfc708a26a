package haproxy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// sites numbers the sites of this test run: each has loopback addresses of its own.
var sites atomic.Int32

// site is a network of proxies, apps and a name server, all on loopback.
type site struct {
	t       testing.TB
	haproxy installed
	prefix  string
	dns     *nameServer
	proxy   Proxy
	// subnet is that of the control network.
	subnet string
	// former are the Lua files that proxies and orders get from testdata/former instead.
	former []string
	// changed changes the files of proxies and orders; it may be nil.
	changed func(files map[string]string)
}

const testPort = 8080

// newSite makes a site for a service web with two colors and one http port.
func newSite(t testing.TB, h installed) *site {
	s := &site{t: t, haproxy: h, prefix: fmt.Sprintf("127.%d.%d.", 10+os.Getpid()%200, sites.Add(1))}
	s.dns = newNameServer(t, s.prefix+"53")
	release := bluegreen.Release{
		Ports:  []bluegreen.Port{{Target: testPort, Mode: bluegreen.ModeHTTP}},
		Health: bluegreen.Health{Interval: 200 * time.Millisecond, Timeout: time.Second, Rise: 1, Fall: 2},
	}
	s.proxy = Proxy{
		Service: "web", Peers: "tasks.proxies", PeerSlots: 8, Slots: 8, Drain: 20 * time.Second, MaxConn: 500,
		Colors:     map[string]Color{Blue: {"tasks.web-blue", release}, Green: {"tasks.web-green", release}},
		nameserver: s.dns.address(),
	}
	s.subnet = "127.0.0.0/8"
	return s
}

// addr is one of the site's addresses. By custom proxies have 1 to 9, blue tasks 11 to 19, green
// ones 21 to 29.
func (s *site) addr(n int) string { return fmt.Sprint(s.prefix, n) }

// eachColor changes the release of both colors.
func (s *site) eachColor(change func(*bluegreen.Release)) {
	for name, c := range s.proxy.Colors {
		change(&c.Release)
		s.proxy.Colors[name] = c
	}
}

// files writes the files of the proxy n and returns their directory.
func (s *site) files(n int, route string) string {
	s.t.Helper()
	p := s.proxy
	p.bind = s.addr(n)
	return s.haproxy.dir(s.t, func(dir string) map[string]string {
		p.dir = dir
		files, err := p.Files()
		if err != nil {
			s.t.Fatal(err)
		}
		files[RouteFile] = p.Service + " " + route + "\n"
		return s.adapted(files)
	})
}

// adapted changes those files that are to be otherwise, or as they were in an earlier version.
func (s *site) adapted(files map[string]string) map[string]string {
	s.t.Helper()
	for _, name := range s.former {
		if _, ok := files[name]; !ok {
			continue
		}
		content, err := os.ReadFile("testdata/former/" + name)
		if err != nil {
			s.t.Fatal(err)
		}
		files[name] = string(content)
	}
	if s.changed != nil {
		s.changed(files)
	}
	return files
}

// running is a proxy process.
type running struct {
	addr, dir string
	cmd       *exec.Cmd
	log       *lockedBuffer
	// ended is closed when the process has ended.
	ended chan struct{}
}

// start starts the proxy n with the route that its label gives.
func (s *site) start(n int, route string) *running {
	s.t.Helper()
	dir := s.files(n, route)
	r := s.run(n, s.haproxy.command(Command(), dir, SubnetVariable+"="+s.subnet, "BLUEGREEN_LOCAL="+s.addr(n)))
	r.dir = dir
	return r
}

// run runs the command of the proxy n until the test ends.
func (s *site) run(n int, cmd *exec.Cmd) *running {
	s.t.Helper()
	r := &running{addr: s.addr(n), cmd: cmd, log: &lockedBuffer{}, ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { r.cmd.Wait(); close(r.ended) }()
	s.t.Cleanup(func() {
		r.cmd.Process.Kill()
		<-r.ended
		if s.t.Failed() {
			s.t.Logf("log of proxy %s:\n%s", r.addr, r.log)
		}
	})
	return r
}

// stop begins the end of a proxy as docker does.
func (r *running) stop() { r.cmd.Process.Signal(syscall.SIGUSR1) }

// order runs a control job and returns what it reported, and all conditions that it saw unmet.
func (s *site) order(o Order) (*Report, []Progress) {
	s.t.Helper()
	dir := s.haproxy.dir(s.t, func(dir string) map[string]string {
		files, err := render(view{Proxy: Proxy{dir: dir}}, "order.cfg", "order.lua")
		if err != nil {
			s.t.Fatal(err)
		}
		return s.adapted(files)
	})
	cmd := s.haproxy.command(OrderCommand(), dir, o.Env()...)
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("control job: %v\n%s", err, out)
	}
	report, unmet := &Report{}, []Progress(nil)
	for line := range strings.Lines(string(out)) {
		progress, err := report.Add(line)
		if err != nil {
			s.t.Fatal(err)
		}
		if progress != nil && !progress.Met {
			unmet = append(unmet, *progress)
		}
	}
	if !report.Done || report.Err != "" {
		s.t.Fatalf("the control job did not come to its end:\n%s", out)
	}
	s.t.Logf("control job:\n%s", out)
	return report, unmet
}

// proxies are the proxies of an order.
func (s *site) proxies(ps ...*running) []ProxyAddr {
	var found []ProxyAddr
	for _, p := range ps {
		found = append(found, ProxyAddr{Service: s.proxy.Service, Addr: p.addr})
	}
	return found
}

// ready waits until the proxies' health check passes.
func (s *site) ready(ps ...*running) {
	s.t.Helper()
	for _, p := range ps {
		eventually(s.t, 15*time.Second, "the health check of "+p.addr+" passes", func() bool {
			return s.haproxy.command(HealthCommand(), p.dir).Run() == nil
		})
	}
}

// slower is how many times slower than usual a machine may be without a test failing for it.
const slower = 6

// eventually waits for a condition that nothing announces. limit is for an idle machine.
func eventually(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	limit *= slower
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// lockedBuffer is a buffer that is written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
