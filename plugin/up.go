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

const upLong = `Deploy the stack file, or only the named services of it and what they depend on.

What is done depends on what changed in the file since the last up:
  - anything in the task (image, environment, command, mounts, resources ...):
    a new release on the idle color, and traffic is flipped to it when it is ready
  - only the number of replicas: the active color is scaled in place
  - only ports, labels or aliases: the proxy service is updated
  - nothing: nothing is done

Until the flip a failure leaves traffic where it was and gives the idle color the
release back that it had. Services without x-bluegreen are deployed as docker
stack deploy does. A running service that gets x-bluegreen is taken over in
place; one whose x-bluegreen was taken out is given back in place, after a question
on a terminal, elsewhere with --yes. After an interruption the same command goes on
where it stopped.

Before the first proxies take a port over, what the service speaks on it is looked
at: TLS and whatever else is not HTTP needs mode: tcp. A second stack with the router
rules of one that runs is refused, and so is one with its services when -p does not
name it.

depends_on is honoured, with its conditions; a blue-green service is healthy when
it was flipped. Jobs (deploy.mode: replicated-job) are waited for until they
complete; they run again when they or what depends on them changed.

A config or secret whose content changed gets a new version with a name of its
own, and what uses it changes with it; versions that nothing uses, or could come
back to, are removed in the end.

Each distinct image is looked up once, with the credentials of docker login, so that
all nodes run the same digest. When a registry does not tell it, that is a warning;
when --resolve-image=always is given, an error before anything is changed. "changed"
asks only for images that the file names differently than at the last up, "never" for
none. Nodes that must log in to pull need --with-registry-auth, as with docker stack
deploy; later commands keep the credentials that were sent.`

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

  # Bring a new version of one service up, try it, then send traffic to it
  docker bluegreen up -p shop --no-flip web
  docker bluegreen flip -p shop web

  # What would be done, and why
  docker bluegreen up -p shop --dry-run

  # A file from somewhere else, under a name of its own
  curl -s https://example.com/stack.yml | docker bluegreen -p shop -f - up`,
		ValidArgsFunction: cobra.NoFileCompletions,
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
	fs.BoolVar(&o.NoFlip, "no-flip", false, "Stop when the idle color is ready")
	fs.BoolVar(&o.NoDeps, "no-deps", false, "Leave out what the named services depend on")
	fs.BoolVar(&o.Prune, "prune", false, "Remove services of the stack that are not in the file, once everything else is done")
	fs.BoolVarP(&o.Detach, "detach", "d", false, "Do not wait for services without x-bluegreen that nothing depends on")
	fs.BoolVarP(&quiet, "quiet", "q", false, "Show no progress: the same as --progress quiet")
	spanVar(fs, &o.Timeout, "timeout", 0, "Longest time without progress, for all services (default: timeout of x-bluegreen, 5m)")
	enumVar(cmd, fs, &o.ResolveImage, resolveImage, plan.ResolveAlways,
		[]string{plan.ResolveAlways, plan.ResolveChanged, plan.ResolveNever},
		"When registries are asked for digests; with an explicit always, an unresolvable digest is an error")
	fs.BoolVar(&o.WithRegistryAuth, "with-registry-auth", false, "Send the credentials of docker login to the nodes")
	dry.install(cmd)
	fs.BoolVar(&o.SkipPreflight, "skip-preflight", false, "Do not check first whether the nodes have what is needed, and whether another stack is meant")
	fs.BoolVar(&o.SkipPortCheck, "skip-port-check", false, "Do not look at what ports speak before proxies take them over")
	fs.BoolVar(&o.AcceptGap, "accept-gap", false, "Take over a running service even though requests may fail meanwhile (host-mode ports, some routers)")
	strictVar(fs, &o.Strict)
	fs.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask before services whose x-bluegreen is gone are given back")
	lockTimeoutVar(cmd, &o.LockTimeout)
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
	if err := known(project, o.Services); err != nil {
		return err
	}
	o.RegistryAuth = a.auth
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
			return fmt.Errorf("service %s is in no active profile: name the profile with --profile", name)
		case !slices.Contains(names, name):
			return fmt.Errorf("there is no service %s in the file, it has %s: if %s is the name of the stack, write -p %s", name, strings.Join(names, ", "), name, name)
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
