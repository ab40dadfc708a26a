package plugin

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// composeOptions returns what the common flags say about the stack file.
func (a *app) composeOptions() compose.Options {
	return compose.Options{
		Files:    a.common.files,
		Name:     a.common.name,
		EnvFiles: a.common.envFiles,
		Profiles: a.common.profiles,
		Environ:  os.Environ(),
		Stdin:    a.In(),
	}
}

// loadProject reads the stack file.
func (a *app) loadProject(ctx context.Context) (*compose.Project, error) {
	o := a.composeOptions()
	return orCanceled(ctx, func() (*compose.Project, error) { return a.load(ctx, o) })
}

// refuseWarnings is an error with all warnings about the stack file when strict is set, before
// anything is done.
func refuseWarnings(p *compose.Project, strict bool) error {
	if !strict {
		return nil
	}
	return p.RefuseWarnings()
}

// strictVar adds --strict.
func strictVar(fs *pflag.FlagSet, p *bool) {
	fs.BoolVar(p, "strict", false, "Turn warnings about the stack file into errors: keys that Swarm or the engine cannot do, variables that are not set")
}

// stackName finds the name of the stack for commands that need no more of the file. With -p no file
// is read.
func (a *app) stackName(ctx context.Context) (string, error) {
	o := a.composeOptions()
	return orCanceled(ctx, func() (string, error) { return a.projectName(ctx, o) })
}

// orCanceled returns what f returns, or the error of ctx if that ends before: a read of stdin
// cannot be canceled.
func orCanceled[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
