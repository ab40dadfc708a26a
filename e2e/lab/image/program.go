//go:build linux

package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"
)

// binaries are the programs that images are made of, and where their packages have them.
var binaries = map[string]string{"haproxy": "usr/sbin/haproxy", "nginx": "usr/sbin/nginx", "caddy": "usr/bin/caddy"}

// program is one version of a program, with the files of its package and of the libraries that this
// depends on.
type program struct {
	name    string // haproxy
	version string // 3.2.26
	asked   []string
	files   tree // only what it needs to run
}

// series is the version as images are tagged: 3.2.
func (p program) series() string { return series(p.version) }

func series(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// tags are the program's series and the words by which it was asked for.
func (p program) tags() []string {
	words := slices.Concat([]string{p.series()}, p.asked)
	slices.Sort(words)
	var tags []string
	for _, word := range slices.Compact(words) {
		tags = append(tags, p.name+":"+word)
	}
	return tags
}

// tree is the whole file system of the image, as bare as can be: no shell.
func (p program) tree() tree {
	t := tree{
		"tmp":                      {dir: true, mode: 0o1777},
		"etc/passwd":               {content: []byte("root:x:0:0::/:/bin/false\n" + p.name + ":x:99:99::/:/bin/false\n"), mode: 0o644},
		"etc/group":                {content: []byte("root:x:0:\n" + p.name + ":x:99:\n"), mode: 0o644},
		"usr/local/sbin/" + p.name: {link: "/" + binaries[p.name]},
	}
	if p.name == "nginx" {
		t[nginxConf] = node{content: []byte(nginxDefault), mode: 0o644}
		t["usr/share/nginx/html/index.html"] = node{content: []byte("<h1>Welcome to nginx!</h1>\n"), mode: 0o644}
	}
	for name, n := range p.files {
		t[name] = n
	}
	return t
}

// nginxDefault does what the configuration in nginx's public image does, in an image without a log
// directory.
const (
	nginxConf    = "etc/nginx/nginx.conf"
	nginxDefault = `daemon off;
user root;
pid /tmp/nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  types { text/html html; }
  server {
    listen 80;
    root /usr/share/nginx/html;
  }
}
`
)

// config is the configuration of the image.
func (p program) config() config {
	c := config{Env: []string{"PATH=" + searchPath}, Entrypoint: []string{"/usr/local/sbin/" + p.name}}
	switch p.name {
	case "nginx":
		c.StopSignal, c.Cmd = "SIGQUIT", []string{"-e", "stderr", "-c", "/" + nginxConf}
	case "haproxy":
		c.User, c.StopSignal = "haproxy", "SIGUSR1"
		c.Env = append(c.Env, "HAPROXY_VERSION="+p.version)
		c.Cmd = []string{"-f", "/usr/local/etc/haproxy/haproxy.cfg"}
	}
	return c
}

// closure picks a program, its loader and the libraries that it needs out of unpacked packages.
func closure(unpacked tree, binary string) (tree, error) {
	needed := tree{}
	todo := []string{binary}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if _, done := needed[name]; done {
			continue
		}
		n, err := unpacked.follow(name)
		if err != nil {
			return nil, err
		}
		needed[name] = n
		libraries, err := unpacked.dependencies(n.content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		todo = append(todo, libraries...)
	}
	return needed, nil
}

// dependencies are the paths of an ELF file's loader and of the libraries that it names.
func (t tree) dependencies(content []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range names {
		p, ok := t.library(name)
		if !ok {
			return nil, fmt.Errorf("needs %s, which none of its packages has", name)
		}
		paths = append(paths, p)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return nil, err
		}
		paths = append(paths, strings.Trim(string(b), "/\x00"))
	}
	return paths, nil
}

// library finds a library in the directories where the loader looks: lib/TRIPLET and
// usr/lib/TRIPLET, or above.
func (t tree) library(name string) (string, bool) {
	var found []string
	for p := range t {
		if path.Base(p) == name && strings.HasPrefix(strings.TrimPrefix(p, "usr/"), "lib") && strings.Count(strings.TrimPrefix(p, "usr/"), "/") <= 2 {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return slices.Min(found), true
}

// follow is the file behind symbolic links. Packages may name /lib64 and have /usr/lib64: those
// directories are one.
func (t tree) follow(name string) (node, error) {
	at := name
	for range 10 {
		n, ok := t[at]
		if !ok {
			n, ok = t["usr/"+at]
		}
		switch {
		case !ok:
			return node{}, fmt.Errorf("%s: not in the packages", name)
		case n.link == "":
			n.mode = 0o755
			return n, nil
		case path.IsAbs(n.link):
			at = strings.TrimPrefix(path.Clean(n.link), "/")
		default:
			at = path.Join(path.Dir(at), n.link)
		}
	}
	return node{}, fmt.Errorf("%s: too many links", name)
}
