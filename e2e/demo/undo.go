//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// undo is what has to be taken back at the end, newest first.
type undo struct {
	steps []step
}

type step struct {
	what string
	do   func(context.Context) error
}

const undoTime = 5 * time.Minute // of one step

// add says how something that was just made is removed.
func (u *undo) add(what string, do func(context.Context) error) {
	u.steps = append(u.steps, step{what, do})
}

// all takes everything back, whatever fails on the way. It does not listen to Ctrl-C: nothing may
// stay behind.
func (u *undo) all() error {
	var errs []error
	for _, s := range slices.Backward(u.steps) {
		ctx, cancel := context.WithTimeout(context.Background(), undoTime)
		if err := s.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", s.what, err))
		}
		cancel()
	}
	u.steps = nil
	return errors.Join(errs...)
}
