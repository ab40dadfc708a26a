package compose

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/mount"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// behindProxies finds what an app counts on that it does not have behind proxies, in two colors: as
// far as a file tells.
func (m *model) behindProxies(p *Project) error {
	if m.raw[bluegreen.Key] != nil && !slices.ContainsFunc(p.Services, func(s Service) bool { return s.BlueGreen != nil }) {
		m.warnings = append(m.warnings, bluegreen.Key+" at the top of the file only sets defaults, and no service has "+bluegreen.Key+": no service is blue-green")
	}
	var errs []error
	for i := range p.Services {
		s := &p.Services[i]
		if s.BlueGreen == nil {
			continue
		}
		if err := errors.Join(databases(*s), m.pinTemplates(s), bridges(p, *s)); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, err))
		}
		m.warnSticky(*s)
		for _, other := range p.Services {
			m.warnNames(*s, other)
		}
	}
	return errors.Join(errs...)
}

// databaseFolders are where databases and brokers keep files that one process at a time may write
// to.
var databaseFolders = []string{
	"/bitnami/cassandra", "/bitnami/elasticsearch", "/bitnami/mariadb", "/bitnami/mongodb", "/bitnami/mysql", "/bitnami/postgresql",
	"/bitnami/rabbitmq", "/bitnami/redis", "/data/configdb", "/data/db", "/opt/couchdb/data", "/usr/share/elasticsearch/data",
	"/usr/share/opensearch/data", "/var/lib/cassandra", "/var/lib/clickhouse", "/var/lib/etcd", "/var/lib/influxdb",
	"/var/lib/influxdb2", "/var/lib/mongodb", "/var/lib/mysql", "/var/lib/neo4j", "/var/lib/pgsql", "/var/lib/postgresql",
	"/var/lib/rabbitmq", "/var/lib/scylla", "/var/opt/mssql",
}

// databases finds files of a database that both colors would write to.
func databases(s Service) error {
	for _, mnt := range s.Spec.TaskTemplate.ContainerSpec.Mounts {
		if mnt.Type == mount.TypeTmpfs || mnt.Source == "" || mnt.ReadOnly {
			continue
		}
		for dir := path.Clean(mnt.Target); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if slices.Contains(databaseFolders, dir) {
				return fmt.Errorf("volumes: %s (at %s) holds the files of a database, and two releases would write to them at once "+
					"and destroy them: take %s out", mnt.Source, mnt.Target, bluegreen.Key)
			}
		}
	}
	return nil
}

// bridges finds networks of drivers that services cannot be on.
func bridges(p *Project, s Service) error {
	for _, attachment := range s.Spec.TaskTemplate.Networks {
		if driver := p.Networks[attachment.Target].Create.Driver; !isUserDefined(driver) {
			return fmt.Errorf("networks: %s has the driver %s, and proxies find tasks on overlay networks only: take the driver out", attachment.Target, driver)
		}
	}
	return nil
}

var (
	traefikSticky = lazy(`^traefik\.(?:http\.services\..+\.loadbalancer\.sticky(?:\..*)?|(?:[^.]+\.)?backend\.loadbalancer\.(?:sticky|stickiness)(?:\..*)?)$`)
	caddySticky   = lazy(`^caddy(_\d+)?\..*\blb_policy$`)
)

// warnSticky warns of cookies by which a router binds clients to a task: behind it there are the
// proxies.
func (m *model) warnSticky(s Service) {
	for _, label := range slices.Sorted(maps.Keys(s.Spec.Labels)) {
		value, name := s.Spec.Labels[label], strings.ToLower(label)
		off := strings.EqualFold(value, "false")
		if traefikSticky().MatchString(name) && !off || caddySticky().MatchString(name) && strings.HasPrefix(value, "cookie") || name == "com.df.sessiontype" {
			m.warnf(s.Name, "deploy.labels: %s: it binds a client to a proxy, but a proxy sends each request to any task: keep "+
				"sessions where all tasks find them", label)
			return
		}
	}
}
