// Command docker-bluegreen is the docker CLI plugin behind docker bluegreen.
package main

import (
	"os"

	"github.com/docker-bluegreen/docker-bluegreen/plugin"
)

func main() { os.Exit(plugin.Main()) }
