package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/swarm"
)

// Names of profiles that need no file.
const (
	unconfined       = "unconfined"
	builtinSeccomp   = "builtin"
	defaultAppArmor  = "docker-default"
	selinuxDisable   = "disable"
	securityNoNewPri = "no-new-privileges"
)

// privileges are security_opt and credential_spec. docker stack deploy drops security_opt.
func (m *model) privileges(s types.ServiceConfig) (*swarm.Privileges, error) {
	out := &swarm.Privileges{}
	var errs []error
	credentials, err := m.credentialSpec(s.CredentialSpec)
	if err != nil {
		errs = append(errs, fmt.Errorf("credential_spec: %w", err))
	}
	out.CredentialSpec = credentials
	for _, option := range s.SecurityOpt {
		known, err := m.securityOption(out, option)
		if err != nil {
			errs = append(errs, fmt.Errorf("security_opt: %w", err))
		}
		if !known {
			m.warnf(s.Name, "security_opt: %s: %s", option, without)
		}
	}
	return out, errors.Join(errs...)
}

// securityOption adds one entry of security_opt; known is false for those that Swarm has no word
// for.
func (m *model) securityOption(p *swarm.Privileges, option string) (known bool, err error) {
	key, value := cutOption(option)
	switch key {
	case securityNoNewPri:
		p.NoNewPrivileges = true
		if value != "" {
			p.NoNewPrivileges, err = strconv.ParseBool(value)
		}
		if err != nil {
			return true, fmt.Errorf("%s: %q is not true or false", key, value)
		}
		return true, nil
	case "seccomp":
		p.Seccomp, err = m.seccomp(value)
		return true, err
	case "apparmor":
		return appArmor(p, value), nil
	case "label":
		return selinuxLabel(p, value), nil
	}
	return false, nil
}

// cutOption cuts at the first = or, as older files have it, at the first colon.
func cutOption(option string) (key, value string) {
	key, value, ok := strings.Cut(option, "=")
	if !ok {
		key, value, _ = strings.Cut(option, ":")
	}
	return key, value
}

// seccomp reads the profile from a file beside the stack file, as docker run does: its content is
// sent.
func (m *model) seccomp(profile string) (*swarm.SeccompOpts, error) {
	switch profile {
	case unconfined:
		return &swarm.SeccompOpts{Mode: swarm.SeccompModeUnconfined}, nil
	case builtinSeccomp:
		return nil, nil
	case "":
		return nil, errors.New("seccomp: there is no profile: write seccomp=unconfined or seccomp=FILE")
	}
	path := profile
	if !filepath.IsAbs(path) {
		path = filepath.Join(m.dir, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("seccomp: %s: %w", path, cause(err))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil {
		return nil, fmt.Errorf("seccomp: %s: a profile is JSON: %w", path, err)
	}
	return &swarm.SeccompOpts{Mode: swarm.SeccompModeCustom, Profile: compact.Bytes()}, nil
}

// appArmor is false for profiles of the user's own, which Swarm cannot name.
func appArmor(p *swarm.Privileges, profile string) bool {
	switch profile {
	case unconfined:
		p.AppArmor = &swarm.AppArmorOpts{Mode: swarm.AppArmorModeDisabled}
		return true
	case defaultAppArmor:
		return true
	}
	return false
}

// selinuxLabel is false for labels that Swarm has no word for, such as filetype.
func selinuxLabel(p *swarm.Privileges, label string) bool {
	c := p.SELinuxContext
	if c == nil {
		c = &swarm.SELinuxContext{}
	}
	kind, value, _ := strings.Cut(label, ":")
	switch {
	case label == selinuxDisable:
		c.Disable = true
	case kind == "user":
		c.User = value
	case kind == "role":
		c.Role = value
	case kind == "type":
		c.Type = value
	case kind == "level":
		c.Level = value
	default:
		return false
	}
	p.SELinuxContext = c
	return true
}
