package compose

import (
	"errors"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
)

func healthcheck(check *types.HealthCheckConfig) (*container.HealthConfig, error) {
	if check == nil {
		return nil, nil
	}
	if check.Disable {
		if len(check.Test) > 0 {
			return nil, errors.New("test and disable exclude each other: keep one of them")
		}
		return &container.HealthConfig{Test: []string{"NONE"}}, nil
	}
	health := &container.HealthConfig{
		Test:          check.Test,
		Timeout:       orZero(check.Timeout),
		Interval:      orZero(check.Interval),
		StartPeriod:   orZero(check.StartPeriod),
		StartInterval: orZero(check.StartInterval),
	}
	if check.Retries != nil {
		health.Retries = int(*check.Retries)
	}
	return health, nil
}

func duration(d *types.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	out := time.Duration(*d)
	return &out
}

func orZero(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}
