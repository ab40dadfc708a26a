package plugin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/about"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// installed builds the plugin into a CLI plugin folder of its own and returns the environment to
// use it in. Nothing listens where DOCKER_HOST points.
func installed(t *testing.T) (binary string, env []string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("signals and unix sockets")
	}
	config := t.TempDir()
	binary = filepath.Join(config, "cli-plugins", "docker-bluegreen")
	about := "-X github.com/docker-bluegreen/docker-bluegreen/plugin/about."
	build := exec.Command("go", "build", "-ldflags", about+"Version=v9.8.7 "+about+"Commit=abc123", "-o", binary, "../cmd/docker-bluegreen")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary, append(os.Environ(), "DOCKER_CONFIG="+config, "DOCKER_HOST=unix://"+filepath.Join(config, "no.sock"), "DOCKER_CONTEXT=")
}

func execute(env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = env
	cmd.Dir = os.TempDir()
	return cmd
}

// codeOf is the exit code that a command ended with.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

func TestMetadata(t *testing.T) {
	binary, env := installed(t)
	out, err := execute(env, binary, "docker-cli-plugin-metadata").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"SchemaVersion": "0.1.0", "Vendor": "docker-bluegreen", "Version": "v9.8.7", "ShortDescription": about.Short,
		"URL": "https://github.com/docker-bluegreen/docker-bluegreen",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Two answers come before the packages are initialized that need time for it: what docker asks
// before each command, and the version.
func TestQuickAnswers(t *testing.T) {
	binary, env := installed(t)
	var answers [2][]byte
	for i, args := range [][]string{{"bluegreen", "version"}, {"bluegreen", "version", "--format", "table"}} {
		var err error
		if answers[i], err = execute(env, binary, args...).Output(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Contains(answers[0], []byte("v9.8.7")) || !bytes.Equal(answers[0], answers[1]) {
		t.Errorf("version tells\n%s\nat once, and\n%s\notherwise", answers[0], answers[1])
	}
	initialized := func(args ...string) string {
		var stderr bytes.Buffer
		cmd := execute(append(env, "GODEBUG=inittrace=1"), binary, args...)
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return stderr.String()
	}
	slow := []string{"github.com/santhosh-tekuri/jsonschema/v6", "google.golang.org/grpc", "github.com/docker-bluegreen/docker-bluegreen/compose", "github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"}
	all, metadata, version := initialized("bluegreen", "version", "--format", "table"), initialized("docker-cli-plugin-metadata"), initialized("bluegreen", "version")
	for _, name := range slow {
		if !strings.Contains(all, "init "+name+" ") {
			t.Errorf("%s is not initialized any more: take it out of this test", name)
		}
		if strings.Contains(metadata+version, "init "+name+" ") {
			t.Errorf("%s is initialized for a quick answer", name)
		}
	}
}

func TestExitCodesUnderDocker(t *testing.T) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("the docker CLI is not installed")
	}
	_, env := installed(t)
	for args, want := range map[string]struct {
		code int
		// stderr is how the output begins there.
		stderr string
	}{
		"version":                    {0, ""},
		"-p x -c a -f b version":     {0, ""},
		"--help":                     {0, ""},
		"up --help":                  {0, ""},
		"":                           {0, "Usage:  docker bluegreen [OPTIONS] COMMAND"},
		"bogus":                      {1, "there is no command 'docker bluegreen bogus'"},
		"down web":                   {1, "'docker bluegreen down' accepts no arguments: if web is the name of the stack, write -p web"},
		"config stack.yml":           {1, "'docker bluegreen config' accepts no arguments: if stack.yml is the stack file, write -f stack.yml"},
		"-f no-such-file.yml up":     {1, "no-such-file.yml"},
		"-p shop status":             {1, "Cannot connect to the Docker daemon"},
		"--bogus":                    {125, "unknown flag: --bogus"},
		"up --bogus":                 {125, "unknown flag: --bogus"},
		"flip --to red":              {125, `invalid argument "red" for "--to" flag: must be one of blue, green`},
		"--progress loud up":         {125, `invalid argument "loud" for "--progress" flag: must be one of auto, tty, plain, json, quiet`},
		"status --format xml":        {125, `invalid argument "xml" for "--format" flag: must be one of table, json`},
		"up --timeout -1s":           {125, `invalid argument "-1s" for "--timeout" flag: must not be negative`},
		"down --lock-timeout 5":      {125, `invalid argument "5" for "--lock-timeout" flag: must be a duration such as 90s or 5m`},
		"up --resolve-image perhaps": {125, `invalid argument "perhaps" for "--resolve-image" flag: must be one of always, changed, never`},
	} {
		t.Run(cmp.Or(args, "nothing"), func(t *testing.T) {
			cmd := execute(env, docker, append([]string{"bluegreen"}, strings.Fields(args)...)...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if got := codeOf(t, cmd.Run()); got != want.code {
				t.Errorf("exit code %d, want %d: %s", got, want.code, stderr.String())
			}
			first, _, _ := strings.Cut(stderr.String(), "\n")
			if !strings.Contains(first, want.stderr) || want.stderr == "" && first != "" {
				t.Errorf("stderr begins with %q, want %q", first, want.stderr)
			}
			if want.stderr != "" && strings.Count(stderr.String(), want.stderr) > 1 {
				t.Errorf("told twice:\n%s", stderr.String())
			}
		})
	}
}

// Off a terminal the docker CLI does not pass the signal on, but closes a socket.
func TestInterruptUnderDocker(t *testing.T) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("the docker CLI is not installed")
	}
	binary, env := installed(t)
	for name, cmd := range map[string]*exec.Cmd{
		"docker": execute(env, docker, "bluegreen", "-f", "-", "up"),
		"direct": execute(env, binary, "bluegreen", "-f", "-", "up"),
	} {
		t.Run(name, func(t *testing.T) {
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// More than a pipe holds: when it is written, the plugin is reading.
			if _, err := io.WriteString(stdin, strings.Repeat("# comment\n", 20_000)); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if got := codeOf(t, cmd.Wait()); got != cluster.ExitInterrupted {
				t.Errorf("exit code %d", got)
			}
			if got := stderr.String(); got != "interrupted\n" {
				t.Errorf("stderr %q", got)
			}
		})
	}
}
