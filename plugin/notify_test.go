package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// told is a receiver of notifications.
type told struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newReceiver(t *testing.T, status int) *told {
	r := &told{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bodies = append(r.bodies, request.URL.Path+" "+string(body))
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

// flipping is a harness whose flip tells these events, and returns err.
func flipping(err error, events ...cluster.Event) *harness {
	h := newHarness()
	h.app.open = func(_ string, emit func(cluster.Event)) operator {
		return fakeOperator{flip: func(context.Context, plan.FlipOptions) error {
			for _, e := range events {
				emit(e)
			}
			return err
		}}
	}
	return h
}

var moving = []cluster.Event{
	{Step: "lock", State: cluster.Warning, Text: "taken over"},
	{Service: "web", Step: "flip", State: cluster.Working, Text: "blue → green"},
	{Service: "web", Step: "flip", State: cluster.Done, Text: "blue → green: every proxy confirmed", Kind: cluster.Flipped},
}

// Who is named by --notify and the environment is told what happens to traffic, each in its own
// form; what fails there is no more than a warning, without the URL.
func TestNotifications(t *testing.T) {
	json1, json2, ntfy := newReceiver(t, http.StatusOK), newReceiver(t, http.StatusTeapot), newReceiver(t, http.StatusOK)
	gone := newReceiver(t, http.StatusOK)
	gone.Close()
	h := flipping(&cluster.UnhealthyError{Service: "web", Color: "green", Tripped: true, Cause: "too bad"}, moving...)
	h.app.getenv = func(name string) string {
		if name == notifyVariable {
			return json2.URL + "/s3cret " + gone.URL + "/s3cret"
		}
		return ""
	}
	err := h.run("-p", "shop", "--progress", "plain", "--notify", json1.URL+"/t0ken", "--notify", "ntfy://"+strings.TrimPrefix(ntfy.URL, "http://")+"/topic?scheme=http", "flip")
	if exitCode(err) != cluster.ExitUnhealthy {
		t.Fatal(err)
	}
	var got []string
	for _, body := range json1.bodies {
		path, text, _ := strings.Cut(body, " ")
		var n notification
		if err := json.Unmarshal([]byte(text), &n); err != nil || path != "/t0ken" || n.Command != "flip" || n.Stack != "shop" || !n.Time.Equal(noon) || !strings.Contains(n.Who, "@") {
			t.Errorf("%s: %v", body, err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %d", n.Kind, n.Service, strings.SplitN(n.Text, ":", 2)[0], n.ExitCode))
	}
	want := []string{"begun  it begins to change the stack 0", "flipped web blue → green 0", "failed  service web (green) lost its traffic again, its guard took it back 3"}
	if !slices.Equal(got, want) {
		t.Errorf("told were %q, want %q", got, want)
	}
	if text := strings.Join(ntfy.bodies, "\n"); len(ntfy.bodies) != 3 || !strings.Contains(text, "shop web: flip flipped: blue → green: every proxy confirmed (") {
		t.Errorf("ntfy got %s", text)
	}
	for _, says := range []string{"notify: warning: notification 3 of 4 (http): it answered 418 I'm a teapot", "notify: warning: notification 4 of 4 (http): no connection"} {
		if !strings.Contains(h.err.String(), says) {
			t.Errorf("the screen does not say %q:\n%s", says, &h.err)
		}
	}
	if strings.Contains(h.err.String(), "s3cret") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the screen has a token:\n%s", &h.err)
	}
}

// A receiver that does not answer costs a command some seconds, however many messages there are.
func TestSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notifier{now: newClock().now, warn: func(string) {}, queue: make(chan notification, notifyQueue)}
		hangs := &receiver{name: "x", send: func(ctx context.Context, _ notification) error { <-ctx.Done(); return ctx.Err() }}
		n.ended.Go(func() { n.deliver([]*receiver{hangs}) })
		began := time.Now()
		for range 50 {
			n.tell(notification{})
		}
		n.end(nil)
		if took := time.Since(began); took > 2*notifyTime {
			t.Errorf("it took %s", took)
		}
	})
}

// A command with nothing to do, and one that only looks, tells nobody; one that ends well says so.
func TestWhatIsNotNotified(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []cluster.Event
		args   []string
		want   int
	}{
		{"nothing to do", []cluster.Event{{Service: "web", Step: "flip", State: cluster.Done, Text: "green is active already"}}, nil, 0},
		{"done", moving, nil, 3},
		{"a plan", moving, []string{"--dry-run"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReceiver(t, http.StatusOK)
			h := flipping(nil, tc.events...)
			if tc.args != nil {
				h.app.open = func(string, func(cluster.Event)) operator {
					return fakeOperator{planned: func(plan.Command, plan.FlipOptions) (plan.Plan, error) { return plan.Plan{}, nil }}
				}
			}
			if err := h.run(append([]string{"-p", "shop", "--notify", r.URL, "flip"}, tc.args...)...); err != nil {
				t.Fatal(err)
			}
			if len(r.bodies) != tc.want {
				t.Errorf("told was %q", r.bodies)
			}
		})
	}
}

// A URL that nobody understands is a wrong flag, and is not repeated.
func TestWrongNotify(t *testing.T) {
	for _, address := range []string{"s3cret", "nonsense://s3cret", "slack://s3cret", ":"} {
		h := flipping(nil, moving...)
		err := h.run("-p", "shop", "--notify", address, "flip")
		if err == nil || exitCode(err) != exitBadFlags || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "notification 1 of 1") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
