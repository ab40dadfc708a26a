package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// view is what the tests read of the stream's messages about a stack, shown that about an action.
type view struct {
	Stack   string
	Status  *swarm.Status
	History *swarm.History
	Rates   map[string][]struct {
		At     time.Time
		Colors map[string]struct{ Requests, Failed float64 }
	}
	File           bool
	Unasked, Error string
}

type shown struct {
	ID       int
	Stack    string
	Do       string
	Services []string
	Steps    []cluster.Event
	Stopping bool
	Ended    bool
	Code     int
	Text     string
}

// The stream begins with all stacks, as docker bluegreen ls has them.
func TestStreamOfStacks(t *testing.T) {
	s := serve(t, nil)
	messages, _ := s.listen("")
	first := <-messages
	want := `{"only":"","stacks":[{"stack":"blog","service":"web","active":"blue","release":7,"image":"blog:7","idle":6,"waiting":false,"share":0,"state":"","watched":false,"ready":2,"wanted":2,"flipped":"2026-02-17T12:00:00Z"},`
	if first.name != "stacks" || !strings.HasPrefix(first.data, want) || !strings.HasSuffix(first.data, `}],"error":""}`) {
		t.Errorf("the first message is %s %s", first.name, first.data)
	}
}

// A page gets the state of its stack, what its proxies count, and each change.
func TestStreamOfStack(t *testing.T) {
	s := serve(t, nil)
	messages, _ := s.listen("?stack=shop")
	v := until(t, messages, "stack", func(v view) bool { return v.Status != nil && len(v.Rates["web"]) > 0 })
	web := v.Status.Services[1]
	if v.Stack != "shop" || !v.File || web.Route.Share != 25 || web.Colors[1].Release != 14 || len(v.History.Releases) != 7 || v.Error != "" {
		t.Errorf("%+v", v)
	}
	if n := v.Rates["web"][0].Colors; n["blue"].Requests <= n["green"].Requests {
		t.Errorf("the rates are %+v: blue has 75 %%", n)
	}
	if len(web.Proxies) != 3 {
		t.Errorf("the proxies are %+v", web.Proxies)
	}
	s.fake.Set(func(st *swarm.Status) {
		st.Lock = &swarm.LockStatus{Owner: "ann@desk (pid 12)", Command: "up", Since: noon}
		route := *st.Services[1].Route
		route.Sequence, route.State = 19, "paused"
		st.Services[1].Route = &route
	})
	until(t, messages, "stack", func(v view) bool {
		return v.Status.Lock != nil && v.Status.Lock.Command == "up" && v.Status.Services[1].Route.State == "paused" && len(v.Status.Services[1].Proxies) == 3
	})
	s.fake.Fail(errors.New("the manager has no leader"))
	v = until(t, messages, "stack", func(v view) bool { return v.Error != "" && v.Unasked != "" })
	if v.Error != "the manager has no leader" || v.Status == nil || v.Status.Services[1].Route.State != "paused" {
		t.Errorf("what was seen last is gone: %+v", v)
	}
	s.fake.Fail(nil)
	until(t, messages, "stack", func(v view) bool { return v.Error == "" && v.Unasked == "" })
}

// One look serves all pages, and nobody looks when no page is open.
func TestOneWatcher(t *testing.T) {
	s := serve(t, func(o *dashboard.Options) { o.Rest, o.RestLive = time.Hour, time.Hour })
	var pages []func()
	for range 5 {
		messages, closed := s.listen("?stack=shop")
		until(t, messages, "stack", func(v view) bool { return v.Status != nil && v.Status.Live })
		pages = append(pages, closed)
	}
	if looks, lives := s.fake.Looks(); looks != 2 || lives != 1 {
		t.Errorf("5 pages asked the swarm %d times, and the proxies %d times", looks, lives)
	}
	for _, closed := range pages {
		closed()
	}
	s.server.Idle()
	messages, _ := s.listen("?stack=shop") // what is known is shown, and looked at anew
	until(t, messages, "stack", func(v view) bool { _, lives := s.fake.Looks(); return v.Status != nil && lives == 2 })
}

