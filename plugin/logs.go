package plugin

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

func newLogsCommand(a *app) *cobra.Command {
	var o swarm.LogOptions
	var timestamps bool
	cmd := &cobra.Command{
		Use:   "logs [OPTIONS] [SERVICE...]",
		Short: "Show what the tasks of services print",
		Long: `Show what the tasks of services print, of both colors, with the task before each
line. Without names, show all services of the stack. logs needs no file.

--color chooses one color by its name, the one that is active or idle when the command
begins, or the proxies. Without --follow the lines are in the order of their time.

Behind logs, -f is --follow, as in docker. For the stack file write --file or -c there.`,
		Example: `  # What the release prints that has just got traffic
  docker bluegreen logs -p shop --color active -f web

  # The access log of the proxies
  docker bluegreen logs -p shop --color proxy --since 10m web`,
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				if ext := filepath.Ext(arg); o.Follow && (ext == ".yml" || ext == ".yaml") {
					return fmt.Errorf("-f follows the logs here, as in docker: for the stack file, write -c %s", arg)
				}
			}
			o.Services = args
			stack, err := a.stackName(cmd.Context())
			if err != nil {
				return err
			}
			return a.operate(cmd.Context(), "logs", stack, func(ctx context.Context, s session) error {
				return s.Logs(ctx, o, func(l swarm.LogLine) {
					at := ""
					if timestamps {
						at = l.At.Format("2006-01-02T15:04:05.000Z07:00") + " "
					}
					fmt.Fprintf(a.Out(), "%s | %s%s\n", printable(l.Task), at, printable(l.Text))
				})
			})
		},
	}
	fs := cmd.Flags()
	enumVar(cmd, fs, &o.Color, "color", swarm.LogsColors, []string{swarm.LogsActive, swarm.LogsIdle, "blue", "green", swarm.LogsProxy}, "Tasks of a blue-green service to show (default: both colors)")
	a.common.longFile(cmd)
	fs.BoolVarP(&o.Follow, "follow", "f", false, "Go on with what comes, until Ctrl-C")
	fs.StringVar(&o.Since, "since", "", "Show what is newer: a time, or a duration such as 10m")
	fs.StringVarP(&o.Tail, "tail", "n", "all", "Number of lines of each task from the end")
	fs.BoolVarP(&timestamps, "timestamps", "t", false, "Show the time of each line")
	return cmd
}
