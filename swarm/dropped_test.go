package swarm

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/errdefs"
)

// newKeys uses all that newer versions of the API brought.
const newKeys = `
services:
  web:
    image: shop/web:1
    healthcheck: {test: [CMD, "true"], start_interval: 1s}
    security_opt: ["no-new-privileges:true", "seccomp=unconfined", "apparmor=unconfined"]
    oom_score_adj: 100
    tmpfs: ["/tmp:exec,size=64m"]
    volumes:
      - {type: volume, source: data, target: /data, volume: {subpath: a}}
      - {type: bind, source: /x, target: /x, consistency: cached}
  db: {image: postgres:16, tmpfs: /run, networks: [v6]}
volumes: {data: {}}
networks: {v6: {enable_ipv4: false}}
`

// kept makes of a spec what an engine of this API version keeps: moby's adjustForAPIVersion and its conversion.
func kept(spec api.ServiceSpec, version string) api.ServiceSpec {
	spec = clone(spec)
	c := spec.TaskTemplate.ContainerSpec
	for i := range c.Mounts {
		c.Mounts[i].Consistency = ""
	}
	if versions.LessThan(version, "1.44") {
		c.Privileges.Seccomp, c.Privileges.AppArmor, c.Privileges.NoNewPrivileges = nil, nil, false
		if c.Healthcheck != nil {
			c.Healthcheck.StartInterval = 0
		}
	}
	if versions.LessThan(version, "1.46") {
		c.OomScoreAdj = 0
		for i := range c.Mounts {
			if o := c.Mounts[i].TmpfsOptions; o != nil {
				o.Options = nil
			}
			if o := c.Mounts[i].VolumeOptions; o != nil {
				o.Subpath = ""
			}
		}
	}
	return spec
}

func TestDropped(t *testing.T) {
	p := loadShop(t, newKeys)
	for version, want := range map[string]string{
		"1.41": "enable_ipv4 healthcheck.start_interval security_opt: seccomp security_opt: apparmor security_opt: no-new-privileges " +
			"tmpfs: exec volumes: volume.subpath oom_score_adj",
		"1.43": "enable_ipv4 healthcheck.start_interval security_opt: seccomp security_opt: apparmor security_opt: no-new-privileges " +
			"tmpfs: exec volumes: volume.subpath oom_score_adj",
		"1.44": "enable_ipv4 tmpfs: exec volumes: volume.subpath oom_score_adj",
		"1.45": "enable_ipv4 tmpfs: exec volumes: volume.subpath oom_score_adj",
		"1.46": "enable_ipv4",
		"1.48": "",
	} {
		var keys []string
		for _, text := range Dropped(p, version) {
			rest, ok := strings.CutPrefix(text, "service web: ")
			if !ok {
				rest, ok = strings.CutPrefix(text, "network shop_v6: ")
			}
			key, _, speaks := strings.Cut(rest, ": the engine speaks API "+version+" ")
			if !ok || !speaks {
				t.Errorf("API %s: %s", version, text)
			}
			keys = append(keys, key)
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("API %s drops %s, want %s", version, got, want)
		}
	}
	want := "service web: oom_score_adj: the engine speaks API 1.45 and drops what came with 1.46, so the container has the default"
	if all := Dropped(p, "1.45"); !slices.Contains(all, want) {
		t.Errorf("%q is not in %q", want, all)
	}
}

// What never comes back from the engine is no difference: the second up has nothing to do.
func TestDroppedIsNoDifference(t *testing.T) {
	for _, version := range []string{"1.41", "1.43", "1.44", "1.45", "1.46", "1.48"} {
		seen := nothing()
		seen.APIVersion = version
		carriedOut(seen, planFor(t, seen, newKeys, UpOptions{}))
		for name, svc := range seen.Plain {
			svc.Spec = kept(svc.Spec, version)
			seen.Plain[name] = svc
		}
		wantPlan(t, planFor(t, seen, newKeys, UpOptions{}), "nothing to do\n")
		// What it keeps is one.
		changed := strings.Replace(newKeys, "size=64m", "size=65m", 1)
		wantPlan(t, planFor(t, seen, changed, UpOptions{}), "update service shop_web: volumes changed\nawait shop_web\n")
	}
}

