//go:build linux

package main

import (
	"context"
	"fmt"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

// onNode carries out a command that begins with its name and the node.
func onNode(ctx context.Context, l *lab.Lab, args []string) error {
	if len(args) < 2 || l.Node(args[1]) == nil {
		return fmt.Errorf("%s: name a node of lab %s", args[0], l.Name)
	}
	n := l.Node(args[1])
	switch args[0] {
	case "docker":
		return show(n.Docker(ctx, args[2:]...))
	case "exec":
		return show(n.Exec(ctx, args[2:]...))
	case "start":
		return n.Start(ctx)
	}
	act, ok := map[string]func() error{
		"cut": n.Cut, "heal": n.Heal, "kill": n.Kill, "crash": n.Crash, "stop": n.Stop, "freeze": n.Freeze, "thaw": n.Thaw,
	}[args[0]]
	if !ok {
		return fmt.Errorf("no command %q: see swarmlab -h", args[0])
	}
	return act()
}

func show(out string, err error) error {
	if out != "" {
		fmt.Println(out)
	}
	return err
}
