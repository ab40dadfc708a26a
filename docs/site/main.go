// Command site makes a web site of README and docs: bin/site, for make site. Pages need no script
// and nothing from other servers. A link that leads nowhere is an error.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", "../..", "top of the repository")
	to := flag.String("to", "../../bin/site", "folder of the site; its earlier content is removed")
	flag.Parse()
	made, err := Make(*root, *to)
	if err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
	fmt.Printf("%s: %d pages, %d links checked\n", *to, made.Pages, made.Links)
}
