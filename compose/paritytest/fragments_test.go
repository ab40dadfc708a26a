package paritytest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// TestFragments compares each value of each key by itself: what docker stack deploy takes is taken,
// and becomes the same.
func TestFragments(t *testing.T) {
	dir := parityDir(t)
	var keys []string
	for key := range fragments {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		for _, value := range fragments[key] {
			t.Run(key+"/"+value, func(t *testing.T) {
				if !sameAsDeploy(t, dir, "version: \"3.13\"\nservices:\n  s0:\n    image: app:0\n    "+key+": "+value+"\n"+sections) {
					t.Error("docker stack deploy refuses it: it tells nothing here")
				}
			})
		}
	}
}

// sameAsDeploy fails the test when docker stack deploy takes a file and compose.Load makes
// something else of it, or refuses it.
func sameAsDeploy(t *testing.T, dir, text string) (accepted bool) {
	t.Helper()
	writeFile(t, dir, "compose.yml", text)
	want, err := deploy(t, dir, "shop")
	if err != nil {
		t.Logf("refused by docker stack deploy: %v", err)
		return false
	}
	p, err := compose.Load(t.Context(), compose.Options{Dir: dir, Name: "shop", Environ: os.Environ()})
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return true
	}
	w, g := strings.Split(asText(t, *want), "\n"), strings.Split(asText(t, sentBy(p)), "\n")
	if slices.Equal(w, g) {
		return true
	}
	from, wEnd, gEnd := 0, len(w), len(g)
	for from < min(wEnd, gEnd) && w[from] == g[from] {
		from++
	}
	for min(wEnd, gEnd) > from && w[wEnd-1] == g[gEnd-1] {
		wEnd, gEnd = wEnd-1, gEnd-1
	}
	t.Errorf("want\n%s\ngot\n%s\nof\n%s", strings.Join(w[from:wEnd], "\n"), strings.Join(g[from:gEnd], "\n"), text)
	return true
}

// parityDir is a folder with the files that the stacks refer to.
func parityDir(t *testing.T) string {
	t.Helper()
	t.Setenv("HOME", "/home/user")
	t.Setenv("V", "from shell")
	dir := t.TempDir()
	writeFile(t, dir, "one.env", "E=1\nC=\nV\nQ=\"q\"\n")
	writeFile(t, dir, "two.env", "E=2\nx-e=1\n")
	return dir
}
