package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWords compares with what docker stack deploy makes of the same commands; module paritytest
// records it.
func TestWords(t *testing.T) {
	content, err := os.ReadFile("testdata/words.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		var want struct {
			Text  string
			Words []string
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("%q", want.Text), func(t *testing.T) {
			got, err := splitWords(want.Text)
			if refused := want.Words == nil; refused != (err != nil) || !refused && !slices.Equal(got, want.Words) {
				t.Errorf("got %q, %v; want %q", got, err, want.Words)
			}
		})
	}
}
