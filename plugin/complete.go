package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// completeTime is how long a person waits after a Tab.
const completeTime = 2 * time.Second

// asked makes a completion of words that the swarm or the file knows; what cannot be found out in
// time completes nothing.
func (a *app) asked(words func(ctx context.Context, args []string) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completeTime)
		defer cancel()
		if err := a.initialize(cmd, args); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := words(ctx, args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.DeleteFunc(found, func(w string) bool { return slices.Contains(args, w) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeServices completes the blue-green services of the stack, after so many other arguments.
func (a *app) completeServices(after int) cobra.CompletionFunc {
	return a.asked(func(ctx context.Context, args []string) ([]string, error) {
		if len(args) < after {
			return nil, nil
		}
		stack, err := a.stackName(ctx)
		if err != nil {
			return nil, err
		}
		return a.words(ctx, func(s swarm.StackService) string {
			if s.Stack == stack {
				return s.Service
			}
			return ""
		})
	})
}

// completeStacks completes the names of stacks.
func (a *app) completeStacks() cobra.CompletionFunc {
	return a.asked(func(ctx context.Context, _ []string) ([]string, error) {
		return a.words(ctx, func(s swarm.StackService) string { return s.Stack })
	})
}

// words are those that the services of the swarm give, each once.
func (a *app) words(ctx context.Context, word func(swarm.StackService) string) ([]string, error) {
	all, err := a.open("", nil).Stacks(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, s := range all.Services {
		if w := word(s); w != "" && !slices.Contains(found, w) {
			found = append(found, w)
		}
	}
	return found, nil
}

// completeFile completes the services of the stack file.
func (a *app) completeFile() cobra.CompletionFunc {
	return a.asked(func(ctx context.Context, _ []string) ([]string, error) {
		p, err := a.loadProject(ctx)
		if err != nil {
			return nil, err
		}
		var found []string
		for _, s := range p.Services {
			if s.TestOf == "" { // it runs with what it tests
				found = append(found, s.Name)
			}
		}
		return found, nil
	})
}

// completeReleases completes the numbers of releases, with what each is.
func (a *app) completeReleases() cobra.CompletionFunc {
	return a.asked(func(ctx context.Context, args []string) ([]string, error) {
		stack, err := a.stackName(ctx)
		if err != nil {
			return nil, err
		}
		h, err := a.open(stack, nil).History(ctx, args)
		if err != nil {
			return nil, err
		}
		var found []string
		for _, r := range h.Releases {
			if r.Outcome != "active" && r.Outcome != "failed" {
				found = append(found, cobra.CompletionWithDesc(fmt.Sprint(r.Release), printable(fmt.Sprintf("%s %s, %s", r.Service, r.Image, r.Outcome))))
			}
		}
		return found, nil
	})
}

// completeProfiles completes the profiles that services of the stack file name.
func (a *app) completeProfiles() cobra.CompletionFunc {
	return a.asked(func(ctx context.Context, _ []string) ([]string, error) {
		return compose.Profiles(ctx, a.composeOptions())
	})
}
