package plan_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// filed is a blue-green service and a plain one, both with the same secret and config.
const filed = `
services:
  web:
    image: shop/web:1
    ports: ["80:8080"]
    secrets: [key]
    configs: [{source: conf, target: /etc/conf}]
    x-bluegreen: {}
  db:
    image: postgres:16
    secrets: [key]
    configs: [conf]
secrets: {key: {environment: KEY_ONE}}
configs: {conf: {content: conf one}}
`

// contents is filed with other contents.
func contents(config, secret string) string {
	return strings.NewReplacer("conf one", config, "KEY_ONE", secret).Replace(filed)
}

// versionPlan plans after the secrets were compared.
func versionPlan(t *testing.T, seen *cluster.Snapshot, file string, opts plan.UpOptions) plan.Plan {
	t.Helper()
	p := plantest.LoadShop(t, file)
	seen = plantest.Compared(t, seen, p)
	todo, err := plan.ForUp(p, seen, &plan.Images{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return todo
}

// upTo plans and carries out, and fails the test unless there is nothing to do then.
func upTo(t *testing.T, seen *cluster.Snapshot, file string) plan.Plan {
	t.Helper()
	todo := versionPlan(t, seen, file, plan.UpOptions{})
	plantest.CarriedOut(seen, todo)
	plantest.Want(t, versionPlan(t, seen, file, plan.UpOptions{}), "nothing to do\n")
	return todo
}

var secretSuffix = regexp.MustCompile(`shop_key-[0-9a-f]{8}`)

// wantVersions compares plans in which secrets have names that cannot be foretold.
func wantVersions(t *testing.T, todo plan.Plan, want string) {
	t.Helper()
	if got, want := secretSuffix.ReplaceAllString(todo.String(), "shop_key-ID"), strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("plan:\n%swant:\n%s", got, want)
	}
}

func TestChangedContents(t *testing.T) {
	seen := plantest.Nothing()
	wantVersions(t, upTo(t, seen, filed), `
create network shop_default: it does not exist
create network shop-bluegreen_control: the proxies have no control network
create secret shop_key: it does not exist
create config shop_conf: it does not exist
create service shop_db: it does not exist
start color shop_web-blue: release 1: first release
check ports of shop_web-blue: 8080 must speak http before proxies take traffic there
create proxies shop_web: there are none
await shop_db
`)
	wantVersions(t, upTo(t, seen, contents("conf two", "KEY_TWO")), `
create secret shop_key-ID: its content changed
create config shop_conf-78239ee1: its content changed
update service shop_db: secrets, configs changed
start color shop_web-green: release 2: secrets, configs changed
flip shop_web to green: secrets, configs changed
retire color shop_web-blue: it is idle after the flip, keep: warm
await shop_db
`)
	// The first ones are gone once neither a color holds them nor db could be rolled back to them.
	wantVersions(t, upTo(t, seen, contents("conf three", "KEY_TWO")), `
create config shop_conf-c018f0af: its content changed
update service shop_db: configs changed
stop color shop_web-blue: release 1 makes room for release 3
start color shop_web-blue: release 3: configs changed
flip shop_web to blue: configs changed
retire color shop_web-green: it is idle after the flip, keep: warm
await shop_db
remove secret shop_key: nothing uses it any more
remove config shop_conf: nothing uses it any more
`)
	// What was there before is taken again: the idle color holds it.
	wantVersions(t, upTo(t, seen, contents("conf two", "KEY_TWO")), `
update service shop_db: configs changed
flip shop_web to green: configs changed
retire color shop_web-blue: it is idle after the flip, keep: warm
await shop_db
`)
	// The first content is gone: it comes back under a name of its own.
	wantVersions(t, upTo(t, seen, contents("conf one", "KEY_TWO")), `
create config shop_conf-ded64c7e: its content changed
update service shop_db: configs changed
stop color shop_web-blue: release 3 makes room for release 4
start color shop_web-blue: release 4: configs changed
flip shop_web to blue: configs changed
retire color shop_web-green: it is idle after the flip, keep: warm
await shop_db
remove config shop_conf-c018f0af: nothing uses it any more
`)
}

// What a version's object says of itself: docker's own label, so that all that removes a stack
// removes it.
func TestVersionLabels(t *testing.T) {
	seen := plantest.Nothing()
	upTo(t, seen, filed)
	changed := strings.Replace(contents("conf two", "KEY_TWO"), "{content: conf two}", "{content: conf two, labels: {team: shop}}", 1)
	todo := upTo(t, seen, changed)
	want := map[string]string{"com.docker.stack.namespace": "shop", "bluegreen.version-of": "shop_conf", "team": "shop"}
	if got := todo.Steps[1].Config.Spec; fmt.Sprint(got.Labels) != fmt.Sprint(want) || got.Name != "shop_conf-78239ee1" {
		t.Errorf("%s has the labels %v, want %v", got.Name, got.Labels, want)
	}
	if got := todo.Steps[0].Secret.Spec; got.Labels["bluegreen.version-of"] != "shop_key" || got.Name != todo.Steps[0].Name {
		t.Errorf("%s has the labels %v", got.Name, got.Labels)
	}
	wantVersions(t, upTo(t, seen, strings.Replace(changed, "team: shop", "team: ops", 1)), "update config shop_conf-78239ee1: labels changed\n")
}

func TestLabelsAreWrittenInPlace(t *testing.T) {
	seen := plantest.Nothing()
	upTo(t, seen, filed)
	labeled := strings.NewReplacer("{content: conf one}", "{content: conf one, labels: {team: shop}}",
		"{environment: KEY_ONE}", "{environment: KEY_ONE, labels: {team: shop}}").Replace(filed)
	todo := upTo(t, seen, labeled)
	plantest.Want(t, todo, "update secret shop_key: labels changed\nupdate config shop_conf: labels changed\n")
	if d := todo.Steps[0].Secret.Spec.Data; d != nil {
		t.Errorf("the plan to label a secret holds %d bytes of it", len(d))
	}
	// What somebody else made is used as it is, and a change of it is a version of our own.
	c := seen.Configs["shop_conf"]
	c.Spec.Labels = map[string]string{"com.docker.stack.namespace": "other"}
	seen.Configs["shop_conf"] = c
	plantest.Want(t, versionPlan(t, seen, labeled, plan.UpOptions{}), "nothing to do\n")
	for _, content := range []string{"conf two", "conf three", "conf four"} {
		upTo(t, seen, contents(content, "KEY_ONE"))
	}
	if _, ok := seen.Configs["shop_conf"]; !ok {
		t.Error("a config of another stack was removed")
	}
}

// The way back of an idle color whose new release was not flipped to is what it held before.
func TestNotFlipped(t *testing.T) {
	seen := plantest.Nothing()
	upTo(t, seen, filed)
	upTo(t, seen, contents("conf two", "KEY_ONE"))
	delete(seen.Plain, "db")
	three := strings.Replace(contents("conf three", "KEY_ONE"), "\n  db:", "\n  other:", 1)
	plantest.CarriedOut(seen, versionPlan(t, seen, three, plan.UpOptions{NoFlip: true}))
	if todo := versionPlan(t, seen, three, plan.UpOptions{NoFlip: true}); strings.Contains(todo.String(), "remove") {
		t.Errorf("the config of a saved release is removed:\n%s", todo)
	}
	// With the flip it is gone.
	todo := versionPlan(t, seen, three, plan.UpOptions{})
	if !strings.Contains(todo.String(), "remove config shop_conf: nothing uses it any more\n") {
		t.Errorf("plan:\n%swant the removal of shop_conf", todo)
	}
}

// Leftovers of a command that was ended are the next one's.
func TestLeftoverVersions(t *testing.T) {
	seen := plantest.Nothing()
	upTo(t, seen, filed)
	todo := versionPlan(t, seen, contents("conf two", "KEY_TWO"), plan.UpOptions{})
	plantest.CarriedOut(seen, plan.Plan{Steps: todo.Steps[:2]}) // and no further
	if again := versionPlan(t, seen, contents("conf two", "KEY_TWO"), plan.UpOptions{}); strings.Contains(again.String(), "create") {
		t.Errorf("created twice:\n%s", again)
	}
	wantVersions(t, upTo(t, seen, filed), "remove secret shop_key-ID: nothing uses it any more\nremove config shop_conf-78239ee1: nothing uses it any more\n")
}

// Others may use what is ours: services of other stacks, and those that the command is not about.
func TestVersionsInUseElsewhere(t *testing.T) {
	seen := plantest.Nothing()
	upTo(t, seen, filed)
	two := contents("conf two", "KEY_TWO")
	wantVersions(t, versionPlan(t, seen, two, plan.UpOptions{Services: []string{"db"}}), `
create secret shop_key-ID: its content changed
create config shop_conf-78239ee1: its content changed
update service shop_db: secrets, configs changed
await shop_db
`)
	upTo(t, seen, two)
	seen.ForeignUse = cluster.Use{"secret id of shop_key": true, "config shop_conf": true}
	if todo := upTo(t, seen, contents("conf three", "KEY_THREE")); strings.Contains(todo.String(), "remove") {
		t.Errorf("what another stack uses is removed:\n%s", todo)
	}
	seen.ForeignUse = nil
	plantest.Want(t, versionPlan(t, seen, contents("conf three", "KEY_THREE"), plan.UpOptions{}),
		"remove secret shop_key: nothing uses it any more\nremove config shop_conf: nothing uses it any more\n")
}

// Only what the named services use is looked at.
func TestFilesOfNamedServices(t *testing.T) {
	file := strings.Replace(filed, "    configs: [conf]\n", "", 1)
	plantest.Want(t, versionPlan(t, plantest.Nothing(), file, plan.UpOptions{Services: []string{"db"}}), `
create network shop_default: it does not exist
create secret shop_key: it does not exist
create service shop_db: it does not exist
await shop_db
`)
}

// Of two that hold the same, the one in use stays in use; else the newest is taken.
func TestWhichOfTheSame(t *testing.T) {
	seen := plantest.Nothing()
	upTo(t, seen, filed)
	double := seen.Configs["shop_conf"]
	double.ID, double.CreatedAt = "newer", time.Unix(1000, 0)
	double.Spec.Name = "shop_conf-double"
	double.Spec.Labels = map[string]string{"com.docker.stack.namespace": "shop", "bluegreen.version-of": "shop_conf"}
	seen.Configs["shop_conf-double"] = double
	plantest.Want(t, versionPlan(t, seen, filed, plan.UpOptions{}), "remove config shop_conf-double: nothing uses it any more\n")
	seen.Plain, seen.BlueGreen = map[string]api.Service{}, map[string]*cluster.BlueGreen{}
	if todo := versionPlan(t, seen, filed, plan.UpOptions{}); !strings.HasSuffix(todo.String(), "\nremove config shop_conf: nothing uses it any more\n") {
		t.Errorf("not the newest is taken:\n%s", todo)
	}
}

// A template driver is a part of the content; a secret's driver has no content.
func TestDrivers(t *testing.T) {
	seen := plantest.Nothing()
	file := strings.Replace(filed, "{environment: KEY_ONE}", "{driver: vault, driver_opts: {path: one}}", 1)
	upTo(t, seen, file)
	golang := strings.Replace(file, "{content: conf one}", "{content: conf one, template_driver: golang}", 1)
	if todo := upTo(t, seen, golang); !strings.Contains(todo.String(), "create config shop_conf-387cdb07: its content changed\n") {
		t.Errorf("plan:\n%s", todo)
	}
	todo := upTo(t, seen, strings.Replace(golang, "path: one", "path: two", 1))
	if first := secretSuffix.ReplaceAllString(todo.Steps[0].String(), "shop_key-ID"); first != "create secret shop_key-ID: its driver changed" {
		t.Errorf("plan:\n%s", todo)
	}
}

// The config of a credential spec is named twice.
func TestCredentialSpec(t *testing.T) {
	file := `
services:
  win: {image: win, credential_spec: {config: cred}}
configs: {cred: {content: one}}
`
	seen := plantest.Nothing()
	upTo(t, seen, file)
	todo := upTo(t, seen, strings.Replace(file, "one", "two", 1))
	name := todo.Steps[0].Name
	c := seen.Plain["win"].Spec.TaskTemplate.ContainerSpec
	if c.Privileges.CredentialSpec.Config != "id of "+name || c.Configs[0].ConfigName != name || name == "shop_cred" {
		t.Errorf("%+v and %+v, want %s", c.Privileges.CredentialSpec, c.Configs[0], name)
	}
}

// What leaves the swarm with the plan uses nothing any more.
func TestVersionsOfWhatLeaves(t *testing.T) {
	const removed = "remove secret shop_key: nothing uses it any more\nremove config shop_conf: nothing uses it any more\n"
	plainWeb := strings.NewReplacer("    x-bluegreen: {}\n", "")
	two := contents("conf two", "KEY_TWO")
	withoutDB := func(file string) string {
		before, rest, _ := strings.Cut(file, "  db:")
		_, after, _ := strings.Cut(rest, "secrets: {key: {")
		return before + "secrets: {key: {" + after
	}
	for _, tc := range []struct {
		name      string
		has, next string
		opts      plan.UpOptions
		hold      func(*cluster.Snapshot)
		gone      bool
	}{
		{name: "adopted", has: withoutDB(plainWeb.Replace(two)), next: withoutDB(two), gone: true},
		{name: "given back", has: withoutDB(two), next: plainWeb.Replace(withoutDB(two)), gone: true},
		{name: "not in the file", has: plainWeb.Replace(two), next: withoutDB(strings.Replace(two, "\n  web:", "\n  other:", 1)), gone: true, opts: plan.UpOptions{Prune: true}},
		{name: "not in the file, not pruned", has: plainWeb.Replace(two), next: withoutDB(strings.Replace(two, "\n  web:", "\n  other:", 1))},
		{name: "an adoption that was cut short", has: withoutDB(two), next: withoutDB(strings.Replace(two, "web:1", "web:2", 1)), hold: func(s *cluster.Snapshot) {
			b := s.BlueGreen["web"]
			b.Proxy.PreviousSpec = new(cluster.Clone(b.Colors[cluster.Blue].Spec))
		}},
		{name: "its end", has: withoutDB(two), next: withoutDB(strings.Replace(two, "web:1", "web:2", 1)), gone: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := plantest.Nothing()
			upTo(t, seen, strings.NewReplacer("conf two", "conf one", "KEY_TWO", "KEY_ONE").Replace(tc.has))
			upTo(t, seen, tc.has)
			if tc.hold != nil {
				tc.hold(seen)
			}
			todo := versionPlan(t, seen, tc.next, tc.opts).String()
			if got := strings.HasSuffix(todo, removed); got != tc.gone || !tc.gone && strings.Contains(todo, "remove ") {
				t.Errorf("plan:\n%sthe first versions removed: %v, want %v", todo, got, tc.gone)
			}
		})
	}
}
