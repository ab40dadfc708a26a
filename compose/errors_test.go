package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// loadText loads a file stack.yml with the given text, in a folder of its own.
func loadText(t *testing.T, text string, environ ...string) (*Project, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "stack.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), Options{
		Files: []string{"stack.yml"}, Name: "shop", Dir: dir, Environ: append(environ, "HOME=/home/user"),
	})
}

// TestErrors holds the whole text of errors: which file, service and key, what is wrong, and the
// way out.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"no service", `services: {}`, "stack.yml: services: there is none: define at least one"},
		{"no active profile", `services: {a: {image: a, profiles: [p]}}`,
			"stack.yml: services: none is in an active profile: name profiles with --profile"},
		{"no image", `services: {a: {command: x}}`,
			"stack.yml: service a: image is missing: name the image that the service runs"},
		{"only build", `services: {a: {build: .}}`,
			"stack.yml: service a: image is missing: Swarm does not build; build and push the image, and name it with image"},
		{"bad image", `services: {a: {image: "UPPER case"}}`,
			`stack.yml: service a: image: "UPPER case" is not an image name: repository name (library/UPPER case) must be lowercase`},
		{"all services at once", `services: {a: {command: x}, b: {image: x, restart: never}}`,
			"stack.yml: service a: image is missing: name the image that the service runs\n" +
				"service b: restart: \"never\" is not one of no, always, unless-stopped, on-failure"},
		{"wrong type", `services: {a: {image: a, deploy: {replicas: many}}}`,
			`stack.yml: services.a.deploy.replicas: "many" is not a whole number`},
		{"unknown key", `services: {a: {image: a, portz: []}}`,
			"stack.yml: services.a: unknown key portz: did you mean \"ports\"?"},
		{"service name", `services: {my.svc: {image: a}}`,
			`stack.yml: service my.svc: "shop_my.svc" is not a name that Swarm takes: use letters, digits, - and _ only, with a letter or digit first and last`},
		{"long name", `services: {` + strings.Repeat("a", 60) + `: {image: a}}`,
			`stack.yml: service ` + strings.Repeat("a", 60) + `: "shop_` + strings.Repeat("a", 60) + `" has 65 characters and Swarm takes 63: shorten it, or the stack's name`},
		{"network undefined", `services: {a: {image: a, networks: [n]}}`,
			`stack.yml: service a: networks: "n" is not defined: add it to the networks at the top of the file`},
		{"volume undefined", `services: {a: {image: a, volumes: ["data:/d"]}}`,
			`stack.yml: service a: volumes: /d: volume "data" is not defined: add it to the volumes at the top of the file, or write ./data for a folder`},
		{"secret undefined", `services: {a: {image: a, secrets: [s]}}`,
			`stack.yml: service a: secrets: "s" is not defined: add it to the secrets at the top of the file`},
		{"config undefined", `services: {a: {image: a, configs: [c]}}`,
			`stack.yml: service a: configs: "c" is not defined: add it to the configs at the top of the file`},
		{"secret file", `{services: {a: {image: a}}, secrets: {s: {file: /does/not/exist}}}`,
			"stack.yml: secret s: file: /does/not/exist: no such file or directory"},
		{"secret variable", `{services: {a: {image: a}}, secrets: {s: {environment: UNSET}}}`,
			"stack.yml: secret s: environment: variable UNSET is not set: set it"},
		{"secret empty", `{services: {a: {image: a}}, secrets: {s: {environment: EMPTY}}}`,
			"stack.yml: secret s: variable EMPTY is empty: Swarm takes at least one byte"},
		{"env file", `services: {a: {image: a, env_file: /does/not/exist}}`,
			"stack.yml: service a: env_file: /does/not/exist: no such file or directory"},
		{"never complete", `services: {a: {image: a, depends_on: {b: {condition: service_completed_successfully}}}, b: {image: b}}`,
			"stack.yml: service a: depends_on.b.condition: service_completed_successfully needs a service that ends, but Swarm restarts this one: set deploy.mode: replicated-job in b"},
		{"cycle", `services: {a: {image: a, depends_on: [b]}, b: {image: b, depends_on: [c]}, c: {image: c, depends_on: [b]}}`,
			"stack.yml: depends_on goes in a circle, b -> c -> b: take one of them out"},
		{"mount options", `services: {a: {image: a, volumes: [{type: bind, source: /x, target: /x, tmpfs: {size: 1}}]}}`,
			"stack.yml: service a: volumes: /x: the options under tmpfs do not go with type bind: take them out"},
		{"seccomp file", `services: {a: {image: a, security_opt: ["seccomp=/none.json"]}}`,
			"stack.yml: service a: security_opt: seccomp: /none.json: no such file or directory"},
		{"no-new-privileges", `services: {a: {image: a, security_opt: ["no-new-privileges:maybe"]}}`,
			`stack.yml: service a: security_opt: no-new-privileges: "maybe" is not true or false`},
		{"tmpfs size", `services: {a: {image: a, tmpfs: ["/x:size=lots"]}}`,
			`stack.yml: service a: tmpfs: /x: size: "lots" is not a size (example: 64m)`},
		{"tmpfs target", `services: {a: {image: a, tmpfs: [run]}}`,
			`stack.yml: service a: tmpfs: "run": a target begins with /`},
		{"blue-green on the host", `services: {a: {image: a, network_mode: host, expose: [80], x-bluegreen: {}}}`,
			"stack.yml: service a: network_mode: host: proxies cannot find tasks there, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"two mounts", `{services: {a: {image: a, volumes: ["data:/x", "other:/x"]}}, volumes: {data: , other: }}`,
			"stack.yml: service a: volumes: two entries have the target /x: keep one of them, or give one another target"},
		{"port twice", `services: {a: {image: a, ports: ["80:80", "80:8080"]}}`,
			"stack.yml: service a: ports: 80/tcp is published twice, for 80 and 8080: Swarm takes one target for a port"},
		{"ingress and dnsrr", `services: {a: {image: a, ports: ["80:80"], deploy: {endpoint_mode: dnsrr}}}`,
			"stack.yml: service a: ports: 80: deploy.endpoint_mode dnsrr cannot publish through the ingress network: use the long form with mode: host, or endpoint_mode vip"},
		{"global replicas", `services: {a: {image: a, deploy: {mode: global, replicas: 2}}}`,
			"stack.yml: service a: deploy.replicas: deploy.mode global runs one task on every node: leave replicas out, or use mode replicated"},
		{"mode", `services: {a: {image: a, deploy: {mode: hot}}}`,
			`stack.yml: service a: deploy.mode: "hot" is not one of replicated, global, replicated-job, global-job`},
		{"scale", `services: {a: {image: a, scale: 2, deploy: {replicas: 3}}}`,
			"stack.yml: service a: scale: it is 2, but deploy.replicas is 3: keep one of them"},
		{"cpus", `services: {a: {image: a, deploy: {resources: {limits: {cpus: much}}}}}`,
			`stack.yml: service a: deploy.resources.limits.cpus: "much" is not a number of CPUs (example: 0.5): failed to parse much as a rational number`},
		{"quote", `services: {a: {image: a, command: 'say "x'}}`,
			"stack.yml: service a: command: a quote is opened but not closed"},
		{"backslash", `services: {a: {image: a, entrypoint: 'say \'}}`,
			"stack.yml: service a: entrypoint: the backslash at the end escapes nothing"},
		{"healthcheck", `services: {a: {image: a, healthcheck: {disable: true, test: x}}}`,
			"stack.yml: service a: healthcheck: test and disable exclude each other: keep one of them"},
		{"required variable", `services: {a: {image: "${IMAGE:?name the image}"}}`,
			"stack.yml: services.a.image: required variable IMAGE is missing a value: name the image"},
		{"lone dollar", `services: {a: {image: a, environment: {PASSWORD: "s3cret${"}}}`,
			"stack.yml: services.a.environment.PASSWORD: a $ in it begins no variable: write $$ for a dollar sign and ${NAME} for a variable"},
		{"names but for case", `services: {Web: {image: a}, web: {image: a}}`,
			"stack.yml: service web: it has the same name on the swarm as Web, because case does not matter there: give one of them another name"},
		{"networks but for case", `{services: {a: {image: a, networks: [n, N]}}, networks: {n: , N: {internal: true}}}`,
			"stack.yml: network n: it has the same name on the swarm as N, because case does not matter there: give one of them another name"},
		{"network twice", `{services: {a: {image: a, networks: [n, o]}}, networks: {n: {name: x}, o: {name: x, external: true}}}`,
			"stack.yml: network o: it has the same name on the swarm as n, because case does not matter there: give one of them another name"},
		{"secret twice", `{services: {a: {image: a}}, secrets: {s: {name: x, file: ./stack.yml}, o: {name: x, file: stack.yml, template_driver: golang}}}`,
			"stack.yml: secret s: it has the same name on the swarm as o, because case does not matter there: give one of them another name"},
		{"config twice", `{services: {a: {image: a}}, configs: {c: {name: shop_d, content: c}, d: {content: d}}}`,
			"stack.yml: config d: it has the same name on the swarm as c, because case does not matter there: give one of them another name"},
		{"our network", `{services: {a: {image: a, networks: [n]}}, networks: {n: {name: Shop-bluegreen_control, external: true}}}`,
			`stack.yml: network n: "Shop-bluegreen_control": names that begin with shop-bluegreen_ are kept for the proxies and colors of the stack: use another one`},
		{"our lock", `{services: {a: {image: a}}, configs: {c: {name: shop-bluegreen-lock, content: c}}}`,
			`stack.yml: config c: "shop-bluegreen-lock": names that begin with shop-bluegreen_ are kept for the proxies and colors of the stack: use another one`},
		{"our label", `services: {a: {image: a, deploy: {labels: {bluegreen.role: color}}}}`,
			"stack.yml: service a: deploy.labels: bluegreen.role: labels that begin with bluegreen. belong to docker bluegreen: use another one"},
		{"our label on a secret", `{services: {a: {image: a}}, secrets: {s: {file: stack.yml, labels: [bluegreen.version-of=x]}}}`,
			"stack.yml: secret s: bluegreen.version-of: labels that begin with bluegreen. belong to docker bluegreen: use another one"},
		{"hostname", `services: {a: {image: a, hostname: ` + strings.Repeat("h", 65) + `}}`,
			`stack.yml: service a: hostname: "` + strings.Repeat("h", 65) + `" has 65 characters, and Linux takes 64: shorten it`},
		{"dot at the end", `{services: {a: {image: a, networks: [n]}}, networks: {n: {name: n.}}}`,
			`stack.yml: network n: "n." is not a name that Swarm takes: use letters, digits, - and _ only, with a letter or digit first and last`},
		{"dot at the beginning", `{services: {a: {image: a}}, configs: {c: {name: .c, content: c}}}`,
			`stack.yml: config c: ".c" is not a name that Swarm takes: use letters, digits, -, _ and . only, with a letter or digit first and last`},
		{"long config name", `{services: {a: {image: a}}, configs: {` + strings.Repeat("c", 60) + `: {content: c}}}`,
			`stack.yml: config ` + strings.Repeat("c", 60) + `: "shop_` + strings.Repeat("c", 60) + `" has 65 characters and Swarm takes 64: shorten it, or the stack's name`},
		{"anchor in itself", "services:\n  a: &a\n    image: a\n    labels: {<<: *a}\n",
			"stack.yml: *a is inside its own anchor &a: take it out"},
		{"no yaml", "services:\n\ta: {}", "stack.yml: "},
		{"not a mapping", "- a", "stack.yml: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadText(t, c.file, "EMPTY=")
			expect(t, err, c.want)
		})
	}
}

