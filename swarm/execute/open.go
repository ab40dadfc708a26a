package execute

import (
	"context"
	"maps"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// turns are the units of a run that work just now, and those that wait for a test. While there are
// only the latter, other commands may come in between.
type turns struct {
	sem     chan struct{} // of one place: who has it may change what follows, and calls the manager meanwhile
	working int
	failed  bool                      // a unit has failed: what follows is undoing
	tests   map[string]cluster.Tested // by service
	shut    func(context.Context) error
}

func newTurns() *turns {
	return &turns{sem: make(chan struct{}, 1), tests: map[string]cluster.Tested{}}
}

// begins notes that a unit begins. An error says that another command has come in between: then
// nothing more may be done.
func (r *run) begins(ctx context.Context) error {
	return r.turn(ctx, func() { r.turns.working++ })
}

// ends notes that a unit has ended. After one that failed nobody comes in between any more.
func (r *run) ends(ctx context.Context, err error) {
	_ = r.turn(ctx, func() { r.turns.working--; r.turns.failed = r.turns.failed || err != nil }) // what it has done, is done
}

// turn notes a change, and opens or closes the lock as it asks for. Only an error of closing it is
// one: a lock that could not be opened makes others wait.
func (r *run) turn(ctx context.Context, change func()) error {
	t := r.turns
	t.sem <- struct{}{}
	defer func() { <-t.sem }()
	change()
	switch open := t.working == 0 && len(t.tests) > 0 && !t.failed; {
	case open && t.shut == nil && r.Open != nil:
		if shut, err := r.Open(ctx, maps.Clone(t.tests)); err == nil {
			t.shut = shut
		}
	case !open && t.shut != nil:
		shut := t.shut
		t.shut = nil
		ctx, cancel := traffic.Detached(ctx) // the failure of another unit has ended ctx, and what it began is still to be undone
		defer cancel()
		return shut(ctx)
	}
	return nil
}

// testing waits for a test as wait does, while other commands may come in between.
func (r *run) testing(ctx context.Context, service string, test cluster.Tested, wait func() error) error {
	_ = r.turn(ctx, func() { r.turns.working--; r.turns.tests[service] = test })
	err := wait()
	if cerr := r.turn(ctx, func() { r.turns.working++; delete(r.turns.tests, service) }); cerr != nil {
		return cerr
	}
	return err
}
