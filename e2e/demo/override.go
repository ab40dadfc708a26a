//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// override is what the demo changes of an example to run it on any engine.
type override struct {
	Node    string // the one that has the images
	HAProxy string
	Target  int // port of web's tasks
	Port    int
	Ingress bool
	Beside  []string // services of the example beside web
}

// The file is laid over that of the example, as docker compose does with several -f.
var overrideFile = template.Must(template.New("override").Parse(`
x-bluegreen:
  proxy: {image: "{{.HAProxy}}"}
services:
  web:
    ports: !override
      - {target: {{.Target}}, published: {{.Port}}, mode: {{if .Ingress}}ingress{{else}}host{{end}}}
    deploy: &deploy
      placement: {constraints: ["node.id == {{.Node}}"]}
{{- if not .Ingress}}
      endpoint_mode: dnsrr
{{- end}}
{{- range .Beside}}
  {{.}}: {deploy: *deploy}
{{- end}}
`))

func writeOverride(dir string, o override) (file string, err error) {
	var b strings.Builder
	if err := overrideFile.Execute(&b, o); err != nil {
		return "", err
	}
	file = filepath.Join(dir, "demo.yaml")
	return file, os.WriteFile(file, []byte(b.String()), 0o644)
}