var place = regexp.MustCompile(`(?m)^[^:\n]+\.yml:\d+:\d+: `)

// placeless is the text of an error without lines and columns, which TestPlaces holds.
func placeless(err error) string {
	text := place.ReplaceAllString(err.Error(), "")
	if at := place.FindStringIndex(err.Error()); at != nil && at[0] == 0 {
		return "stack.yml: " + text
	}
	return text
}

// expect wants the whole text of an error but for its places, or its beginning where want ends with
// a blank.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %s", want)
	}
	got := placeless(err)
	if strings.HasSuffix(want, " ") && strings.HasPrefix(got, want) {
		return
	}
	if got != want {
		t.Errorf("\n got: %s\nwant: %s", got, want)
	}
}

const extensionAt = "stack.yml: service web: x-bluegreen"

// extensionCases are values of x-bluegreen that are refused, and the whole text of the error.
var extensionCases = []struct{ name, value, want string }{
	{"unknown key", `{helth: {}}`, extensionAt + `: unknown key "helth": did you mean "health"? Allowed are ports, health, proxy, drain, keep, promote, preview, test, verify, canary, guard, metrics, maintenance, history, timeout`},
	{"no mapping", `hot`, extensionAt + `: "hot" is not a mapping; allowed are the keys ports, health, proxy, drain, keep, promote, preview, test, verify, canary, guard, metrics, maintenance, history, timeout`},
	{"keep", `{keep: hot}`, extensionAt + `.keep: "hot" is not one of warm, cold`},
	{"drain", `{drain: long}`, extensionAt + `.drain: "long" is not a duration (examples: 500ms, 30s, 5m)`},
	{"drain without unit", `{drain: 30}`, extensionAt + `.drain: 30 is not a duration (examples: 500ms, 30s, 5m)`},
	{"drain below", `{drain: -1s}`, extensionAt + `.drain: "-1s" is not between 0s and 24h0m0s`},
	{"timeout 0", `{timeout: 0s}`, extensionAt + `.timeout: "0s" is not between 1ms and 24h0m0s`},
	{"interval 0", `{health: {interval: 0}}`, extensionAt + `.health.interval: 0 is not between 1ms and 24h0m0s`},
	{"health key", `{health: {url: /}}`, extensionAt + `.health: unknown key "url"; allowed are path, port, interval, timeout, rise, fall`},
	{"path", `{health: {path: healthz}}`, extensionAt + `.health.path: "healthz" is not a path: begin it with / and percent-encode blanks and quotes`},
	{"path blank", `{health: {path: "/a b"}}`, extensionAt + `.health.path: "/a b" is not a path: begin it with / and percent-encode blanks and quotes`},
	{"rise", `{health: {rise: 0}}`, extensionAt + `.health.rise: 0 is not a whole number from 1 to 100`},
	{"port", `{health: {port: 70000}}`, extensionAt + `.health.port: 70000 is not a whole number from 1 to 65535`},
	{"ports no list", `{ports: 80}`, extensionAt + `.ports: 80 is not a list of ports such as {target: 8080, mode: http}`},
	{"ports empty", `{ports: []}`, extensionAt + `.ports: it has no port: name at least one, or leave the key out`},
	{"ports item", `{ports: [80]}`, extensionAt + `.ports[0]: 80 is not a mapping; allowed are the keys target, mode`},
	{"ports target", `{ports: [{mode: http}]}`, extensionAt + `.ports[0]: target is missing: give the port inside the container`},
	{"ports null", `{ports: [null]}`, extensionAt + `.ports[0]: target is missing: give the port inside the container`},
	{"ports mode", `{ports: [{target: 80, mode: udp}]}`, extensionAt + `.ports[0].mode: "udp" is not one of http, h2, tcp`},
	{"ports twice", `{ports: [{target: 80}, {target: 80, mode: tcp}]}`, extensionAt + `.ports: target 80 is listed twice: keep one of them`},
	{"ports missing", `{ports: [{target: 81}]}`, extensionAt + `.ports: 80 is published but missing: add {target: 80}, or take it out of ports`},
	{"control port", `{ports: [{target: 80}, {target: 9899}]}`, extensionAt + `.ports: the proxies use 9899 for orders: use another port in the container`},
	{"health of tcp", `{ports: [{target: 80, mode: tcp}], health: {path: /}}`, extensionAt +
		`.health: no port is asked for path, because port 80 is mode tcp: write health.port with a port that answers it, or write ports: [{target: 80, mode: http}]`},
	{"proxy key", `{proxy: {replicas: 2}}`, extensionAt + `.proxy: unknown key "replicas"; allowed are image, deploy`},
	{"proxy image", `{proxy: {image: "A b"}}`, extensionAt + `.proxy.image: "A b" is not an image name: repository name (library/A b) must be lowercase`},
	{"proxy mode", `{proxy: {deploy: {mode: global-job}}}`, extensionAt + `.proxy.deploy.mode: "global-job" is not one of replicated, global`},
	{"proxy replicas", `{proxy: {deploy: {replicas: 0}}}`, extensionAt + `.proxy.deploy.replicas: 0 is not a whole number from 1 to 60`},
	{"proxy global", `{proxy: {deploy: {mode: global, replicas: 2}}}`, extensionAt + `.proxy.deploy.replicas: mode global runs one proxy on every node: leave replicas out`},
	{"proxy memory", `{proxy: {deploy: {resources: {limits: {memory: lots}}}}}`, extensionAt + `.proxy.deploy.resources.limits.memory: "lots" is not an amount of memory (example: 128M)`},
	{"proxy constraint", `{proxy: {deploy: {placement: {constraints: [1]}}}}`, extensionAt + `.proxy.deploy.placement.constraints[0]: 1 is not text: put it in quotes`},
	{"proxy constraint empty", `{proxy: {deploy: {placement: {constraints: [null]}}}}`,
		extensionAt + `.proxy.deploy.placement.constraints[0]: it is empty: give a condition such as node.role == worker`},
	{"proxy preference", `{proxy: {deploy: {placement: {preferences: [{}]}}}}`,
		extensionAt + `.proxy.deploy.placement.preferences[0].spread: it is empty: give a label of the nodes such as node.labels.zone`},
	{"preview empty", `{preview: {}}`, extensionAt + `.preview: it needs a port or a header, such as {port: 9080} or {header: "X-Preview: s3cret"}`},
	{"preview key", `{preview: {port: 9080, query: a}}`, extensionAt + `.preview: unknown key "query"; allowed are port, target, header`},
	{"preview target", `{preview: {target: 80, header: "A: b"}}`, extensionAt + `.preview.target: target is where port leads to: give port, too`},
	{"preview header", `{preview: {header: X-Preview}}`, extensionAt + `.preview.header: "X-Preview" is not a header with a value (example: "X-Preview: s3cret")`},
	{"preview header name", `{preview: {header: "X Preview: a"}}`, extensionAt + `.preview.header: "X Preview: a" is not a header with a value (example: "X-Preview: s3cret")`},
	{"preview header of all", `{preview: {header: "host: a"}}`, extensionAt + `.preview.header: host is a header that ordinary requests have: choose a name of your own, such as X-Preview`},
	{"preview on the port of the service", `{preview: {port: 80}}`, extensionAt +
		`.preview.port: no port is known but that of the preview, 80: publish one more with ports, name it with expose, or write x-bluegreen: {ports: [{target: 8080}]}`},
	{"preview on a port of several", `{ports: [{target: 80}, {target: 81}], preview: {port: 81}}`, extensionAt + `.preview.port: 81 leads to the active color: use another one`},
	{"preview on the control port", `{preview: {port: 9899}}`, extensionAt + `.preview.port: the proxies use 9899 for orders: use another one`},
	{"preview of nothing", `{preview: {port: 9080, target: 81}}`, extensionAt + `.preview.target: 81 is not a port of the service`},
	{"preview header without HTTP", `{ports: [{target: 80, mode: tcp}], preview: {header: "A: b"}}`, extensionAt + `.preview.header: no port speaks HTTP, so no request has a header: give a port instead`},
	{"test no list", `{test: smoke}`, extensionAt + `.test: "smoke" is not a list of names of jobs such as smoke`},
	{"test empty", `{test: [null]}`, extensionAt + `.test[0]: it is empty: give the name of a job of this file`},
	{"test twice", `{test: [a, a]}`, extensionAt + `.test[1]: a is listed twice: keep one of them`},
	{"test of nothing", `{test: [smoke]}`, extensionAt + `.test: the file has no service smoke: correct the name, or take it out`},
	{"test by itself", `{test: [web]}`, extensionAt + `.test: web runs for ever, and a test must end: write deploy.mode: replicated-job in web`},
	{"the port of tests", `{ports: [{target: 80}, {target: 9897}], test: [web]}`, extensionAt + `.preview.port: 9897 leads to the active color: use another one`},
	{"canary by nothing", `{canary: {by: luck}}`, extensionAt + `.canary.by: "luck" is not one of random, client, cookie NAME, header NAME`},
	{"canary by a cookie without a name", `{canary: {by: cookie}}`, extensionAt + `.canary.by: "cookie" is not one of random, client, cookie NAME, header NAME`},
	{"canary no mapping", `{canary: 10}`, extensionAt + `.canary: 10 is not a mapping; allowed are the keys by, steps, every`},
	{"canary steps", `{canary: {steps: [5, 0]}}`, extensionAt + `.canary.steps[1]: 0 is not a whole number from 1 to 99` + "\n" +
		`service web: x-bluegreen.canary.steps[1]: 0 is not more than 5: the share grows with each step`},
	{"canary every without steps", `{canary: {every: 1m}}`, extensionAt + `.canary.every: every is how long each of the steps lasts: give steps, too`},
	{"canary every", `{canary: {steps: [5], every: 1ms}}`, extensionAt + `.canary.every: "1ms" is not between 1s and 24h0m0s`},
	{"promote", `{promote: never}`, extensionAt + `.promote: "never" is not one of auto, manual, or a time from 1s to 24h0m0s such as 10m`},
	{"promote at once", `{promote: 0s}`, extensionAt + `.promote: "0s" is not one of auto, manual, or a time from 1s to 24h0m0s such as 10m`},
	{"canary steps and a time", `{promote: 10m, canary: {steps: [5]}}`, extensionAt + `.promote: 10m: up goes on to the next step of canary.steps by itself: take promote or the steps out`},
	{"canary steps by hand", `{promote: manual, canary: {steps: [5]}}`, extensionAt + `.promote: manual: up goes on to the next step of canary.steps by itself: take promote or the steps out`},
	{"maintenance without a page", `{maintenance: {}}`, extensionAt + `.maintenance: it needs a page, such as {page: ./maintenance.html}`},
	{"maintenance no mapping", `{maintenance: ./maintenance.html}`, extensionAt + `.maintenance: "./maintenance.html" is not a mapping; allowed are the keys page`},
	{"maintenance key", `{maintenance: {file: a.html, page: /a.html}}`, extensionAt + `.maintenance: unknown key "file"; allowed are page`},
	{"maintenance page of nothing", `{maintenance: {page: ""}}`, extensionAt + `.maintenance.page: it is empty: give the path of a file such as ./maintenance.html`},
	{"maintenance page no text", `{maintenance: {page: 1}}`, extensionAt + `.maintenance.page: 1 is not text: put it in quotes`},
	{"maintenance page that is not there", `{maintenance: {page: /does/not/exist.html}}`, extensionAt + `.maintenance.page: /does/not/exist.html: no such file or directory`},
	{"maintenance page of bytes", `{ports: [{target: 80, mode: tcp}], maintenance: {page: /does/not/exist.html}}`, extensionAt +
		`.maintenance.page: no port speaks HTTP, so nobody would see it: take it out`},
	{"all at once", `{keep: hot, drain: long}`, extensionAt + ".drain: \"long\" is not a duration (examples: 500ms, 30s, 5m)\n" +
		`service web: x-bluegreen.keep: "hot" is not one of warm, cold`},
}

