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

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

var (
	seed  = flag.Uint64("seed", 1, "where the random stacks begin")
	count = flag.Int("stacks", 300, "how many random stacks are compared")
)

// fragments are values of the keys of a service that docker stack deploy takes. References are to
// the sections that every random stack has.
var fragments = map[string][]string{
	"command": {`"a b; c"`, `["a", "b c"]`, `"sh -c 'x | y'"`, `"$$HOME ${V}"`, `""`, `[]`, `"a 'b c' \"d e\" f\\ g"`, `["a", ""]`, `|
      a b
      c # d
      e`, `">-
 "`},
	"entrypoint":        {`/init`, `["/init", "-x"]`, `["sh", "-c", "echo $$A; x"]`, `""`},
	"environment":       {`{A: 1, B: , C: "", x-d: 1}`, `[A=1, B, C=, V, x-d=1]`, `{}`, `["A=1", "A=2"]`, `{A: 1.50, C: 0x1F, D: 1e3, E: null, F: "null", G: 012, I: ~}`, `["A", "B=", "=x=y", "A=b=c", " S = t "]`, `{A: "a\nb", B: "$$x", C: "${V}", D: "${V:-d}", E: "${UNSET-}", F: "{{.Node.ID}}"}`, `[]`},
	"env_file":          {`./one.env`, `[./one.env, two.env]`, `[]`},
	"labels":            {`{a: 1, x-b: c}`, `[a=1, b]`, `{b: 1.0, c: null, d: 12345678901234567890}`, `["a=", "=", "b=c=d"]`, `{}`},
	"ports":             {`["80:80"]`, `["80", "81:81/udp", "90-91:90-91"]`, `[{target: 80}, {target: 81, published: 8081, mode: host, protocol: tcp}]`, `[2999, "3000-3002", "9090:8080", "49100:22", "127.0.0.1:8001:8001", "127.0.0.1:5000-5002:5010-5012", "6060:6060/udp", "7/sctp"]`, `[{target: 80, published: 8080, protocol: udp, mode: ingress}, {target: 443, published: 8443}]`, `["0.0.0.0::80", "53:53/tcp", "53:53/udp"]`, `[{target: 80, published: 0}, "[::1]:6001:6001"]`, `[]`},
	"volumes":           {`["v:/v/", "/anon"]`, `["./rel/:/rel/:ro", "~/x/:/x"]`, `[{type: tmpfs, target: /t, tmpfs: {size: 1000}}]`, `[{type: bind, source: ./a, target: /a, bind: {propagation: shared}}, {type: volume, source: w, target: /w}]`, `["v:/a:ro,nocopy", "v:/b:z", "./x.y/../z:/c:rw", "/abs/./p/:/d:rshared", "/d/:/e/:cached"]`, `[{type: tmpfs, target: /t}, {type: tmpfs, target: /u, tmpfs: {size: 65536}}]`, `[{type: volume, target: /anon}, {type: volume, source: v, target: /n, read_only: true, volume: {nocopy: true}}]`, `[{type: bind, source: /var/run/docker.sock, target: /var/run/docker.sock, consistency: cached}]`, `["C:\\x:/y"]`, `[{type: volume, source: v, target: /s, volume: {subpath: a/b}}]`, `[{type: cluster, source: v, target: /cl}]`},
	"networks":          {`[n]`, `{n: {aliases: [x, y]}, default: }`, `[ext, m]`, `{m: {driver_opts: {x-a: "1"}}}`, `{n: {aliases: []}, m: null}`, `[]`, `{}`, `{default: {aliases: [z]}}`, `[default, n, m, ext]`},
	"secrets":           {`[s]`, `[{source: s, target: /t, mode: 0400}, r]`, `[e]`, `[{source: s}]`, `[{source: s, target: n, uid: "1", gid: "2", mode: 0}, {source: e, mode: 256}]`, `[]`},
	"configs":           {`[c]`, `[{source: c, target: /t, uid: "5"}, c]`, `[{source: c, target: /a, mode: 0444, gid: "7"}, {source: c, target: /b}]`, `[{source: c}]`},
	"healthcheck":       {`{test: "x y", interval: 5s}`, `{test: ["CMD", "x"], retries: 3, timeout: 1m, start_period: 1h}`, `{disable: true}`, `{test: ["CMD-SHELL", "a b"], start_period: 90s, start_interval: 2s, retries: 0}`, `{test: ["NONE"]}`, `{test: NONE}`, `{test: [], interval: 1h30m}`, `{interval: 1.5s}`, `{test: ["CMD"]}`, `{test: "", timeout: 0s}`},
	"restart":           {`"no"`, `always`, `on-failure:2`, `unless-stopped`, `on-failure`, `"on-failure:0"`, `""`},
	"extra_hosts":       {`["b:1.2.3.4", "a:::1"]`, `{b: 1.2.3.4, a: 5.6.7.8}`, `["h=1.2.3.4", "i:[::1]"]`, `{h: "::1"}`, `["a:1.1.1.1", "a:2.2.2.2"]`, `["x:host-gateway"]`},
	"logging":           {`{driver: json-file, options: {max-size: 1m, x-a: "2"}}`, `{driver: none}`, `{options: {a: 1, b: null}}`, `{}`, `{driver: syslog}`},
	"ulimits":           {`{nproc: 5, nofile: {soft: 1, hard: 2}}`, `{core: 0, memlock: {soft: -1, hard: -1}}`, `{nofile: {soft: 10, hard: 10}, nproc: 65535}`, `{}`},
	"sysctls":           {`{net.a: 1, net.b: "2"}`, `[net.a=1]`, `["a=1", "b"]`, `{a: null, b: 1.5}`},
	"dns":               {`1.1.1.1`, `[1.1.1.1, 8.8.8.8]`, `[]`},
	"dns_search":        {`a.b`, `[a.b, c.d]`, `[]`},
	"cap_add":           {`[ALL]`, `[net_admin, CAP_CHOWN]`, `[SYS_ADMIN, sys_admin, CAP_SYS_ADMIN]`, `[]`, `[all, NET_ADMIN]`},
	"cap_drop":          {`[ALL]`, `[NET_ADMIN]`, `[all]`, `[CAP_MKNOD, ALL]`},
	"stop_grace_period": {`1m30s`, `0s`, `1h2m3.5s`, `100ms`},
	"stop_signal":       {`SIGUSR1`, `"9"`},
	"user":              {`"1000"`, `a:b`, `""`},
	"working_dir":       {`/x/`, `relative`, `""`},
	"hostname":          {`"{{.Node.Hostname}}"`, `h`, `""`, `"{{.Service.Name}}-{{.Task.Slot}}"`},
	"init":              {`true`, `false`},
	"tty":               {`true`, `false`},
	"stdin_open":        {`true`, `false`},
	"read_only":         {`true`, `false`},
	"depends_on":        {`[nowhere]`},
	"container_name":    {`cc`},
	"deploy": {
		`{replicas: 3}`, `{mode: global}`, `{replicas: 0, labels: [a=b]}`, `{labels: {x-a: b}, endpoint_mode: vip}`,
		`{update_config: {parallelism: 0, order: start-first, delay: 5s}, rollback_config: {monitor: 1m, failure_action: continue}}`,
		`{resources: {limits: {cpus: "0.1", memory: 100M}, reservations: {cpus: "0.05"}}}`,
		`{restart_policy: {condition: none, max_attempts: 0, delay: 1s}}`,
		`{placement: {constraints: [node.role==worker], preferences: [{spread: node.labels.a}], max_replicas_per_node: 1}}`,
		`{}`,
		`{mode: replicated, replicas: 1}`,
		`{mode: replicated-job, replicas: 2}`,
		`{mode: global-job}`,
		`{update_config: {}, rollback_config: {}}`,
		`{update_config: {parallelism: 2, failure_action: rollback, monitor: 5s, max_failure_ratio: 0.3, order: stop-first}}`,
		`{restart_policy: {}}`,
		`{restart_policy: {condition: on-failure, window: 2m, max_attempts: 3}}`,
		`{resources: {limits: {cpus: "1.50", memory: 1.5g, pids: 100}, reservations: {memory: "50M", generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}}`,
		`{resources: {}}`,
		`{resources: {limits: {memory: "1073741824"}, reservations: {}}}`,
		`{placement: {}}`,
		`{placement: {constraints: ["node.labels.a != b", "node.hostname==x"]}}`,
		`{labels: {}}`,
		`{labels: [x, "y=", "z=1=2"]}`,
	},
	"credential_spec": {`{registry: x}`, `{file: y.json}`},
	"isolation":       {`default`, `hyperv`},
	"domainname":      {`d.e`},
	"expose":          {`["80", 81]`},
	"external_links":  {`[a:b]`},
	"ipc":             {`host`},
	"privileged":      {`true`},
	"pid":             {`host`},
	"userns_mode":     {`host`},
	"shm_size":        {`64m`},
	"links":           {`[a]`},
	"devices":         {`["/dev/a:/dev/a"]`},
	"mac_address":     {`"02:42:ac:11:65:43"`},
	"cgroup_parent":   {`x`},
	"build":           {`.`, `{context: ., args: {A: 1}}`},
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

// TestRandomStacks compares what package compose makes of random files with what docker/cli does. A
// stack that differs is printed; -seed and -stacks make others.
func TestRandomStacks(t *testing.T) {
	dir := parityDir(t)
	accepted := 0
	for i := range *count {
		text := randomStack(rand.New(rand.NewPCG(*seed, uint64(i))))
		if sameAsDeploy(t, dir, text) {
			accepted++
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	if accepted < *count*3/4 {
		t.Errorf("docker stack deploy took only %d of %d stacks", accepted, *count)
	}
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
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
