package compose

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// TestNothingIsLogged sees to it that compose-go's log lines end up in Warnings, and the logger as
// it was.
func TestNothingIsLogged(t *testing.T) {
	var out bytes.Buffer
	logrus.SetOutput(&out)
	defer logrus.SetOutput(os.Stderr)
	p, err := loadText(t, "version: '3.8'\nservices: {web: {image: \"a:${UNSET}1\", tty: yes}}")
	if err != nil {
		t.Fatal(err)
	}
	want := "variable UNSET is not set, so it is empty: set it, or give a default as in ${UNSET:-x}"
	if len(p.Warnings) != 1 || p.Warnings[0] != want {
		t.Errorf("warnings: %q", p.Warnings)
	}
	if out.Len() > 0 {
		t.Errorf("logged: %s", out.String())
	}
	logrus.Warn("afterwards")
	if !strings.Contains(out.String(), "afterwards") {
		t.Error("the logger is not as it was")
	}
}

// TestSecretsStaySecret loads files in which something about a secret is wrong and looks for its
// value.
func TestSecretsStaySecret(t *testing.T) {
	const secret = "hunter2"
	big := strings.Repeat(secret, maxSecret/len(secret)+1)
	dir := write(t, map[string]string{"bad.env": "=" + secret + "\n", "blank.env": "A B=" + secret, "utf8.env": "A=" + secret + "\xff"})
	for name, file := range map[string]string{
		"too large":        "{services: {a: {image: a}}, secrets: {s: {environment: BIG}}}",
		"wrong kind":       "{services: {a: {image: a, environment: [[$S]]}}}",
		"bad template":     "{services: {a: {image: a, environment: {P: 'hunter2${'}}}}",
		"env no name":      "services: {a: {image: a, env_file: " + dir + "/bad.env}}",
		"env blank":        "services: {a: {image: a, env_file: " + dir + "/blank.env}}",
		"env utf8":         "services: {a: {image: a, env_file: " + dir + "/utf8.env}}",
		"secret undefined": "{services: {a: {image: a, secrets: [t]}}, secrets: {s: {environment: S}}}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadText(t, file, "S="+secret, "BIG="+big)
			if err == nil {
				t.Fatal("no error")
			}
			if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, secret) {
				t.Errorf("the error shows the secret: %.300s", text)
			}
		})
	}
}

func TestEnvFileErrorsHideContent(t *testing.T) {
	dir := write(t, map[string]string{"compose.yml": one, "my.env": "A=1\nhunter2 hunter2\n"})
	_, err := ProjectName(t.Context(), Options{Dir: dir, EnvFiles: []string{"my.env"}})
	expect(t, err, "env file "+dir+"/my.env: line 2 is not a variable: write one NAME=value a line")
}
