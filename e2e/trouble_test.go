//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// Scenario j: nodes lose their power or their network, hang, are slow, have no room left. That
// disturbs other scenarios: it has a swarm of its own, of three managers and two workers. Where no
// engine is asked for, this swarm has the newest that Debian has, and the other the machine's. It
// takes longest, so its file is among the last: go test begins parallel tests with those.
func TestNodes(t *testing.T) {
	t.Parallel()
	o := options(labName()+"nodes", 3)
	o.Disk = "150M"
	if o.Engines == nil {
		var err error
		if o.Engines, err = image.Engines(t.Context(), t.TempDir(), newestEngine); err != nil {
			t.Fatal(err)
		}
	}
	l, err := lab.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ended(l); err != nil {
			t.Error(err)
		}
	})
	t.Run("nodes change", func(t *testing.T) { suiteAlone(t, l) })
	t.Run("proxies are lost", func(t *testing.T) { long(t); lostProxies(t, l) })
	t.Run("a guard without managers", func(t *testing.T) { guardAlone(t, l) })
	s := stackOn(t, l, near)
	s.up("v1")
	s.up("v2")
	traffic := s.load(8080, load.Options{Targets: []string{s.target("n4", 8080)}, Rate: 50, KeepAlive: 0.5, Post: 0.3})
	for _, c := range []struct {
		name string
		long bool
		run  func(*troubled)
	}{
		{"a worker is cut off", false, func(s *troubled) { s.withoutWorker((*lab.Node).Cut, (*lab.Node).Heal) }},
		{"a worker hangs", true, func(s *troubled) { s.withoutWorker((*lab.Node).Freeze, (*lab.Node).Thaw) }},
		{"a worker has no image", false, (*troubled).withoutImage},
		{"an engine is restarted", true, (*troubled).engineRestarted},
		{"the leader loses its power", false, (*troubled).withoutLeader},
		{"the manager is cut off", true, (*troubled).managerCut},
		{"the disk is full", true, (*troubled).diskFull},
		{"the manager is far away", true, (*troubled).far},
		{"all is slow", true, (*troubled).slow},
	} {
		ok := t.Run(c.name, func(t *testing.T) {
			if c.long {
				long(t)
			}
			began := time.Now()
			c.run(&troubled{s.in(t), traffic})
			s.in(t).zeroFailed(traffic.Since(began))
		})
		if !ok {
			t.Fatal("the stack is not as the next scenario needs it")
		}
	}
}

// troubled is a stack with a version on each color and traffic to the worker n4, while something
// happens to nodes. Each scenario leaves it like that.
type troubled struct {
	*stack
	traffic *load.Load
}

// flips is a flip there and back.
func (s *troubled) flips() {
	s.t.Helper()
	for range 2 {
		to := s.versionOf(s.idle("web"))
		s.must("flip")
		s.settled(s.traffic, to)
	}
}

// next is a version that neither color has.
func (s *troubled) next() string {
	s.t.Helper()
	held := []string{s.versionOf("blue"), s.versionOf("green")}
	for _, v := range []string{"v1", "v2", "v3"} {
		if !slices.Contains(held, v) {
			return v
		}
	}
	return "v4"
}

// begins starts a command, and returns when it has begun to change something.
func (s *troubled) begins(version string, args ...string) *process {
	s.t.Helper()
	idle := s.idle("web")
	before := s.service("web-" + idle).Version
	p := s.start([]string{"V=" + version}, args...)
	s.eventually(args[0]+" is under way", func() bool {
		return s.service("web-"+idle).Version != before || s.service("web").Spec.Labels["bluegreen.next"] != "" || s.active("web") == idle
	})
	return p
}

// did waits for a command that a fault befell, and returns its exit code.
func (s *troubled) did(p *process, args ...string) int {
	s.t.Helper()
	code := p.wait()
	s.t.Logf("%v: exit %d\n%s", args, code, p.out)
	if !slices.Contains([]int{0, 1, 4}, code) {
		s.t.Errorf("%v: exit %d", args, code)
	}
	return code
}