// TestExtensionErrors holds the text of errors of x-bluegreen.
func TestExtensionErrors(t *testing.T) {
	for _, c := range extensionCases {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadText(t, `services: {web: {image: a, ports: ["80:80"], x-bluegreen: `+c.value+`}}`)
			expect(t, err, c.want)
		})
	}
}

// TestBlueGreenErrors holds the text of errors of services that cannot be blue-green as they are.
func TestBlueGreenErrors(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"no port", `services: {web: {image: a, x-bluegreen: }}`,
			"stack.yml: service web: x-bluegreen: no port is known: publish one with ports, name it with expose, or write x-bluegreen: {ports: [{target: 8080}]}"},
		{"udp", `services: {web: {image: a, ports: ["53:53/udp"], x-bluegreen: }}`,
			"stack.yml: service web: ports: 53/udp: proxies carry TCP only, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"udp and tcp", `services: {web: {image: a, ports: ["80:80", "53:53/udp", "53:53"], x-bluegreen: }}`,
			"stack.yml: service web: ports: 53/udp: one container serves UDP and TCP, and proxies carry TCP only, so the service cannot be blue-green: take x-bluegreen out of it"},
		{"udp by Traefik", `services: {web: {image: a, deploy: {labels: {traefik.udp.services.d.loadbalancer.server.port: 53}}, x-bluegreen: }}`,
			"stack.yml: service web: label traefik.udp.services.d.loadbalancer.server.port: the port is UDP, and proxies carry TCP only: the service cannot be blue-green: take x-bluegreen out of it"},
		{"control port", `services: {web: {image: a, expose: [9899], x-bluegreen: }}`,
			"stack.yml: service web: x-bluegreen.ports: the proxies use 9899 for orders: use another port in the container"},
		{"traefik label", `services: {web: {image: a, labels: {traefik.http.services.w.loadbalancer.server.port: http}, x-bluegreen: }}`,
			`stack.yml: service web: label traefik.http.services.w.loadbalancer.server.port: "http" is not a port: give a number from 1 to 65535`},
		{"routed but missing", `services: {web: {image: a, deploy: {labels: {traefik.port: 81}}, x-bluegreen: {ports: [{target: 80}]}}}`,
			"stack.yml: service web: x-bluegreen.ports: a router's label sends traffic to 81, which is missing: add {target: 81}, or change the label"},
		{"expose", `services: {web: {image: a, expose: ["http"], x-bluegreen: }}`,
			`stack.yml: service web: expose: "http" is not a port or a range (example: 8000-8010)`},
		{"job", `services: {web: {image: a, expose: [80], deploy: {mode: replicated-job}, x-bluegreen: }}`,
			"stack.yml: service web: deploy.mode: a job gets no traffic: take x-bluegreen out"},
		{"replicas", `services: {web: {image: a, expose: [80], deploy: {replicas: 61}, x-bluegreen: }}`,
			"stack.yml: service web: deploy.replicas: 61 is more than 60, and one answer of docker's DNS lists no more tasks: use fewer and larger ones"},
		{"no replicas", `services: {web: {image: a, ports: ["80"], deploy: {replicas: 0}, x-bluegreen: {}}}`,
			"stack.yml: service web: deploy.replicas: with 0 no task can get traffic, so a flip is impossible: give it 1 or more, or take x-bluegreen out to stop the service"},
		{"host network", `{services: {web: {image: a, expose: [80], networks: [h], x-bluegreen: }}, networks: {h: {name: host, external: true}}}`,
			"stack.yml: service web: networks: proxies cannot find tasks on the network host: use an overlay network"},
		{"test in no profile", `services: {web: {image: a, expose: [80], x-bluegreen: {test: [s]}}, s: {image: s, profiles: [p], deploy: {mode: replicated-job}}}`,
			"stack.yml: service web: x-bluegreen.test: s is in no active profile: name its profile with --profile, or take it out of profiles"},
		{"verify of nothing", `services: {web: {image: a, expose: [80], x-bluegreen: {verify: [s]}}}`,
			"stack.yml: service web: x-bluegreen.verify: the file has no service s: correct the name, or take it out"},
		{"test and verify of nothing", `services: {web: {image: a, expose: [80], x-bluegreen: {verify: [v], test: [t]}}}`,
			"stack.yml: service web: x-bluegreen.test: the file has no service t: correct the name, or take it out\n" +
				"service web: x-bluegreen.verify: the file has no service v: correct the name, or take it out"},
		{"test of two", `services: {web: {image: a, expose: [80], x-bluegreen: {test: [s]}}, api: {image: a, expose: [80], x-bluegreen: {test: [s]}}, s: {image: s, deploy: {mode: replicated-job}}}`,
			"stack.yml: service web: x-bluegreen.test: s tests api already: give each service a test of its own"},
		{"test that cannot reach it", `{services: {web: {image: a, expose: [80], networks: [a], x-bluegreen: {test: [s]}}, s: {image: s, deploy: {mode: replicated-job}}}, networks: {a: }}`,
			"stack.yml: service web: x-bluegreen.test: s is on no network of web, so it cannot reach it: add one to networks in s"},
		{"test that is waited for", `services: {web: {image: a, expose: [80], depends_on: [s], x-bluegreen: {test: [s]}}, s: {image: s, deploy: {mode: replicated-job}}}`,
			"stack.yml: service web: x-bluegreen.test: web depends on s, which runs only as a test: take it out of depends_on"},
		{"color name", `services: {web: {image: a, expose: [80], x-bluegreen: }, web-blue: {image: b}}`,
			"stack.yml: service web-blue: the blue-green service web has a color of that name: rename one of them"},
		{"color alias", `services: {web: {image: a, expose: [80], x-bluegreen: }, b: {image: b, networks: {default: {aliases: [web-green]}}}}`,
			"stack.yml: service b: networks: the alias web-green is the name of a color of web: use another alias"},
		{"color name but for case", `services: {web: {image: a, expose: [80], x-bluegreen: }, Web-Blue: {image: b}}`,
			"stack.yml: service Web-Blue: the blue-green service web has a color of that name: rename one of them"},
		{"color of a color", `services: {web: {image: a, expose: [80], x-bluegreen: }, web-blue: {image: b, expose: [80], x-bluegreen: }}`,
			"stack.yml: service web-blue: the blue-green service web has a color of that name: rename one of them"},
		{"tasks of a color", `services: {web: {image: a, expose: [80], x-bluegreen: }, web-blue-servers: {image: b}}`,
			"stack.yml: service web-blue-servers: the tasks of a color of the blue-green service web have that name: rename one of them"},
		{"alias of a color's tasks", `services: {web: {image: a, expose: [80], x-bluegreen: }, b: {image: b, networks: {default: {aliases: [shop_web-green-servers]}}}}`,
			"stack.yml: service b: networks: the alias shop_web-green-servers is the name of a color of web: use another alias"},
		{"long name", `services: {` + strings.Repeat("a", 45) + `: {image: a, expose: [80], x-bluegreen: }}`,
			"stack.yml: service " + strings.Repeat("a", 45) + `: "shop_` + strings.Repeat("a", 45) +
				`" has 50 characters, and a blue-green service may have 49, because DNS limits the names of its colors: shorten it, or the stack's name`},
		{"defaults at the top", `{x-bluegreen: {keep: hot}, services: {web: {image: a, expose: [80], x-bluegreen: }}}`,
			`stack.yml: x-bluegreen.keep: "hot" is not one of warm, cold`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadText(t, c.file)
			expect(t, err, c.want)
		})
	}
}

