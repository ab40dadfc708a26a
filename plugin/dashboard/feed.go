package dashboard

import (
	"bytes"
	"encoding/json"
	"sync"
)

// feed holds the newest state of one thing, as JSON, and says when it changes.
type feed struct {
	mu      sync.Mutex
	text    []byte
	changed chan struct{}
}

// set replaces the state. What is the same as before is no change.
func (f *feed) set(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Equal(text, f.text) {
		return
	}
	f.text = text
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// get returns the state, nil if there is none yet, and a channel that closes when it changes.
func (f *feed) get() ([]byte, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.text, f.changed
}
