package plugin

import (
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/about"
)

func TestVersionFormats(t *testing.T) {
	v := about.Build{Version: "v1.2.3", Commit: "abc", GoVersion: "go1.26.0", Platform: "linux/amd64"}
	for text, want := range map[string]string{
		"table":                              "Version:     v1.2.3\nCommit:      abc\nGo version:  go1.26.0\nOS/Arch:     linux/amd64\n",
		"json":                               "{\n  \"version\": \"v1.2.3\",\n  \"commit\": \"abc\",\n  \"go_version\": \"go1.26.0\",\n  \"platform\": \"linux/amd64\"\n}\n",
		"{{.Version}} of {{json .Platform}}": "v1.2.3 of \"linux/amd64\"\n",
	} {
		t.Run(text, func(t *testing.T) {
			var f format
			if err := f.Set(text); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := runVersion(&b, v, f); err != nil {
				t.Fatal(err)
			}
			if b.String() != want {
				t.Errorf("%q, want %q", b.String(), want)
			}
		})
	}
}

// The version is asked of nobody: no stack is opened, no file is read.
func TestVersionTouchesNothing(t *testing.T) {
	h := newHarness()
	if err := h.run("-f", "does-not-exist.yml", "version"); err != nil || h.opened != nil {
		t.Errorf("error %v, opened %q", err, h.opened)
	}
}
