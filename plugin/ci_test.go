package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// inCI is a harness whose up emits events and returns an error, in a CI system.
func inCI(env map[string]string, failed error, events ...cluster.Event) *harness {
	h := newHarness()
	h.getenv = func(name string) string { return env[name] }
	h.load = func(context.Context, compose.Options) (*compose.Project, error) {
		return &compose.Project{Name: "shop"}, nil
	}
	h.open = func(_ string, emit func(cluster.Event)) operator {
		op := h.op
		op.up = func(context.Context, *compose.Project, plan.UpOptions) error {
			for _, e := range events {
				emit(e)
			}
			return failed
		}
		return op
	}
	return h
}

var (
	onGitHub = map[string]string{"GITHUB_ACTIONS": "true"}
	onGitLab = map[string]string{"GITLAB_CI": "true"}
)

// printed runs a command as Main does, and returns what stderr got.
func (h *harness) printed(args ...string) string {
	if err := h.run(args...); err != nil {
		h.reportError(err)
	}
	return h.err.String()
}

func TestSections(t *testing.T) {
	ready := cluster.Event{Service: "web", Step: "color green", State: cluster.Done, Text: "ready"}
	failed := errors.New("no: 100%\nits way out")
	plain := "web color green: ready\n"
	start := "\x1b[0Ksection_start:1772366400:bluegreen_up_shop_1772366400000000000\r\x1b[0Kdocker bluegreen up shop\n"
	end := "\x1b[0Ksection_end:1772366400:bluegreen_up_shop_1772366400000000000\r\x1b[0K\n"
	for name, c := range map[string]struct {
		env    map[string]string
		args   []string
		failed error
		want   string
	}{
		"no CI":             {nil, nil, failed, plain + "no: 100%\nits way out\n"},
		"GitHub":            {onGitHub, nil, nil, "::group::docker bluegreen up shop\n" + plain + "::endgroup::\n"},
		"GitHub, an error":  {onGitHub, nil, failed, "::group::docker bluegreen up shop\n" + plain + "::endgroup::\nno: 100%\nits way out\n::error title=docker bluegreen::no: 100%25\n"},
		"GitHub by wish":    {nil, []string{"--ci", "github"}, nil, "::group::docker bluegreen up shop\n" + plain + "::endgroup::\n"},
		"GitHub not wanted": {onGitHub, []string{"--ci", "none"}, failed, plain + "no: 100%\nits way out\n"},
		"GitHub, JSON":      {onGitHub, []string{"--progress", "json"}, nil, `{"time":"2026-03-01T12:00:00Z","service":"web","step":"color green","state":"done","text":"ready"}` + "\n"},
		"GitHub, JSON, an error": {onGitHub, []string{"--progress", "json"}, errors.New("##[error]no"), `{"time":"2026-03-01T12:00:00Z","service":"web","step":"color green","state":"done","text":"ready"}` + "\n" +
			`{"time":"2026-03-01T12:00:00Z","step":"exit","state":"failed","text":"#\u0023[error]no","exit_code":1}` + "\n"},
		"GitHub, quiet":     {onGitHub, []string{"--progress", "quiet"}, nil, ""},
		"GitLab":            {onGitLab, nil, failed, start + plain + end + "no: 100%\nits way out\n"},
		"GitLab not wanted": {onGitLab, []string{"--ci", "none"}, nil, plain},
		"GitLab, JSON":      {onGitLab, []string{"--progress", "json"}, nil, `{"time":"2026-03-01T12:00:00Z","service":"web","step":"color green","state":"done","text":"ready"}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := inCI(c.env, c.failed, ready)
			if got := h.printed(append(c.args, "-p", "shop", "up")...); got != c.want {
				t.Errorf("\n%q\nwant\n%q", got, c.want)
			}
		})
	}
	t.Run("a terminal", func(t *testing.T) {
		h := inCI(onGitHub, nil)
		h.Err().SetIsTerminal(true)
		if got := h.ci(); got != ciNone {
			t.Error(got)
		}
	})
	t.Run("nothing to tell", func(t *testing.T) {
		if got := inCI(onGitHub, nil).printed("-p", "shop", "up"); got != "" {
			t.Errorf("%q", got)
		}
	})
}

// What is wrong with the stack file is shown at its line, by its path in the repository.
func TestAnnotations(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "a,b%:.yml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for name, c := range map[string]struct {
		file      string
		args      []string
		workspace string
		want      []string
	}{
		"errors": {"services:\n  web:\n    image: a\n    imaje: b\n  db: {image: a, deploy: {replicas: '1,2: 3%'}}\n", []string{"config"}, filepath.Dir(dir), []string{
			"::error file=" + filepath.Base(dir) + `/a%2Cb%25%3A.yml,line=4,col=5,title=docker bluegreen::services.web: unknown key imaje: did you mean "image"?`,
			"::error file=" + filepath.Base(dir) + `/a%2Cb%25%3A.yml,line=5,col=27,title=docker bluegreen::services.db.deploy.replicas: "1,2: 3%25" is not a whole number`,
		}},
		"a file outside of the workspace": {"services: {web: {imaje: b}}\n", []string{"config"}, filepath.Join(dir, "x"), []string{
			`::error file=a%2Cb%25%3A.yml,line=1,col=18,title=docker bluegreen::services.web: unknown key imaje: did you mean "image"?`,
		}},
		"warnings": {"services:\n  web:\n    image: a\n    privileged: true\n", []string{"config", "-q"}, dir, []string{
			"::warning file=a%2Cb%25%3A.yml,line=4,col=5,title=docker bluegreen::service web: privileged: Swarm cannot do it, so the container runs unprivileged: use cap_add",
		}},
		"--strict": {"services:\n  web:\n    image: a\n    privileged: true\n", []string{"config", "-q", "--strict"}, dir, []string{
			"::error title=docker bluegreen::with --strict these are errors:",
			"::error file=a%2Cb%25%3A.yml,line=4,col=5,title=docker bluegreen::service web: privileged: Swarm cannot do it, so the container runs unprivileged: use cap_add",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			write(c.file)
			h := newHarness()
			h.getenv = func(name string) string {
				return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": c.workspace}[name]
			}
			var got []string
			for line := range strings.SplitSeq(h.printed(append([]string{"-p", "shop", "-f", "a,b%:.yml"}, c.args...)...), "\n") {
				if strings.HasPrefix(line, "::") {
					got = append(got, line)
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// isWorkflowCommand is how the runner of GitHub Actions finds commands in a line: see ActionCommand.cs
// in actions/runner.
func isWorkflowCommand(line string) bool {
	return strings.HasPrefix(strings.TrimSpace(line), "::") || regexp.MustCompile(`##\[[a-z-]`).MatchString(line)
}

// What an app writes is no command to the CI system, wherever it is shown, and whatever is the rest
// of its line.
func TestAppsCommandNothing(t *testing.T) {
	evil := []string{
		"::set-output name=a::b", "  ::stop-commands::x", "\t\u00a0::error::x", "\x1b[0m::add-mask::a", "\r::warning::x", "a\r::warning::x", "\u200b::x::", "\u202e::x::",
		"##[set-env name=PATH]x", "a ##[add-path]x", "#\x1b[m#[error]x", "::::x::", ":\x00:debug::x", "\u2028::x::", "\u3000::x::",
		"\x1b[0Ksection_start:1:a\r\x1b[0Kb", "section_end:1:a\r\x1b[0K",
	}
	text := strings.Join(evil, "\n")
	failed := &cluster.UnhealthyError{Service: "web", Color: "green", Cause: text, Tasks: []cluster.TaskFailure{{Task: text, State: "failed", Log: evil}}}
	events := []cluster.Event{
		{Service: "web", Step: "test", State: cluster.Failed, Text: text},
		{Step: evil[0], State: cluster.Warning, Text: evil[8]},
		{Step: "", State: cluster.Done, Text: text},
	}
	h0 := func(env map[string]string) *harness {
		h := inCI(env, failed, events...)
		h.op.logs = func(_ context.Context, _ swarm.LogOptions, emit func(swarm.LogLine)) error {
			for _, line := range evil {
				emit(swarm.LogLine{Task: line, Text: line})
			}
			return nil
		}
		h.op.history = func(context.Context, []string) (*swarm.History, error) {
			return &swarm.History{Releases: []swarm.ReleaseHistory{{Service: evil[0], Cause: text}}}, nil
		}
		return h
	}
	for name, args := range map[string][]string{
		"up": {"up"}, "up in JSON": {"--progress", "json", "up"}, "up on a terminal by wish": {"--progress", "tty", "up"}, "logs": {"logs"}, "history": {"history"},
		"history in JSON": {"history", "--format", "json"}, "history by template": {"history", "--format", "{{range .Releases}}{{.Cause}}{{end}}"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h0(onGitHub)
			h.printed(append([]string{"-p", "shop"}, args...)...)
			ours := regexp.MustCompile(`^::(group::docker bluegreen up shop|endgroup::|error title=docker bluegreen::service web .*)$`)
			lines := strings.FieldsFunc(h.out.String()+h.err.String(), func(r rune) bool { return r == '\n' || r == '\r' })
			if len(lines) == 0 {
				t.Fatal("nothing was printed")
			}
			for _, line := range lines {
				if isWorkflowCommand(line) && !ours.MatchString(line) {
					t.Errorf("a command: %q", line)
				}
			}
		})
		t.Run(name+" on GitLab", func(t *testing.T) {
			h := h0(onGitLab)
			h.printed(append([]string{"-p", "shop"}, args...)...)
			for _, found := range regexp.MustCompile(`section_(?:start|end):\d+:(\w+)[^\n]*\r\x1b\[0K`).FindAllStringSubmatch(h.out.String()+h.err.String(), -1) {
				if !strings.HasPrefix(found[1], "bluegreen_up_shop_") {
					t.Errorf("a section: %q", found[0])
				}
			}
		})
	}
}

func TestDisarming(t *testing.T) {
	for text, want := range map[string]string{
		"::error::x\n":                  ": :error::x\n",
		"a ::x\n  ::y\n":                "a ::x\n  : :y\n",
		"\r\n::x":                       "\r\n: :x",
		"##[x] a ##[y\n###[z":           "## [x] a ## [y\n### [z",
		": :x\n:a::b\n[::1]\n":          ": :x\n:a::b\n[::1]\n",
		"\u3000::x":                     "\u3000: :x",
		"plain text, a::b and ## [x]\n": "plain text, a::b and ## [x]\n",
	} {
		for cut := range len(text) + 1 {
			var b strings.Builder
			d := &disarming{out: &b}
			for _, part := range []string{text[:cut], text[cut:]} {
				if n, err := d.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			if b.String() != want {
				t.Errorf("%q cut at %d: %q, want %q", text, cut, b.String(), want)
			}
		}
	}
}
