package plugin

import (
	"fmt"
	"path"
	"slices"

	"github.com/docker/cli/cli"
	"github.com/spf13/cobra"
)

// stackArgs is for commands that are about a stack: it is named with -p, and not by an argument as
// for docker stack.
func stackArgs(cmd *cobra.Command, args []string) error {
	err := cli.NoArgs(cmd, args)
	switch {
	case err == nil:
		return nil
	case slices.Contains([]string{".yml", ".yaml"}, path.Ext(args[0])):
		return fmt.Errorf("'%s' accepts no arguments: if %s is the stack file, write -f %s", cmd.CommandPath(), args[0], args[0])
	}
	return fmt.Errorf("'%s' accepts no arguments: if %s is the name of the stack, write -p %s", cmd.CommandPath(), args[0], args[0])
}
