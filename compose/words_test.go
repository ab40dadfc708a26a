package compose

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWords compares with what docker stack deploy makes of the same commands; module paritytest records it.
func TestWords(t *testing.T) {
	content, err := os.ReadFile("testdata/words.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		var want struct {
			Text  string
			Words []string
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		got, err := splitWords(want.Text)
		if refused := want.Words == nil; refused != (err != nil) || !refused && !slices.Equal(got, want.Words) {
			t.Errorf("%q: got %q, %v; want %q", want.Text, got, err, want.Words)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"services: {web: {image: a, command: [a, 1], x-bluegreen: {ports: [{target: 80}]}}}",
		"services: {web: {image: a, ports: ['80:80', {target: 1}], environment: [A, B=1], x-bluegreen: }}",
		"x-bluegreen: {health: {path: /}}\nservices:\n  web:\n    image: ${A:-b}\n    deploy: {labels: [a=b]}\n",
		"services: {a: {image: a, extra_hosts: {a: [1, 2]}, volumes: [/a, 'b:/c']}}\nvolumes: {b: {driver_opts: {x-a: 1}}}",
		"services: {a: {image: a, networks: {n: {driver_opts: {x: 1}}}}}\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") || strings.Contains(text, "file") {
			t.Skip("reads files of this machine")
		}
		_, _ = Load(t.Context(), Options{Files: []string{"-"}, Stdin: strings.NewReader(text), Name: "shop", Dir: t.TempDir()})
	})
}
