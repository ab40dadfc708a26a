package paritytest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/shlex"
)

// words is how a command is cut into words; Words is nil where it is refused.
type words struct {
	Text  string   `json:"text"`
	Words []string `json:"words"`
}

// TestWordsRecorded records what docker stack deploy makes of commands in one string.
func TestWordsRecorded(t *testing.T) {
	texts := []string{
		"", " ", "echo a; echo b", "a | b > c && d &", "(a; b) < `c` $(d)", `say "a b" 'c d' e\ f g"h"i`, "a#b #c d",
		"# only a comment\nword", `"unclosed`, `'unclosed`, `end\`, `"esc \" aped"`, `'no \ escape'`, "tab\tnewline\nreturn\r",
		"ünï cødé", `''`, `"" ''`, `a''b`, `\#x`, `a\`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("ab \t\n\"'\\#;|é")
	for range 400 {
		text := make([]rune, random.IntN(12))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		texts = append(texts, string(text))
	}
	var out []words
	for _, text := range texts {
		cut, err := shlex.Split(text)
		if err != nil {
			cut = nil
		}
		out = append(out, words{text, cut})
	}
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	for _, w := range out {
		if err := encoder.Encode(w); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, "../testdata/words.jsonl", content.Bytes())
}
