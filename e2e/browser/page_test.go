//go:build e2e

package browser

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard"
	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard/dashboardtest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

var update = flag.Bool("update", false, "write the pictures of docs anew")

// reader is somebody who looks at a dashboard of a swarm in memory.
type reader struct {
	*testing.T
	*Page
	fake   *dashboardtest.Fake
	server *dashboard.Server
}

func open(t *testing.T, hash string) *reader {
	t.Helper()
	if err := lab.Install(map[string]string{"chromium": "chromium"}); err != nil {
		t.Fatal(err)
	}
	r := &reader{T: t, fake: dashboardtest.New(time.Now())}
	var err error
	if r.server, err = dashboard.Listen(0, r.fake.Options()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx) }()
	if r.Page, err = Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, line := range r.Said() {
			t.Errorf("the console says %s", line)
		}
		err := r.Close()
		stop()
		if err := errors.Join(err, <-ended); err != nil {
			t.Error(err)
		}
	})
	r.must(r.Look(1280, 900, false))
	r.must(r.Open(r.server.OnceURL()))
	r.must(r.Await(`document.querySelectorAll('h2').length === 3`))
	if hash != "" {
		r.must(r.Eval(fmt.Sprintf("location.hash = %q", hash), nil))
		r.must(r.Await(`document.querySelectorAll('.chart').length === 4`))
	}
	return r
}

