package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Calls are tried again for patience in all, from the last answer: long enough for the election of
// another leader. Each is tried for littlePatience at least, since a manager may come back. One try
// may take tryTime. The user is told of it after tellAfter.
const (
	patience       = time.Minute
	littlePatience = 10 * time.Second
	tryTime        = 30 * time.Second
	tellAfter      = 3 * time.Second
	// registryTime is how long the manager may take to ask a registry.
	registryTime = 2 * time.Minute
)

// Steady is an engine whose calls do not fail with the first blip, and never wait for ever.
//
//   - Each try of a call has a deadline. Of a stream only the start has one.
//   - What fails in passing is tried again, with pauses that grow. Where nobody listens before the
//     first answer, no engine runs: then nothing is tried again.
//   - A write may have been carried out although its answer was lost. So it is only repeated where
//     that can be told: see write.
//   - No interruption cuts a write short: a request that the client gives up is carried out by the
//     manager all the same, and then nobody would know. Writes are short; what comes after one sees
//     that the context has ended.
//   - A fence can hold all writes back, or refuse them.
type Steady struct {
	API
	*shared
	fenced bool
}

// shared is what a Steady has in common with the one without a fence.
type shared struct {
	tell    func(error)
	fence   atomic.Pointer[func() error]
	worked  atomic.Bool               // there has been an answer
	silent  atomic.Pointer[time.Time] // since when there has been none
	waiting atomic.Int32              // calls that were told of, and go on
}

// NewSteady returns e as a steady engine. tell is given the error of a call that has failed for a
// while and is tried again, and nil once it is answered; of several calls at once, that of the
// first. It may be called from several goroutines at once.
func NewSteady(e API, tell func(error)) *Steady {
	return &Steady{API: e, shared: &shared{tell: tell}, fenced: true}
}

// Fence lets every try of a write ask first whether it may be made: the error of may is that of the
// write, but for a NotNow the write is tried again. nil takes the fence away.
func (s *Steady) Fence(may func() error) {
	if may == nil {
		s.fence.Store(nil)
		return
	}
	s.fence.Store(&may)
}

// Unfenced returns the same engine without a fence, for what the fence itself needs.
func (s *Steady) Unfenced() *Steady { return &Steady{API: s.API, shared: s.shared} }

// NotNow is the error of a fence that may open again.
type NotNow struct{ Err error }

func (e *NotNow) Error() string { return e.Err.Error() }

func (e *NotNow) Unwrap() error { return e.Err }

// SilentError is the error of a call that was tried again for as long as there was hope.
type SilentError struct {
	// For is how long it was tried.
	For time.Duration
	// Err is how the last try failed.
	Err error
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("no answer from the manager for %s: %v: see `docker node ls`, and run the command again once it answers", e.For.Round(time.Second), e.Err)
}

func (e *SilentError) Unwrap() error { return e.Err }

// noAnswer is the error of a try that reached its deadline.
type noAnswer time.Duration

func (e noAnswer) Error() string {
	return fmt.Sprintf("the manager did not answer within %s", time.Duration(e))
}

// within gives one try its deadline.
func within[T any](ctx context.Context, most time.Duration, try func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeoutCause(ctx, most, noAnswer(most))
	defer cancel()
	got, err := try(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = context.Cause(limited)
	}
	return got, err
}

// patience is how long a call is tried, as things are.
func (s *shared) patience() time.Duration {
	if since := s.silent.Load(); since != nil {
		return max(patience-time.Since(*since), littlePatience)
	}
	return patience
}

// tryTime is how long one try may take, as things are.
func (s *shared) tryTime() time.Duration {
	if since := s.silent.Load(); since != nil && time.Since(*since) >= patience {
		return littlePatience
	}
	return tryTime
}

// again tries until there is an answer, be it an error that stays.
func again[T any](ctx context.Context, s *Steady, try func() (T, error)) (T, error) {
	began, told := time.Now(), false
	most := s.patience()
	var last error // that passes
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = 200*time.Millisecond, 4*time.Second, 2
	got, err := backoff.Retry(ctx, func() (T, error) {
		tried := time.Now()
		got, err := try()
		switch {
		case err == nil:
			s.worked.Store(true)
			s.silent.Store(nil)
			return got, nil
		case ctx.Err() != nil || !s.passes(err):
			last = nil
			if ctx.Err() == nil {
				s.silent.Store(nil) // an answer, too
			}
			return got, backoff.Permanent(err)
		}
		last = err
		if !errors.As(err, new(*NotNow)) {
			s.silent.CompareAndSwap(nil, &tried)
		}
		if !told && time.Since(began) >= tellAfter {
			told = true
			if s.waiting.Add(1) == 1 {
				s.tell(err)
			}
		}
		return got, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(most))
	if told && s.waiting.Add(-1) == 0 && err == nil {
		s.tell(nil)
	}
	switch {
	case err == nil || last == nil:
		return got, err
	case ctx.Err() == nil:
		return got, &SilentError{For: time.Since(began), Err: last}
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return got, last // it says more
	}
	return got, err
}

// passes says whether an error may be gone at the next try.
func (s *Steady) passes(err error) bool {
	var held *NotNow
	switch {
	case errors.As(err, &held):
		return true
	case Unreachable(err), notManager(err): // an engine that is started again says so for a moment
		return s.worked.Load()
	}
	return Passing(err)
}
