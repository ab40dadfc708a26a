package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

// checksums is the file with the SHA-256 of all others, in the form that sha256sum --check reads.
const checksums = "checksums.txt"

// written are the files that are made from a template: each by the name of its template.
var written = map[string]os.FileMode{"install.sh": 0o755, "docker-bluegreen.rb": 0o644}

// finish writes what needs the checksums of the archives, and then all checksums.
func (r release) finish(platforms []platform) error {
	archives := map[string]*archived{}
	for _, p := range platforms {
		name := r.asset(p, p.archive())
		sum, err := sumOf(r.path(name))
		if err != nil {
			return err
		}
		archives[p.name()] = &archived{Platform: p.name(), URL: r.url + "/" + name, Sum: sum}
	}
	for name, mode := range written {
		if err := r.fill(name, mode, archives); err != nil {
			return err
		}
	}
	return r.sums()
}

// archived is an archive as templates see it.
type archived struct {
	Platform string
	URL      string
	Sum      string // SHA-256, in hexadecimal
}

// uname are the platforms of the install script, by what uname -s and uname -m print there.
var uname = map[string]string{
	"linux/amd64": "Linux/x86_64", "linux/arm64": "Linux/aarch64", "linux/arm/v7": "Linux/armv7l",
	"darwin/amd64": "Darwin/x86_64", "darwin/arm64": "Darwin/arm64",
}

// fill writes a file from its template.
func (r release) fill(name string, mode os.FileMode, archives map[string]*archived) error {
	functions := template.FuncMap{
		"archive": func(platform string) *archived { return archives[platform] },
		"uname":   func(platform string) string { return uname[platform] },
	}
	t, err := template.New(name).Funcs(functions).ParseFS(templates, "templates/"+name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]any{"Version": r.version, "Number": r.number(), "Home": home, "Archives": archives}); err != nil {
		return err
	}
	return os.WriteFile(r.path(name), b.Bytes(), mode)
}

// sums writes the checksums of all files.
func (r release) sums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		sum, err := sumOf(r.path(e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(r.path(checksums), []byte(b.String()), 0o644)
}

func sumOf(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
