package swarm

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// History is what is written down of the releases of a stack. Its JSON form is stable: fields are
// added, never changed.
type History struct {
	// Stack is the name of the stack.
	Stack string `json:"stack"`
	// Releases are sorted by service; those of one service begin with the newest.
	Releases []ReleaseHistory `json:"releases"`
}

// ReleaseHistory is what is written down of one release.
type ReleaseHistory struct {
	// Service is the compose service's name.
	Service string `json:"service"`
	// Release is its number.
	Release int `json:"release"`
	// Color is blue or green.
	Color string `json:"color"`
	// Outcome is active, shared, waiting, idle, failed, taken back, rolled back, replaced or given
	// up.
	Outcome string `json:"outcome"`
	// Cause is why it failed, or why the traffic was taken back; it may be empty.
	Cause string `json:"cause"`
	// Created is when it began to start; absent if it is older than the history.
	Created *time.Time `json:"created,omitempty"`
	// By is the user and the machine that made it.
	By string `json:"by"`
	// Image is the image as written in the file.
	Image string `json:"image"`
	// Digest is empty if the image was not pinned.
	Digest string `json:"digest"`
	// Files are the stack files as they were named.
	Files string `json:"files"`
	// Commit is the git commit of the files, with -dirty behind it if they were changed since then;
	// empty if it is not known.
	Commit string `json:"commit"`
	// Again is the release that rollback --to brought back as this one, 0 for none.
	Again int `json:"again"`
	// Log is what happened to it, the oldest first.
	Log []ReleaseEvent `json:"log"`
}

// ReleaseEvent is one thing that happened to a release.
type ReleaseEvent struct {
	// At is when the command saw it.
	At time.Time `json:"at"`
	// What is created, active, share, kept (its guard has ended), state, went back (its guard has
	// taken the traffic back), rolled back or failed.
	What string `json:"what"`
	// By is the user and the machine of the command.
	By string `json:"by"`
	// Command is the command, such as up.
	Command string `json:"command"`
	// Text says more, such as the cause.
	Text string `json:"text"`
	// Receipt is what the proxies counted while the command worked until then, in words.
	Receipt string `json:"receipt"`
}

// Outcomes of releases.
const (
	outcomeActive   = "active"
	outcomeShared   = "shared"
	outcomeWaiting  = "waiting"
	outcomeIdle     = "idle"
	outcomeFailed   = "failed"
	outcomeBack     = "taken back"
	outcomeRolled   = "rolled back"
	outcomeReplaced = "replaced"
	outcomeGivenUp  = "given up"
)

// History tells what is written down of the releases of services; without names, of all.
func (o *Operator) History(ctx context.Context, services []string) (*History, error) {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(s.Releases))
	if len(services) > 0 || len(names) == 0 {
		if names, err = s.Names(services); err != nil {
			return nil, err
		}
	}
	h := &History{Stack: s.Stack, Releases: []ReleaseHistory{}}
	for _, name := range names {
		for _, r := range slices.Backward(s.Releases[name]) {
			h.Releases = append(h.Releases, releaseHistory(s, r))
		}
	}
	return h, nil
}

func releaseHistory(s *cluster.Snapshot, r *cluster.Release) ReleaseHistory {
	h := ReleaseHistory{Service: r.Service, Release: r.Number, Color: string(r.Color), Image: r.Image, Files: r.Files, Commit: r.Commit, Again: r.Again, Log: []ReleaseEvent{}}
	_, h.Digest, _ = strings.Cut(r.Spec.TaskTemplate.ContainerSpec.Image, "@")
	for _, e := range r.Log {
		if e.What == cluster.Created && h.Created == nil {
			h.Created, h.By = new(e.At), e.By
		}
		h.Log = append(h.Log, ReleaseEvent{At: e.At, What: string(e.What), By: e.By, Command: e.Command, Text: e.Text, Receipt: e.Receipt})
	}
	h.Outcome, h.Cause = outcome(s.BlueGreen[r.Service], r)
	return h
}

// outcome is where a release is now, and else how it ended.
func outcome(b *cluster.BlueGreen, r *cluster.Release) (word, cause string) {
	held := b != nil && b.Proxy != nil && b.Colors[r.Color] != nil && cluster.ReleaseOf(b.Colors[r.Color].Spec) == r.Number
	if held {
		route, err := b.Route()
		switch idle := b.Active() != r.Color; {
		case err != nil:
		case !idle:
			return outcomeActive, ""
		case route.Share > 0:
			return outcomeShared, ""
		case b.Waiting() == r.Color:
			return outcomeWaiting, ""
		}
	}
	ended := map[cluster.What]string{cluster.NotHealthy: outcomeFailed, cluster.TakenBack: outcomeBack, cluster.SentBack: outcomeRolled,
		cluster.Activated: outcomeReplaced, cluster.Created: outcomeGivenUp}
	for _, e := range slices.Backward(r.Log) {
		word := ended[e.What]
		switch {
		case word == "":
			continue
		case held && (e.What == cluster.Activated || e.What == cluster.Created):
			return outcomeIdle, ""
		}
		return word, e.Text
	}
	return outcomeIdle, ""
}