func (r *reader) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// says fails the test unless an expression has a value.
func (r *reader) says(expression, want string) {
	r.Helper()
	var got string
	r.must(r.Eval(expression, &got))
	if got != want {
		r.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// The token leaves the address at once, is kept for the tab alone, and lives through a reload.
func TestToken(t *testing.T) {
	r := open(t, "")
	r.says(`location.href.replace(/\d+/g, 'N')`, "http://N.N.N.N:N/")
	r.says(`String(document.cookie.length + localStorage.length)`, "0")
	r.must(r.Call("Page.reload", nil, nil))
	r.must(r.Await(`document.querySelector('.link.on') && document.querySelectorAll('h2').length === 3`))
}

// By keyboard: the dialog shows what promote would do, Escape does nothing, Enter does it; the page
// then shows how it went, and tells it a screen reader.
func TestPromoteByKeyboard(t *testing.T) {
	r := open(t, "#/shop")
	const focus = `document.activeElement.closest('section, dialog')?.querySelector('h2').textContent + ': ' + document.activeElement.textContent`
	var at string
	for range 40 {
		r.must(r.Key("Tab"))
		r.must(r.Eval(focus, &at))
		if at == "web: Promote" {
			break
		}
	}
	r.says(focus, "web: Promote")
	r.says(`getComputedStyle(document.activeElement).outlineStyle`, "solid")
	r.must(r.Key("Enter"))
	r.must(r.Await(`document.querySelector('dialog[open] .steps')`))
	r.says(`document.querySelector('dialog .steps .text').textContent`, "flip shop_web to green: release 14 waits for promote")
	r.must(r.Key("Escape"))
	r.must(r.Await(`!document.querySelector('dialog[open]')`))
	r.says(focus, "web: Promote") // the focus is back
	if did := r.fake.Did(); len(did) > 0 {
		t.Errorf("done was %q", did)
	}
	r.must(r.Key("Enter"))
	r.must(r.Await(`document.querySelector('dialog[open] .primary:not([aria-disabled])')`))
	r.must(r.Key("Tab"))
	r.says(focus, "Promote web of stack shop?: Promote")
	r.must(r.Key("Enter"))
	r.must(r.Await(`document.querySelector('.action.done')`))
	if did := r.fake.Did(); !slices.Equal(did, []string{"promote shop [web] from map[web:{18 14}]"}) {
		t.Errorf("done was %q", did)
	}
	r.must(r.Await(`document.querySelectorAll('.color.green.active').length === 2`))
	r.must(r.Await(`document.getElementById('news').textContent.includes('web: green is active')`))
	r.says(`[...document.querySelectorAll('.color.active .state')].map((e) => e.textContent).join()`, "Active,Active")
	r.says(`document.querySelector('.action .steps').textContent.includes('0 failed')+''`, "true")
}

// A reason goes into the history; an action under way locks the buttons, and can be stopped.
func TestRollbackIsStopped(t *testing.T) {
	r := open(t, "#/shop")
	r.fake.Act(func(ctx context.Context, tell func(cluster.Event)) error {
		tell(cluster.Event{Step: "lock", State: cluster.Working, Text: "waiting for `docker bluegreen up` of ann@desk"})
		<-ctx.Done()
		return &cluster.InterruptedError{Left: "nothing was done"}
	})
	r.must(r.Eval(`document.querySelector('#service-web ~ .buttons [data-do=rollback]').click()`, nil))
	r.must(r.Await(`document.querySelector('dialog[open] .primary:not([aria-disabled])')`))
	r.must(r.Eval(`document.querySelector('[name=reason]').value = 'orders are lost'`, nil))
	r.must(r.Eval(`document.querySelector('dialog .primary').click()`, nil))
	r.must(r.Await(`document.querySelector('.action .working')`))
	r.says(`[...document.querySelectorAll('[data-do]:not([aria-disabled])')].length + ''`, "0")
	r.must(r.Eval(`document.querySelector('[data-stop]').click()`, nil))
	r.must(r.Await(`document.querySelector('.action.failed .result')`))
	if did := r.fake.Did(); !slices.Equal(did, []string{"rollback shop [web]: orders are lost from map[web:{18 14}]"}) {
		t.Errorf("done was %q", did)
	}
	r.says(`document.querySelector('.action h2').textContent`, "Roll back web of stack shop")
	r.says(`document.querySelector('.action .head .soft').textContent`, "ended with exit code 130")
}

// A question is about the stack that was shown: it ends when the address leads to another one.
func TestQuestionEndsWithItsPage(t *testing.T) {
	r := open(t, "#/shop")
	r.must(r.Eval(`document.querySelector('#service-web ~ .buttons [data-do=promote]').click()`, nil))
	r.must(r.Await(`document.querySelector('dialog[open] .primary:not([aria-disabled])')`))
	r.says(`document.getElementById('ask-title').textContent`, "Promote web of stack shop?")
	r.must(r.Eval(`location.hash = '#/blog'`, nil))
	r.must(r.Await(`!document.querySelector('dialog[open]')`))
	r.must(r.Eval(`history.back()`, nil))
	r.must(r.Await(`document.querySelectorAll('.chart').length === 4`))
	if did := r.fake.Did(); len(did) > 0 {
		t.Errorf("done was %q", did)
	}
}

// A plan that comes after its question was left is not shown in the next one, and what is done is
// what the dialog says.
func TestLatePlan(t *testing.T) {
	r := open(t, "#/shop")
	r.must(r.Eval(`(() => {
	  const ask = window.fetch;
	  window.late = new Promise((over) => {
	    window.fetch = async (url, options) => {
	      if (!url.includes('do=promote')) return ask(url, options);
	      const plan = await (await ask(url, { headers: options.headers })).json();
	      await new Promise((go) => { window.go = go; });
	      setTimeout(over); // what waits for the plan has run by then
	      return { ok: true, json: async () => plan };
	    };
	  });
	})()`, nil))
	r.must(r.Eval(`document.querySelector('#service-web ~ .buttons [data-do=promote]').click()`, nil))
	r.must(r.Await(`window.go`))
	r.must(r.Key("Escape"))
	r.must(r.Await(`!document.querySelector('dialog[open]')`))
	r.must(r.Eval(`document.querySelector('#service-web ~ .buttons [data-do=pause]').click()`, nil))
	r.must(r.Await(`document.querySelector('dialog[open] .primary:not([aria-disabled])')`))
	r.must(r.Eval(`window.go(), window.late`, nil))
	r.says(`document.getElementById('ask-title').textContent`, "Pause web of stack shop?")
	r.says(`document.querySelector('dialog .primary').textContent`, "Pause")
	r.must(r.Eval(`document.querySelector('dialog .primary').click()`, nil))
	r.must(r.Await(`document.querySelector('.action.done')`))
	if did := r.fake.Did(); !slices.Equal(did, []string{"pause shop [web] hold 30"}) {
		t.Errorf("done was %q", did)
	}
}

// Nothing that a container or a file says becomes a part of the page.
func TestNoHTML(t *testing.T) {
	const bad = `"><img src=x onerror=alert(document.domain)><script>alert(1)</script>`
	r := open(t, "#/shop")
	r.fake.Set(func(st *swarm.Status) {
		route := *st.Services[1].Route
		route.TakenBack = "`" + bad
		st.Services[1].Route = &route
		st.Services[1].Colors = slices.Clone(st.Services[1].Colors)
		st.Services[1].Colors[0].Swarm.Image = bad
		st.Services[1].Colors[0].Swarm.Digest = "sha256:" + bad
		st.Services[2].Name = bad
		st.Drift = []string{bad}
		st.Lock = &swarm.LockStatus{Owner: bad, Command: bad, Since: time.Now()}
	})
	r.must(r.Await(`document.querySelector('.lock')?.textContent.includes('onerror')`))
	r.must(r.Await(`[...document.querySelectorAll('.color .image')].some((e) => e.textContent.includes('onerror')) && document.querySelector('.plain .name')`))
	r.says(`String(document.querySelectorAll('main img, main script, [onerror]').length)`, "0")
}

// A page that cannot ask says so, until it gets the right token.
func TestWrongToken(t *testing.T) {
	r := open(t, "")
	r.must(r.Eval(`sessionStorage.setItem('token', 'wrong')`, nil))
	r.must(r.Call("Page.reload", nil, nil))
	r.must(r.Await(`document.querySelector('[role=alert]')?.textContent.startsWith('the token is wrong')`))
	r.must(r.Eval(fmt.Sprintf("location.hash = %q", r.server.URL()[strings.Index(r.server.URL(), "#"):]), nil))
	r.must(r.Await(`document.querySelector('.link.on') && !document.querySelector('[role=alert]') && document.querySelectorAll('h2').length === 3`))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = slices.DeleteFunc(r.said, func(s string) bool { return strings.Contains(s, "status of 403") })
}

// At each width the page fits, in both looks; with -update its pictures go to docs.
func TestLooks(t *testing.T) {
	r := open(t, "#/shop")
	r.must(r.Await(`document.querySelector('#service-web').closest('section').querySelectorAll('.failed').length > 1`)) // some minutes of figures
	r.must(r.Eval(`document.querySelectorAll('details')[1].open = true`, nil))
	for _, width := range []int{320, 390, 768, 1280} {
		for _, dark := range []bool{false, true} {
			r.must(r.Look(width, 960, dark))
			r.says(`String(document.documentElement.scrollWidth - innerWidth)`, "0")
			var ratio float64
			r.must(r.Eval(leastContrast, &ratio))
			if ratio < 4.5 {
				t.Errorf("at %d pixels, dark %t: the least contrast of a text is %.2f", width, dark, ratio)
			}
			picture, err := r.Shot(width != 1280)
			r.must(err)
			if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
				t.Error(err)
			}
			if name := map[bool]string{false: "light", true: "dark"}[dark]; *update && width == 1280 {
				r.must(os.WriteFile("../../docs/dashboard-"+name+".png", picture, 0o644))
			}
			if dir := os.Getenv("SHOTS"); dir != "" {
				r.must(os.WriteFile(fmt.Sprintf("%s/%d-%t.png", dir, width, dark), picture, 0o644))
			}
		}
	}
}

// leastContrast is the least contrast between a text and what is behind it, as WCAG counts it.
// Buttons that cannot be pressed are left out, as there.
const leastContrast = `(() => {
  const lit = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = (c) => c.match(/[\d.]+/g).map(Number);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  let least = 21;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !e.checkVisibility() || e.closest('[aria-disabled], .unseen, noscript')) continue;
    const [a, b] = [lit(parse(getComputedStyle(e).color)), lit(behind(e))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
})()`
