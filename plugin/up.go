package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// resolveImage is a flag whose default warns where its given value refuses.
const resolveImage = "resolve-image"

const upLong = `Deploy the stack file. With names of services, deploy only these services and
their dependencies.

The changes in the file since the last up decide:
  - a change in the task (image, environment, command, mounts, resources ...):
    up starts a new release on the idle color, and flips traffic to it when it
    is ready
  - only the number of replicas: up scales the active color in place
  - only ports, labels or aliases: up updates the proxy service
  - no change: up does nothing

With --no-flip, and with promote: manual in the file, up stops when the release is
ready. With promote: 10m it waits for as long, and then flips. With canary.steps the
release gets more and more of the traffic, and up waits between the steps. Meanwhile
rollback takes the share back, promote gives the release all traffic, and up ends.

With guard in the file, the proxies watch the release once it has traffic, and take
the traffic back by themselves if too many requests fail, or answers take too long. up
shows the figures, and exits with 3 if that happens. --detach leaves the proxies alone
with it. A new release waits until the former one is not watched any more.

The jobs of test run before the flip. Those of verify run after it: if one fails,
traffic goes back.

If up fails before the flip, traffic stays where it was, and the idle color
gets its earlier release again. After an interruption, run the same command
again: it goes on where it stopped.

up deploys plain services, those without x-bluegreen, as docker stack deploy
does. If a running service gets x-bluegreen, up adopts it in place. If you take
x-bluegreen out, up gives the service back in place: it is a plain service
again. up asks first; without a terminal it needs --yes.

Before proxies get a port for the first time, up looks at what the service
speaks there. TLS and other protocols that are not HTTP need mode: tcp. up
refuses a second stack that has the router rules of a running stack. Without -p
it also refuses a second stack that has its services.

up follows depends_on and its conditions. A blue-green service counts as healthy
after its flip. up waits until jobs (deploy.mode: replicated-job) complete. A job
runs again when it changed, or a service that depends on it.

A config or secret with new content gets a new version under another name, and
the services that use it change too. At the end, up removes versions that
nothing uses or could return to.

up looks each distinct image up once, with the credentials of docker login, so
all nodes run the same digest. If a registry does not answer, this is a warning.
With --resolve-image=always it is an error, before anything is changed. "changed"
looks up only images whose name changed since the last up; "never" none. Nodes
that must log in to pull need --with-registry-auth, as with docker stack deploy.
Later commands keep these credentials.`

func newUpCommand(a *app) *cobra.Command {
	var o plan.UpOptions
	var quiet bool
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "up [OPTIONS] [SERVICE...]",
		Short: "Deploy the stack file",
		Long:  upLong,
		Example: `  # Deploy a file under the name that docker stack deploy -c stack.yml shop gave it
  docker bluegreen up -c stack.yml -p shop

  # Start a new release of one service, try it, then send traffic to it
  docker bluegreen up -p shop --no-flip web
  docker bluegreen promote -p shop web

  # Show what up would do, and why
  docker bluegreen up -p shop --dry-run

  # Deploy a file from stdin as the stack shop
  curl -s https://example.com/stack.yml | docker bluegreen -p shop -f - up`,
		ValidArgsFunction: a.completeFile(),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			o.RequireDigests = o.ResolveImage == plan.ResolveAlways && cmd.Flags().Changed(resolveImage)
			if quiet {
				a.common.progress = progressQuiet
			}
			if err := dry.check(cmd); err != nil {
				return err
			}
			return runUp(cmd.Context(), a, o, dry)
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.NoFlip, "no-flip", false, "Stop when the new release is ready: promote makes it active")
	fs.BoolVar(&o.NoDeps, "no-deps", false, "Leave out the dependencies of the named services")
	fs.BoolVar(&o.Prune, "prune", false, "Remove services of the stack that are not in the file, as the last step")
	fs.BoolVar(&o.SkipBake, "skip-bake", false, "Begin at once, even if the proxies still watch the former release (guard)")
	fs.BoolVarP(&o.Detach, "detach", "d", false, "Do not wait for plain services on which nothing depends, nor for the end of a guard")
	fs.BoolVarP(&quiet, "quiet", "q", false, "Show no progress: the same as --progress quiet")
	spanVar(fs, &o.Timeout, "timeout", 0, "Longest time without progress, for all services (default: timeout of x-bluegreen, 5m; also BLUEGREEN_TIMEOUT)")
	enumVar(cmd, fs, &o.ResolveImage, resolveImage, plan.ResolveAlways,
		[]string{plan.ResolveAlways, plan.ResolveChanged, plan.ResolveNever},
		"When to ask registries for digests; with always on the command line, a missing digest is an error")
	fs.BoolVar(&o.WithRegistryAuth, "with-registry-auth", false, "Send the credentials of docker login to the nodes")
	dry.install(cmd)
	fs.BoolVar(&o.SkipPreflight, "skip-preflight", false, "Skip the check of nodes and networks, and of another stack with the same services")
	fs.BoolVar(&o.SkipPortCheck, "skip-port-check", false, "Do not look at what ports speak before proxies get them")
	fs.BoolVar(&o.AcceptGap, "accept-gap", false, "Adopt a service, or give it back, even if requests may fail meanwhile (host-mode ports, some routers)")
	strictVar(fs, &o.Strict)
	fs.BoolVarP(&o.Yes, "yes", "y", false, "Give services back without asking (x-bluegreen was taken out)")
	lockTimeoutVar(cmd, &o.LockTimeout)
	groupFlags(cmd, "Images:", resolveImage, "with-registry-auth")
	groupFlags(cmd, "Checks:", "skip-preflight", "skip-port-check", "skip-bake", "accept-gap", "strict", "yes")
	return cmd
}

