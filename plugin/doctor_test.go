package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
)

func sickReport() *doctor.Report {
	return &doctor.Report{Errors: 1, Warnings: 1, Findings: []doctor.Finding{
		{Level: doctor.OK, Check: "engine", Cause: "Docker Engine 28.5.2 on n1, a manager, API version 1.51"},
		{Level: doctor.Error, Check: "nodes", Subject: "n3", Cause: "the node is down", Way: "start it again; if it will not return, `docker node rm --force n3`"},
		{Level: doctor.OK, Check: "nodes", Subject: "n1", Cause: "takes no new tasks: its availability is drain", Way: "`docker node update --availability active n1`, if it is to take tasks"},
		{Level: doctor.Warning, Check: "lock", Stack: "shop", Subject: "shop-bluegreen-lock", Cause: "ann has left her lock behind", Way: "run that command again: it takes the lock over"},
		{Level: doctor.OK, Check: "leftovers", Stack: "shop", Cause: "nothing is left behind"},
	}}
}

// What doctor prints for people and machines, and how it ends.
func TestDoctor(t *testing.T) {
	for _, tc := range []struct {
		args []string
		file string
	}{
		{[]string{"doctor"}, "doctor.table"},
		{[]string{"doctor", "--format", "json"}, "doctor.json"},
		{[]string{"doctor", "--format", "{{range .Findings}}{{.Level}} {{.Check}}\n{{end}}"}, "doctor.template"},
	} {
		h := newHarness()
		h.op.doctor = func(context.Context, bool) (*doctor.Report, error) { return sickReport(), nil }
		if err := h.run(tc.args...); err == nil || err.Error() != "doctor has found 1 error" || exitCode(err) != cluster.ExitError {
			t.Errorf("%q ends with %v, exit %d", tc.args, err, exitCode(err))
		}
		golden(t, tc.file, h.out.String())
	}
}

func TestDoctorEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		report *doctor.Report
		err    error
		want   int
	}{
		"well":    {&doctor.Report{Warnings: 3}, nil, cluster.ExitDone},
		"drift":   {&doctor.Report{Errors: 2, Findings: []doctor.Finding{{Level: doctor.Error, Check: "nodes"}, {Level: doctor.Error, Check: "drift"}}}, nil, cluster.ExitUnconfirmed},
		"failure": {nil, errors.New("stack shop: nothing is deployed"), cluster.ExitError},
		"Ctrl-C":  {nil, context.Canceled, cluster.ExitInterrupted},
	} {
		h := newHarness()
		asked := false
		h.op.doctor = func(_ context.Context, live bool) (*doctor.Report, error) { asked = live; return tc.report, tc.err }
		err := h.run("doctor", "-p", "shop", "--live", "--format", "json")
		if got := exitCode(err); got != tc.want || !asked || h.opened[0] != "shop" {
			t.Errorf("%s: exit %d, want %d (%v); asked the proxies: %v; stack %q", name, got, tc.want, err, asked, h.opened)
		}
		if tc.report != nil && !json.Valid(h.out.Bytes()) {
			t.Errorf("%s: %s is no JSON", name, h.out.String())
		}
	}
	h := newHarness()
	h.op.doctor = func(context.Context, bool) (*doctor.Report, error) { return &doctor.Report{}, nil }
	if err := h.run("doctor"); err != nil || h.opened[0] != "" {
		t.Errorf("without -p: %v, stack %q", err, h.opened)
	}
}
