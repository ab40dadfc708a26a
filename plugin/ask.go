package plugin

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// canAsk says whether a person sits there who can answer.
func (a *app) canAsk() bool {
	return a.common.progress != progressJSON && a.In().IsTerminal() && a.Err().IsTerminal()
}

// confirmed shows what a command would do that must be asked for first, and returns what the person
// says. Everything but a clear yes is a no.
func (a *app) confirmed(ctx context.Context, c *plan.ConfirmationError) (bool, error) {
	l := chooseLook(a.getenv)
	if err := writePlan(a.Err(), c.Plan, l); err != nil {
		return false, err
	}
	fmt.Fprintf(a.Err(), "%s\nGo on? [y/N] ", printable(c.Why()))
	answer, err := orCanceled(ctx, func() (string, error) {
		line, err := bufio.NewReader(a.In()).ReadString('\n')
		if err != nil && line == "" {
			return "", nil //nolint:nilerr // the end of the input is a no
		}
		return line, nil
	})
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
