package tree

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"build", "environment", "env_file", "health", "image", "init", "ports", "uts"}
	for key, want := range map[string]string{
		"enviroment": "environment", "Environment": "environment", "envfile": "env_file", "env-file": "env_file", "portz": "ports", "port": "ports",
		"imaje": "image", "helth": "health", "int": "init", "utx": "uts", "frobnicate": "", "x": "", "": "", "bild": "build",
	} {
		if got := Nearest(key, known); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got := DidYouMean("imaje", known); got != `: did you mean "image"?` {
		t.Error(got)
	}
	if got := DidYouMean("frobnicate", known); got != "" {
		t.Error(got)
	}
}
