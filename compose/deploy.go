package compose

import (
	"fmt"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/swarm"
)

// Modes of deploy.mode.
const (
	modeReplicated    = "replicated"
	modeGlobal        = "global"
	modeReplicatedJob = "replicated-job"
	modeGlobalJob     = "global-job"
)

func serviceMode(s types.ServiceConfig) (swarm.ServiceMode, error) {
	mode := deployOf(s).Mode
	replicas, err := replicas(s)
	if err != nil {
		return swarm.ServiceMode{}, err
	}
	if replicas != nil && (mode == modeGlobal || mode == modeGlobalJob) {
		return swarm.ServiceMode{}, fmt.Errorf("deploy.replicas: deploy.mode %s runs one task on every node: "+
			"leave replicas out, or use mode replicated", mode)
	}
	switch mode {
	case modeReplicated, "":
		return swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: replicas}}, nil
	case modeGlobal:
		return swarm.ServiceMode{Global: &swarm.GlobalService{}}, nil
	case modeReplicatedJob:
		return swarm.ServiceMode{ReplicatedJob: &swarm.ReplicatedJob{MaxConcurrent: replicas, TotalCompletions: replicas}}, nil
	case modeGlobalJob:
		return swarm.ServiceMode{GlobalJob: &swarm.GlobalJob{}}, nil
	}
	return swarm.ServiceMode{}, fmt.Errorf("deploy.mode: %q is not one of %s, %s, %s, %s",
		mode, modeReplicated, modeGlobal, modeReplicatedJob, modeGlobalJob)
}

// replicas is deploy.replicas or, where that is not given, scale; nil when neither is.
func replicas(s types.ServiceConfig) (*uint64, error) {
	count, key := deployOf(s).Replicas, "deploy.replicas"
	switch {
	case count == nil:
		count, key = s.Scale, "scale"
	case s.Scale != nil && *s.Scale != *count:
		return nil, fmt.Errorf("scale: it is %d, but deploy.replicas is %d: keep one of them", *s.Scale, *count)
	}
	if count == nil {
		return nil, nil
	}
	if *count < 0 {
		return nil, fmt.Errorf("%s: %d is less than 0", key, *count)
	}
	out := uint64(*count)
	return &out, nil
}

func updateConfig(u *types.UpdateConfig) *swarm.UpdateConfig {
	if u == nil {
		return nil
	}
	parallelism := uint64(1)
	if u.Parallelism != nil {
		parallelism = *u.Parallelism
	}
	return &swarm.UpdateConfig{
		Parallelism:     parallelism,
		Delay:           time.Duration(u.Delay),
		FailureAction:   u.FailureAction,
		Monitor:         time.Duration(u.Monitor),
		MaxFailureRatio: u.MaxFailureRatio,
		Order:           u.Order,
	}
}

// restartPolicy is deploy.restart_policy or else what docker stack deploy makes of restart. There
// is no policy for restart: "no"; Swarm then restarts always.
func restartPolicy(s types.ServiceConfig) (*swarm.RestartPolicy, error) {
	if p := deployOf(s).RestartPolicy; p != nil {
		return &swarm.RestartPolicy{
			Condition:   swarm.RestartPolicyCondition(p.Condition),
			Delay:       duration(p.Delay),
			MaxAttempts: p.MaxAttempts,
			Window:      duration(p.Window),
		}, nil
	}
	policy, err := opts.ParseRestartPolicy(s.Restart)
	if err != nil {
		return nil, fmt.Errorf("restart: %w", err)
	}
	switch {
	case policy.IsNone():
		return nil, nil
	case policy.IsAlways(), policy.IsUnlessStopped():
		return &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionAny}, nil
	case policy.IsOnFailure():
		attempts := uint64(policy.MaximumRetryCount)
		return &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionOnFailure, MaxAttempts: &attempts}, nil
	}
	return nil, fmt.Errorf("restart: %q is not one of no, always, unless-stopped, on-failure", s.Restart)
}

// placement also pins the platform, which docker stack deploy cannot.
func placement(p types.Placement, platform string) *swarm.Placement {
	out := &swarm.Placement{Constraints: p.Constraints, MaxReplicas: p.MaxReplicas}
	for _, preference := range p.Preferences {
		out.Preferences = append(out.Preferences, swarm.PlacementPreference{
			Spread: &swarm.SpreadOver{SpreadDescriptor: preference.Spread},
		})
	}
	if platform != "" {
		os, arch, _ := strings.Cut(platform, "/")
		out.Platforms = []swarm.Platform{{OS: os, Architecture: arch}}
	}
	return out
}

func isJob(s types.ServiceConfig) bool {
	mode := deployOf(s).Mode
	return mode == modeReplicatedJob || mode == modeGlobalJob
}
