package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

const (
	schemaFile = "../docs/x-bluegreen.schema.json"
	// composeSpec is where the schema finds that of compose; here it is the one that compose-go
	// has.
	composeSpec = "https://raw.githubusercontent.com/compose-spec/compose-spec/main/schema/compose-spec.json"
)

// readSchema returns the schema as a map, and compiled at a place in it.
func readSchema(t *testing.T, place string) (map[string]any, *jsonschema.Schema) {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	for url, document := range map[string]any{composeSpec: theirs, "x-bluegreen.json": ours} {
		if err := compiler.AddResource(url, document); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := compiler.Compile("x-bluegreen.json" + place)
	if err != nil {
		t.Fatal(err)
	}
	return tree.Mapping(ours), compiled
}

const settingsPlace = "#/definitions/x-bluegreen"

func readYAML(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// readJSON reads YAML as an editor does: dates are text.
func readJSON(t *testing.T, text string) any {
	t.Helper()
	encoded, err := json.Marshal(readYAML(t, text))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// judged are values of x-bluegreen that the schema and the decoder must judge alike.
var judged = []string{
	`null`, `{}`, `[]`, `hot`, `1`, `true`, `{1: 2}`, `{helth: {}}`,
	`{ports: null}`, `{ports: []}`, `{ports: 80}`, `{ports: {target: 80}}`, `{ports: [80]}`, `{ports: [null]}`, `{ports: [{}]}`,
	`{ports: [{target: null}]}`, `{ports: [{mode: http}]}`, `{ports: [{target: 80}]}`, `{ports: [{target: "80"}, {target: 81, mode: tcp}]}`,
	`{ports: [{target: 80, mode: h2}]}`, `{ports: [{target: 80, mode: null}]}`, `{ports: [{target: 80, mode: udp}]}`, `{ports: [{target: 80, mode: ""}]}`,
	`{ports: [{target: 80, published: 80}]}`, `{ports: [{target: 0}]}`, `{ports: [{target: 1}]}`, `{ports: [{target: 65535}]}`,
	`{ports: [{target: 65536}]}`, `{ports: [{target: "65536"}]}`, `{ports: [{target: "0"}]}`, `{ports: [{target: ""}]}`, `{ports: [{target: -1}]}`,
	`{ports: [{target: 80.5}]}`, `{ports: [{target: true}]}`, `{ports: [{target: [80]}]}`, `{ports: [{target: "80-90"}]}`, `{ports: [{target: "60000"}]}`,
	`{health: null}`, `{health: {}}`, `{health: /}`, `{health: {url: /}}`,
	`{health: {path: null}}`, `{health: {path: ""}}`, `{health: {path: /}}`, `{health: {path: "/a?b=c&d=%20"}}`, `{health: {path: healthz}}`,
	`{health: {path: "/a b"}}`, `{health: {path: "/a\n"}}`, `{health: {path: '/"'}}`, `{health: {path: "/#a"}}`, `{health: {path: 1}}`, `{health: {path: [/]}}`,
	`{health: {port: null}}`, `{health: {port: 80}}`, `{health: {port: "80"}}`, `{health: {port: 0}}`, `{health: {port: 70000}}`, `{health: {port: http}}`,
	`{health: {interval: null}}`, `{health: {interval: 1s}}`, `{health: {interval: 1.5s}}`, `{health: {interval: .5s}}`, `{health: {interval: 1m30s}}`,
	`{health: {interval: 1500us}}`, `{health: {interval: 0}}`, `{health: {interval: "0"}}`, `{health: {interval: 0s}}`, `{health: {interval: 0m0s}}`,
	`{health: {interval: 5}}`, `{health: {interval: "5"}}`, `{health: {interval: -1s}}`, `{health: {interval: 1d}}`, `{health: {interval: 1 s}}`,
	`{health: {interval: ""}}`, `{health: {interval: true}}`, `{health: {interval: {}}}`,
	`{health: {timeout: 2s}}`, `{health: {timeout: 0s}}`, `{health: {timeout: soon}}`,
	`{health: {rise: null}}`, `{health: {rise: 1}}`, `{health: {rise: 100}}`, `{health: {rise: "7"}}`, `{health: {rise: "007"}}`, `{health: {rise: 0}}`, `{health: {rise: 101}}`,
	`{health: {rise: "101"}}`, `{health: {rise: "+7"}}`, `{health: {rise: 2.0}}`, `{health: {rise: many}}`, `{health: {fall: 3}}`, `{health: {fall: 0}}`, `{health: {fall: "0"}}`,
	`{proxy: null}`, `{proxy: {}}`, `{proxy: haproxy}`, `{proxy: {replicas: 2}}`,
	`{proxy: {image: null}}`, `{proxy: {image: "haproxy:3.2"}}`, `{proxy: {image: "r.example.com:5000/h@sha256:` + strings.Repeat("a", 64) + `"}}`,
	`{proxy: {image: ""}}`, `{proxy: {image: "a b"}}`, `{proxy: {image: 3}}`,
	`{proxy: {deploy: null}}`, `{proxy: {deploy: {}}}`, `{proxy: {deploy: [1]}}`, `{proxy: {deploy: {update_config: {}}}}`,
	`{proxy: {deploy: {replicas: null}}}`, `{proxy: {deploy: {replicas: 1}}}`, `{proxy: {deploy: {replicas: 60}}}`, `{proxy: {deploy: {replicas: "60"}}}`,
	`{proxy: {deploy: {replicas: 0}}}`, `{proxy: {deploy: {replicas: 61}}}`, `{proxy: {deploy: {replicas: "61"}}}`,
	`{proxy: {deploy: {mode: null, replicas: 2}}}`, `{proxy: {deploy: {mode: replicated, replicas: 2}}}`, `{proxy: {deploy: {mode: global}}}`,
	`{proxy: {deploy: {mode: global, replicas: null}}}`, `{proxy: {deploy: {mode: global, replicas: 2}}}`, `{proxy: {deploy: {mode: global-job}}}`,
	`{proxy: {deploy: {placement: null}}}`, `{proxy: {deploy: {placement: {}}}}`, `{proxy: {deploy: {placement: worker}}}`, `{proxy: {deploy: {placement: {zone: a}}}}`,
	`{proxy: {deploy: {placement: {constraints: null, preferences: null}}}}`, `{proxy: {deploy: {placement: {constraints: [node.role == worker]}}}}`,
	`{proxy: {deploy: {placement: {constraints: node.role == worker}}}}`, `{proxy: {deploy: {placement: {constraints: [1]}}}}`, `{proxy: {deploy: {placement: {constraints: [{}]}}}}`,
	`{proxy: {deploy: {placement: {constraints: [null]}}}}`, `{proxy: {deploy: {placement: {constraints: [""]}}}}`, `{proxy: {deploy: {placement: {preferences: [null]}}}}`,
	`{proxy: {deploy: {placement: {preferences: [{spread: node.labels.zone}]}}}}`, `{proxy: {deploy: {placement: {preferences: [{pack: a}]}}}}`,
	`{proxy: {deploy: {placement: {preferences: [{spread: 1}]}}}}`, `{proxy: {deploy: {placement: {preferences: [{spread: null}]}}}}`, `{proxy: {deploy: {placement: {preferences: [{spread: ""}]}}}}`, `{proxy: {deploy: {placement: {preferences: [{}]}}}}`,
	`{proxy: {deploy: {placement: {max_replicas_per_node: 0}}}}`, `{proxy: {deploy: {placement: {max_replicas_per_node: "0"}}}}`, `{proxy: {deploy: {placement: {max_replicas_per_node: 1001}}}}`,
	`{proxy: {deploy: {placement: {max_replicas_per_node: -1}}}}`,
	`{proxy: {deploy: {resources: null}}}`, `{proxy: {deploy: {resources: {}}}}`, `{proxy: {deploy: {resources: {limits: null, reservations: null}}}}`,
	`{proxy: {deploy: {resources: {limits: {}, reservations: {}}}}}`, `{proxy: {deploy: {resources: {limit: {}}}}}`, `{proxy: {deploy: {resources: {limits: 1}}}}`,
	`{proxy: {deploy: {resources: {limits: {cpus: 0.5, memory: 64M, pids: 100}}}}}`, `{proxy: {deploy: {resources: {limits: {cpus: "0.5", memory: 67108864, pids: "100"}}}}}`,
	`{proxy: {deploy: {resources: {limits: {cpus: 1, memory: 1.5gb, pids: 0}}}}}`, `{proxy: {deploy: {resources: {limits: {cpus: null, memory: null, pids: null}}}}}`,
	`{proxy: {deploy: {resources: {limits: {cpus: -1}}}}}`, `{proxy: {deploy: {resources: {limits: {cpus: "-1"}}}}}`, `{proxy: {deploy: {resources: {limits: {cpus: much}}}}}`, `{proxy: {deploy: {resources: {limits: {cpus: ""}}}}}`,
	`{proxy: {deploy: {resources: {limits: {cpus: true}}}}}`, `{proxy: {deploy: {resources: {limits: {memory: lots}}}}}`, `{proxy: {deploy: {resources: {limits: {memory: -1}}}}}`, `{proxy: {deploy: {resources: {limits: {memory: ""}}}}}`,
	`{proxy: {deploy: {resources: {limits: {memory: 10 MiB}}}}}`, `{proxy: {deploy: {resources: {limits: {memory: 10x}}}}}`, `{proxy: {deploy: {resources: {limits: {pids: -1}}}}}`, `{proxy: {deploy: {resources: {limits: {pids: 4194305}}}}}`,
	`{proxy: {deploy: {resources: {reservations: {cpus: 0.25, memory: 32M}}}}}`, `{proxy: {deploy: {resources: {reservations: {pids: 1}}}}}`,
	`{drain: null}`, `{drain: 30s}`, `{drain: 0}`, `{drain: "0"}`, `{drain: 0s}`, `{drain: 30}`, `{drain: "30"}`, `{drain: -1s}`, `{drain: long}`, `{drain: 1h30m}`, `{drain: 0.5}`, `{drain: []}`,
	`{keep: null}`, `{keep: warm}`, `{keep: cold}`, `{keep: hot}`, `{keep: ""}`, `{keep: true}`, `{keep: [warm]}`,
	`{preview: null}`, `{preview: {}}`, `{preview: 9080}`, `{preview: {port: null}}`, `{preview: {port: 9080}}`, `{preview: {port: "9080", target: "80"}}`, `{preview: {port: 0}}`,
	`{preview: {port: 70000}}`, `{preview: {port: 9080, target: 0}}`, `{preview: {port: 9080, target: null}}`, `{preview: {port: 9080, header: null}}`, `{preview: {query: a}}`,
	`{preview: {header: null}}`, `{preview: {header: ""}}`, `{preview: {header: X-Preview}}`, `{preview: {header: "X-Preview:"}}`, `{preview: {header: "X-Preview: a"}}`, `{preview: {header: " X-Preview : a b "}}`,
	`{preview: {header: "X Preview: a"}}`, `{preview: {header: "X-Preview: ä"}}`, `{preview: {header: 1}}`, `{preview: {port: 9080, header: "A: b:c"}}`,
	`{promote: null}`, `{promote: auto}`, `{promote: manual}`, `{promote: 10m}`, `{promote: 1h30m}`, `{promote: never}`, `{promote: 10}`, `{promote: ""}`, `{promote: [10m]}`, `{promote: 0s}`,
	`{verify: null}`, `{verify: [e2e]}`, `{verify: e2e}`, `{test: null}`, `{test: []}`, `{test: smoke}`, `{test: [smoke]}`, `{test: [smoke, load]}`, `{test: [smoke, smoke]}`, `{test: [""]}`, `{test: [null]}`, `{test: [1]}`, `{test: {smoke: {}}}`,
	`{canary: null}`, `{canary: {}}`, `{canary: 10}`, `{canary: {by: null}}`, `{canary: {by: random}}`, `{canary: {by: client}}`, `{canary: {by: cookie sid}}`, `{canary: {by: "header  X-User "}}`,
	`{canary: {by: cookie}}`, `{canary: {by: random sid}}`, `{canary: {by: header X:User}}`, `{canary: {by: ""}}`, `{canary: {by: 1}}`, `{canary: {by: Random}}`, `{canary: {share: 10}}`,
	`{canary: {steps: null}}`, `{canary: {steps: [5, 25, "50"]}}`, `{canary: {steps: [5], every: 30s}}`, `{canary: {steps: [5], every: null}}`, `{canary: {steps: 5}}`, `{canary: {steps: [0]}}`, `{canary: {steps: [100]}}`,
	`{canary: {steps: ["5%"]}}`, `{canary: {steps: [5], every: soon}}`, `{canary: {steps: [5], every: 0}}`,
	`{guard: null}`, `{guard: {}}`, `{guard: true}`, `{guard: {errors: null}}`, `{guard: {errors: 1%}}`, `{guard: {errors: 0.5%}}`, `{guard: {errors: 2}}`, `{guard: {errors: "100 %"}}`, `{guard: {errors: 101%}}`,
	`{guard: {errors: -1}}`, `{guard: {errors: few}}`, `{guard: {errors: ""}}`, `{guard: {errors: 0x1p2}}`, `{guard: {errors: []}}`, `{guard: {latency: 500ms}}`, `{guard: {latency: 0}}`, `{guard: {latency: fast}}`,
	`{history: 0}`, `{history: 100}`, `{history: "5"}`, `{history: 101}`, `{history: -1}`, `{history: 1.5}`, `{history: null}`, `{history: "-0"}`,
	`{guard: {prometheus: {url: "http://prometheus:9090", queries: [{query: up, max: 1}]}}}`, `{guard: {prometheus: {queries: [{query: up, max: "0.5"}]}}}`,
	`{guard: {prometheus: {queries: []}}}`, `{guard: {prometheus: {}}}`, `{guard: {prometheus: null}}`, `{guard: {prometheus: {url: "prometheus:9090", queries: [{query: up, max: 1}]}}}`,
	`{guard: {prometheus: {queries: [{query: up}]}}}`, `{guard: {prometheus: {queries: [{max: 1}]}}}`, `{guard: {prometheus: {queries: [{query: "", max: 1}]}}}`,
	`{guard: {prometheus: {url: "http://ann:s3cret@prometheus:9090", queries: [{query: up, max: 1}]}}}`,
	`{guard: {bake: 5m, window: 30s}}`, `{guard: {bake: 0}}`, `{guard: {bake: 5}}`, `{guard: {window: null}}`, `{guard: {requests: 1}}`, `{guard: {requests: "50"}}`, `{guard: {requests: 0}}`, `{guard: {requests: 1000001}}`, `{guard: {watch: 1}}`,
	`{metrics: null}`, `{metrics: {}}`, `{metrics: {port: 9898}}`, `{metrics: {port: "9100"}}`, `{metrics: {port: null}}`, `{metrics: {port: 0}}`, `{metrics: {port: 70000}}`, `{metrics: 9898}`, `{metrics: {path: /m}}`,
	`{maintenance: null}`, `{maintenance: {page: ./maintenance.html}}`, `{maintenance: {page: /a b}}`, `{maintenance: {page: "1"}}`, `{maintenance: {}}`, `{maintenance: {page: null}}`,
	`{maintenance: {page: ""}}`, `{maintenance: {page: 1}}`, `{maintenance: {page: [a]}}`, `{maintenance: a.html}`, `{maintenance: [a.html]}`, `{maintenance: {page: a.html, file: a.html}}`,
	`{timeout: null}`, `{timeout: 5m}`, `{timeout: 0s}`, `{timeout: 0}`, `{timeout: 300}`, `{timeout: {}}`,
	`{ports: [{target: 80}], health: {path: /h, port: 80, interval: 1s, timeout: 1s, rise: 2, fall: 3}, proxy: {image: a, deploy: {replicas: 2}}, drain: 1s, keep: cold, timeout: 1m}`,
}

// TestSchemaJudgesAsDecoder holds that the schema refuses what the decoder refuses, and nothing
// else.
func TestSchemaJudgesAsDecoder(t *testing.T) {
	_, settings := readSchema(t, settingsPlace)
	taken := 0
	for _, text := range judged {
		t.Run(text, func(t *testing.T) {
			_, err := bluegreen.Decode(bluegreen.Key, readYAML(t, text))
			bySchema := settings.Validate(readYAML(t, text))
			if (err == nil) != (bySchema == nil) {
				t.Errorf("decoder: %v\nschema: %v", err, bySchema)
			}
			if err == nil {
				taken++
			}
		})
	}
	if taken < 50 || len(judged)-taken < 50 {
		t.Errorf("%d of %d are good: cases of both kinds are needed", taken, len(judged))
	}
}

// TestSchemaJudgesTop holds that at the top of the file the schema has the keys of services and
// control, and judges that as the decoder does.
func TestSchemaJudgesTop(t *testing.T) {
	document, top := readSchema(t, "#/allOf/1/properties/"+bluegreen.Key)
	at := tree.Mapping(document["allOf"].([]any)[1])
	got := slices.Sorted(maps.Keys(tree.Mapping(tree.Dig(at, "properties", bluegreen.Key, "properties"))))
	want := append(slices.Collect(maps.Keys(tree.Mapping(tree.Dig(document, "definitions", bluegreen.Key, "properties")))), "control")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the top has the keys %v, want %v", got, want)
	}
	for text, good := range map[string]bool{
		`null`: true, `{}`: true, `{drain: 1s, control: {subnet: 10.77.0.0/20}}`: true, `{control: null}`: true, `{control: {}}`: true,
		`{control: {subnet: null}}`: true, `{control: {subnet: 10.0.0.0/8}}`: true, `{control: {subnet: 192.168.255.240/28}}`: true,
		`{control: {subnet: 10.77.0.0}}`: false, `{control: {subnet: 10.0.0.0/7}}`: false, `{control: {subnet: 10.0.0.0/29}}`: false,
		`{control: {subnet: 10.0.0.0/08}}`: false, `{control: {subnet: 256.0.0.0/8}}`: false, `{control: {subnet: 010.0.0.0/8}}`: false,
		`{control: {subnet: "fd00::/64"}}`: false, `{control: {subnet: 10}}`: false, `{control: {net: a}}`: false, `{control: big}`: false, `{drain: 1}`: false,
	} {
		t.Run(text, func(t *testing.T) {
			_, _, err := bluegreen.DecodeTop(bluegreen.Key, readYAML(t, text))
			bySchema := top.Validate(readYAML(t, text))
			if (err == nil) != good || (bySchema == nil) != good {
				t.Errorf("want good: %t; decoder: %v\nschema: %v", good, err, bySchema)
			}
		})
	}
	if _, _, err := bluegreen.DecodeTop(bluegreen.Key, readYAML(t, `{control: {subnet: 10.77.1.0/20}}`)); err == nil || !strings.Contains(err.Error(), "write 10.77.0.0/20") {
		t.Errorf("an address inside a range: %v", err)
	}
}

// TestSchemaIsWider holds what a schema cannot say, or must not: it takes these, and the decoder,
// which sees variables replaced, does not. docs/compose.md lists them.
func TestSchemaIsWider(t *testing.T) {
	_, settings := readSchema(t, settingsPlace)
	for name, text := range map[string]string{
		"a duration in a variable": `{drain: "${DRAIN:-30s}"}`,
		"a word in a variable":     `{keep: $KEEP}`,
		"a port in variables":      `{ports: [{target: "$PORT", mode: "$MODE"}]}`,
		"a number in a variable":   `{proxy: {deploy: {replicas: "$N"}}}`,
		"more than a day":          `{drain: 25h}`,
		"less than a millisecond":  `{timeout: 1us}`,
		"more than a day in parts": `{health: {interval: 1h60m23h}}`,
		"an image in capitals":     `{proxy: {image: "shop/Proxy"}}`,
		"too little of a CPU":      `{proxy: {deploy: {resources: {limits: {cpus: 0.0000000001}}}}}`,
		"too many processes":       `{proxy: {deploy: {resources: {limits: {pids: "9999999"}}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bluegreen.Decode(bluegreen.Key, readYAML(t, text)); err == nil {
				t.Error("the decoder takes it as well")
			}
			if err := settings.Validate(readYAML(t, text)); err != nil {
				t.Error(err)
			}
		})
	}
}

var allowedKeys = regexp.MustCompile(`unknown key "\?"; allowed are (.*)`)

// decoderKeys asks the decoder which keys it knows at and below a place, a value put into a whole
// x-bluegreen.
func decoderKeys(path string, put func(any) any, into map[string]bool) {
	_, wrong := bluegreen.Decode(bluegreen.Key, put(map[string]any{"?": 1}))
	err := fmt.Sprint(wrong)
	if strings.Contains(err, "is not a list of") {
		decoderKeys(path+"[]", func(value any) any { return put([]any{value}) }, into)
		return
	}
	found := allowedKeys.FindStringSubmatch(err)
	if found == nil {
		return
	}
	for key := range strings.SplitSeq(found[1], ", ") {
		into[path+"."+key] = true
		decoderKeys(path+"."+key, func(value any) any { return put(map[string]any{key: value}) }, into)
	}
}

// describedKeys are the keys that the schema knows, with what it says of them.
func describedKeys(path string, at map[string]any, into map[string]map[string]any) {
	for key, value := range tree.Mapping(at["properties"]) {
		into[path+"."+key] = tree.Mapping(value)
		describedKeys(path+"."+key, tree.Mapping(value), into)
	}
	if items := tree.Mapping(at["items"]); items != nil {
		describedKeys(path+"[]", items, into)
	}
}

// TestSchemaKeys holds that the schema has every key of the decoder, with a description, and no
// other.
func TestSchemaKeys(t *testing.T) {
	document, _ := readSchema(t, "")
	known, described := map[string]bool{}, map[string]map[string]any{}
	decoderKeys("", func(value any) any { return value }, known)
	describedKeys("", tree.Mapping(tree.Dig(document, "definitions", bluegreen.Key)), described)
	got, want := slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(known))
	if !slices.Equal(got, want) {
		t.Errorf("the schema has the keys\n%s\nand the decoder\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
	for key, s := range described {
		if s["description"] == nil {
			t.Errorf("%s has no description", key)
		}
	}
}

// TestSchemaDefaults holds that a value written out as its default changes nothing.
func TestSchemaDefaults(t *testing.T) {
	document, _ := readSchema(t, "")
	var defaults func(at map[string]any) any
	defaults = func(at map[string]any) any {
		if value, ok := at["default"]; ok {
			return value
		}
		out := map[string]any{}
		for key, property := range tree.Mapping(at["properties"]) {
			if value := defaults(tree.Mapping(property)); value != nil && key != "placement" && key != "resources" {
				out[key] = value
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	written := defaults(tree.Mapping(tree.Dig(document, "definitions", bluegreen.Key)))
	got, err := bluegreen.Decode(bluegreen.Key, written)
	want, _ := bluegreen.Decode(bluegreen.Key, nil)
	if err != nil || !reflect.DeepEqual(got, want) || len(tree.Mapping(written)) != 6 {
		t.Errorf("%v is read as %+v, %v; without it, it is %+v", written, got, err, want)
	}
}

// TestSchemaOfFiles holds that whole files are judged, with compose's own schema: those of the
// corpus are good.
func TestSchemaOfFiles(t *testing.T) {
	_, file := readSchema(t, "")
	examples, _ := filepath.Glob("../examples/*/compose.yaml")
	stacks, _ := filepath.Glob("testdata/stacks/*/compose.yml")
	if len(examples) == 0 || len(stacks) == 0 {
		t.Fatal("no files")
	}
	for _, path := range append(examples, stacks...) {
		t.Run(path, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := file.Validate(readJSON(t, string(text))); err != nil {
				t.Error(err)
			}
		})
	}
	for _, c := range []struct{ name, text, want string }{
		{"settings in both places", `{services: {web: {image: a, x-bluegreen: {keep: cold}}}, x-bluegreen: {drain: 1s}}`, ""},
		{"no settings", `{services: {web: {image: a, x-bluegreen: }}}`, ""},
		{"a wrong one in a service", `{services: {web: {image: a, x-bluegreen: {keep: hot}}}}`, "/services/web/x-bluegreen/keep"},
		{"a wrong one at the top", `{services: {web: {image: a}}, x-bluegreen: {drain: 1}}`, "/x-bluegreen/drain"},
		{"a wrong key of compose", `{services: {web: {imag: a, x-bluegreen: {}}}}`, "/services/web/imag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := file.Validate(readYAML(t, c.text))
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), "at '"+c.want+"'") {
				t.Errorf("%v, want an error at %q", err, c.want)
			}
		})
	}
}
