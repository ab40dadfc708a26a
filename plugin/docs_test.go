package plugin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// fenced are the blocks of code of a page: the language, and the text.
var fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// ourCommand is what a page has behind docker bluegreen, up to what ends a command of a shell.
var ourCommand = regexp.MustCompile(`docker bluegreen((?:\\\n|[^\n|;&>#'"` + "`" + `]|'[^'\n]*'|"[^"\n]*")*)`)

// Each command in a block of code of the pages is one that exists, with flags that it has.
func TestCommandsOfPages(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains([]string{"sh", "yaml", "groovy", "crontab"}, block[1]) {
				continue
			}
			for _, command := range ourCommand.FindAllStringSubmatch(block[2], -1) {
				found++
				words := strings.Fields(strings.ReplaceAll(command[1], "\\\n", " "))
				if err := checkCommand(words); err != nil {
					t.Errorf("%s: docker bluegreen %s: %v", page, strings.Join(words, " "), err)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands were found", found)
	}
}

// checkCommand says what is wrong with the words behind docker bluegreen.
func checkCommand(words []string) error {
	h := newHarness()
	docker := &cobra.Command{Use: "docker"}
	docker.AddCommand(newRootCommand(h.app))
	cmd, rest, err := docker.Find(append([]string{"bluegreen"}, words...))
	if err != nil {
		return err
	}
	if !cmd.HasParent() || cmd.Parent() == docker {
		for _, word := range words {
			if !strings.HasPrefix(word, "-") && len(words) > 0 && strings.ToLower(word) == word && len(rest) == len(words) {
				return fmt.Errorf("no command")
			}
		}
	}
	var unknown *pflag.NotExistError
	if err := cmd.ParseFlags(rest); errors.As(err, &unknown) {
		return err
	}
	return nil
}

func TestCheckCommand(t *testing.T) {
	for text, good := range map[string]bool{
		"up -p shop": true, "-p shop up --no-flip web": true, "up --no-such": false, "upp -p shop": false, "status --live": true, "--help": true, "wait --live": false,
	} {
		if err := checkCommand(strings.Fields(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// ciBlocks are the files of docs/ci.md in a language.
func ciBlocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
		if block[1] == language {
			out = append(out, block[2])
		}
	}
	if len(out) == 0 {
		t.Fatalf("docs/ci.md has no %s", language)
	}
	return out
}

// parses fails the test unless a shell takes a script.
func parses(t *testing.T, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s in\n%s", err, out, script)
	}
}

// The files for CI systems are YAML of the right form, and their scripts are scripts.
func TestPipelinesOfPages(t *testing.T) {
	scripts := ciBlocks(t, "sh")
	var jobs []string
	for _, text := range ciBlocks(t, "yaml") {
		var file map[string]any
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "!reference", "")), &file); err != nil {
			t.Fatal(err)
		}
		if actions, ok := file["jobs"].(map[string]any); ok {
			if file["on"] == nil || file["permissions"] == nil || file["concurrency"] == nil {
				t.Errorf("a workflow lacks on, permissions or concurrency:\n%s", text)
			}
			for name, job := range actions {
				jobs = append(jobs, name)
				for _, step := range job.(map[string]any)["steps"].([]any) {
					if run, ok := step.(map[string]any)["run"].(string); ok {
						scripts = append(scripts, run)
						if strings.Contains(run, "${{") {
							t.Errorf("an expression in a script: an input could run anything:\n%s", run)
						}
					}
				}
			}
			continue
		}
		for name, job := range file {
			if lines, ok := job.(map[string]any); ok && lines["script"] != nil {
				jobs = append(jobs, name)
				if !slices.Contains(file["stages"].([]any), lines["stage"]) {
					t.Errorf("job %s has the stage %v", name, lines["stage"])
				}
				for _, line := range lines["script"].([]any) {
					scripts = append(scripts, line.(string))
				}
			}
		}
	}
	for _, want := range []string{"deploy", "traffic", "check", "promote", "rollback"} {
		if !slices.Contains(jobs, want) {
			t.Errorf("no job %s in %q", want, jobs)
		}
	}
	jenkins := ciBlocks(t, "groovy")[0]
	for _, m := range regexp.MustCompile(`(?s)sh '''(.*?)'''|sh '([^'\n]+)'`).FindAllStringSubmatch(jenkins, -1) {
		scripts = append(scripts, m[1]+m[2])
	}
	for _, pair := range []string{"{}", "[]", "()"} {
		if strings.Count(jenkins, pair[:1]) != strings.Count(jenkins, pair[1:]) {
			t.Errorf("the Jenkinsfile has %s that do not match", pair)
		}
	}
	if len(scripts) < 20 {
		t.Errorf("only %d scripts", len(scripts))
	}
	for _, script := range scripts {
		parses(t, script)
	}
}

// The two scripts of docs/ci.md are run, with a docker that answers with exit codes.
func TestScriptsOfPages(t *testing.T) {
	blocks := ciBlocks(t, "sh")
	script := func(name string) string {
		for _, block := range blocks {
			if strings.HasPrefix(block, "#!/bin/sh\n# "+name) {
				return block
			}
		}
		t.Fatalf("docs/ci.md has no script %s", name)
		return ""
	}
	for name, c := range map[string]struct {
		script    string
		codes     string
		want      int
		wantCalls int
	}{
		"all is well":         {"ci/deploy.sh", "0", 0, 1},
		"unhealthy":           {"ci/deploy.sh", "3 0", 3, 1},
		"unconfirmed, once":   {"ci/deploy.sh", "4 0", 0, 2},
		"unconfirmed, twice":  {"ci/deploy.sh", "4 4 0", 4, 2},
		"interrupted":         {"ci/deploy.sh", "130 3", 3, 2},
		"cron: all is well":   {"deploy-shop", "0", 0, 1},
		"cron: unhealthy":     {"deploy-shop", "3", 3, 1},
		"cron: once more":     {"deploy-shop", "4 0", 0, 2},
		"cron: another works": {"deploy-shop", "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, text := range map[string]string{
				"bin/docker":   "#!/bin/sh\necho \"$@\" >> \"$DIR/calls\"\nset -- $(cat \"$DIR/codes\")\necho \"$*\" | cut -s -d ' ' -f 2- > \"$DIR/codes\"\nexit \"$1\"\n",
				"bin/git":      "#!/bin/sh\n[ \"$*\" = 'pull --quiet --ff-only' ]\n",
				"ci/deploy.sh": script("ci/deploy.sh"),
				"deploy-shop":  script("deploy-shop"),
				"codes":        c.codes + "\n",
				"calls":        "",
			} {
				path = filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{filepath.Join(dir, c.script), "shop", "stack.yml"}
			if name == "cron: another works" {
				args = append([]string{"flock", filepath.Join(dir, "lock"), "sh"}, args...)
			} else {
				args = append([]string{"sh"}, args...)
			}
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "DIR="+dir, "SHOP_DIR="+dir, "SHOP_LOCK="+filepath.Join(dir, "lock"))
			out, err := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.want {
				t.Errorf("exit code %d, want %d: %v %s", got, c.want, err, out)
			}
			calls, err := os.ReadFile(filepath.Join(dir, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Repeat("bluegreen up --file stack.yml --project-name shop --with-registry-auth\n", c.wantCalls); string(calls) != want {
				t.Errorf("calls %q, want %q", calls, want)
			}
		})
	}
}
