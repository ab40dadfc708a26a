package compose

import "testing"

// TestPlaces holds that an error says in which file, line and column it is; of several files it is
// the one that the value is of.
func TestPlaces(t *testing.T) {
	const base = "services:\n  web:\n    image: a\n    expose: [80]\n    deploy:\n      replicas: 2\n"
	for _, c := range []struct{ name, one, two, want string }{
		{"a value", "services:\n  web:\n    image: a\n    deploy:\n      replicas: many\n", "",
			`one.yml:5:7: services.web.deploy.replicas: "many" is not a whole number`},
		{"an unknown key", "services:\n  web:\n    image: a\n    imaje: b\n", "",
			"one.yml:4:5: services.web: unknown key imaje: did you mean \"image\"?"},
		{"an unknown key at the top", "services:\n  web: {image: a}\nserwices: {}\n", "",
			"one.yml:3:1: top of the file: unknown key serwices: did you mean \"services\"?"},
		{"a key that is missing", "services:\n  web:\n    command: x\n", "",
			"one.yml:2:3: service web: image is missing: name the image that the service runs"},
		{"two services", "services:\n  web:\n    command: x\n  db:\n    image: a\n    restart: never\n", "",
			"one.yml:6:5: service db: restart: \"never\" is not one of no, always, unless-stopped, on-failure\n" +
				"one.yml:2:3: service web: image is missing: name the image that the service runs"},
		{"an item of a list", "services:\n  web:\n    image: a\n    environment:\n      - A=b\n      - [c]\n", "",
			"one.yml:6:9: services.web.environment[1]: it is not text: put it in quotes"},
		{"x-bluegreen", "services:\n  web:\n    image: a\n    expose: [80]\n    x-bluegreen:\n      health:\n        rise: 0\n", "",
			"one.yml:7:9: service web: x-bluegreen.health.rise: 0 is not a whole number from 1 to 100"},
		{"an unknown key of x-bluegreen", "services:\n  web:\n    image: a\n    expose: [80]\n    x-bluegreen:\n      helth: {}\n", "",
			`one.yml:6:7: service web: x-bluegreen: unknown key "helth": did you mean "health"? Allowed are ports, health, proxy, drain, keep, promote, preview, test, verify, canary, guard, metrics, maintenance, history, timeout`},
		{"behind a published port", "services: {web: {image: a, ports: [{published: 80, target: 80}], restart: never}}\n", "",
			`one.yml:1:66: service web: restart: "never" is not one of no, always, unless-stopped, on-failure`},
		{"what is merged", "x-a: &a\n  image: a\n  restart: never\nservices:\n  web:\n    <<: *a\n", "",
			`one.yml:3:3: service web: restart: "never" is not one of no, always, unless-stopped, on-failure`},
		{"what several are merged from", "x-a: &a {image: a}\nx-b: &b\n  restart: never\nservices:\n  web:\n    <<: [*a, *b]\n", "",
			`one.yml:3:3: service web: restart: "never" is not one of no, always, unless-stopped, on-failure`},
		{"names with dots", "services:\n  my: {image: a}\n  my.svc: {image: a}\n", "",
			`one.yml:3:3: service my.svc: "shop_my.svc" is not a name that Swarm takes: use letters, digits, - and _ only, with a letter or digit first and last`},
		{"the first of two files", base + "    restart: never\n", "services: {web: {image: b}}\n",
			`one.yml:7:5: service web: restart: "never" is not one of no, always, unless-stopped, on-failure`},
		{"the second of two files", base, "services:\n  web:\n    restart: never\n",
			`two.yml:3:5: service web: restart: "never" is not one of no, always, unless-stopped, on-failure`},
		{"a value in both files", base, "services:\n  web: {deploy: {replicas: many}}\n",
			`two.yml:2:18: services.web.deploy.replicas: "many" is not a whole number`},
		{"no place", "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [a]}\n", "",
			"one.yml: depends_on goes in a circle, a -> b -> a: take one of them out"},
		{"an alias in itself", "services:\n  a: &a\n    image: a\n    labels: {<<: *a}\n", "",
			"one.yml:4:18: *a is inside its own anchor &a: take it out"},
		{"keys twice", base + "  web: {}\n  db: {image: a, image: b}\n", "",
			"one.yml:7:3: the key web is in line 2 already: keep one of them\n" +
				"one.yml:8:18: the key image is in line 8 already: keep one of them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"one.yml": c.one}
			o := Options{Name: "shop", Files: []string{"one.yml"}}
			if c.two != "" {
				files["two.yml"], o.Files = c.two, append(o.Files, "two.yml")
			}
			o.Dir = write(t, files)
			if _, err := Load(t.Context(), o); err == nil || err.Error() != c.want {
				t.Errorf("\n got: %v\nwant: %s", err, c.want)
			}
		})
	}
}

