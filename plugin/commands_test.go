package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func TestUpFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want plan.UpOptions
	}{
		"defaults":          {nil, plan.UpOptions{ResolveImage: "always", LockTimeout: 10 * time.Minute}},
		"always given":      {[]string{"--resolve-image", "always"}, plan.UpOptions{ResolveImage: "always", RequireDigests: true, LockTimeout: 10 * time.Minute}},
		"changed, and sent": {[]string{"--resolve-image=changed", "--with-registry-auth"}, plan.UpOptions{ResolveImage: "changed", WithRegistryAuth: true, LockTimeout: 10 * time.Minute}},
		"all": {
			[]string{"--no-flip", "--timeout", "90s", "--resolve-image", "never", "--accept-gap", "--yes", "--strict", "--lock-timeout", "0s", "web", "api"},
			plan.UpOptions{NoFlip: true, Yes: true, Timeout: 90 * time.Second, ResolveImage: "never", AcceptGap: true, Strict: true, Services: []string{"web", "api"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.load = func(context.Context, compose.Options) (*compose.Project, error) {
				return &compose.Project{Name: "shop", Services: []compose.Service{{Name: "api"}, {Name: "web"}}}, nil
			}
			h.auth = func(image string) (string, error) { return "auth of " + image, nil }
			var got plan.UpOptions
			h.op.up = func(_ context.Context, _ *compose.Project, o plan.UpOptions) error { got = o; return nil }
			if err := h.run(append([]string{"up"}, c.args...)...); err != nil {
				t.Fatal(err)
			}
			if auth, _ := got.RegistryAuth("shop/web:1"); auth != "auth of shop/web:1" {
				t.Errorf("registry auth is %q", auth)
			}
			got.RegistryAuth = nil
			if len(got.Services) == 0 {
				got.Services = nil
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if !reflect.DeepEqual(h.opened, []string{"shop"}) {
				t.Errorf("opened %q", h.opened)
			}
		})
	}
}

func TestUpTellsAboutFile(t *testing.T) {
	h := newHarness()
	h.load = func(context.Context, compose.Options) (*compose.Project, error) {
		return &compose.Project{Name: "shop", Warnings: []string{"service web: links are ignored"}, Notes: []string{".env gave the value of TAG"}}, nil
	}
	h.op.up = func(context.Context, *compose.Project, plan.UpOptions) error { return nil }
	if err := h.run("up", "--progress", "plain"); err != nil {
		t.Fatal(err)
	}
	want := "file: .env gave the value of TAG\nfile: warning: service web: links are ignored\n"
	if got := h.err.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// With --strict all warnings are one error, and no engine is asked for anything.
func TestStrict(t *testing.T) {
	file := "services: {web: {image: 'a:1$TAG', privileged: true, links: [db]}, db: {image: b}}"
	for _, args := range [][]string{{"up", "--strict"}, {"config", "--strict"}} {
		t.Run(args[0], func(t *testing.T) {
			h := newHarness()
			h.load = func(ctx context.Context, o compose.Options) (*compose.Project, error) {
				o.Environ, o.Stdin = nil, strings.NewReader(file)
				return compose.Load(ctx, o)
			}
			err := h.run(append([]string{"-p", "shop", "-f", "-"}, args...)...)
			want := "with --strict these are errors:\n" +
				"standard input:1:54: service web: links: Swarm does not link: services of one network reach each other by name, without the alias\n" +
				"standard input:1:36: service web: privileged: Swarm cannot do it, so the container runs unprivileged: use cap_add\n" +
				"variable TAG is not set, so it is empty: set it, or give a default as in ${TAG:-x}"
			if err == nil || err.Error() != want || exitCode(err) != 1 {
				t.Error(err)
			}
			if len(h.opened) > 0 || h.out.Len() > 0 {
				t.Errorf("opened %q, printed %q", h.opened, h.out.String())
			}
		})
	}
}

func TestUpDoesNotOpenWithoutFile(t *testing.T) {
	t.Chdir(t.TempDir())
	h := newHarness()
	if err := h.run("up"); err == nil || h.opened != nil {
		t.Errorf("error %v, opened %q", err, h.opened)
	}
}

func TestCommonFlags(t *testing.T) {
	h := newHarness()
	var got compose.Options
	h.load = func(_ context.Context, o compose.Options) (*compose.Project, error) {
		got = o
		return nil, errors.New("enough")
	}
	_ = h.run("-f", "a.yml", "-c", "b.yml", "--compose-file", "-", "-p", "shop", "--env-file", "x.env", "up", "--profile", "p", "--file", "d.yml")
	want := compose.Options{
		Files: []string{"a.yml", "b.yml", "-", "d.yml"}, Name: "shop", EnvFiles: []string{"x.env"}, Profiles: []string{"p"},
		Environ: os.Environ(), Stdin: h.In(),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

// Where no compose file is, -p alone is enough.
func TestNameAloneNeedsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, command := range []string{"flip", "promote", "rollback", "status", "ps", "down"} {
		t.Run(command, func(t *testing.T) {
			h := newHarness()
			h.op = fakeOperator{
				flip:     func(context.Context, plan.FlipOptions) error { return nil },
				promote:  func(context.Context, plan.FlipOptions) error { return nil },
				rollback: func(context.Context, plan.FlipOptions) error { return nil },
				down:     func(context.Context, swarm.DownOptions) error { return nil },
				status: func(context.Context, bool, ...string) (*swarm.Status, error) {
					return &swarm.Status{Stack: "shop"}, nil
				},
			}
			if err := h.run("-p", "shop", command); err != nil {
				t.Error(err)
			}
			if !reflect.DeepEqual(h.opened, []string{"shop"}) {
				t.Errorf("opened %q", h.opened)
			}
			if err := newHarness().run(command); err == nil {
				t.Error("without a name and a file: no error")
			}
		})
	}
}

func TestNameFromFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte("name: fromfile\nservices: {web: {image: x}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newHarness()
	h.op.down = func(context.Context, swarm.DownOptions) error { return nil }
	if err := h.run("down"); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h.opened, []string{"fromfile"}) {
		t.Errorf("opened %q", h.opened)
	}
}

func TestFlipRollbackDownFlags(t *testing.T) {
	h := newHarness()
	var flip, canary, promote, rollback, wait plan.FlipOptions
	var down swarm.DownOptions
	var states []string
	h.op = fakeOperator{
		state: func(_ context.Context, c plan.Command, o plan.FlipOptions) error {
			states = append(states, fmt.Sprint(c, " ", o.Services, " ", struct {
				Kind    string
				Seconds int
				Message string
			}(o.State), " ", o.LockTimeout))
			return nil
		},
		flip:     func(_ context.Context, o plan.FlipOptions) error { flip = o; return nil },
		canary:   func(_ context.Context, o plan.FlipOptions) error { canary = o; return nil },
		promote:  func(_ context.Context, o plan.FlipOptions) error { promote = o; return nil },
		wait:     func(_ context.Context, o plan.FlipOptions) error { wait = o; return nil },
		rollback: func(_ context.Context, o plan.FlipOptions) error { rollback = o; return nil },
		down:     func(_ context.Context, o swarm.DownOptions) error { down = o; return nil },
	}
	for _, args := range [][]string{
		{"-p", "shop", "flip", "--to", "green", "--lock-timeout", "1s", "web"},
		{"-p", "shop", "canary", "--lock-timeout", "5s", "25%", "web"},
		{"-p", "shop", "promote", "--lock-timeout", "4s", "web"},
		{"-p", "shop", "wait", "--lock-timeout", "5s", "web"},
		{"-p", "shop", "pause", "--max", "20s", "--lock-timeout", "6s", "web"},
		{"-p", "shop", "resume", "web"},
		{"-p", "shop", "maintenance", "--message", "Back at ten", "--retry-after", "30m"},
		{"-p", "shop", "live", "web"},
		{"-p", "shop", "rollback", "--lock-timeout", "2s", "web", "api"},
		{"-p", "shop", "down", "--lock-timeout", "3s"},
	} {
		if err := h.run(args...); err != nil {
			t.Fatal(err)
		}
	}
	if want := (plan.FlipOptions{Services: []string{"web"}, To: "green", LockTimeout: time.Second}); !reflect.DeepEqual(flip, want) {
		t.Errorf("flip %+v, want %+v", flip, want)
	}
	if want := (plan.FlipOptions{Services: []string{"web"}, Share: 25, LockTimeout: 5 * time.Second}); !reflect.DeepEqual(canary, want) {
		t.Errorf("canary %+v, want %+v", canary, want)
	}
	if want := (plan.FlipOptions{Services: []string{"web"}, LockTimeout: 5 * time.Second}); !reflect.DeepEqual(wait, want) {
		t.Errorf("wait %+v, want %+v", wait, want)
	}
	want := []string{"pause [web] {hold 20 } 6s", "resume [web] { 0 } 10m0s", "maintenance [] {stop 1800 Back at ten} 10m0s", "live [web] { 0 } 10m0s"}
	if !reflect.DeepEqual(states, want) {
		t.Errorf("states %q, want %q", states, want)
	}
	if want := (plan.FlipOptions{Services: []string{"web"}, LockTimeout: 4 * time.Second}); !reflect.DeepEqual(promote, want) {
		t.Errorf("promote %+v, want %+v", promote, want)
	}
	if want := (plan.FlipOptions{Services: []string{"web", "api"}, LockTimeout: 2 * time.Second}); !reflect.DeepEqual(rollback, want) {
		t.Errorf("rollback %+v, want %+v", rollback, want)
	}
	if want := (swarm.DownOptions{LockTimeout: 3 * time.Second}); down != want {
		t.Errorf("down %+v, want %+v", down, want)
	}
}

func TestErrorsOfTheCoreComeThrough(t *testing.T) {
	h := newHarness()
	h.op.flip = func(context.Context, plan.FlipOptions) error { return &cluster.UnconfirmedError{Service: "web"} }
	err := h.run("-p", "shop", "flip")
	if got := exitCode(err); got != cluster.ExitUnconfirmed {
		t.Errorf("exit code %d for %v", got, err)
	}
	if got := h.err.String(); got != "" {
		t.Errorf("a command printed its own error: %q", got)
	}
}

// What is no share is refused before anything else happens.
func TestShares(t *testing.T) {
	for _, tc := range []struct{ share, want string }{
		{"100", "100 percent is all of the traffic: run `docker bluegreen promote`"},
		{"101", `"101" is not a share: give a whole number from 0 to 99`},
		{"2.5", `"2.5" is not a share: give a whole number from 0 to 99`},
		{"web", `"web" is not a share: give a whole number from 0 to 99`},
	} {
		t.Run(tc.share, func(t *testing.T) {
			h := newHarness()
			err := h.run("-p", "shop", "canary", tc.share)
			if err == nil || !strings.Contains(err.Error(), tc.want) || exitCode(err) != exitBadFlags {
				t.Errorf("exit code %d: %v, want %s", exitCode(err), err, tc.want)
			}
		})
	}
}

// A wait or a message that no route can hold is a wrong flag: nothing is asked of the swarm.
func TestWrongStates(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"pause", "--max", "0s"}, "--max 0s is not between 1s and 5m0s"},
		{[]string{"pause", "--max", "1h"}, "--max 1h0m0s is not between 1s and 5m0s"},
		{[]string{"maintenance", "--retry-after", "100ms"}, "--retry-after 100ms is not between 1s and 24h0m0s"},
		{[]string{"maintenance", "--message", strings.Repeat("é", 31)}, "--message has 62 bytes, and at most 60 are possible"},
	} {
		h := newHarness()
		err := h.run(append([]string{"-p", "shop"}, c.args...)...)
		if err == nil || exitCode(err) != exitBadFlags || !strings.Contains(err.Error(), c.says) || len(h.opened) > 0 {
			t.Errorf("%v: %v (%d), want %q", c.args, err, exitCode(err), c.says)
		}
	}
}
