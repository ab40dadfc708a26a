package plugin

import (
	"fmt"

	"github.com/spf13/cobra"
)

// variable is an environment variable of the plugin, for the reference. What flag names gets its
// value from it where the command line has none.
type variable struct{ name, flag, meaning string }

// variables are all that the plugin reads itself.
var variables = []variable{
	{"BLUEGREEN_PROGRESS", "progress", "the value of `--progress` where the command line has none"},
	{"BLUEGREEN_TIMEOUT", "timeout", "the value of `--timeout` where the command line has none, for example `10m`"},
	{"BLUEGREEN_LOCK_TIMEOUT", "lock-timeout", "the value of `--lock-timeout` where the command line has none"},
	{notifyVariable, "", "URLs that are told what a command does to traffic, with blanks between them; those of `--notify` are told too"},
	{prometheusVariable, "", "the address of Prometheus, before `guard.prometheus.url` of the file"},
	{"COMPOSE_FILE", "", "the stack files where `--file` is missing, with `:` between them"},
	{"COMPOSE_PATH_SEPARATOR", "", "what stands between them instead"},
	{"COMPOSE_PROJECT_NAME", "", "the name of the stack where `--project-name` is missing"},
	{"COMPOSE_PROFILES", "", "the profiles where `--profile` is missing, with commas between them"},
	{"DOCKER_HOST, DOCKER_CONTEXT", "", "the engine to talk to, as for every docker command"},
	{"DOCKER_CONFIG", "", "the folder of docker's configuration: contexts, and the credentials of `docker login`"},
	{"GITHUB_ACTIONS, GITLAB_CI", "", "`true`: the output is for the log of that CI system, unless `--ci` says otherwise"},
	{summaryVariable, "", "on GitHub, the file that gets a summary of the command in Markdown"},
	{"NO_COLOR", "", "any value: no colors"},
	{"TERM", "", "`dumb`: progress is plain"},
	{"LC_ALL, LC_CTYPE, LANG", "", "the first that is set decides if a terminal gets more than ASCII"},
	{"GITHUB_SHA, CI_COMMIT_SHA, GIT_COMMIT", "", "the commit of a release where the folder of the file is not a git repository"},
}

// fromVariables sets the flags that the command line does not set and a variable does.
func fromVariables(cmd *cobra.Command, getenv func(string) string) error {
	for _, v := range variables {
		f := cmd.Flags().Lookup(v.flag)
		if f == nil || f.Changed || getenv(v.name) == "" {
			continue
		}
		if err := f.Value.Set(getenv(v.name)); err != nil {
			return badFlag(cmd.Name(), fmt.Sprintf("variable %s=%s: %s", v.name, printable(getenv(v.name)), err))
		}
	}
	return nil
}
