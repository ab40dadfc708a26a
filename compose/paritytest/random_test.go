package paritytest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
)

var (
	seed  = flag.Uint64("seed", 1, "where the random stacks begin")
	count = flag.Int("stacks", 300, "how many random stacks are compared")
)

// fragments are values of the keys of a service that docker stack deploy takes. References are to the sections
// that every random stack has.
var fragments = map[string][]string{
	"command":           {`"a b; c"`, `["a", "b c"]`, `"sh -c 'x | y'"`, `"$$HOME ${V}"`},
	"entrypoint":        {`/init`, `["/init", "-x"]`},
	"environment":       {`{A: 1, B: , C: "", x-d: 1}`, `[A=1, B, C=, V, x-d=1]`, `{}`, `["A=1", "A=2"]`},
	"env_file":          {`./one.env`, `[./one.env, two.env]`},
	"labels":            {`{a: 1, x-b: c}`, `[a=1, b]`},
	"ports":             {`["80:80"]`, `["80", "81:81/udp", "90-91:90-91"]`, `[{target: 80}, {target: 81, published: 8081, mode: host, protocol: tcp}]`},
	"volumes":           {`["v:/v/", "/anon"]`, `["./rel/:/rel/:ro", "~/x/:/x"]`, `[{type: tmpfs, target: /t, tmpfs: {size: 1000}}]`, `[{type: bind, source: ./a, target: /a, bind: {propagation: shared}}, {type: volume, source: w, target: /w}]`},
	"networks":          {`[n]`, `{n: {aliases: [x, y]}, default: }`, `[ext, m]`, `{m: {driver_opts: {x-a: "1"}}}`},
	"secrets":           {`[s]`, `[{source: s, target: /t, mode: 0400}, r]`, `[e]`},
	"configs":           {`[c]`, `[{source: c, target: /t, uid: "5"}, c]`},
	"healthcheck":       {`{test: "x y", interval: 5s}`, `{test: ["CMD", "x"], retries: 3, timeout: 1m, start_period: 1h}`, `{disable: true}`},
	"restart":           {`"no"`, `always`, `on-failure:2`},
	"extra_hosts":       {`["b:1.2.3.4", "a:::1"]`, `{b: 1.2.3.4, a: 5.6.7.8}`},
	"logging":           {`{driver: json-file, options: {max-size: 1m, x-a: "2"}}`, `{driver: none}`},
	"ulimits":           {`{nproc: 5, nofile: {soft: 1, hard: 2}}`},
	"sysctls":           {`{net.a: 1, net.b: "2"}`, `[net.a=1]`},
	"dns":               {`1.1.1.1`, `[1.1.1.1, 8.8.8.8]`},
	"dns_search":        {`a.b`, `[a.b, c.d]`},
	"cap_add":           {`[ALL]`, `[net_admin, CAP_CHOWN]`},
	"cap_drop":          {`[ALL]`, `[NET_ADMIN]`},
	"stop_grace_period": {`1m30s`, `0s`},
	"stop_signal":       {`SIGUSR1`},
	"user":              {`"1000"`, `a:b`},
	"working_dir":       {`/x/`},
	"hostname":          {`"{{.Node.Hostname}}"`, `h`},
	"init":              {`true`, `false`},
	"tty":               {`true`, `false`},
	"stdin_open":        {`true`},
	"read_only":         {`true`},
	"depends_on":        {`[nowhere]`},
	"container_name":    {`cc`},
	"deploy": {
		`{replicas: 3}`, `{mode: global}`, `{replicas: 0, labels: [a=b]}`, `{labels: {x-a: b}, endpoint_mode: vip}`,
		`{update_config: {parallelism: 0, order: start-first, delay: 5s}, rollback_config: {monitor: 1m, failure_action: continue}}`,
		`{resources: {limits: {cpus: "0.1", memory: 100M}, reservations: {cpus: "0.05"}}}`,
		`{restart_policy: {condition: none, max_attempts: 0, delay: 1s}}`,
		`{placement: {constraints: [node.role==worker], preferences: [{spread: node.labels.a}], max_replicas_per_node: 1}}`,
	},
}

