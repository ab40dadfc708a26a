package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
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

// bad counts the requests of which APP_BAD in a hundred are answered with status 500.
var bad atomic.Int64

// broken says that somebody has asked for that.
var broken atomic.Bool

// isBad says whether the next answer is to be a failure.
func isBad() bool {
	percent, _ := strconv.ParseInt(os.Getenv("APP_BAD"), 10, 64) // none is 0
	return percent > 0 && bad.Add(1)*percent%100 < percent
}

// answer is a GET's answer, the version and the host, or a POST's, its body; a POST is counted
// before it is answered.
func (c *count) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/break" {
		broken.Store(true)
	}
	if broken.Load() || isBad() {
		http.Error(w, "no such table", http.StatusInternalServerError)
		return
	}
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
