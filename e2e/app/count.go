package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// count keeps the number of POSTs in a file of 8 bytes, VERSION@HOST: a test can add up all of
// them, also those of containers that are gone, however they ended.
type count struct {
	mu   sync.Mutex
	file *os.File // nil without a directory
}

func openCount(dir string) (*count, error) {
	if dir == "" {
		return &count{}, nil
	}
	f, err := os.OpenFile(filepath.Join(dir, version+"@"+hostname), os.O_CREATE|os.O_WRONLY, 0o644)
	return &count{file: f}, err
}

func (c *count) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := posts.Add(1)
	if c.file != nil {
		c.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(n)), 0)
	}
}

// answer is a GET's answer, the version and the host, or a POST's, its body; a POST is counted
// before it is answered.
func (c *count) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		fmt.Fprintf(w, "%s %s\n", version, hostname)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.add()
	w.Write(body)
}