// A dashboard of one stack shows no other, and changes none.
func TestOnlyOneStack(t *testing.T) {
	s := serve(t, func(o *dashboard.Options) { o.Stack = "shop" })
	messages, _ := s.listen("")
	m := <-messages
	if !strings.HasPrefix(m.data, `{"only":"shop","stacks":[{"stack":"shop","service":"api"`) || strings.Contains(m.data, "blog") {
		t.Error(m.data)
	}
	for _, path := range []string{"/api/events?stack=blog", "/api/stacks/blog/plan?do=promote", "/api/stacks/blog/file"} {
		if code, text, _ := s.ask("GET", path, "", nil); code != 404 {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, text, _ := s.ask("POST", "/api/stacks/blog/action", action, nil); code != 404 || text != "this dashboard shows stack shop\n" {
		t.Errorf("%d %s", code, text)
	}
}

func TestPlans(t *testing.T) {
	s := serve(t, nil)
	for path, want := range map[string]string{
		"plan?do=promote&service=web":                 `{"changes":true,"warnings":null,"notes":null,"steps":[{"kind":"order","text":"flip shop_web to green: release 14 waits for promote","changes":null}],"waiting":null,"stands":{"web":{"sequence":18,"idle":14}},"error":""}`,
		"plan?do=rollback&service=nosuch":             `{"changes":false,"warnings":null,"notes":null,"steps":[],"waiting":null,"stands":null,"error":"stack shop has no blue-green service nosuch: it has api and web"}`,
		"plan?do=down":                                `"down" is nothing that can be done here`,
		"plan?do=rollback&release=9":                  `only a rollback of one service goes to a release, and its number is positive`,
		"plan?do=rollback&service=web&release=latest": `a release is a number`,
		"file": `{"changes":true,"warnings":["service worker: links: Swarm does not link: services of one network reach each other by name, without the alias"],"notes":null,` +
			`"steps":[{"kind":"change","text":"start color shop_web-green: the image has changed","changes":[{"field":"image","from":"registry.example.com/shop/web:1.8.2","to":"registry.example.com/shop/web:1.9.0"},` +
			`{"field":"environment.FEATURES","from":"","to":"checkout2"}]},{"kind":"order","text":"flip shop_web to green: release 15 is ready","changes":null}],"waiting":null,"stands":null,"error":""}`,
	} {
		if _, text, _ := s.ask("GET", "/api/stacks/shop/"+path, "", nil); strings.TrimSpace(text) != want {
			t.Errorf("%s:\n%s\nwant\n%s", path, text, want)
		}
	}
	if did := s.fake.Did(); len(did) > 0 {
		t.Errorf("done was %q", did)
	}
}

// Buttons do what the commands do, with their options.
func TestActions(t *testing.T) {
	s := serve(t, nil)
	messages, _ := s.listen("?stack=shop")
	for i, c := range []struct{ body, did string }{
		{`{"do":"promote","services":["web"]}`, "promote shop [web]"},
		{`{"do":"rollback","services":[],"reason":"orders are lost"}`, "rollback shop []: orders are lost"},
		{`{"do":"rollback","services":["web"],"release":11,"reason":""}`, "rollback shop [web] to 11"},
		{`{"do":"pause","services":["web","api"]}`, "pause shop [web api] hold 30"},
		{`{"do":"resume","services":["web"]}`, "resume shop [web]"},
		{`{"do":"live","services":["web"]}`, "live shop [web]"},
	} {
		if code, text, _ := s.ask("POST", "/api/stacks/shop/action", c.body, nil); code != 202 || text != "" {
			t.Fatalf("%s: %d %s", c.body, code, text)
		}
		a := until(t, messages, "action", func(a shown) bool { return a.ID == i+1 && a.Ended })
		if did := s.fake.Did(); did[len(did)-1] != c.did || a.Code != 0 || a.Text != "" || a.Stack != "shop" {
			t.Errorf("done was %q, want %q; shown %+v", did, c.did, a)
		}
		want := []cluster.Event{
			{Service: "web", Step: "flip", State: cluster.Done, Text: "all traffic goes to green: every proxy confirmed within 4 ms"},
			{Service: "web", Step: "receipt", State: cluster.Done, Text: "214 requests meanwhile (blue 97, green 117), 0 failed, the slowest took 41 ms"},
		}
		if !reflect.DeepEqual(a.Steps, want) {
			t.Errorf("the steps are %+v", a.Steps)
		}
	}
	for _, body := range []string{`{"do":"down","services":[]}`, `{"do":"flip"}`, `{}`, `[]`, `{"do":"promote","to":"green"}`, `{"do":"promote","release":3}`, `{"do":"rollback","services":["web"],"release":-1}`,
		`{"do":"promote","services":[""]}`, `{"do":"rollback","reason":"` + strings.Repeat("x", 20<<10) + `"}`} {
		if code, _, _ := s.ask("POST", "/api/stacks/shop/action", body, nil); code != 400 {
			t.Errorf("%.60s: %d", body, code)
		}
	}
	if did := s.fake.Did(); len(did) != 6 {
		t.Errorf("done was %q", did)
	}
}

// waits is an action that goes on until it is canceled, as a command does that waits.
func waits(ctx context.Context, tell func(cluster.Event)) error {
	tell(cluster.Event{Step: "lock", State: cluster.Working, Text: "waiting for `docker bluegreen up` of ann@desk"})
	tell(cluster.Event{Step: "lock", State: cluster.Warning, Text: "it takes long"})
	tell(cluster.Event{Step: "lock", State: cluster.Warning, Text: "it takes long"})
	<-ctx.Done()
	return &cluster.InterruptedError{Left: "nothing was done"}
}

// One action at a time; it is stopped as a command by Ctrl-C, and says what is left.
func TestActionIsStopped(t *testing.T) {
	s := serve(t, nil)
	s.fake.Act(waits)
	messages, closed := s.listen("?stack=shop")
	refused := func(path string) {
		t.Helper()
		if code, text, _ := s.ask("DELETE", path, "", nil); code != 409 || text != "that action is not under way\n" {
			t.Errorf("%s: %d %q", path, code, text)
		}
	}
	refused("/api/action/0")
	refused("/api/action/1")
	s.ask("POST", "/api/stacks/shop/action", action, nil)
	a := until(t, messages, "action", func(a shown) bool { return len(a.Steps) == 2 })
	if a.Ended || a.Steps[0].State != cluster.Working || a.Steps[1].Text != "it takes long" {
		t.Errorf("%+v", a)
	}
	closed() // nothing ends with its page
	if code, text, _ := s.ask("POST", "/api/stacks/blog/action", action, nil); code != 409 || text != "promote of stack shop is under way here: wait for it, or stop it\n" {
		t.Errorf("a second one: %d %q", code, text)
	}
	messages, _ = s.listen("?stack=shop")
	refused("/api/action/2")
	refused("/api/action/all")
	s.ask("DELETE", "/api/action/1", "", nil)
	a = until(t, messages, "action", func(a shown) bool { return a.Ended })
	if !a.Stopping || a.Code != 130 || !strings.Contains(a.Text, "nothing was done") {
		t.Errorf("%+v", a)
	}
	if err := s.end(); err != nil {
		t.Errorf("the dashboard ended with %v", err)
	}
}

// Ctrl-C ends the dashboard; an action under way is canceled, its page says so, and so does the
// command.
func TestEndWithAction(t *testing.T) {
	s := serve(t, nil)
	s.fake.Act(waits)
	messages, _ := s.listen("?stack=shop")
	s.ask("POST", "/api/stacks/shop/action", action, nil)
	until(t, messages, "action", func(a shown) bool { return len(a.Steps) > 0 })
	err := s.end()
	var interrupted *cluster.InterruptedError
	if !errors.As(err, &interrupted) {
		t.Errorf("ended with %v", err)
	}
	if a := until(t, messages, "action", func(a shown) bool { return a.Ended }); a.Code != 130 || !strings.Contains(a.Text, "nothing was done") {
		t.Errorf("the page shows %+v", a)
	}
	if _, err := s.client.Do(s.request("GET", "/", "")); err == nil {
		t.Error("it still answers")
	}
}

// When the page cannot be shown any more, an action under way is canceled and waited for, too.
func TestBrokenServerWithAction(t *testing.T) {
	s := serve(t, nil)
	ended := false
	s.fake.Act(func(ctx context.Context, tell func(cluster.Event)) error {
		err := waits(ctx, tell)
		ended = true
		return err
	})
	messages, _ := s.listen("?stack=shop")
	s.ask("POST", "/api/stacks/shop/action", action, nil)
	until(t, messages, "action", func(a shown) bool { return len(a.Steps) > 0 })
	if err := s.server.Break(); err != nil {
		t.Fatal(err)
	}
	err := <-s.served
	s.served <- err
	var interrupted *cluster.InterruptedError
	if !ended || !errors.Is(err, net.ErrClosed) || !errors.As(err, &interrupted) {
		t.Errorf("the action has ended: %t; the server says %v", ended, err)
	}
}

// A promote or rollback is bound to the plan that the page has shown; what only changes a state is
// not.
func TestAgreedPlan(t *testing.T) {
	s := serve(t, nil)
	messages, _ := s.listen("?stack=shop")
	for i, c := range []struct{ do, did string }{
		{"promote", "promote shop [web] from map[web:{18 14}]"},
		{"rollback", "rollback shop [web] from map[web:{19 14}]"}, // the promote has moved it,
		{"pause", "pause shop [web] hold 30"},
	} {
		_, text, _ := s.ask("GET", "/api/stacks/shop/plan?service=web&do="+c.do, "", nil)
		var p struct{ Stands json.RawMessage }
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		s.ask("POST", "/api/stacks/shop/action", fmt.Sprintf(`{"do":%q,"services":["web"],"expect":%s}`, c.do, p.Stands), nil)
		until(t, messages, "action", func(a shown) bool { return a.ID == i+1 && a.Ended })
		if did := s.fake.Did(); did[len(did)-1] != c.did {
			t.Errorf("done was %q, want %q", did, c.did)
		}
	}
}

// What the proxies said before the last page closed is not shown as what they do now.
func TestPageAfterAWhile(t *testing.T) {
	var later atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	s := serveAt(t, clock, nil)
	messages, closed := s.listen("?stack=shop")
	until(t, messages, "stack", func(v view) bool { return v.Status != nil && len(v.Rates["web"]) > 2 })
	closed()
	s.server.Idle()
	later.Add(int64(21 * time.Second))
	s.fake.Fail(errors.New("the manager has no leader"))
	opened := clock()
	messages, _ = s.listen("?stack=shop")
	v := until(t, messages, "stack", func(view) bool { return true })
	if len(v.Rates) > 0 || v.Status == nil || v.Status.Live || len(v.Status.Services[1].Proxies) > 0 {
		t.Errorf("the page begins with %+v", v)
	}
	s.fake.Fail(nil)
	v = until(t, messages, "stack", func(v view) bool { return len(v.Rates["web"]) > 0 })
	if at := v.Rates["web"][0].At; at.Before(opened) {
		t.Errorf("a rate is of %s, and the page was opened at %s", at, opened)
	}
}

// What containers and files say is text, wherever it comes from.
func TestHTMLIsText(t *testing.T) {
	const bad = `<img src=x onerror=alert(1)></script><b>`
	s := serve(t, nil)
	s.fake.Set(func(st *swarm.Status) {
		route := *st.Services[1].Route
		route.TakenBack = bad
		st.Services[1].Route = &route
		st.Services[1].Colors = slices.Clone(st.Services[1].Colors)
		st.Services[1].Colors[0].Swarm.Image = bad
	})
	messages, _ := s.listen("?stack=shop")
	for m := range messages {
		if m.name == "stack" && strings.Contains(m.data, "onerror") {
			if strings.Contains(m.data, "<") {
				t.Errorf("the message has HTML: %s", m.data)
			}
			break
		}
	}
}