func TestStrictRefusesWhatTheEngineDrops(t *testing.T) {
	var events []Event
	o := New(&fakeEngine{}, "shop", func(e Event) { events = append(events, e) })
	p := loadShop(t, "services: {web: {image: a, oom_score_adj: 1, tmpfs: '/x:exec'}}")
	seen := nothing()
	seen.APIVersion = "1.41"
	err := o.tellUndone(p, seen, true)
	want := "with --strict these are errors:\n" +
		"service web: tmpfs: exec: the engine speaks API 1.41 and drops what came with 1.46, so it is mounted without\n" +
		"service web: oom_score_adj: the engine speaks API 1.41 and drops what came with 1.46, so the container has the default"
	if err == nil || err.Error() != want || len(events) > 0 {
		t.Errorf("%v, events %v", err, events)
	}
	if err := o.tellUndone(p, seen, false); err != nil || len(events) != 2 || events[0].State != Warning {
		t.Errorf("%v, events %v", err, events)
	}
	seen.APIVersion = "1.46"
	if err := o.tellUndone(p, seen, true); err != nil {
		t.Error(err)
	}
}

// A config with credentials is named in the file, and has its id on the swarm.
func TestCredentialSpecFromConfig(t *testing.T) {
	const file = `
services: {web: {image: a, credential_spec: {config: cred}, configs: [other]}}
configs: {cred: {content: a}, other: {content: b}}`
	seen := nothing()
	plan := planFor(t, seen, file, UpOptions{})
	seen.Networks["shop_default"] = network.Summary{ID: "network"}
	for _, name := range []string{"cred", "other"} {
		seen.Configs["shop_"+name] = api.Config{ID: "id of " + name,
			Spec: plan.Steps[slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Name == "shop_"+name })].Config.Spec}
	}
	spec := clone(*plan.Steps[slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Do == CreatePlain })].Spec)
	if err := seen.resolve(&spec); err != nil {
		t.Fatal(err)
	}
	if got := spec.TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Config; got != "id of cred" {
		t.Errorf("the service is sent with the config %q", got)
	}
	carriedOut(seen, plan)
	seen.Plain["web"].Spec.TaskTemplate.ContainerSpec.Configs = spec.TaskTemplate.ContainerSpec.Configs
	seen.Plain["web"].Spec.TaskTemplate.ContainerSpec.Privileges = spec.TaskTemplate.ContainerSpec.Privileges
	wantPlan(t, planFor(t, seen, file, UpOptions{}), "nothing to do\n")
}

// The network list has the host network of the node, and a service the one of the swarm.
func TestPredefinedNetworks(t *testing.T) {
	seen := nothing()
	seen.Networks["host"] = network.Summary{Name: "host", ID: "local", Scope: "local"}
	const file = "services: {web: {image: a, network_mode: host}}"
	plan := planFor(t, seen, file, UpOptions{})
	wantPlan(t, plan, "create service shop_web: it does not exist\nawait shop_web\n")
	spec := clone(*plan.Steps[0].Spec)
	if err := seen.resolve(&spec); err != nil || spec.TaskTemplate.Networks[0].Target != "host" {
		t.Fatal(err, spec.TaskTemplate.Networks)
	}
	carriedOut(seen, plan)
	seen.Plain["web"].Spec.TaskTemplate.Networks[0].Target = "of the swarm"
	o := New(&fakeEngine{networkInspect: func(id string) (network.Inspect, error) {
		if id != "of the swarm" {
			return network.Inspect{}, errdefs.NotFound(context.Canceled)
		}
		return network.Inspect{Name: "host", ID: id, Scope: "swarm"}, nil
	}}, "shop", nil)
	if err := o.observePredefined(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	wantPlan(t, planFor(t, seen, file, UpOptions{}), "nothing to do\n")
}