// TestMistakesTogether holds that one look tells of all mistakes, and which key was meant.
func TestMistakesTogether(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown keys everywhere", `services:
  web:
    image: a
    enviroment: {A: b}
    deploy:
      replica: 2
      resources:
        limit: {}
    ports:
      - {targt: 80}
    x-bluegreen:
      helth: {}
      guard: {bakes: 1m, error: 1%}
  db:
    image: a
    healtcheck: {}
    healthcheck: {tests: x, frobnicate: 1}
    depends_on:
      web: {conditions: service_healthy}
networks:
  n: {internl: true}
secret: {}
`, `stack.yml:4:5: services.web: unknown key enviroment: did you mean "environment"?
stack.yml:6:7: services.web.deploy: unknown key replica: did you mean "replicas"?
stack.yml:8:9: services.web.deploy.resources: unknown key limit: did you mean "limits"?
stack.yml:10:10: services.web.ports[0]: unknown key targt: did you mean "target"?
stack.yml:16:5: services.db: unknown key healtcheck: did you mean "healthcheck"?
stack.yml:17:19: services.db.healthcheck: unknown key tests: did you mean "test"?
stack.yml:17:29: services.db.healthcheck: unknown key frobnicate
stack.yml:19:13: services.db.depends_on.web: unknown key conditions: did you mean "condition"?
stack.yml:21:7: networks.n: unknown key internl: did you mean "internal"?
stack.yml:22:1: top of the file: unknown key secret: did you mean "secrets"?
stack.yml:10:9: services.web.ports[0]: target is missing: give the port inside the container
stack.yml:12:7: service web: x-bluegreen: unknown key "helth": did you mean "health"? Allowed are ports, health, proxy, drain, keep, promote, preview, test, verify, canary, guard, metrics, maintenance, history, timeout
stack.yml:13:15: service web: x-bluegreen.guard: unknown key "bakes": did you mean "bake"? Allowed are bake, window, errors, latency, requests, prometheus
stack.yml:13:26: service web: x-bluegreen.guard: unknown key "error": did you mean "errors"? Allowed are bake, window, errors, latency, requests, prometheus`},
		{"values and keys", "services:\n  web: {image: a, imaje: b}\n  db: {image: a, deploy: {replicas: many}}\n  c: {image: a, init: maybe}\n",
			`stack.yml:2:19: services.web: unknown key imaje: did you mean "image"?
stack.yml:4:17: services.c.init: invalid boolean: maybe
stack.yml:3:27: services.db.deploy.replicas: "many" is not a whole number`},
		{"settings and services", "services:\n  web: {image: a, expose: [80], x-bluegreen: {keep: hot}}\n  db: {image: a, restart: never}\n  c: {image: a, secrets: [s]}\n",
			`stack.yml:4:17: service c: secrets: "s" is not defined: add it to the secrets at the top of the file
stack.yml:3:18: service db: restart: "never" is not one of no, always, unless-stopped, on-failure
stack.yml:2:47: service web: x-bluegreen.keep: "hot" is not one of warm, cold`},
		{"merged into two", "x-a: &a {imaje: a}\nservices:\n  web: {<<: *a, image: a}\n  db: {<<: *a, image: a}\n",
			`stack.yml:1:10: services.web: unknown key imaje: did you mean "image"?`},
		{"keys of one's own", "services:\n  web: {image: a, labels: {imaje: b}, environment: {portz: c}, x-mine: {imaje: b}, ulimits: {nofile: {sof: 1}}, imaje: a}\nx-mine: {serwices: a}\n",
			"stack.yml:2:103: services.web.ulimits.nofile: unknown key sof: did you mean \"soft\"?\n" +
				"stack.yml:2:113: services.web: unknown key imaje: did you mean \"image\"?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := loadText(t, c.file); err == nil || err.Error() != c.want {
				t.Errorf("\n got: %v\nwant: %s", err, c.want)
			}
		})
	}
}