const sections = `
networks:
  n: {driver_opts: {x-a: "1"}, labels: {a: b}, ipam: {config: [{subnet: 10.0.0.0/24}]}}
  m: {name: own, attachable: true, internal: true}
  ext: {external: true}
volumes:
  v:
  w: {name: own, driver: d, driver_opts: {x-a: 1, b: c}, labels: [a=b]}
secrets:
  s: {file: ./one.env}
  r: {external: true, name: other}
  e: {external: true}
configs:
  c: {file: ./two.env, labels: {a: b}}
`

// TestRandomStacks compares what package compose makes of random files with what docker/cli does. A stack that
// differs is printed; -seed and -stacks make others.
func TestRandomStacks(t *testing.T) {
	t.Setenv("HOME", "/home/user")
	t.Setenv("V", "from shell")
	dir := t.TempDir()
	writeFile(t, dir, "one.env", "E=1\nC=\nV\nQ=\"q\"\n")
	writeFile(t, dir, "two.env", "E=2\nx-e=1\n")
	accepted := 0
	for i := range *count {
		text := randomStack(rand.New(rand.NewPCG(*seed, uint64(i))))
		writeFile(t, dir, "compose.yml", text)
		want, err := deploy(t, dir, "shop")
		if err != nil {
			t.Logf("stack %d is refused by docker stack deploy: %v", i, err)
			continue
		}
		accepted++
		p, err := compose.Load(t.Context(), compose.Options{Dir: dir, Name: "shop", Environ: os.Environ()})
		if err != nil {
			t.Fatalf("stack %d: %v\n%s", i, err, text)
		}
		if w, g := asText(t, *want), asText(t, sentBy(p)); w != g {
			t.Fatalf("stack %d:\n%s\nwant %s\n got %s", i, text, w, g)
		}
	}
	if accepted < *count*3/4 {
		t.Errorf("docker stack deploy took only %d of %d stacks", accepted, *count)
	}
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func randomStack(r *rand.Rand) string {
	keys := make([]string, 0, len(fragments))
	for key := range fragments {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var text strings.Builder
	text.WriteString("version: \"3.13\"\nservices:\n")
	for i := range 1 + r.IntN(3) {
		fmt.Fprintf(&text, "  s%d:\n    image: app:%d\n", i, i)
		for _, key := range keys {
			if r.IntN(4) == 0 {
				fmt.Fprintf(&text, "    %s: %s\n", key, fragments[key][r.IntN(len(fragments[key]))])
			}
		}
	}
	return text.String() + sections
}

func sentBy(p *compose.Project) sent {
	out := sent{
		Networks: map[string]network.CreateOptions{},
		Secrets:  map[string]swarm.SecretSpec{},
		Configs:  map[string]swarm.ConfigSpec{},
		Services: map[string]swarm.ServiceSpec{},
	}
	for name, n := range p.Networks {
		if n.External {
			out.External = append(out.External, name)
			continue
		}
		out.Networks[name] = n.Create
	}
	for name, s := range p.Secrets {
		if !s.External {
			out.Secrets[name] = s.Spec
		}
	}
	for name, c := range p.Configs {
		if !c.External {
			out.Configs[name] = c.Spec
		}
	}
	for _, s := range p.Services {
		out.Services[s.Spec.Name] = s.Spec
	}
	slices.Sort(out.External)
	return out
}

// asText puts lists whose order means nothing into one order.
func asText(t *testing.T, s sent) string {
	t.Helper()
	if len(s.External) == 0 {
		s.External = nil
	}
	for _, spec := range s.Services {
		withoutIDs(spec)
		slices.SortFunc(spec.EndpointSpec.Ports, func(a, b swarm.PortConfig) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(s); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
