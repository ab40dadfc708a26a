package plugin

import (
	"context"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// operator changes one stack on one swarm.
type operator interface {
	Up(ctx context.Context, p *compose.Project, o plan.UpOptions) error
	Plan(ctx context.Context, p *compose.Project, o plan.UpOptions) (plan.Plan, error)
	Flip(ctx context.Context, o plan.FlipOptions) error
	PlanFlip(ctx context.Context, o plan.FlipOptions) (plan.Plan, error)
	Canary(ctx context.Context, o plan.FlipOptions) error
	PlanCanary(ctx context.Context, o plan.FlipOptions) (plan.Plan, error)
	Promote(ctx context.Context, o plan.FlipOptions) error
	PlanPromote(ctx context.Context, o plan.FlipOptions) (plan.Plan, error)
	Rollback(ctx context.Context, o plan.FlipOptions) error
	PlanRollback(ctx context.Context, o plan.FlipOptions) (plan.Plan, error)
	State(ctx context.Context, command plan.Command, o plan.FlipOptions) error
	PlanState(ctx context.Context, command plan.Command, o plan.FlipOptions) (plan.Plan, error)
	Wait(ctx context.Context, o plan.FlipOptions) error
	Stacks(ctx context.Context) (*swarm.Stacks, error)
	Logs(ctx context.Context, o swarm.LogOptions, emit func(swarm.LogLine)) error
	History(ctx context.Context, services []string) (*swarm.History, error)
	Status(ctx context.Context, live bool, services ...string) (*swarm.Status, error)
	Doctor(ctx context.Context, live bool) (*doctor.Report, error)
	Events(ctx context.Context, emit func(feed.Event)) error
	Down(ctx context.Context, o swarm.DownOptions) error
	PlanDown(ctx context.Context) (plan.Plan, error)
}

var _ operator = (*swarm.Operator)(nil)
