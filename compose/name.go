package compose

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"
	"go.yaml.in/yaml/v4"
)

// ProjectName returns the name of the stack that the options lead to: Options.Name, which needs no
// file, else COMPOSE_PROJECT_NAME, else the name that a file gives, else the folder of the first
// file. The files are not validated. It fails when no file is found or the name is one that Swarm
// refuses.
func ProjectName(_ context.Context, o Options) (string, error) {
	if o.Name != "" {
		return o.Name, checkStackName(o.Name)
	}
	src, err := read(o)
	if err != nil {
		return "", err
	}
	name, _, err := src.stackName(o)
	return name, err
}

// stackName is the name of the stack, and whether it was given for it: see Project.Named.
func (s *sources) stackName(o Options) (name string, given bool, err error) {
	if name, err = s.givenName(o); err != nil {
		return "", false, err
	}
	given = name != ""
	if fromDotEnv := s.env.dotEnv[consts.ComposeProjectName]; fromDotEnv && o.Name == "" {
		given = false
	}
	if name == "" {
		name = loader.NormalizeProjectName(filepath.Base(s.dir))
	}
	if name == "" {
		return "", false, fmt.Errorf("the folder %s gives no name for the stack: name it with -p", s.dir)
	}
	return name, given, checkStackName(name)
}

// givenName is the name that someone wrote down, or empty.
func (s *sources) givenName(o Options) (string, error) {
	if o.Name != "" {
		return o.Name, nil
	}
	if name, _ := s.env.lookup(consts.ComposeProjectName); name != "" {
		return name, nil
	}
	name := ""
	for _, file := range s.files {
		var head struct {
			Name string `yaml:"name"`
		}
		if err := yaml.Unmarshal(file.Content, &head); err != nil {
			return "", fmt.Errorf("%s: %w", s.names, err)
		}
		if head.Name != "" {
			name = head.Name
		}
	}
	_, err := captureLogs(func() (err error) {
		name, err = substitute(name, s.env.lookup)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%s: name: %w", s.names, err)
	}
	return name, nil
}

// Limits that Swarm sets to names.
const (
	maxName   = 63 // services and networks: their names are DNS labels
	maxObject = 64 // secrets and configs
)

var (
	validName   = lazy(`^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$`)
	validObject = lazy(`^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$`)
)

// reservedSuffix ends the docker namespace of a stack's proxies and colors.
const reservedSuffix = "-bluegreen"

func checkStackName(name string) error {
	if !validName().MatchString(name) {
		return fmt.Errorf("stack name %q: Swarm takes letters, digits, - and _ only, with a letter or digit "+
			"first and last: give another one with -p", name)
	}
	if strings.HasSuffix(strings.ToLower(name), reservedSuffix) {
		return fmt.Errorf("stack name %q: names that end in %s are kept for the proxies and colors of the stack %q: "+
			"give another one with -p", name, reservedSuffix, name[:len(name)-len(reservedSuffix)])
	}
	if len(name) > maxName {
		return fmt.Errorf("stack name %q has %d characters; Swarm takes %d: give a shorter one with -p",
			name, len(name), maxName)
	}
	return nil
}

// checkName says whether Swarm takes name for a service or network.
func checkName(name string) error {
	if !validName().MatchString(name) {
		return fmt.Errorf("%q is not a name that Swarm takes: use letters, digits, - and _ only, with a letter or digit "+
			"first and last", name)
	}
	if len(name) > maxName {
		return fmt.Errorf("%q has %d characters and Swarm takes %d: shorten it, or the stack's name",
			name, len(name), maxName)
	}
	return nil
}

// checkObjectName says whether Swarm takes name for a secret or config.
func checkObjectName(name string) error {
	if !validObject().MatchString(name) {
		return fmt.Errorf("%q is not a name that Swarm takes: use letters, digits, -, _ and . only, with a letter or "+
			"digit first and last", name)
	}
	if len(name) > maxObject {
		return fmt.Errorf("%q has %d characters and Swarm takes %d: shorten it, or the stack's name",
			name, len(name), maxObject)
	}
	return nil
}
