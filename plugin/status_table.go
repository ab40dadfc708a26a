package plugin

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// writeStatusTable writes the status for a person: a line for each service and each of its colors.
func writeStatusTable(out io.Writer, l look, s *swarm.Status, now time.Time) error {
	t := newTable(out, l, "NAME", "STATE", "RELEASE", "IMAGE", "READY", "AGE")
	for _, service := range s.Services {
		t.row("  "+service.Name, serviceState(service), none, image(service.Swarm), ready(service.Swarm), age(service.Swarm, now))
		for _, c := range service.Colors {
			mark, state := "  ", "idle"
			switch {
			case c.Active:
				mark, state = "* ", "active"
			case service.Route != nil && service.Route.Share > 0:
				state = fmt.Sprintf("%d %% of the traffic", service.Route.Share)
			case c.Waiting:
				state = "waiting for promote"
			}
			t.row(mark+"  "+c.Color, state, fmt.Sprint(c.Release), image(c.Swarm), ready(c.Swarm), age(c.Swarm, now))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := writeProxies(out, l, s); err != nil {
		return err
	}
	return writeRemarks(out, s, now)
}

// serviceState says in a few words what a service is, and where its alias points.
func serviceState(s swarm.ServiceStatus) string {
	switch {
	case s.Route == nil:
		return s.Kind
	case s.Route.Next == s.Route.Active:
		return "-> " + s.Route.Active + ", not all proxies confirmed"
	case s.Route.Next != "":
		return "-> " + s.Route.Active + ", next " + s.Route.Next
	case s.Route.State != "":
		return s.Route.State + " (" + s.Route.Active + ")"
	case s.Route.Watched:
		return "-> " + s.Route.Active + ", watched"
	case s.Route.TakenBack != "":
		return "-> " + s.Route.Active + ", taken back"
	}
	return "-> " + s.Route.Active
}

// image is the image as written, with the beginning of its digest.
func image(s swarm.SwarmService) string {
	if s.Digest == "" {
		return s.Image
	}
	return s.Image + "@" + short12(s.Digest)
}

// short12 cuts a digest as docker does for people: no algorithm, 12 digits.
func short12(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(len(hex), 12)]
}

func ready(s swarm.SwarmService) string { return fmt.Sprintf("%d/%d", s.Ready, s.Wanted) }

func age(s swarm.SwarmService, now time.Time) string {
	if s.Since.IsZero() {
		return none
	}
	return units.HumanDuration(now.Sub(s.Since))
}

// writeRemarks writes below the table what needs a sentence.
func writeRemarks(out io.Writer, s *swarm.Status, now time.Time) error {
	var lines []string
	for _, service := range s.Services {
		if r := service.Route; r != nil && r.Next != "" {
			lines = append(lines, fmt.Sprintf("%s: a flip to %s has begun and not ended: run the same command again to end it, or docker bluegreen rollback to undo it",
				service.Name, r.Next))
		}
	}
	for _, service := range s.Services {
		switch r := service.Route; {
		case r == nil:
		case r.TakenBack != "":
			lines = append(lines, fmt.Sprintf("%s: the proxies have sent the traffic back to %s: %s", service.Name, r.Active, r.TakenBack))
		case r.Watched && r.Until != nil && r.Until.After(now):
			lines = append(lines, fmt.Sprintf("%s: the proxies watch the release on %s for %s more", service.Name, r.Active, strings.ToLower(units.HumanDuration(r.Until.Sub(now)))))
		case r.Watched && r.Until != nil:
			lines = append(lines, fmt.Sprintf("%s: the proxies have watched the release on %s for its time: docker bluegreen wait %s says what came of it", service.Name, r.Active, service.Name))
		case r.Watched:
			lines = append(lines, fmt.Sprintf("%s: the proxies watch the release that has a share", service.Name))
		}
	}
	if l := s.Lock; l != nil {
		lines = append(lines, fmt.Sprintf("locked by %s for %s", l.Owner, strings.ToLower(units.HumanDuration(now.Sub(l.Since)))))
	}
	for _, d := range s.Drift {
		lines = append(lines, "drift: "+d)
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\n%s\n", printable(strings.Join(lines, "\n")))
	return err
}
