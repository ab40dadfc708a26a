// Package swarm has the commands: each looks at the swarm, plans, and carries the plan out.
package swarm

import (
	"context"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/execute"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Operator changes one stack on one swarm. It is used for one command at a time.
type Operator struct {
	ex *execute.Executor
	// Prometheus is asked for the queries of guards while a command waits; nil asks nobody.
	Prometheus Prometheus
	// found is what the command waited for that this one has come in between.
	found underTest
}

// Prometheus answers queries.
type Prometheus interface {
	// Value is the highest value that the query has now at the server of that URL; found is false if
	// it has none.
	Value(ctx context.Context, url, query string) (value float64, found bool, err error)
}

// New returns an operator for the stack of that name on the swarm that e is a manager of.
// Events are given to emit, from several goroutines, one at a time; nil discards them.
func New(e engine.API, stack string, emit func(cluster.Event)) *Operator {
	cl := cluster.New(e, stack, emit)
	cl.Author.By = Person()
	return on(cl)
}

func on(cl *cluster.Cluster) *Operator { return &Operator{ex: execute.New(traffic.New(cl))} }

// writing returns an operator that works as o does, by way of another engine.
func (o *Operator) writing(wrap func(engine.API) engine.API) *Operator {
	other := on(o.ex.WithEngine(wrap))
	other.Prometheus = o.Prometheus
	return other
}
