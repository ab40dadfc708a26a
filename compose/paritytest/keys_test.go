package paritytest

import (
	"encoding/json"
	"os"
	"testing"
)

// keyRecord is a row of the table of keys in package compose, with a file that has the key and one
// without it.
type keyRecord struct {
	Key     string `json:"key"`
	Class   string `json:"class"`
	Inert   bool   `json:"inert"`
	With    string `json:"with"`
	Without string `json:"without"`
}

// sentInVain are keys that docker stack deploy sends, and no engine keeps.
var sentInVain = map[string]bool{
	"services.*.volumes[].consistency": true,
}

// TestKeys sees whether docker stack deploy carries out exactly the keys of which package compose
// says so.
func TestKeys(t *testing.T) {
	text, err := os.ReadFile("../testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Files map[string]string `json:"files"`
		Keys  []keyRecord       `json:"keys"`
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/user")
	for _, k := range table.Keys {
		t.Run(k.Key, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range table.Files {
				writeFile(t, dir, name, content)
			}
			with, refused := sentFor(t, dir, k.With)
			without, _ := sentFor(t, dir, k.Without)
			carriedOut := refused == nil && with != without
			if want := k.Class == "same" && !k.Inert || sentInVain[k.Key]; carriedOut != want {
				t.Errorf("carried out by docker stack deploy: %t, said to be %q: %v\n%s", carriedOut, k.Class, refused, k.With)
			}
		})
	}
}

func sentFor(t *testing.T, dir, file string) (string, error) {
	t.Helper()
	writeFile(t, dir, "compose.yml", file)
	all, err := deploy(t, dir, "shop")
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), nil
}
