package plugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// defaultLockTimeout outlasts an up of the other side that waits for its whole default timeout.
const defaultLockTimeout = 10 * time.Minute

// commonFlags are the flags of all commands.
type commonFlags struct {
	files    []string
	name     string
	envFiles []string
	profiles []string
	progress string
	ci       string
	notify   []string
	file     *pflag.Flag // --file
}

func (c *commonFlags) install(cmd *cobra.Command) {
	fs := cmd.PersistentFlags()
	fs.StringArrayVarP(&c.files, "file", "f", nil, "Compose file; several are merged, \"-\" is stdin (default: the file that docker compose finds)")
	// One value under two names, so that the order of the files is the order on the command line.
	c.file = fs.Lookup("file")
	fs.VarPF(c.file.Value, "compose-file", "c", "The same as --file, as docker stack deploy calls it")
	fs.StringVarP(&c.name, "project-name", "p", "", "Name of the stack (default: name in the file, or the file's folder)")
	fs.StringArrayVar(&c.envFiles, "env-file", nil, "File with variables for the compose file (default: .env beside it)")
	fs.StringArrayVar(&c.profiles, "profile", nil, "Profile of the compose file to activate")
	enumVar(cmd, fs, &c.progress, "progress", progressAuto, progressModes, "Form of the progress on stderr; also BLUEGREEN_PROGRESS")
	enumVar(cmd, fs, &c.ci, "ci", ciAuto, ciSystems, "CI system whose log the output is for: sections, annotations, summary")
	fs.StringArrayVar(&c.notify, "notify", nil, "URL that is told what a command does to traffic (https://, slack://, ntfy:// ...; also BLUEGREEN_NOTIFY)")
	must(cmd.MarkPersistentFlagFilename("file", "yml", "yaml"))
	must(cmd.MarkPersistentFlagFilename("compose-file", "yml", "yaml"))
	must(cmd.MarkPersistentFlagFilename("env-file"))
}

// longFile takes -f away from --file behind a command, for a meaning of its own.
func (c *commonFlags) longFile(cmd *cobra.Command) {
	cmd.Flags().VarPF(c.file.Value, c.file.Name, "", c.file.Usage)
	must(cmd.MarkFlagFilename(c.file.Name, "yml", "yaml"))
}

// enum is a flag that takes one of a few words.
type enum struct {
	value   *string
	allowed []string
}

// enumVar adds a flag that takes one of the allowed words, which it also completes.
func enumVar(cmd *cobra.Command, fs *pflag.FlagSet, p *string, name, value string, allowed []string, usage string) {
	*p = value
	fs.Var(&enum{value: p, allowed: allowed}, name, fmt.Sprintf("%s (%s)", usage, strings.Join(allowed, "|")))
	must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp)))
}

func (e *enum) String() string { return *e.value }
func (e *enum) Type() string   { return "string" }

func (e *enum) Set(s string) error {
	if !slices.Contains(e.allowed, s) {
		return fmt.Errorf("must be one of %s", strings.Join(e.allowed, ", "))
	}
	*e.value = s
	return nil
}

// span is a flag that takes a duration that is not negative.
type span struct{ value *time.Duration }

func spanVar(fs *pflag.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	fs.Var(&span{value: p}, name, usage)
}

// String leaves a zero out of the help text: it stands for a default that lives elsewhere.
func (s *span) String() string {
	if *s.value == 0 {
		return ""
	}
	return s.value.String()
}

func (s *span) Type() string { return "duration" }

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("must be a duration such as 90s or 5m")
	}
	if d < 0 {
		return fmt.Errorf("must not be negative")
	}
	*s.value = d
	return nil
}

func lockTimeoutVar(cmd *cobra.Command, p *time.Duration) {
	spanVar(cmd.Flags(), p, "lock-timeout", defaultLockTimeout, "Longest wait for another command on the same stack; 0s: do not wait; also BLUEGREEN_LOCK_TIMEOUT")
}

// must is for mistakes in the wiring of flags, which every test of this package would show.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// badFlag is the error for a wrong value on the command line.
func badFlag(command, text string) error {
	return cli.StatusError{StatusCode: exitBadFlags, Status: text + "\n\nRun 'docker bluegreen " + command + " --help' for more information"}
}

// release is a flag that takes the number of a release.
type release struct{ value *int }

func releaseVar(fs *pflag.FlagSet, p *int, name, usage string) {
	fs.Var(&release{p}, name, usage)
}

// String leaves out a zero, which stands for none.
func (r *release) String() string {
	if *r.value == 0 {
		return ""
	}
	return strconv.Itoa(*r.value)
}

func (r *release) Type() string { return "int" }

func (r *release) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return fmt.Errorf("must be the number of a release, such as 9: see `docker bluegreen history`")
	}
	*r.value = n
	return nil
}
