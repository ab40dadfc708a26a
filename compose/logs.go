package compose

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
)

// logs guards the global logger that compose-go writes to.
var logs sync.Mutex

// captureLogs runs load and returns what compose-go logged meanwhile, in our words, instead of
// printing it.
func captureLogs(load func() error) ([]string, error) {
	logs.Lock()
	defer logs.Unlock()
	logger := logrus.StandardLogger()
	hook := &logHook{}
	hooks := logger.ReplaceHooks(logrus.LevelHooks{logrus.WarnLevel: {hook}})
	out := logger.Out
	logger.SetOutput(io.Discard)
	defer func() {
		logger.SetOutput(out)
		logger.ReplaceHooks(hooks)
	}()
	err := guarded(load)
	slices.Sort(hook.messages)
	return slices.Compact(hook.messages), err
}

// guarded makes an error of a panic: compose-go has them for some input that its schema lets pass.
func guarded(load func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the file cannot be understood: %v", cause)
		}
	}()
	return load()
}

type logHook struct{ messages []string }

func (*logHook) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

func (h *logHook) Fire(entry *logrus.Entry) error {
	if message := reword(entry.Message); message != "" {
		h.messages = append(h.messages, message)
	}
	return nil
}

// unsetWarning is how the warning of a variable without a value begins.
const unsetWarning = "variable "

var unsetVariable = lazy(`^The "(.+)" variable is not set`)

// reword puts a message of compose-go into our words; empty means that it is not worth a warning.
func reword(message string) string {
	if found := unsetVariable().FindStringSubmatch(message); found != nil {
		return unsetWarning + found[1] + " is not set, so it is empty: set it, or give a default as in ${" + found[1] + ":-x}"
	}
	for _, harmless := range []string{"`version` is obsolete", "external.name is deprecated", "not supported by YAML 1.2"} {
		if strings.Contains(message, harmless) {
			return ""
		}
	}
	return message
}