// An order that a node cannot run, for want of its image, goes to another node.
func (s *troubled) withoutImage() {
	for _, name := range []string{"n4", "n5"} { // one of them is where orders go first
		n := s.lab.Node(name)
		_, err := n.Docker(s.t.Context(), "rmi", "--force", newest)
		must(s.t, err)
		s.flips()
		must(s.t, n.Load(s.t.Context(), env.tars...))
	}
}

// The engine of a worker ends while an up runs, with all its containers, and comes back.
func (s *troubled) engineRestarted() {
	n, version := s.lab.Node("n5"), s.next()
	up := s.begins(version, "up")
	must(s.t, n.Stop())
	must(s.t, n.Start(s.t.Context()))
	code := s.did(up, "up")
	s.healed()
	if code != 0 {
		s.up(version)
	}
	s.settled(s.traffic, version)
}

// The manager that leads loses its power, during an up and during a flip: two of three are enough.
//
// A worker notices that only when its next heartbeat is not answered, and then asks one manager
// after the other. The next leader gives it six heartbeats for all that. A worker that takes longer
// counts as down: Swarm starts its tasks elsewhere, and it ends them itself when it is back. That
// is Swarm's doing, and this is about ours: the heartbeats are longer here, as the docs advise.
func (s *troubled) withoutLeader() {
	s.heartbeat("20s")
	defer s.heartbeat("5s")
	s.loseLeader(s.next(), "up")
	s.loseLeader(s.versionOf(s.idle("web")), "flip", "--to", s.idle("web"))
}

func (s *troubled) loseLeader(version string, args ...string) {
	s.t.Helper()
	leader := s.leader()
	s.from(map[bool]string{true: "n2", false: "n1"}[leader.Name == "n1"])
	p := s.begins(version, args...)
	must(s.t, leader.Kill())
	code := s.did(p, args...)
	for _, n := range []string{"n4", "n5"} { // they look for another manager
		must(s.t, s.lab.Node(n).WaitState(s.t.Context(), swarm.NodeStateReady))
	}
	if code != 0 { // a node that takes long counts as down
		s.says(result{out: p.out.String()}, "node is down")
		s.mustEnv([]string{"V=" + version}, args...)
	}
	s.settled(s.traffic, version)
	must(s.t, leader.Start(context.Background()))
	s.healed()
}

// heartbeat is how often workers tell the leader that they live.
func (s *troubled) heartbeat(period string) {
	s.t.Helper()
	s.eventually("the swarm's heartbeat is "+period, func() bool { // no leader yet: again
		_, err := s.lab.Node("n1").Docker(s.t.Context(), "swarm", "update", "--dispatcher-heartbeat", period)
		return err == nil
	})
}

// leader is the manager that leads.
func (s *troubled) leader() *lab.Node {
	s.t.Helper()
	var name string
	s.eventually("a manager leads", func() bool {
		nodes, err := s.engine.NodeList(s.t.Context(), swarm.NodeListOptions{})
		for _, n := range nodes {
			if m := n.ManagerStatus; m != nil && m.Leader && m.Reachability == swarm.ReachabilityReachable {
				name = n.Description.Hostname
			}
		}
		return err == nil && name != ""
	})
	return s.lab.Node(name)
}

// The manager that a command talks to is cut off: the command ends, and says so. At another manager
// the same one finishes at once, and later at this one.
func (s *troubled) managerCut() {
	cut := s.lab.Node("n3")
	s.t.Cleanup(func() { _ = cut.Heal() })
	to := s.idle("web")
	version := s.versionOf(to)
	s.from("n3")
	p := s.begins(version, "flip", "--to", to)
	must(s.t, cut.Cut())
	s.did(p, "flip", "--to", to)
	s.from("n1")
	s.must("flip", "--to", to)
	s.settled(s.traffic, version)
	must(s.t, cut.Heal())
	s.healed()
	s.from("n3")
	s.eventually("the manager knows the swarm again", func() bool {
		_, err := s.engine.NodeList(s.t.Context(), swarm.NodeListOptions{})
		return err == nil
	})
	s.flips()
}

