package plugin

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Values of --ci.
const (
	ciAuto   = "auto"
	ciGitHub = "github"
	ciGitLab = "gitlab"
	ciNone   = "none"
)

var ciSystems = []string{ciAuto, ciGitHub, ciGitLab, ciNone}

// ci is the CI system in whose log the output is, ciNone for none. Nobody reads a terminal through
// one.
func (a *app) ci() string {
	switch {
	case a.common.ci != ciAuto && a.common.ci != "":
		return a.common.ci
	case a.Err().IsTerminal():
		return ciNone
	case a.getenv("GITHUB_ACTIONS") == "true":
		return ciGitHub
	case a.getenv("GITLAB_CI") != "":
		return ciGitLab
	}
	return ciNone
}

// isForMachines says that stderr is read by a program, or by nobody.
func (a *app) isForMachines() bool {
	return a.common.progress == progressJSON || a.common.progress == progressQuiet
}

// section is a progress that a CI system shows folded: a line begins it before the first event, and
// another one ends it.
type section struct {
	progress
	write      func(string)
	begin, end func() string

	mu            sync.Mutex
	begun, closed bool
}

// sectioned puts the progress of a command into a section of the CI system, if there is one.
func (a *app) sectioned(p progress, title string) progress {
	s := &section{progress: p, write: func(text string) { fmt.Fprint(a.verbatim().Err(), text) }}
	switch {
	case a.isForMachines():
		return p
	case a.ci() == ciGitHub:
		s.begin = func() string { return workflowCommand("group", nil, "docker bluegreen "+title) }
		s.end = func() string { return workflowCommand("endgroup", nil, "") }
	case a.ci() == ciGitLab:
		name := sectionName(title, a.now())
		s.begin = func() string {
			return fmt.Sprintf("\x1b[0Ksection_start:%d:%s\r\x1b[0Kdocker bluegreen %s\n", a.now().Unix(), name, printable(title))
		}
		s.end = func() string { return fmt.Sprintf("\x1b[0Ksection_end:%d:%s\r\x1b[0K\n", a.now().Unix(), name) }
	default:
		return p
	}
	return s
}

// sectionName is a name that no other section of a GitLab job has.
func sectionName(title string, now time.Time) string {
	plain := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-') {
			return r
		}
		return '_'
	}, title)
	return fmt.Sprintf("bluegreen_%s_%d", plain, now.UnixNano())
}

func (s *section) Event(e cluster.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !s.begun {
		s.begun = true
		s.write(s.begin())
	}
	s.progress.Event(e)
}

func (s *section) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.Close()
	if s.begun && !s.closed {
		s.write(s.end())
	}
	s.closed = true
}

// annotateWarnings shows the warnings about the stack file where GitHub shows the file.
func (a *app) annotateWarnings(p *compose.Project) {
	if a.ci() != ciGitHub || a.isForMachines() {
		return
	}
	for _, w := range p.WarningPlaces {
		fmt.Fprint(a.verbatim().Err(), a.annotation("warning", w))
	}
}

// annotateError shows the error that ends a command where GitHub shows the file, or on the page of
// the run: its first line, since the log has the rest.
func (a *app) annotateError(err error, text string) {
	if a.ci() != ciGitHub || a.common.progress == progressJSON {
		return
	}
	wrong, ok := err.(*compose.FileError) //nolint:errorlint // one that is wrapped says more than this
	if !ok {
		first, _, _ := strings.Cut(text, "\n")
		wrong = &compose.FileError{Problems: []compose.Problem{{Text: first}}}
	}
	for _, p := range wrong.Problems {
		fmt.Fprint(a.verbatim().Err(), a.annotation("error", p))
	}
}
