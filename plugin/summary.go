package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

const (
	// summaryVariable is the environment variable with the file for the summary of a step of GitHub
	// Actions.
	summaryVariable = "GITHUB_STEP_SUMMARY"
	// summaryTime is how long the look at the swarm for a summary may take.
	summaryTime = 10 * time.Second
	// summarySteps is how many steps a summary has: GitHub takes 1 MiB.
	summarySteps = 200
	// summaryText is how many characters of one text it has.
	summaryText = 16_000
)

// summary is what a command did, for the page of a run of GitHub Actions.
type summary struct {
	command, stack string
	began          time.Time
	before, after  *swarm.Status // nil where nothing was there
	blind          bool          // the swarm did not say what was there

	mu       sync.Mutex
	order    []stepKey
	steps    map[stepKey]cluster.Event
	receipts []cluster.Event
}

// summarizing begins a summary, nil if nobody wants one.
func (a *app) summarizing(ctx context.Context, command, stack string) *summary {
	if a.summaryFile() == "" {
		return nil
	}
	s := &summary{command: command, stack: stack, began: a.now(), steps: map[stepKey]cluster.Event{}}
	s.before = a.lookAt(ctx, s)
	return s
}

func (a *app) summaryFile() string {
	if a.ci() != ciGitHub {
		return ""
	}
	return a.getenv(summaryVariable)
}

// lookAt is the status of the stack, nil if there is none.
func (a *app) lookAt(ctx context.Context, s *summary) *swarm.Status {
	ctx, cancel := context.WithTimeout(ctx, summaryTime)
	defer cancel()
	status, err := a.open(s.stack, nil).Status(ctx, false)
	if err != nil {
		s.blind = s.blind || !errors.Is(err, cluster.ErrNothingDeployed)
		return nil
	}
	return status
}

// event takes in what happened.
func (s *summary) event(e cluster.Event) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Receipt != nil {
		s.receipts = append(s.receipts, e)
	}
	if _, known := s.steps[keyOf(e)]; !known {
		s.order = append(s.order, keyOf(e))
	}
	s.steps[keyOf(e)] = e
}

// summarized writes the summary of a command that has ended.
func (a *app) summarized(ctx context.Context, s *summary, err error) {
	if s == nil {
		return
	}
	s.after = a.lookAt(context.WithoutCancel(ctx), s) // also after Ctrl-C
	a.appendSummary(s.markdown(err, a.now()))
	a.summaryWritten = true
}

// appendSummary adds to the file of the step. A deployment does not fail for it.
func (a *app) appendSummary(text string) {
	file, err := os.OpenFile(a.summaryFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = file.WriteString(text)
		err = cmp.Or(err, file.Close())
	}
	if err != nil {
		fmt.Fprintln(a.Err(), "warning: "+summaryVariable+": "+printable(err.Error()))
	}
}

