package swarm

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
)

// Doctor looks for what is wrong with the swarm, and with the stack or, if it has no name, all
// stacks. With live the proxies are asked, by a control job for each stack. Nothing is changed. An
// engine that does not answer is a finding, and no error; the error says that the command was
// interrupted, or that the swarm holds nothing of the stack.
func (o *Operator) Doctor(ctx context.Context, live bool) (*doctor.Report, error) {
	seen := &doctor.Seen{Asked: time.Now()}
	seen.Engine, seen.EngineErr = o.ex.Engine.Info(ctx)
	seen.Took = time.Since(seen.Asked)
	seen.APIVersion = o.ex.Engine.ClientVersion() // agreed on with the engine by the first call
	if seen.EngineErr == nil && seen.Engine.Swarm.ControlAvailable {
		if seen.Listed, seen.ListErr = o.ex.List(ctx); seen.ListErr == nil {
			seen.Tasks, seen.ListErr = o.ex.Now().AllTasks(ctx)
		}
		if seen.ListErr != nil {
			seen.Listed = nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if seen.Listed != nil {
		if err := o.examineStacks(ctx, seen, live); err != nil {
			return nil, err
		}
	}
	return doctor.Examine(seen, o.ex.Stack), nil
}

// examineStacks looks at the stack, or at all.
func (o *Operator) examineStacks(ctx context.Context, seen *doctor.Seen, live bool) error {
	names := seen.Listed.Stacks()
	if one := o.ex.Stack; one != "" {
		if !slices.Contains(names, one) {
			s, err := seen.Listed.Of(one)
			if err != nil {
				return err
			}
			if s.Empty() {
				return s.NothingDeployed()
			}
		}
		names = []string{one}
	}
	for _, name := range names {
		st := doctor.Stack{Name: name}
		if st.Snapshot, st.Err = seen.Listed.Of(name); st.Err == nil {
			st.Lock = heldLock(st.Snapshot, seen.Engine.SystemTime)
			if live && len(st.BlueGreen) > 0 {
				st.Live = true
				status, err := on(o.ex.Of(name)).Status(ctx, true)
				if st.LiveErr = err; err == nil {
					st.Drift = status.Drift
				}
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		seen.Stacks = append(seen.Stacks, st)
	}
	return nil
}

// heldLock is who holds the lock of a stack; nil for nobody. One look does not show whether a beat
// comes: the clock of the manager, which is engineTime, tells how old the last one is.
func heldLock(s *cluster.Snapshot, engineTime string) *doctor.Lock {
	c, ok := s.Configs[cluster.LockName(s.Stack)]
	if !ok {
		return nil
	}
	l := &doctor.Lock{By: describe(c)}
	l.Since, _ = time.Parse(time.RFC3339, c.Spec.Labels[labelSince])
	if processEnded(c.Spec.Labels[labelProcess]) {
		l.Gone = "its process has ended"
	} else if still := stoodStill(c, engineTime); still > 2*staleAfter {
		l.Gone = fmt.Sprintf("it has stood still for %s", still.Round(time.Second))
	}
	return l
}

// stoodStill is how long nobody has written a config, 0 if that is not known.
func stoodStill(c api.Config, engineTime string) time.Duration {
	now, err := time.Parse(time.RFC3339Nano, engineTime)
	if err != nil {
		return 0
	}
	return now.Sub(c.UpdatedAt)
}
