package plugin

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/prometheus"
)

// app is all that the commands need of the world. Tests replace its parts.
type app struct {
	command.Streams
	// common holds the values of the flags that all commands share.
	common commonFlags
	// initialize makes the docker CLI ready once the flags are parsed.
	initialize func(cmd *cobra.Command, args []string) error
	// load reads the stack file, projectName only finds out the stack's name.
	load        func(context.Context, compose.Options) (*compose.Project, error)
	projectName func(context.Context, compose.Options) (string, error)
	// open returns the operator for a stack. The engine is not touched before it is called.
	open func(stack string, emit func(cluster.Event)) operator
	// auth returns the encoded registry credentials for an image, empty for none.
	auth func(image string) (string, error)
	// commit returns the git commit of a folder; empty where it is not known.
	commit func(ctx context.Context, dir string) string
	// tell gets each event beside the terminal; nil for nobody.
	tell func(cluster.Event)
	// signals ends the context of a command on the first interruption.
	signals interruptions
	now     func() time.Time
	getenv  func(string) string
	// summaryWritten says that the summary of the step tells how the command ended.
	summaryWritten bool
}

// interruptions are what a person, or a machine that shuts down, sends to a command.
type interruptions interface {
	watch(parent context.Context) context.Context
	onForce(f func())
}

func newApp(cli command.Cli) *app {
	return &app{
		Streams: cli,
		initialize: func(cmd *cobra.Command, args []string) error {
			return plugin.PersistentPreRunE(cmd, args)
		},
		load:        compose.Load,
		projectName: compose.ProjectName,
		open: func(stack string, emit func(cluster.Event)) operator {
			o := swarm.New(cli.Client(), stack, emit)
			o.Prometheus = prometheus.Client{Address: os.Getenv(prometheusVariable)}
			return o
		},
		auth: func(image string) (string, error) {
			return command.RetrieveAuthTokenFromImage(cli.ConfigFile(), image)
		},
		commit: func(ctx context.Context, dir string) string {
			return commitOf(ctx, dir, os.Getenv)
		},
		signals: newInterrupter(cli.Err(), os.Exit),
		now:     time.Now,
		getenv:  os.Getenv,
	}
}

// session is one operation on a stack while its progress is shown.
type session struct {
	operator
	progress
}

// change runs an operation that changes a stack, and tells those about it who want to know.
func (a *app) change(ctx context.Context, title, stack string, do func(context.Context, session) error) error {
	var p progress
	var mu sync.Mutex // a receiver that fails says so at any time
	n, err := a.notifying(title, stack, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		p.Event(cluster.Event{Step: "notify", State: cluster.Warning, Text: text})
	})
	if err != nil {
		return err
	}
	told := a.summarizing(ctx, title, stack)
	return a.showing(ctx, a.sectioned(a.newProgress(title+" "+stack), title+" "+stack), stack, func(ctx context.Context, s session) (err error) {
		mu.Lock()
		p = s.progress
		mu.Unlock()
		if n == nil && told == nil {
			return do(ctx, s)
		}
		s.operator = a.open(stack, func(e cluster.Event) { n.event(e); told.event(e); p.Event(e) })
		defer func() { n.end(err); a.summarized(ctx, told, err) }()
		return do(ctx, s)
	})
}

// operate runs one operation on a stack. The title says which, for the person who watches.
func (a *app) operate(ctx context.Context, title, stack string, do func(context.Context, session) error) error {
	return a.showing(ctx, a.newProgress(title+" "+stack), stack, do)
}

// showing runs one operation on a stack with a progress, and closes that.
func (a *app) showing(ctx context.Context, p progress, stack string, do func(context.Context, session) error) error {
	defer p.Close()
	a.signals.onForce(p.Close)
	defer context.AfterFunc(ctx, func() { p.Event(stopping) })()
	return do(ctx, session{a.open(stack, p.Event), p})
}
