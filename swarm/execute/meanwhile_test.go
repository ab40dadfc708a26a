package execute

import (
	"errors"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// onSwarm is a run on an engine on which nothing may be called that a test does not set.
func onSwarm(command plan.Command, e *clustertest.Engine) *run {
	return &run{Executor: New(traffic.New(cluster.New(e, "shop", nil))), known: cluster.NewRecord(cluster.NewSnapshot("shop")), plan: plan.Plan{Command: command},
		before: map[string]api.ServiceSpec{}, existed: map[string]bool{}, networks: map[string]string{}, served: map[string]bool{}}
}

// webWith is web with both colors, and a label for the route.
func webWith(route string) *cluster.BlueGreen {
	service := func(name string, labels map[string]string) *api.Service {
		return &api.Service{ID: "id of " + name, Spec: api.ServiceSpec{Annotations: api.Annotations{Name: name, Labels: labels}}}
	}
	return &cluster.BlueGreen{Name: "web", Saved: map[cluster.Color]*api.ServiceSpec{},
		Proxy: service("shop_web", map[string]string{cluster.LabelAlias + "web": route}),
		Colors: map[cluster.Color]*api.Service{cluster.Blue: service("shop_web-blue", map[string]string{cluster.LabelRelease: "1"}),
			cluster.Green: service("shop_web-green", map[string]string{cluster.LabelRelease: "2"})}}
}

// A color that takes the traffic by now is never stopped, whatever the plan says, nor one of which
// nobody can tell.
func TestActiveColorIsNotStopped(t *testing.T) {
	const broken = "service web: label bluegreen.alias.web of shop_web: \"12\" is not a route: it should read like 7:green: " +
		"write it again with `docker service update --label-add bluegreen.alias.web=SEQUENCE:COLOR shop_web`"
	const meanwhile = "service web: green became active meanwhile: run the command again"
	const shares = "service web: green gets 25 % of the traffic: run `docker bluegreen promote web`, or `rollback web` to take it back"
	step := plan.Step{Service: "web", Name: "shop_web-green", Color: cluster.Green, Settings: &bluegreen.Settings{Keep: bluegreen.KeepCold}}
	for _, tc := range []struct {
		name, route, want string
		do                func(r *run) error
	}{
		{"stop", "3:green", meanwhile, func(r *run) error { return r.stopColor(t.Context(), step) }},
		{"stop a color with a share", "3:blue:25", shares, func(r *run) error { return r.stopColor(t.Context(), step) }},
		{"retire a color with a share", "3:blue:25", shares, func(r *run) error { return r.retire(t.Context(), step) }},
		{"stop without a route", "12", broken, func(r *run) error { return r.stopColor(t.Context(), step) }},
		{"retire", "3:green", meanwhile, func(r *run) error { return r.retire(t.Context(), step) }},
		{"retire without a route", "12", broken, func(r *run) error { return r.retire(t.Context(), step) }},
		{"until it is gone, without a route", "12", broken, func(r *run) error {
			return r.awaitGone(t.Context(), r.known, r.known.Entry("web"), cluster.Green)
		}},
		{"ready, without a route", "12", broken, func(r *run) error {
			_, err := r.readyOnce(t.Context(), r.known.Entry("web"), cluster.Green, nil, 0)
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := onSwarm(plan.Up, &clustertest.Engine{})
			r.known.Note(func(seen *cluster.Snapshot) { seen.BlueGreen["web"] = webWith(tc.route) })
			if err := tc.do(r); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}

// A color that is gone has nothing to come to rest.
func TestRetireWhatIsGone(t *testing.T) {
	r := onSwarm(plan.Up, &clustertest.Engine{})
	b := webWith("3:blue")
	delete(b.Colors, cluster.Green)
	r.known.Note(func(seen *cluster.Snapshot) { seen.BlueGreen["web"] = b })
	if err := r.retire(t.Context(), plan.Step{Service: "web", Color: cluster.Green}); err != nil {
		t.Error(err)
	}
}

// What has vanished while the command ran is said so.
func TestVanished(t *testing.T) {
	step := plan.Step{Service: "db", Name: "shop_db", Color: cluster.None}
	const want = "service shop_db: somebody removed it while the command ran: run the command again"
	for name, do := range map[string]func(r *run) error{
		"await":       func(r *run) error { return r.awaitStep(t.Context(), step) },
		"started":     func(r *run) error { return r.awaitStarted(t.Context(), step) },
		"credentials": func(r *run) error { return r.sendCredentials(t.Context(), step) },
	} {
		if err := do(onSwarm(plan.Up, &clustertest.Engine{})); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}

// A step finds its swarm service by both names: the proxies and the colors have the same compose
// name.
func TestServiceOfAStep(t *testing.T) {
	r := onSwarm(plan.Up, &clustertest.Engine{})
	r.known.Note(func(seen *cluster.Snapshot) { seen.BlueGreen["web"] = webWith("3:green") })
	r.known.Note(func(seen *cluster.Snapshot) {
		seen.Plain["db"] = api.Service{ID: "id of shop_db", Spec: api.ServiceSpec{Annotations: api.Annotations{Name: "shop_db"}}}
	})
	for _, tc := range []struct{ service, name, want string }{
		{"db", "shop_db", "id of shop_db"},
		{"web", "shop_web", "id of shop_web"},
		{"web", "shop_web-green", "id of shop_web-green"},
		{"web", "shop_web-blue", "id of shop_web-blue"},
		{"db", "shop_other", ""},
		{"web", "shop_db", ""},
	} {
		got := ""
		if svc := r.serviceOf(plan.Step{Service: tc.service, Name: tc.name}); svc != nil {
			got = svc.ID
		}
		if got != tc.want {
			t.Errorf("%s of %s is %q, want %q", tc.name, tc.service, got, tc.want)
		}
	}
}

// What an interruption leaves, in words, by what had been done.
func TestWhatIsLeft(t *testing.T) {
	blue := plan.Step{Service: "web", Name: "shop_web-blue", Color: cluster.Blue}
	const other = "api"
	none := func(*run) {}
	existed := func(r *run) { r.existed[blue.Name] = true }
	made := func(r *run) { r.blueGreen("web").Colors[cluster.Blue] = &api.Service{} }
	for _, tc := range []struct {
		name    string
		command plan.Command
		begun   []plan.Step
		served  []string
		done    func(*run)
		want    string
	}{
		{"an up that touched nothing", plan.Up, nil, nil, none, "traffic is where it was; run `docker bluegreen up` again to finish"},
		{"an up that touched a color twice", plan.Up, []plan.Step{blue, blue}, nil, existed,
			"traffic is where it was; shop_web-blue is half-way to another release; run `docker bluegreen up` again to finish, " +
				"or `docker bluegreen rollback` to go back to the release before the active one"},
		{"an up of which one service has moved", plan.Up, []plan.Step{blue}, []string{other}, existed,
			"traffic of api has moved to the new release; shop_web-blue is half-way to another release; run `docker bluegreen up` again to finish, " +
				"or `docker bluegreen rollback` to go back to the release before the active one"},
		{"an up that has moved", plan.Up, []plan.Step{blue}, []string{other, "web"}, existed,
			"traffic of api, web has moved to the new release; run `docker bluegreen up` again to finish"},
		{"an up that was about to make a color", plan.Up, []plan.Step{blue}, nil, none,
			"traffic is where it was; run `docker bluegreen up` again to finish"},
		{"an up that made a color", plan.Up, []plan.Step{blue}, nil, made,
			"traffic is where it was; shop_web-blue is half-way to its first release; run `docker bluegreen up` again to finish"},
		{"an up that makes proxies", plan.Up, []plan.Step{blue}, nil, func(r *run) {
			made(r)
			r.created = append(r.created, r.blueGreen("web"))
		}, "traffic of web may be just moving; shop_web-blue is half-way to its first release; run `docker bluegreen up` again to finish"},
		{"an up that adopts a service", plan.Up, nil, nil, func(r *run) {
			r.plan.Steps = []plan.Step{{Do: plan.Adopt, Service: "web"}}
			r.before["web"] = api.ServiceSpec{}
		}, "traffic of web may be just moving; run `docker bluegreen up` again to finish"},
		{"an up that changes proxies", plan.Up, nil, nil, func(r *run) {
			r.plan.Steps = []plan.Step{{Do: plan.UpdateProxies, Service: "web"}}
			r.before["web"] = api.ServiceSpec{}
		}, "traffic is where it was; run `docker bluegreen up` again to finish"},
		{"a flip", plan.FlipTo, nil, nil, none, "traffic is where it was; run the same command again"},
		{"a flip that has moved", plan.FlipTo, nil, []string{"web"}, none, "traffic of web has moved; the old color may still run"},
		{"a rollback that has moved", plan.Rollback, []plan.Step{blue}, []string{"web", other}, none, "traffic of api, web has moved; the old color may still run"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := onSwarm(tc.command, &clustertest.Engine{})
			r.begun = tc.begun
			tc.done(r)
			for _, s := range tc.served {
				r.serves(s)
			}
			if got := r.left(); got != tc.want {
				t.Errorf("left: %s\nwant: %s", got, tc.want)
			}
		})
	}
}

// An action that nobody carries out is an error, not nothing.
func TestUnknownStep(t *testing.T) {
	r := onSwarm(plan.Up, &clustertest.Engine{})
	err := r.Execute(t.Context(), r.known.Snapshot(), plan.Plan{Command: plan.Up, Steps: []plan.Step{{Do: "dance"}}})
	if want := `a plan has the unknown step "dance"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Where a failure left the traffic of the service that failed.
func TestUntouched(t *testing.T) {
	r := onSwarm(plan.Up, &clustertest.Engine{})
	r.serves("web")
	for service, want := range map[string]string{"web": "its new release gets the traffic already", "db": "traffic of web has moved to the new release, other traffic was not touched"} {
		u := &cluster.UnhealthyError{Service: service, Cause: "it is"}
		err := r.undo(t.Context(), errors.Join(u))
		if !errors.As(err, new(*cluster.UnhealthyError)) || u.After != want {
			t.Errorf("%s: %q, want %q", service, u.After, want)
		}
	}
}