// summarizeError writes the summary of an error before anything was done, such as one of the file.
func (a *app) summarizeError(err error) {
	if a.summaryWritten || a.summaryFile() == "" || isFlagError(err) {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### ❌ docker bluegreen\n\n")
	writeOutcome(&b, err)
	a.appendSummary(b.String())
}

// markdown is the whole summary. What comes from files, images or apps is only in code.
func (s *summary) markdown(err error, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	mark := "✅"
	if err != nil {
		mark = "❌"
	}
	fmt.Fprintf(&b, "### %s docker bluegreen %s %s\n\n", mark, s.command, markdownCode(s.stack))
	if err == nil {
		fmt.Fprintf(&b, "Done in %s.\n\n", seconds(now.Sub(s.began)))
	} else {
		writeOutcome(&b, err)
	}
	s.writeChanges(&b)
	s.writeReceipts(&b)
	s.writeNext(&b, err)
	s.writeSteps(&b)
	return b.String()
}

// writeOutcome writes the exit code and the cause of a failure, and what to do.
func writeOutcome(b *strings.Builder, err error) {
	code := exitCode(err)
	meaning := ""
	for _, c := range exitCodes {
		if c.Code == code {
			meaning = ": " + c.Meaning
		}
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) && text == context.Canceled.Error() {
		text = interrupted
	}
	fmt.Fprintf(b, "Exit code %d%s.\n\n%s\n", code, meaning, markdownBlock(text))
}

// serving is what has the traffic of a service, in words.
func serving(s *swarm.ServiceStatus) string {
	if s == nil {
		return "not deployed"
	}
	for _, c := range s.Colors {
		if c.Active {
			return fmt.Sprintf("release %d on %s, %s", c.Release, c.Color, markdownCode(c.Swarm.Image))
		}
	}
	return markdownCode(s.Swarm.Image)
}

// waiting is the release that waits for promote, in words.
func waiting(s *swarm.ServiceStatus) string {
	if s != nil {
		for _, c := range s.Colors {
			if c.Waiting {
				return fmt.Sprintf("; release %d on %s, %s, waits", c.Release, c.Color, markdownCode(c.Swarm.Image))
			}
		}
	}
	return ""
}

func serviceOf(s *swarm.Status, name string) *swarm.ServiceStatus {
	if s != nil {
		for i := range s.Services {
			if s.Services[i].Name == name {
				return &s.Services[i]
			}
		}
	}
	return nil
}

// services are the names of those before and after.
func (s *summary) services() []string {
	var names []string
	for _, status := range []*swarm.Status{s.before, s.after} {
		if status != nil {
			for _, service := range status.Services {
				names = append(names, service.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *summary) writeChanges(b *strings.Builder) {
	if s.blind {
		b.WriteString("The swarm did not say which releases it ran before, and runs now.\n\n")
		return
	}
	var rows []string
	for _, name := range s.services() {
		was, is := serviceOf(s.before, name), serviceOf(s.after, name)
		from, to := serving(was)+waiting(was), serving(is)+waiting(is)
		if from != to {
			rows = append(rows, markdownRow(markdownCode(name), from, to))
		}
	}
	if len(rows) == 0 {
		b.WriteString("All services have the releases that they had before.\n\n")
		return
	}
	b.WriteString("| service | before | now |\n|---|---|---|\n" + strings.Join(rows, "") + "\n")
}

func (s *summary) writeReceipts(b *strings.Builder) {
	if len(s.receipts) == 0 {
		return
	}
	b.WriteString("While the command worked:\n\n| service | requests | failed | waited | slowest |\n|---|---:|---:|---:|---:|\n")
	for _, e := range s.receipts {
		requests, failed, slowest := 0, 0, none
		for _, c := range e.Receipt.Colors {
			requests, failed = requests+c.Requests, failed+c.Failed
		}
		if e.Receipt.Slowest != nil {
			slowest = fmt.Sprintf("%d ms", *e.Receipt.Slowest)
		}
		b.WriteString(markdownRow(markdownCode(e.Service), fmt.Sprint(requests), fmt.Sprint(failed), fmt.Sprint(e.Receipt.Held), slowest))
	}
	b.WriteString("\n")
}

// writeNext writes the command to type next.
func (s *summary) writeNext(b *strings.Builder, err error) {
	stack := " -p " + s.stack
	var next []string
	switch exitCode(err) {
	case cluster.ExitDone:
		for _, name := range s.services() {
			was, is := serviceOf(s.before, name), serviceOf(s.after, name)
			switch {
			case waiting(is) != "":
				next = append(next, "docker bluegreen promote"+stack+" "+name)
			case was != nil && is != nil && was.Route != nil && is.Route != nil && was.Route.Active != is.Route.Active:
				next = append(next, "docker bluegreen rollback"+stack+" "+name+"  # the way back")
			}
		}
	case cluster.ExitUnhealthy:
		next = []string{"docker bluegreen history" + stack, "docker bluegreen up" + stack + " --dry-run"}
	case cluster.ExitUnconfirmed, cluster.ExitInterrupted:
		next = []string{"docker bluegreen status" + stack + " --live", "docker bluegreen " + s.command + stack}
	default:
		next = []string{"docker bluegreen status" + stack}
	}
	if len(next) > 0 {
		b.WriteString("Next:\n\n" + markdownBlock(strings.Join(next, "\n")) + "\n")
	}
}

func (s *summary) writeSteps(b *strings.Builder) {
	if len(s.order) == 0 {
		return
	}
	fmt.Fprintf(b, "<details><summary>Steps: %d</summary>\n\n| step | state | |\n|---|---|---|\n", len(s.order))
	for i, key := range s.order {
		if i == summarySteps {
			fmt.Fprintf(b, "\n%d more steps are in the log.\n", len(s.order)-i)
			break
		}
		e := s.steps[key]
		b.WriteString(markdownRow(markdownCode(label(e)), string(e.State), markdownCode(e.Text)))
	}
	b.WriteString("\n</details>\n\n")
}

func markdownRow(cells ...string) string {
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// markdownCode is a text as code within a line, also of a table: nothing in it means anything.
func markdownCode(text string) string {
	text = oneLine(printable(shortened(text)))
	if text == "" {
		return ""
	}
	fence := backticks(text, 1)
	if fence != "`" || strings.HasPrefix(text, "`") {
		text = " " + text + " "
	}
	return fence + strings.ReplaceAll(text, "|", `\|`) + fence
}

// markdownBlock is a text of several lines as code.
func markdownBlock(text string) string {
	fence := backticks(text, 3)
	return fence + "text\n" + strings.TrimRight(printable(shortened(text)), "\n") + "\n" + fence + "\n"
}

// backticks is a fence that is longer than any in the text, and at least of a length.
func backticks(text string, length int) string {
	run := 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		length = max(length, run+1)
	}
	return strings.Repeat("`", length)
}

func shortened(text string) string {
	if len(text) <= summaryText {
		return text
	}
	return strings.ToValidUTF8(text[:summaryText], "") + " ..."
}
