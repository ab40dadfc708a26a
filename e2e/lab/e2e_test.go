//go:build linux && e2e

package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

func init() {
	orphanMain = func() { // in a process that TestOrphan kills
		if os.Getenv("LAB_TEST_ORPHAN") == "" {
			return
		}
		if _, err := Up(context.Background(), Options{Name: "orphan", Managers: 1}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("up")
		select {}
	}
}

func start(t *testing.T, o Options, images ...string) *Lab {
	t.Helper()
	must(t, Ready())
	var err error
	if o.Images, err = image.Build(t.Context(), t.TempDir(), images...); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	l, err := Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %s", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() {
		for _, n := range l.Nodes() {
			if t.Failed() {
				t.Logf("end of the log of %s:\n%s", n.Name, tail(n.Log()))
			}
		}
		begin := time.Now()
		for range 2 { // twice does no harm
			if err := l.Down(); err != nil {
				t.Error(err)
			}
		}
		t.Logf("down in %s", time.Since(begin).Round(time.Millisecond))
		if err := l.Check(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// app is a service with one task on each worker, reached on its host-mode port 80.
func app(replicas uint64) swarm.ServiceSpec {
	volume := mount.Mount{Type: mount.TypeVolume, Source: "counts", Target: "/counts"}
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: "web"},
		TaskTemplate: swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{
			Image: "app:v1", Env: []string{"APP_COUNT_DIR=/counts"}, Mounts: []mount.Mount{volume},
		}},
		Mode: swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &replicas}},
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR, Ports: []swarm.PortConfig{
			{TargetPort: 8080, PublishedPort: 80, PublishMode: swarm.PortConfigPublishModeHost},
		}},
	}
}

// TestLab takes a swarm through all that a lab can do to it.
func TestLab(t *testing.T) {
	l := start(t, Options{Name: "selftest", Managers: 1, Workers: 2, Drained: true}, "app:v1", "haproxy:2.6")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	n1, n2, n3 := l.Node("n1"), l.Node("n2"), l.Node("n3")
	step := func(name string, err error) {
		t.Helper()
		must(t, err)
		t.Logf("%s %s", time.Now().Format("15:04:05.0"), name)
	}
	c, err := n1.Client()
	must(t, err)
	defer c.Close()
	_, err = c.ServiceCreate(ctx, app(2), swarm.ServiceCreateOptions{})
	must(t, err)

	targets := []string{n2.IP() + ":80", n3.IP() + ":80"}
	options := load.Options{Targets: targets, KeepAlive: 0.5, Post: 0.2, Rate: 1500}
	step("both workers serve", serves(ctx, targets))
	before, err := l.Posts("counts")
	must(t, err)
	traffic := load.Start(ctx, options)
	_, err = traffic.AwaitRequests(ctx, 1500)
	step("1,500 requests", err)
	all := traffic.Stop()
	t.Log(all)
	after, err := l.Posts("counts")
	must(t, err)
	if n := after["v1"] - before["v1"]; n != all.PostsOK || all.Failed > 0 {
		t.Errorf("%d POSTs counted by the application: %v", n, all)
	}

	step("n2: cut", n2.Cut())
	impatient := http.Client{Timeout: time.Second}
	if _, err := impatient.Get("http://" + targets[0]); err == nil {
		t.Error("a node that is cut off answers")
	}
	if out, err := n2.Docker(ctx, "ps", "-q"); err != nil || out == "" {
		t.Errorf("containers of a node that is cut off: %q, %v", out, err)
	}
	step("n2: Down", n2.WaitState(ctx, swarm.NodeStateDown))
	step("n2: healed", n2.Heal())
	step("n2: Ready", n2.WaitState(ctx, swarm.NodeStateReady))
	step("n3: power off", n3.Kill())
	step("n3: Down", n3.WaitState(ctx, swarm.NodeStateDown))
	step("n3: power on", n3.Start(ctx))
	step("n3: Ready", n3.WaitState(ctx, swarm.NodeStateReady))
	step("n3: frozen", n3.Freeze())
	step("n3: Down", n3.WaitState(ctx, swarm.NodeStateDown))
	step("n3: thawed", n3.Thaw())
	step("n3: Ready", n3.WaitState(ctx, swarm.NodeStateReady))

	step("both workers serve again", serves(ctx, targets))
	traffic = load.Start(ctx, options)
	step("n1: dockerd killed", n1.Crash())
	if quiet, err := traffic.AwaitRequests(ctx, 500); err != nil || quiet.Failed > 0 {
		t.Errorf("workers do not serve while the manager is down: %v %v", quiet, err)
	}
	step("n1: dockerd started", n1.Start(ctx))
	step("all nodes ready", l.WaitReady(ctx))
	t.Log(traffic.Stop())

	out, err := n2.Docker(ctx, "run", "--rm", "haproxy:2.6", "-v")
	must(t, err)
	t.Log(out)
	step("n2: frozen", n2.Freeze()) // Down must remove also what is frozen
}

// serves waits until all targets answer.
func serves(ctx context.Context, targets []string) error {
	l := load.Start(ctx, load.Options{Targets: targets, Workers: 4, Rate: 50, Timeout: time.Second})
	defer l.Stop()
	return l.Await(ctx, "v1")
}

// TestBehaviours runs the application in each of its ways.
func TestBehaviours(t *testing.T) {
	tags := []string{"v1", "v2-exit", "v3-unhealthy", "v4-late", "v5-refuse", "v6-nocheck"}
	want := []string{"healthy", "exited", "unhealthy", "healthy", "healthy", "running"}
	var images []string
	for _, tag := range tags {
		images = append(images, "app:"+tag)
	}
	l := start(t, Options{Name: "behave", Managers: 1}, images...)
	for i, tag := range tags {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			n := l.Node("n1")
			port := 9000 + i
			_, err := n.Docker(ctx, "run", "-d", "--name", tag, "-p", fmt.Sprintf("%d:8080", port), "app:"+tag)
			must(t, err)
			awaitState(ctx, t, n, tag, want[i])
			refuses := tag == "v2-exit" || tag == "v5-refuse"
			for {
				_, err = http.Get(fmt.Sprintf("http://%s:%d/", n.IP(), port))
				if err == nil || refuses || ctx.Err() != nil {
					break
				}
				time.Sleep(20 * time.Millisecond) // it runs, and may not listen yet
			}
			if (err != nil) != refuses {
				t.Errorf("request: %v", err)
			}
		})
	}
}

func awaitState(ctx context.Context, t *testing.T, n *Node, name, want string) {
	c, err := n.Client()
	must(t, err)
	defer c.Close()
	for {
		i, err := c.ContainerInspect(ctx, name)
		must(t, err)
		if got := describe(i.State); got == want {
			return
		} else if ctx.Err() != nil {
			t.Fatalf("%s is %s, want %s", name, got, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func describe(s *container.State) string {
	if s.Running && s.Health != nil {
		return s.Health.Status
	}
	return s.Status
}

// TestOrphan kills a process that has a lab: the lab goes with it.
func TestOrphan(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "LAB_TEST_ORPHAN=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		rest, _ := io.ReadAll(out)
		t.Fatalf("%s%s (%v)", line, rest, err)
	}
	if Gone("orphan") == nil {
		t.Fatal("no lab")
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	if !until(10*time.Second, func() bool { return Gone("orphan") == nil }) {
		t.Error(Gone("orphan"))
	}
}