func runUp(ctx context.Context, a *app, o plan.UpOptions, dry dryRun) error {
	project, err := a.loadProject(ctx)
	if err != nil {
		return err
	}
	if err := refuseWarnings(project, o.Strict); err != nil {
		return err
	}
	a.annotateWarnings(project)
	if err := known(project, o.Services); err != nil {
		return err
	}
	if err := a.knowsPrometheus(project); err != nil {
		return err
	}
	o.RegistryAuth = a.auth
	if !dry.on {
		o.Commit = a.commit(ctx, project.Dir)
	}
	err = a.up(ctx, project, o, dry)
	var ask *plan.ConfirmationError
	if !errors.As(err, &ask) || !a.canAsk() {
		return err
	}
	if yes, err := a.confirmed(ctx, ask); err != nil || !yes {
		return cmp.Or(err, error(errDeclined))
	}
	o.Yes = true
	return a.up(ctx, project, o, dry)
}

// errDeclined ends a command that a person did not confirm.
var errDeclined = errors.New("nothing was changed")

// known is an error for names of services that the file does not have: who knows docker stack
// deploy may have meant the name of the stack.
func known(p *compose.Project, services []string) error {
	var names []string
	for _, s := range p.Services {
		names = append(names, s.Name)
	}
	for _, name := range services {
		switch {
		case slices.Contains(p.Disabled, name):
			return fmt.Errorf("service %s is in no active profile: add its profile with --profile", name)
		case !slices.Contains(names, name):
			return fmt.Errorf("the file has no service %s, only %s: if %s is the name of the stack, write -p %s", name, strings.Join(names, ", "), name, name)
		}
	}
	return nil
}

// up deploys the project, or with --dry-run shows what that would do.
func (a *app) up(ctx context.Context, project *compose.Project, o plan.UpOptions, dry dryRun) error {
	return dry.run(ctx, a, "up", project.Name, project.Warnings, func(ctx context.Context, s session) error {
		tellAboutFile(project, s.Event)
		return s.Up(ctx, project, o)
	}, func(ctx context.Context, s session) (plan.Plan, error) {
		tellAboutFile(project, s.Event)
		return s.Plan(ctx, project, o)
	})
}

// tellAboutFile tells what the loader has to say about the stack file.
func tellAboutFile(p *compose.Project, emit func(cluster.Event)) {
	if len(p.Notes) > 0 {
		emit(cluster.Event{Step: "file", State: cluster.Done, Text: strings.Join(p.Notes, "\n")})
	}
	for _, w := range p.Warnings {
		emit(cluster.Event{Step: "file", State: cluster.Warning, Text: w})
	}
}

// prometheusVariable is the environment variable with the address of Prometheus. It comes before
// that in the file, and may hold a password.
const prometheusVariable = "BLUEGREEN_PROMETHEUS"

// knowsPrometheus is an error for queries that nobody could be asked.
func (a *app) knowsPrometheus(p *compose.Project) error {
	for _, s := range p.Services {
		if s.BlueGreen == nil || s.BlueGreen.Guard == nil || s.BlueGreen.Guard.Prometheus == nil {
			continue
		}
		if s.BlueGreen.Guard.Prometheus.URL == "" && a.getenv(prometheusVariable) == "" {
			return fmt.Errorf("service %s: x-bluegreen.guard.prometheus has queries, and nobody says which server to ask: write guard.prometheus.url, or set %s", s.Name, prometheusVariable)
		}
	}
	return nil
}
