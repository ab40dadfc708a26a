package bluegreen

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestUsualModesAreDocumented holds the table of docs/compose.md to the ports that are tcp by
// default.
func TestUsualModesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/compose.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, ports := range notHTTP {
		t.Run(name, func(t *testing.T) {
			row := "| " + name + " | " + strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ", "), "[]") + " |\n"
			if !strings.Contains(string(text), row) {
				t.Errorf("docs/compose.md does not have the row %s", row)
			}
		})
	}
}
