package plugin

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// A Go template gets what the JSON form holds, and what it writes is safe on a terminal.
func TestTemplates(t *testing.T) {
	for _, c := range []struct {
		name, template, want string
		args                 []string
		code                 int
	}{
		{"of status", "{{.Stack}}{{range .Services}} {{.Name}}{{with .Route}}={{.Active}}{{end}}{{end}}", "shop web=green worker\n", []string{"status", "--live"}, cluster.ExitUnconfirmed},
		{"in lines", "{{range .Services}}{{upper .Name}}{{println}}{{end}}", "WEB\nWORKER\n", []string{"status", "--live"}, cluster.ExitUnconfirmed},
		{"with JSON", "{{json .Lock}}", `{"owner":"ci@build-7","command":"up","since":"2026-03-01T11:59:48Z"}` + "\n", []string{"status", "--live"}, cluster.ExitUnconfirmed},
		{"without what moves a cursor", "{{\"\\x1b[2J\"}}{{.Stack}}", "shop\n", []string{"status", "--live"}, cluster.ExitUnconfirmed},
		{"of a field that is not there", "{{.Nope}}", "", []string{"status", "--live"}, cluster.ExitError},
		{"of rows", "table {{.Name}}\\t{{with .Route}}{{.Active}}{{end}}\\t{{.Swarm.Image}}",
			"NAME     ACTIVE   IMAGE\nweb      green    haproxy:3.2-alpine\nworker            registry.example.com:5000/shop/worker\n", []string{"status", "--live"}, cluster.ExitUnconfirmed},
		{"of rows of a plan", "table {{.Action}}\t{{.Name}}", "ACTION   NAME\nflip     shop_web\n", []string{"flip", "--dry-run"}, cluster.ExitDone},
		{"of one row", "table {{.GoVersion}}", "GO VERSION\n" + runtime.Version() + "\n", []string{"version"}, cluster.ExitDone},
		{"of a plan", "{{range .Steps}}{{.Action}} {{.Name}}: {{len .Changes}}; {{end}}", "flip shop_web: 0; \n", []string{"flip", "--dry-run"}, cluster.ExitDone},
		{"of a plan, with an exit code", "{{.Changes}}", "true\n", []string{"flip", "--dry-run", "--detailed-exitcode"}, exitChanges},
		{"that ends nowhere", "{{.Stack", "", []string{"status"}, exitBadFlags},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness()
			h.op = fakeOperator{status: func(context.Context, bool, ...string) (*swarm.Status, error) { return shopLive(), nil }, planned: func(command plan.Command, _ plan.FlipOptions) (plan.Plan, error) {
				return plan.Plan{Command: command, Stack: "shop", Steps: []plan.Step{{Do: plan.Flip, Name: "shop_web"}}}, nil
			}}
			err := h.run(append([]string{"-p", "shop", "--progress", "quiet"}, append(c.args, "--format", c.template)...)...)
			if exitCode(err) != c.code || h.out.String() != c.want {
				t.Errorf("exit code %d (%v), output %q; want %d, %q", exitCode(err), err, h.out.String(), c.code, c.want)
			}
		})
	}
}

func TestFormatRefuses(t *testing.T) {
	err := newHarness().run("-p", "shop", "status", "--format", "xml")
	if want := `must be one of table, json, a template such as '{{json .}}', or 'table {{.Name}}'`; exitCode(err) != exitBadFlags || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
}
