//go:build linux

// Package lab starts real multi-node Docker Swarms on one Linux machine, one dockerd per set of
// namespaces, and removes them without a trace. It needs root, and never touches the machine's own
// engine.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Options describe a lab. Only Managers is required.
type Options struct {
	Name     string   // several labs may run side by side; lower case letters and digits, at most 11 (default "lab")
	Managers int      // nodes n1 … nM
	Workers  int      // nodes after the managers
	Subnet   string   // first three numbers of a /24, as "10.77.0" (default: the first of 10.77.x that is free)
	Drained  bool     // managers take no tasks
	Images   []string // docker-archive files, loaded on every node
	InitArgs []string // more arguments of docker swarm init; the dispatcher's heartbeat is 1s unless given here
	Engines  []string // directories with dockerd, containerd, …, which the nodes take in turn (default: the machine's PATH)
	Disk     string   // size of the disk that has the swarm's state, as "100M" (default: the machine's)
	Keep     bool     // let the lab outlive this process; otherwise it is removed when the process ends, however that happens
}

// Lab is a running swarm.
type Lab struct {
	state
	lifeline *os.File // write end of a pipe to the switch process, which removes the lab when it closes; nil if kept or opened
	down     sync.Mutex
}

// Up starts a lab and returns when every node is Ready. On failure nothing is left behind. A lab of
// the same name that an earlier process left is removed first; one whose process still lives, or
// that was kept, is an error.
func Up(ctx context.Context, o Options) (*Lab, error) {
	if !hooked {
		return nil, errors.New("lab: call lab.Main() first thing in TestMain or main: the nodes are started from this binary")
	}
	if err := Ready(); err != nil {
		return nil, err
	}
	if err := Sweep(); err != nil {
		return nil, err
	}
	l, err := claim(o)
	if err != nil {
		return nil, err
	}
	if err := l.up(ctx, o); err != nil {
		err = fmt.Errorf("lab %s: %w", l.Name, err)
		return nil, errors.Join(err, l.Down())
	}
	return l, nil
}

func (l *Lab) up(ctx context.Context, o Options) error {
	if err := l.startSwitch(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sw := newJoining(o)
	var wg sync.WaitGroup
	for _, n := range l.Nodes() {
		wg.Go(func() {
			if err := n.enlist(ctx, o, sw); err != nil {
				cancel(fmt.Errorf("%s: %w", n.Name, err)) // the first failure is the cause, the others follow from it
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return l.WaitReady(ctx)
}

// enlist brings one node all the way into the swarm.
func (n *Node) enlist(ctx context.Context, o Options, sw *joining) error {
	if err := n.Start(ctx); err != nil {
		return err
	}
	loaded := make(chan error, 1)
	go func() { loaded <- n.Load(ctx, o.Images...) }()
	err := sw.join(ctx, n)
	return errors.Join(err, <-loaded)
}

// Nodes are the lab's nodes, managers first.
func (l *Lab) Nodes() []*Node {
	nodes := make([]*Node, l.Managers+l.Workers)
	for i := range nodes {
		nodes[i] = &Node{Name: fmt.Sprintf("n%d", i+1), Manager: i < l.Managers, lab: l, number: i + 1}
	}
	return nodes
}

// Node is the node of that name (n1, n2, …), or nil.
func (l *Lab) Node(name string) *Node {
	nodes := l.Nodes()
	i := slices.IndexFunc(nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return nodes[i]
}

// Down removes the lab and everything that ran in it. It may be called more than once.
func (l *Lab) Down() error {
	l.down.Lock()
	defer l.down.Unlock()
	err := destroy(l.Name)
	if l.lifeline != nil {
		l.lifeline.Close()
		l.lifeline = nil
	}
	return err
}

// Load loads docker-archive files on every node.
func (l *Lab) Load(ctx context.Context, tars ...string) error {
	nodes := l.Nodes()
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() { errs[i] = n.Load(ctx, tars...) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Check says what is left of the lab after Down.
func (l *Lab) Check() error { return Gone(l.Name) }

// Gone says what is left of the lab of that name; nil if nothing is.
func Gone(name string) error {
	if left := leftovers(name); len(left) > 0 {
		return fmt.Errorf("lab %s: left behind: %s", name, strings.Join(left, ", "))
	}
	return nil
}
