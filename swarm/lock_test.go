package swarm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
)

func heldBy(process string) api.Config {
	c := api.Config{ID: "theirs", Spec: lockSpec("shop", "docker bluegreen up")}
	c.Spec.Labels[labelOwner] = "ann@builder"
	c.Spec.Labels[labelProcess] = process
	return c
}

var errTaken = errors.New("rpc error: code = AlreadyExists desc = config shop-bluegreen-lock already exists")

func TestLockOfAnotherIsWaitedFor(t *testing.T) {
	o := New(&clustertest.Engine{
		OnConfigCreate: func(api.ConfigSpec) error { return errTaken },
		Configs:        func() []api.Config { return []api.Config{heldBy("another boot 1 2")} },
	}, "shop", nil)
	err := o.locked(context.Background(), "docker bluegreen flip", 300*time.Millisecond, func(context.Context) error {
		t.Error("ran without the lock")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "`docker bluegreen up` of ann@builder") || !strings.Contains(err.Error(), "--lock-timeout") {
		t.Errorf("error %v: want one that names the holder and the way out", err)
	}
}

func TestLockOfADeadProcessIsTakenOver(t *testing.T) {
	var removed []string
	dead := strings.Fields(thisProcess())
	if len(dead) != 4 {
		t.Fatalf("this system tells no process identity: %q", dead)
	}
	dead[3] = "1" // a process of our number that started at another time
	o := New(&clustertest.Engine{
		OnConfigCreate: func(api.ConfigSpec) error {
			if len(removed) == 0 {
				return errTaken
			}
			return nil
		},
		Configs:        func() []api.Config { return []api.Config{heldBy(strings.Join(dead, " "))} },
		OnConfigRemove: func(id string) { removed = append(removed, id) },
	}, "shop", nil)
	ran := false
	err := o.locked(context.Background(), "docker bluegreen flip", time.Minute, func(context.Context) error {
		ran = true
		return nil
	})
	if err != nil || !ran || strings.Join(removed, " ") != "theirs mine" {
		t.Errorf("ran %v, removed %v, error %v; want the dead lock removed, then ours", ran, removed, err)
	}
}

func TestLockThatStandsStillIsDead(t *testing.T) {
	c := heldBy("another boot 1 2")
	l := lockSeen{id: c.ID, version: c.Version.Index, since: time.Now().Add(-staleAfter - time.Second)}
	if why := l.dead(c); why == "" {
		t.Error("a lock that stood still counts as alive")
	}
	c.Version.Index++ // a beat
	if why := l.dead(c); why != "" {
		t.Errorf("a lock that beats counts as dead: %s", why)
	}
}

func TestOwnProcessLives(t *testing.T) {
	if processEnded(thisProcess()) {
		t.Error("this process counts as ended")
	}
}
