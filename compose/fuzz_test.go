package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// FuzzLoad holds that any text is either refused, with an error that names the file, or understood,
// and then the same way each time: a spec that changes by itself would restart tasks.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"services: {web: {image: a, command: [a, 1], x-bluegreen: {ports: [{target: 80}]}}}",
		"services: {web: {image: a, ports: ['80:80', {target: 1}], environment: [A, B=1], x-bluegreen: }}",
		"x-bluegreen: {health: {path: /}}\nservices:\n  web:\n    image: ${A:-b}\n    deploy: {labels: [a=b]}\n",
		"services: {a: {image: a, extra_hosts: {a: [1, 2]}, volumes: [/a, 'b:/c']}}\nvolumes: {b: {driver_opts: {x-a: 1}}}",
		"services: {a: {image: a, networks: {n: {driver_opts: {x: 1}}}}}\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}",
		"services: {a: {image: a, depends_on: {b: {condition: service_started}}}, b: {image: b, expose: [80-90], x-bluegreen: }}",
		"x-a: &a {image: a}\nservices: {a: {<<: *a, ulimits: {nofile: 1}, healthcheck: {test: [CMD, a]}, secrets: [s]}}\nsecrets: {s: {external: true}}",
		"services: {a: {image: a, configs: [{source: c, mode: 0440}]}}\nconfigs: {c: {content: a}}\n---\nservices: 1\n",
		"x-a: &a {b: &b {<<: *a}}\nservices: {a: {image: a, environment: &e {<<: [*e, *b]}}}\n",
	} {
		f.Add(seed)
	}
	addStacks(f)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") || strings.Contains(text, "file") {
			t.Skip("reads files of this machine")
		}
		dir := t.TempDir()
		load := func() (*Project, error) {
			return Load(t.Context(), Options{Files: []string{"-"}, Stdin: strings.NewReader(text), Name: "shop", Dir: dir})
		}
		p, err := load()
		if err != nil {
			if !strings.HasPrefix(err.Error(), "standard input:") {
				t.Errorf("the file is not named: %v", err)
			}
			return
		}
		again, err := load()
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("the second time it is\n%+v, %v\nthe first time it was\n%+v", again, err, p)
		}
	})
}

// addStacks adds the files of the corpus that need no others.
func addStacks(f *testing.F) {
	paths, err := filepath.Glob("testdata/stacks/*/compose.yml")
	if err != nil || len(paths) == 0 {
		f.Fatal("no stack files: ", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
}

// FuzzSettings holds that any x-bluegreen is either refused, with an error that says where, or
// within all bounds.
func FuzzSettings(f *testing.F) {
	for _, c := range extensionCases {
		f.Add(c.value)
	}
	for _, text := range judged {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var value any
		if yaml.Unmarshal([]byte(text), &value) != nil {
			t.Skip("no YAML")
		}
		settings, err := bluegreen.Decode(bluegreen.Key, value)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, bluegreen.Key) {
					t.Errorf("it is not said where: %q", line)
				}
			}
			return
		}
		if err := withinBounds(settings); err != nil {
			t.Errorf("%q was taken: %v", text, err)
		}
	})
}

func withinBounds(s *bluegreen.Settings) error {
	between := func(name string, d, low time.Duration) error {
		if d < low || d > bluegreen.MaxDuration {
			return fmt.Errorf("%s is %s", name, d)
		}
		return nil
	}
	for _, err := range []error{
		between("drain", s.Drain, 0), between("timeout", s.Timeout, bluegreen.Shortest),
		between("interval", s.Health.Interval, bluegreen.Shortest), between("health.timeout", s.Health.Timeout, bluegreen.Shortest),
	} {
		if err != nil {
			return err
		}
	}
	switch replicas := s.Proxy.Replicas; {
	case s.Keep != bluegreen.KeepWarm && s.Keep != bluegreen.KeepCold:
		return fmt.Errorf("keep is %q", s.Keep)
	case min(s.Health.Rise, s.Health.Fall) < 1 || max(s.Health.Rise, s.Health.Fall) > 100:
		return fmt.Errorf("rise is %d and fall %d", s.Health.Rise, s.Health.Fall)
	case s.Health.Path != "" && (s.Health.Path[0] != '/' || strings.ContainsAny(s.Health.Path, " \"'\\${}#\n\r\t\x00")):
		return fmt.Errorf("path is %q", s.Health.Path)
	case replicas != nil && (*replicas < 1 || *replicas > 1000):
		return fmt.Errorf("replicas is %d", *replicas)
	case s.Proxy.Image == "" || strings.ContainsAny(s.Proxy.Image, " \n"):
		return fmt.Errorf("image is %q", s.Proxy.Image)
	}
	return slotsWithinBounds(s)
}

func slotsWithinBounds(s *bluegreen.Settings) error {
	for _, port := range s.Ports {
		if port.Target == 0 || !slices.Contains([]string{"", bluegreen.ModeHTTP, bluegreen.ModeH2, bluegreen.ModeTCP}, port.Mode) { // the service decides on what is not given
			return fmt.Errorf("port is %+v", port)
		}
	}
	if r := s.Proxy.Resources; r != nil {
		if r.Limits != nil && min(r.Limits.NanoCPUs, r.Limits.MemoryBytes, r.Limits.Pids) < 0 {
			return fmt.Errorf("limits are %+v", *r.Limits)
		}
		if r.Reservations != nil && min(r.Reservations.NanoCPUs, r.Reservations.MemoryBytes) < 0 {
			return fmt.Errorf("reservations are %+v", *r.Reservations)
		}
	}
	return nil
}

// FuzzSubstitute holds that text without a dollar sign stays as it is, that two of them stand for
// one, and that nothing is shown of a text that is refused: it may be a password.
func FuzzSubstitute(f *testing.F) {
	for _, seed := range []string{"", "$SET-x", "${NONE:-${SET}}", "$$", "${", "${N:-$2y$05$x}", "${NONE:?say}", "${SET:+a}", "$É", "${SET-\xff}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lookup := func(name string) (string, bool) { return "value", name == "SET" }
		read := func(text string) (out string, err error) {
			_, err = captureLogs(func() error {
				out, err = substitute(text, lookup)
				return err
			})
			return out, err
		}
		out, err := read(text)
		if isInvalid(err) {
			t.Errorf("%q: the error holds the text: %v", text, err)
		}
		if !strings.Contains(text, "$") && (err != nil || out != text) {
			t.Errorf("%q became %q, %v", text, out, err)
		}
		if got, err := read(strings.ReplaceAll(text, "$", "$$")); err != nil || got != text {
			t.Errorf("%q, written with two dollar signs for each, became %q, %v", text, got, err)
		}
	})
}
