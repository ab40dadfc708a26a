//go:build e2e

package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard"
	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard/dashboardtest"
)

func TestShots(t *testing.T) {
	fake := dashboardtest.New(time.Now())
	o := fake.Options()
	server, err := dashboard.Listen(0, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx) }()
	p, err := Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Close(); stop(); <-ended }()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, p.Said())
		}
	}
	must(p.Open(server.URL()))
	must(p.Await(`document.querySelector('h1')`))
	shot := func(name string) {
		for _, width := range []int{1280, 390} {
			for _, dark := range []bool{false, true} {
				must(p.Look(width, 860, dark))
				png, err := p.Shot(true)
				must(err)
				must(os.WriteFile(filepath.Join("/tmp/shots", fmt.Sprintf("%s-%d-%t.png", name, width, dark)), png, 0o644))
			}
		}
	}
	shot("overview")
	must(p.Eval(`location.hash = '#/shop'`, nil))
	must(p.Await(`document.querySelector('.chart')`))
	time.Sleep(13 * time.Second)
	must(p.Eval(`document.querySelectorAll('details')[1].open = true`, nil))
	shot("stack")
	must(p.Eval(`document.querySelectorAll('[data-do=promote]')[2].click()`, nil))
	must(p.Await(`document.querySelector('dialog .steps')`))
	shot("dialog")
	must(p.Eval(`document.querySelector('dialog .primary').click()`, nil))
	must(p.Await(`document.querySelector('.action.done')`))
	must(p.Eval(`document.querySelector('[data-file]').click()`, nil))
	must(p.Await(`document.querySelector('.plan')`))
	shot("done")
	t.Log(p.Said())
}
