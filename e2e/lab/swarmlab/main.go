//go:build linux

// Command swarmlab keeps a real Docker Swarm on this machine for development: swarmlab up 1+2, then
// docker -H … as you like.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

const usage = `swarmlab [flags] COMMAND
  up M+W | up M        start a swarm of M managers and W workers; it runs until down
  down                 remove it and everything in it (-all: every lab on this machine)
  status               nodes, their sockets and states
  load FILE…           docker load on every node
  docker NODE ARG…     docker command line against a node
  exec NODE CMD…       run a command of this machine inside a node
  cut|heal NODE        network cable          freeze|thaw NODE   machine hangs
  kill NODE            power loss             crash NODE         dockerd alone dies
  stop NODE            end dockerd            start NODE         power on, or start dockerd
  check                is anything left?
  images DIR NAME…     build haproxy:3.2, app:v1, … into files for -images, load or docker load
  engines DIR VERSION…         unpack engines, as 26.1 or 28.5, for -engine; prints their directories
  haproxy-roots DIR VERSION…   unpack HAProxy to run with chroot; prints a value of HAPROXY_ROOTS
flags:
`

func main() {
	lab.Main()
	o := lab.Options{Keep: true}
	var images string
	var all bool
	flag.StringVar(&o.Name, "name", "lab", "name of the lab; several may run side by side")
	flag.StringVar(&o.Subnet, "subnet", "", "first three numbers of its /24, as 10.77.0 (default: the first that is free)")
	flag.Func("engine", "directory with another dockerd, containerd, …; several times for nodes that take them in turn", func(dir string) error {
		o.Engines = append(o.Engines, dir)
		return nil
	})
	flag.StringVar(&images, "images", "", "docker-archive files to load, separated by commas")
	flag.BoolVar(&o.Drained, "drained", true, "managers take no tasks")
	flag.BoolVar(&all, "all", false, "with down: every lab")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage); flag.PrintDefaults() }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	args := positional()
	if images != "" {
		o.Images = strings.Split(images, ",")
	}
	if err := command(ctx, o, all, args); err != nil {
		fmt.Fprintln(os.Stderr, "swarmlab:", err)
		os.Exit(1)
	}
}

// positional are the arguments without flags, which may stand anywhere, except in what is run on a
// node.
func positional() []string {
	args := flag.Args()
	if len(args) > 0 && (args[0] == "docker" || args[0] == "exec") {
		return args
	}
	var all []string
	for len(args) > 0 {
		all = append(all, args[0])
		flag.CommandLine.Parse(args[1:])
		args = flag.Args()
	}
	return all
}

func command(ctx context.Context, o lab.Options, all bool, args []string) error {
	if len(args) == 0 {
		flag.Usage()
		os.Exit(2)
	}
	switch args[0] {
	case "up":
		return up(ctx, o, args[1:])
	case "down":
		return down(o.Name, all)
	case "check":
		return lab.Gone(o.Name)
	case "images", "engines", "haproxy-roots":
		return build(ctx, args)
	}
	l, err := lab.Open(o.Name)
	if err != nil {
		return err
	}
	switch args[0] {
	case "status":
		status(l)
		return nil
	case "load":
		return l.Load(ctx, args[1:]...)
	}
	return onNode(ctx, l, args)
}

func up(ctx context.Context, o lab.Options, args []string) error {
	size := append(args, "1+2")[0]
	m, w, _ := strings.Cut(size+"+0", "+")
	w, _, _ = strings.Cut(w, "+")
	var err1, err2 error
	o.Managers, err1 = strconv.Atoi(m)
	o.Workers, err2 = strconv.Atoi(w)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("up %s: want managers+workers, as 1+2", size)
	}
	o.Drained = o.Drained && o.Workers > 0
	begin := time.Now()
	l, err := lab.Up(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("up in %.1f s\n", time.Since(begin).Seconds())
	status(l)
	return nil
}

func down(name string, all bool) error {
	names := []string{name}
	if all {
		names = lab.List()
	}
	for _, name := range names {
		l, err := lab.Open(name)
		if err != nil {
			return err
		}
		if err := l.Down(); err != nil {
			return err
		}
	}
	return nil
}

func status(l *lab.Lab) {
	for _, n := range l.Nodes() {
		fmt.Printf("%s  %-12s  %-12s  DOCKER_HOST=%s\n", n.Name, n.State(), n.IP(), n.Host())
	}
}
