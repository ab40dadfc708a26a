package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
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

// kept makes of a spec what an engine of this API version keeps: moby's adjustForAPIVersion and its
// conversion.
func kept(spec api.ServiceSpec, version string) api.ServiceSpec {
	spec = cluster.Clone(spec)
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
	p := plantest.LoadShop(t, newKeys)
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
		t.Run("API "+version, func(t *testing.T) {
			var keys []string
			for _, text := range plan.Dropped(p, version) {
				rest, ok := strings.CutPrefix(text, "service web: ")
				if !ok {
					rest, ok = strings.CutPrefix(text, "network shop_v6: ")
				}
				key, _, speaks := strings.Cut(rest, ": the engine speaks API "+version+" ")
				if !ok || !speaks {
					t.Error(text)
				}
				keys = append(keys, key)
			}
			if got := strings.Join(keys, " "); got != want {
				t.Errorf("it drops %s, want %s", got, want)
			}
		})
	}
	want := "service web: oom_score_adj: the engine speaks API 1.45 and drops this key of API 1.46, so the container has the default"
	if all := plan.Dropped(p, "1.45"); !slices.Contains(all, want) {
		t.Errorf("%q is not in %q", want, all)
	}
}

// What never comes back from the engine is no difference: the second up has nothing to do.
func TestDroppedIsNoDifference(t *testing.T) {
	for _, version := range []string{"1.41", "1.43", "1.44", "1.45", "1.46", "1.48"} {
		t.Run("API "+version, func(t *testing.T) {
			seen := plantest.Nothing()
			seen.APIVersion = version
			plantest.CarriedOut(seen, plantest.For(t, seen, newKeys, plan.UpOptions{}))
			for name, svc := range seen.Plain {
				svc.Spec = kept(svc.Spec, version)
				seen.Plain[name] = svc
			}
			plantest.Want(t, plantest.For(t, seen, newKeys, plan.UpOptions{}), "nothing to do\n")
			// What it keeps is one.
			changed := strings.Replace(newKeys, "size=64m", "size=65m", 1)
			plantest.Want(t, plantest.For(t, seen, changed, plan.UpOptions{}), "update service shop_web: volumes changed\nawait shop_web\n")
		})
	}
}

// A config with credentials is named in the file, and has its id on the swarm.
func TestCredentialSpecFromConfig(t *testing.T) {
	const file = `
services: {web: {image: a, credential_spec: {config: cred}, configs: [other]}}
configs: {cred: {content: a}, other: {content: b}}`
	seen := plantest.Nothing()
	todo := plantest.For(t, seen, file, plan.UpOptions{})
	seen.Networks["shop_default"] = network.Summary{ID: "network"}
	for _, name := range []string{"cred", "other"} {
		seen.Configs["shop_"+name] = api.Config{ID: "id of " + name,
			Spec: todo.Steps[slices.IndexFunc(todo.Steps, func(s plan.Step) bool { return s.Name == "shop_"+name })].Config.Spec}
	}
	spec := cluster.Clone(*todo.Steps[slices.IndexFunc(todo.Steps, func(s plan.Step) bool { return s.Do == plan.CreatePlain })].Spec)
	if err := cluster.NewRecord(seen).Resolve(&spec); err != nil {
		t.Fatal(err)
	}
	if got := spec.TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Config; got != "id of cred" {
		t.Errorf("the service is sent with the config %q", got)
	}
	plantest.CarriedOut(seen, todo)
	seen.Plain["web"].Spec.TaskTemplate.ContainerSpec.Configs = spec.TaskTemplate.ContainerSpec.Configs
	seen.Plain["web"].Spec.TaskTemplate.ContainerSpec.Privileges = spec.TaskTemplate.ContainerSpec.Privileges
	plantest.Want(t, plantest.For(t, seen, file, plan.UpOptions{}), "nothing to do\n")
}
