package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli"
	"github.com/nicholas-fedor/shoutrrr"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// notifyVariable is the environment variable with the URLs of those who are told, beside --notify.
const notifyVariable = "BLUEGREEN_NOTIFY"

const (
	// notifyTime is how long a receiver may take.
	notifyTime = 10 * time.Second
	// notifyQueue is how many messages may wait for it.
	notifyQueue = 64
)

// Kinds of notifications, beside those of cluster.Event.
const (
	notifyBegun  = "begun"
	notifyDone   = "done"
	notifyFailed = "failed"
)

// notification is what a receiver at an http or https URL gets. Fields are added, never changed.
type notification struct {
	// Time is when it happened.
	Time time.Time `json:"time"`
	// Kind is begun, done or failed for the command, and flipped, shared, state or went back for the
	// traffic of a service.
	Kind string `json:"kind"`
	// Command is up, flip, canary, promote, rollback, pause, resume, maintenance, live, wait or down.
	Command string `json:"command"`
	// Stack is the name of the stack.
	Stack string `json:"stack"`
	// Service is the compose service; empty for what is about the whole command.
	Service string `json:"service"`
	// Text says it in words, as on the screen.
	Text string `json:"text"`
	// Who is the user and the machine of the command.
	Who string `json:"who"`
	// ExitCode is that of a command that is done or failed.
	ExitCode int `json:"exit_code"`
}

// String is the line that chats get.
func (n notification) String() string {
	about := n.Stack
	if n.Service != "" {
		about += " " + n.Service
	}
	return fmt.Sprintf("%s: %s %s: %s (%s)", about, n.Command, n.Kind, n.Text, n.Who)
}

// receiver is somebody who is told. Its URL may hold a token: it is in no error.
type receiver struct {
	name string // such as "notification 2 of 3 (slack)"
	send func(context.Context, notification) error
	gone bool // it did not answer in time, and is not waited for again
}

// receivers reads URLs: http and https get JSON, others are those of shoutrrr, such as slack://.
func receivers(urls []string) ([]*receiver, error) {
	var list []*receiver
	for i, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" {
			return nil, badNotify(i, len(urls))
		}
		r := &receiver{name: fmt.Sprintf("notification %d of %d (%s)", i+1, len(urls), u.Scheme)}
		if u.Scheme == "http" || u.Scheme == "https" {
			r.send = func(ctx context.Context, n notification) error { return post(ctx, text, n) }
		} else {
			sender, err := shoutrrr.CreateSender(text)
			if err != nil {
				return nil, badNotify(i, len(urls))
			}
			r.send = func(_ context.Context, n notification) error {
				if errors.Join(sender.Send(n.String(), nil)...) != nil {
					return errors.New("it did not take the message")
				}
				return nil
			}
		}
		list = append(list, r)
	}
	return list, nil
}

func badNotify(i, n int) error {
	return cli.StatusError{StatusCode: exitBadFlags, Status: fmt.Sprintf(
		"notification %d of %d: its URL is not understood: use https://, or a URL of shoutrrr such as slack://, discord://, teams:// or ntfy:// (--notify, %s)",
		i+1, n, notifyVariable)}
}

// post sends a notification as JSON.
func post(ctx context.Context, address string, n notification) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL is not understood")
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) { // it quotes the URL
		return errors.New("no connection")
	}
	if err != nil {
		return errors.New("no answer")
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("it answered %s", response.Status)
	}
	return nil
}

// notifier tells receivers what a command does, while it goes on.
type notifier struct {
	command, stack, who string
	now                 func() time.Time
	warn                func(string)
	queue               chan notification
	ended               sync.WaitGroup
	begun               sync.Once
	some                bool // was told
}

// notifying begins to tell those whom --notify and the environment name; nil if there are none.
func (a *app) notifying(command, stack string, warn func(string)) (*notifier, error) {
	list, err := receivers(append(append([]string(nil), a.common.notify...), strings.Fields(a.getenv(notifyVariable))...))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	n := &notifier{command: command, stack: stack, who: swarm.Person(), now: a.now, warn: warn, queue: make(chan notification, notifyQueue)}
	n.ended.Go(func() { n.deliver(list) })
	return n, nil
}

// deliver sends all messages, each to all receivers at once.
func (n *notifier) deliver(list []*receiver) {
	for message := range n.queue {
		var all sync.WaitGroup
		for _, r := range list {
			if !r.gone {
				all.Go(func() { n.send(r, message) })
			}
		}
		all.Wait()
	}
}

// send sends a message to a receiver. Those of shoutrrr know no context: they are left behind.
func (n *notifier) send(r *receiver, message notification) {
	ctx, cancel := context.WithTimeout(context.Background(), notifyTime)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- r.send(ctx, message) }()
	var err error
	select {
	case err = <-sent:
	case <-ctx.Done():
	}
	if r.gone = ctx.Err() != nil; r.gone {
		err = errors.New("no answer in time: it is told nothing more")
	}
	if err != nil {
		n.warn(r.name + ": " + err.Error())
	}
}

// event tells of what happens to traffic, and before the first change that the command has begun.
func (n *notifier) event(e cluster.Event) {
	if n == nil || e.Service == "" && e.Kind == "" {
		return
	}
	if e.State == cluster.Working {
		n.begun.Do(func() { n.tell(notification{Kind: notifyBegun, Text: "it begins to change the stack"}) })
	}
	if e.Kind != "" {
		n.tell(notification{Kind: string(e.Kind), Service: e.Service, Text: printable(e.Text)})
	}
}

func (n *notifier) tell(message notification) {
	message.Time, message.Command, message.Stack, message.Who = n.now().UTC(), n.command, n.stack, n.who
	select {
	case n.queue <- message:
		n.some = true
	default: // nobody takes them: what traffic does must not wait for that
	}
}

// end tells how the command has ended, unless it had nothing to do, and waits until all is told.
func (n *notifier) end(err error) {
	if n == nil {
		return
	}
	switch {
	case err != nil:
		n.tell(notification{Kind: notifyFailed, Text: printable(err.Error()), ExitCode: exitCode(err)})
	case n.some:
		n.tell(notification{Kind: notifyDone, Text: "it has ended"})
	}
	close(n.queue)
	n.ended.Wait()
}
