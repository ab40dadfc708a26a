package swarm

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"
	"golang.org/x/sync/errgroup"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Which tasks of a blue-green service logs are about, beside the names of the colors.
const (
	LogsActive = "active" // those of the color that is active when the command begins
	LogsIdle   = "idle"   // those of the other color
	LogsProxy  = "proxy"  // the proxies
	LogsColors = ""       // those of both colors
)

// LogOptions are the wishes of one logs.
type LogOptions struct {
	// Services limits the command to these services; empty means all of the stack.
	Services []string
	// Color is LogsActive, LogsIdle, LogsProxy, blue, green, or LogsColors.
	Color string
	// Follow goes on with what comes.
	Follow bool
	// Since and Tail are those of docker service logs.
	Since, Tail string
}

// LogLine is one line that a task printed.
type LogLine struct {
	// Task is the task as docker names it, without the name of the stack.
	Task string
	At   time.Time
	Text string
}

// Logs gives the lines of tasks to emit, one at a time: in the order of their time, or with Follow
// as they come.
func (o *Operator) Logs(ctx context.Context, opts LogOptions, emit func(LogLine)) error {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	services, err := logged(s, opts)
	if err != nil {
		return err
	}
	rec := cluster.NewRecord(s)
	var mu sync.Mutex
	var kept []LogLine
	group, gctx := errgroup.WithContext(ctx)
	for _, svc := range services {
		group.Go(func() error {
			return o.logsOf(gctx, rec, svc, opts, func(l LogLine) {
				mu.Lock()
				defer mu.Unlock()
				if opts.Follow {
					emit(l)
				} else {
					kept = append(kept, l)
				}
			})
		})
	}
	err = group.Wait()
	slices.SortStableFunc(kept, func(a, b LogLine) int { return a.At.Compare(b.At) })
	for _, l := range kept {
		emit(l)
	}
	if ctx.Err() != nil && opts.Follow {
		return nil // that is how it ends
	}
	return err
}

// chosen are the named services of a stack in order, or all where none is named. A name that the
// stack does not have is an error.
func chosen(s *cluster.Snapshot, names []string) ([]string, error) {
	all := slices.AppendSeq(slices.Collect(maps.Keys(s.Plain)), maps.Keys(s.BlueGreen))
	slices.Sort(all)
	all = slices.Compact(all) // while a service is adopted it is both
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("stack %s has no service %s: it has %s", s.Stack, name, strings.Join(all, ", "))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), nil
}

// logged are the swarm services that are meant.
func logged(s *cluster.Snapshot, opts LogOptions) ([]api.Service, error) {
	if s.Empty() {
		return nil, s.NothingDeployed()
	}
	names, err := chosen(s, opts.Services)
	if err != nil {
		return nil, err
	}
	var out []api.Service
	for _, name := range names {
		plain, b := s.Plain[name], s.BlueGreen[name]
		switch {
		case b == nil && opts.Color != LogsColors && len(opts.Services) > 0:
			return nil, fmt.Errorf("service %s of stack %s is not blue-green: leave --color out", name, s.Stack)
		case b == nil && opts.Color == LogsColors:
			out = append(out, plain)
		case b == nil:
		case opts.Color == LogsProxy:
			if b.Proxy != nil {
				out = append(out, *b.Proxy)
			}
		default:
			for _, c := range cluster.Colors {
				wanted := opts.Color == LogsColors || opts.Color == string(c) || opts.Color == LogsActive && b.Active() == c || opts.Color == LogsIdle && b.Active() == c.Other()
				if svc := b.Colors[c]; svc != nil && wanted {
					out = append(out, *svc)
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("stack %s has no tasks of %s", s.Stack, cmp.Or(opts.Color, "its services"))
	}
	return out, nil
}

// logsOf reads the lines of one swarm service.
func (o *Operator) logsOf(ctx context.Context, rec *cluster.Record, svc api.Service, opts LogOptions, emit func(LogLine)) error {
	logs, err := o.ex.Engine.ServiceLogs(ctx, svc.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: opts.Follow,
		Since: opts.Since, Tail: opts.Tail, Timestamps: true, Details: true})
	if err != nil {
		return fmt.Errorf("logs of service %s: %w", svc.Spec.Name, err)
	}
	defer logs.Close()
	out, in := io.Pipe()
	defer out.Close()
	go func() {
		_, err := stdcopy.StdCopy(in, in, logs)
		in.CloseWithError(err)
	}()
	tasks := map[string]api.Task{} // by id
	for lines := bufio.NewReader(out); ; {
		text, err := lines.ReadString('\n')
		if text = strings.TrimRight(text, "\r\n"); text != "" {
			line, task := parseLog(text)
			if _, known := tasks[task]; !known && task != "" {
				of, lerr := o.ex.Now().Tasks(ctx, svc.ID)
				if lerr != nil && ctx.Err() == nil {
					return lerr
				}
				tasks[task] = api.Task{} // the swarm has forgotten it, and is not asked again
				for _, t := range of[svc.ID] {
					tasks[t.ID] = t
				}
			}
			line.Task = strings.TrimPrefix(rec.TaskName(tasks[task], svc.Spec.Name), rec.Stack+"_")
			emit(line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("logs of service %s: %w", svc.Spec.Name, err)
		}
	}
}

// parseLog takes a line apart as the engine sends it: a time, a list of details of which one is the
// task, and what the task printed.
func parseLog(text string) (line LogLine, task string) {
	at, rest, _ := strings.Cut(text, " ")
	var err error
	if line.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return LogLine{Text: text}, ""
	}
	details, message, _ := strings.Cut(rest, " ")
	for d := range strings.SplitSeq(details, ",") {
		if id, ok := strings.CutPrefix(d, "com.docker.swarm.task.id="); ok {
			task = id
		}
	}
	if line.Text = message; task == "" {
		line.Text = rest
	}
	return line, task
}
