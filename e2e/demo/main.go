//go:build linux

// Command demo shows on the engine that docker talks to what the plugin does: a new version comes
// up beside the old one, a flip, and the way back, under traffic that is counted. It removes all
// that it made, also after Ctrl-C or a failure, and exits with 1 if a request failed. Run it with
// make demo. With -record it plays examples/hello instead, and writes a recording of the terminal:
// that is for make picture.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

func main() {
	lab.Main()
	record := flag.String("record", "", "play examples/hello, and write what the terminal shows into this file")
	flag.Parse()
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	s := newScreen(os.Stdout)
	go func() {
		for range signals { // also the second one: cleaning up goes on
			s.say("interrupted")
			stop(errors.New("interrupted"))
		}
	}()
	sc := shop
	if *record != "" {
		sc = hello(*record)
	}
	if err := run(ctx, s, sc); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s *screen, sc scene) (err error) {
	u := &undo{}
	defer func() {
		s.show("")
		made := len(u.steps) > 1 // beside the temporary files
		if made {
			s.say("removing all that was made")
		}
		undone := u.all()
		err = errors.Join(err, undone)
		if made && undone == nil {
			s.say("the engine is as it was")
		}
	}()
	dir, err := os.MkdirTemp("", "bluegreen-demo-")
	if err != nil {
		return err
	}
	u.add("temporary files", func(context.Context) error { return os.RemoveAll(dir) })
	e, err := connect(ctx, s, u)
	if err != nil {
		return err
	}
	e.stack = sc.stack
	sh, target, err := prepare(ctx, e, s, u, dir, sc)
	if err != nil {
		return cause(ctx, err)
	}
	return cause(ctx, sc.play(ctx, s, sh, target))
}

// cause prefers the interruption to what follows from it.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// prepare makes all that the commands need, and returns where the example will answer.
func prepare(ctx context.Context, e *engine, s *screen, u *undo, dir string, sc scene) (*shell, string, error) {
	sh := &shell{screen: s, stack: sc.stack}
	if err := e.join(ctx, s, u); err != nil {
		return nil, "", err
	}
	began := time.Now()
	var err error
	if sh.config, err = buildPlugin(ctx, dir); err != nil {
		return nil, "", err
	}
	s.say("plugin built in %.1fs", time.Since(began).Seconds())
	haproxy, err := e.images(ctx, s, u, dir)
	if err != nil {
		return nil, "", err
	}
	if err := e.public(ctx, s, u, dir, sc.images...); err != nil {
		return nil, "", err
	}
	target, err := sh.place(ctx, e, u, dir, haproxy, sc)
	if err != nil {
		return nil, "", err
	}
	u.add("containers", e.removeContainers)
	u.add("the stack", func(ctx context.Context) error {
		if _, err := sh.run(ctx, "", "down"); err != nil {
			s.say("%v: removing the stack by hand", err)
			return e.removeStack(ctx)
		}
		return nil
	})
	return sh, target, nil
}

// place decides how the example is reached on this engine, and says where.
func (sh *shell) place(ctx context.Context, e *engine, u *undo, dir, haproxy string, sc scene) (target string, err error) {
	w, err := e.probe(ctx, u)
	if err != nil {
		return "", err
	}
	if w.ingress {
		sh.screen.say("the ingress mesh works here: ports are published as the file says")
	} else {
		sh.screen.say("no ingress mesh here (the kernel lacks IPVS): host-mode ports, and endpoint_mode dnsrr")
	}
	port, err := freePort(firstPort)
	if err != nil {
		return "", err
	}
	file, err := writeOverride(dir, override{Node: e.info.Swarm.NodeID, HAProxy: haproxy, Target: sc.port, Port: port, Ingress: w.ingress, Beside: sc.beside})
	sh.files, sh.vars = []string{sc.file, file}, sc.vars
	return net.JoinHostPort(w.address, strconv.Itoa(port)), err
}

// scene is an example, and what the demo plays with it.
type scene struct {
	stack  string   // its name on the swarm
	file   string   // of the example
	vars   []string // for it
	images []string // that it wants by their public names
	port   int      // of its service web
	beside []string // its other services
	play   func(context.Context, *screen, *shell, string) error
}

var shop = scene{
	stack: "bluegreen-demo", // not that of a stack that somebody has
	file:  "examples/shop/compose.yaml", vars: []string{"IMAGE=" + appImage}, port: 8080, beside: []string{"api", "cache"}, play: story,
}

// story is what the demo shows.
func story(ctx context.Context, s *screen, sh *shell, target string) error {
	if _, err := sh.run(ctx, "v1", "up"); err != nil {
		return err
	}
	s.say("traffic: %d requests/s to http://%s, every third a POST, half of them on new connections", rate, target)
	t := startTraffic(ctx, s, target)
	defer t.stop()
	defer t.Stop()
	if err := t.Await(ctx, colors[0].version); err != nil {
		return err
	}
	var phases []phase
	for _, args := range [][]string{{"up", "--no-flip"}, {"flip"}, {"rollback"}, {"flip"}} {
		p, err := t.during(ctx, sh, "v2", args...)
		if err != nil {
			return err
		}
		phases = append(phases, p)
	}
	if _, err := sh.run(ctx, "", "status"); err != nil {
		return err
	}
	inside, err := askCalls(ctx, target)
	if err != nil {
		return err
	}
	total := t.Stop()
	t.stop()
	return summary(s, phases, total, inside)
}