// There is no room for the swarm's state on the manager that leads.
func (s *troubled) diskFull() {
	leader, version := s.leader(), s.next()
	s.from(leader.Name)
	must(s.t, leader.FillDisk())
	room := func() { must(s.t, leader.EmptyDisk()) }
	r := s.runEnv([]string{"V=" + version}, "up")
	if r.code != 0 {
		s.exits(r, 1)
		room()
		s.up(version)
	} else {
		defer room()
	}
	s.settled(s.traffic, version)
	s.flips()
}

// The manager is reached over ssh, and each packet takes 100 ms there and 100 ms back.
func (s *troubled) far() {
	bin, err := s.at.ServeSSH(s.t.Context())
	must(s.t, err)
	must(s.t, s.at.Delay(100*time.Millisecond))
	s.t.Cleanup(func() { must(s.t, s.at.Undelay()) })
	s.vars = []string{"DOCKER_HOST=ssh://root@" + s.at.IP(), "PATH=" + bin + ":" + os.Getenv("PATH")}
	began, version := time.Now(), s.next()
	before := s.versionOf(s.active("web"))
	s.up(version)
	s.settled(s.traffic, version)
	s.t.Logf("an up took %s", time.Since(began).Round(time.Second))
	began = time.Now()
	s.must("rollback")
	s.settled(s.traffic, before)
	s.t.Logf("a rollback took %s", time.Since(began).Round(time.Second))
}

// Each node has half a core, 5 % of the packets are lost, and what goes to the manager and comes
// from it takes 100 ms longer each way.
func (s *troubled) slow() {
	s.most = longest
	for _, n := range s.lab.Nodes() {
		must(s.t, n.Limit(0.5))
		must(s.t, n.Lose(0.05))
	}
	must(s.t, s.at.Delay(100*time.Millisecond))
	s.t.Cleanup(func() {
		for _, n := range s.lab.Nodes() {
			must(s.t, n.Limit(0))
			must(s.t, n.Lose(0))
		}
		must(s.t, s.at.Undelay())
	})
	began, version := time.Now(), s.next()
	before := s.versionOf(s.active("web"))
	s.up(version)
	s.settled(s.traffic, version)
	s.must("flip")
	s.settled(s.traffic, before)
	s.t.Logf("an up and a flip took %s", time.Since(began).Round(time.Second))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const nearAndWatched = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8081, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.role == worker]}, restart_policy: {delay: 1s}}
    x-bluegreen:
      guard: {bake: 30m, errors: 10%, requests: 20}
      proxy: {image: "haproxy:newest", deploy: {placement: {constraints: [node.role == worker]}}}
      health: {path: /count, interval: 500ms}
      drain: 5s
      timeout: 5m
`

// The managers are cut off, and only then a release begins to fail: its proxies take the traffic
// back by themselves, and tell the managers when these are there again.
func guardAlone(t *testing.T, l *lab.Lab) {
	s := stackOn(t, l, nearAndWatched)
	s.up("v1")
	s.up("v2", "--detach")
	traffic := s.load(8081, load.Options{Targets: []string{s.target("n4", 8081), s.target("n5", 8081)}, Rate: 100, KeepAlive: 0.5, Post: 0.3})
	s.settled(traffic, "v2")
	managers := []*lab.Node{l.Node("n1"), l.Node("n2"), l.Node("n3")}
	for _, m := range managers {
		t.Cleanup(func() { _ = m.Heal() })
		must(t, m.Cut())
	}
	began := time.Now()
	response, err := http.Get("http://" + s.target("n4", 8081) + "/break")
	must(t, err)
	response.Body.Close()
	await(t, traffic, "v1")
	back := time.Now()
	t.Logf("within %s: %s", back.Sub(began).Round(time.Millisecond), traffic.Since(began))
	_, err = traffic.AwaitRequests(t.Context(), 200)
	must(t, err)
	s.only(traffic.Since(back), "v1")
	s.zeroFailed(traffic.Since(back))
	for _, m := range managers {
		must(t, m.Heal())
	}
	ctx, cancel := contextFor(t, patience)
	defer cancel()
	must(t, l.WaitReady(ctx))
	s.says(s.exits(s.run("wait"), 3), "service web (green) lost its traffic again, its guard took it back")
	s.settled(traffic, "v1")
	s.zeroFailed(traffic.Since(back))
	traffic.Stop()
}
