//go:build linux

package lab

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// Volume is the directory of a local volume of the node, as the machine sees it, whether the node
// is on or not.
func (n *Node) Volume(name string) string {
	return n.file(filepath.Join("data/volumes", name, "_data"))
}

// Posts adds up what test applications on all nodes wrote into their volumes of that name
// (APP_COUNT_DIR): the POSTs that each version has handled, also in containers that are gone.
func (l *Lab) Posts(volume string) (map[string]int, error) {
	sum := map[string]int{}
	for _, n := range l.Nodes() {
		files, err := filepath.Glob(filepath.Join(n.Volume(volume), "*@*"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			if len(b) == 8 { // empty before the first one
				version, _, _ := strings.Cut(filepath.Base(f), "@")
				sum[version] += int(binary.BigEndian.Uint64(b))
			}
		}
	}
	return sum, nil
}