// TestNamesThatAreGood holds names that look like those that are refused, and are not.
func TestNamesThatAreGood(t *testing.T) {
	for name, file := range map[string]string{
		"one external network by two keys": `{services: {a: {image: a, networks: [n, o]}}, networks: {n: {external: {name: x}}, o: {name: x, external: true}}}`,
		"a color of a plain service":       `{services: {a: {image: a}, a-blue: {image: a}}, configs: {c: {name: shop-bluegreen, content: c}, d: {name: x, content: d}, e: {name: x, content: d}}}`,
		"a hostname with templates":        `services: {a: {image: a, hostname: "{{.Service.Name}}-{{.Node.Hostname}}-{{.Task.Slot}}-of-a-name-that-is-longer-than-it-looks"}}`,
		"the longest hostname":             `services: {a: {image: a, hostname: ` + strings.Repeat("h", 64) + `, labels: {bluegreen.role: mine}}}`,
		"aliases":                          `services: {a: {image: a, networks: {default: {aliases: [a.example.com, _x, A]}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := loadText(t, file); err != nil || len(p.Warnings) > 0 {
				t.Errorf("%v, %+v", err, p)
			}
		})
	}
}

func TestAliasesThatNothingFinds(t *testing.T) {
	long := strings.Repeat("a", 64)
	p, err := loadText(t, `services: {a: {image: a, networks: {default: {aliases: ["a b", "b.", .c, `+long+`]}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, alias := range []string{".c", "a b", long, "b."} {
		want = append(want, `service a: networks: the alias "`+alias+`" is not a name that DNS can look up, so nothing finds it`)
	}
	if !slices.Equal(p.Warnings, want) {
		t.Errorf("got %q, want %q", p.Warnings, want)
	}
}
