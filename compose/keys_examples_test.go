package compose

import (
	"strings"
)

// keyFiles are the files that examples refer to.
var keyFiles = map[string]string{
	"one.env":         "A=1\n",
	"labels":          "com.example.a=1\n",
	"data":            "x",
	"common.yml":      "services: {base: {image: common, user: me}, web: {image: common, user: me}}\n",
	"sub/one.env":     "B=2\n",
	"project/one.env": "B=3\n",
	"sub/part.yml":    "services: {part: {image: \"part:${A:-0}\", env_file: one.env}}\n",
}

// web is a file whose service web has these keys.
func web(keys string) string { return "services: {web: {image: a, " + keys + "}}" }

// keyExamples are files by the keys that stand in them, and those below: the longest name that fits
// counts. What a key does is seen by taking it out.
var keyExamples = map[string]string{
	"version":                             `{version: "3.8", services: {web: {image: a}}}`,
	"name":                                `{name: other, services: {web: {image: a}}}`,
	"include":                             `{include: [{path: sub/part.yml, project_directory: project, env_file: one.env}], services: {web: {image: a}}}`,
	"services":                            web(""),
	"models":                              `{models: {m: {model: ai/model}}, services: {web: {image: a}}}`,
	"jobs":                                `{jobs: {j: {image: j, triggers: {manual: true}}}, services: {web: {image: a}}}`,
	"services.*.annotations":              web(`annotations: {a: b}`),
	"services.*.blkio_config":             web(`blkio_config: {weight: 300}`),
	"services.*.build":                    web(`build: {context: .}`),
	"services.*.configs":                  `{services: {web: {image: a, configs: [{source: c, target: /c, uid: "1", gid: "2", mode: 256}]}}, configs: {c: {file: data}}}`,
	"services.*.credential_spec":          web(`credential_spec: {file: spec.json}`),
	"services.*.depends_on":               `services: {web: {image: a, depends_on: [db]}, db: {image: b}}`,
	"services.*.credential_spec.registry": web(`credential_spec: {registry: key}`),
	"services.*.credential_spec.config":   `{services: {web: {image: a, credential_spec: {config: c}}}, configs: {c: {file: data}}}`,
	"services.*.depends_on.*":             `services: {web: {image: a, depends_on: {db: {condition: service_healthy, required: false}}}, db: {image: b}}`,
	"services.*.deploy.resources":         web(`deploy: {resources: {limits: {cpus: "0.5", memory: 100M, pids: 5}, reservations: {cpus: "0.1", memory: 50M, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}}`),
	"services.*.deploy.resources.reservations.devices": web(`deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}`),
	"services.*.depends_on.*.restart":                  `services: {web: {image: a, depends_on: {db: {condition: service_started, restart: true}}}, db: {image: b}}`,
	"services.*.deploy":                                web(`deploy: {endpoint_mode: dnsrr, labels: {a: b}, replicas: 3}`),
	"services.*.deploy.placement":                      web(`deploy: {placement: {constraints: [node.role == worker], max_replicas_per_node: 2, preferences: [{spread: node.labels.az}]}}`),
	"services.*.deploy.restart_policy":                 web(`deploy: {restart_policy: {condition: on-failure, delay: 1s, max_attempts: 3, window: 10s}}`),
	"services.*.deploy.update_config":                  web(`deploy: {update_config: {delay: 1s, failure_action: rollback, max_failure_ratio: 0.1, monitor: 5s, order: start-first, parallelism: 2}}`),
	"services.*.deploy.rollback_config":                web(`deploy: {rollback_config: {delay: 1s, failure_action: continue, max_failure_ratio: 0.1, monitor: 5s, order: start-first, parallelism: 2}}`),
	"services.*.deploy.mode":                           web(`deploy: {mode: global}`),
	"services.*.develop":                               web(`develop: {watch: [{path: ., action: rebuild}]}`),
	"services.*.device_cgroup_rules":                   web(`device_cgroup_rules: ["c 1:3 mr"]`),
	"services.*.devices":                               web(`devices: [/dev/null]`),
	"services.*.env_file":                              web(`env_file: one.env`),
	"services.*.env_file[]":                            web(`env_file: [{path: one.env, required: false}]`),
	"services.*.env_file[].required":                   web(`env_file: [{path: missing.env, required: false}]`),
	"services.*.env_file[].format":                     web(`env_file: [{path: one.env, format: dotenv}]`),
	"services.*.expose":                                web(`expose: ["80"], x-bluegreen: {}`),
	"services.*.extends":                               web(`extends: {file: common.yml, service: base}`),
	"services.*.gpus":                                  web(`gpus: all`),
	"services.*.healthcheck":                           web(`healthcheck: {test: [CMD, a], interval: 1s, timeout: 1s, retries: 3, start_period: 1s, start_interval: 1s}`),
	"services.*.healthcheck.disable":                   web(`healthcheck: {disable: true}`),
	"services.*.logging":                               web(`logging: {driver: json-file, options: {max-size: 1m}}`),
	"services.*.models":                                `{services: {web: {image: a, models: {m: {endpoint_var: A}}}}, models: {m: {model: ai/model}}}`,
	"services.*.network_mode":                          web(`network_mode: host`),
	"services.*.networks":                              `{services: {web: {image: a, networks: {n: {aliases: [b], driver_opts: {a: b}}}}}, networks: {n: {}}}`,
	"services.*.ports":                                 web(`ports: [{target: 80, published: 8080, protocol: udp, mode: host}]`),
	"services.*.ports[].name":                          web(`ports: [{target: 80, name: p}]`),
	"services.*.ports[].app_protocol":                  web(`ports: [{target: 80, app_protocol: http}]`),
	"services.*.ports[].host_ip":                       web(`ports: [{target: 80, published: 8080, host_ip: 127.0.0.1}]`),
	"services.*.networks.*.gw_priority":                `{services: {web: {image: a, networks: {n: {gw_priority: 1}}}}, networks: {n: {}}}`,
	"services.*.networks.*.interface_name":             `{services: {web: {image: a, networks: {n: {interface_name: eth9}}}}, networks: {n: {}}}`,
	"services.*.networks.*.ipv4_address":               `{services: {web: {image: a, networks: {n: {ipv4_address: 10.1.0.5}}}}, networks: {n: {}}}`,
	"services.*.networks.*.ipv6_address":               `{services: {web: {image: a, networks: {n: {ipv6_address: 2001:db8::5}}}}, networks: {n: {}}}`,
	"services.*.networks.*.link_local_ips":             `{services: {web: {image: a, networks: {n: {link_local_ips: [169.254.1.1]}}}}, networks: {n: {}}}`,
	"services.*.networks.*.mac_address":                `{services: {web: {image: a, networks: {n: {mac_address: "02:42:ac:11:65:43"}}}}, networks: {n: {}}}`,
	"services.*.networks.*.priority":                   `{services: {web: {image: a, networks: {n: {priority: 1}}}}, networks: {n: {}}}`,
	"services.*.networks.*.use_service_name_alias":     `{services: {web: {image: a, networks: {n: {use_service_name_alias: false}}}}, networks: {n: {}}}`,
	"services.*.post_start":                            web(`post_start: [{command: a}]`),
	"services.*.pre_start":                             web(`pre_start: [{command: a}]`),
	"services.*.pre_stop":                              web(`pre_stop: [{command: a}]`),
	"services.*.profiles":                              `services: {web: {image: a}, other: {image: b, profiles: [p]}}`,
	"services.*.provider":                              web(`provider: {type: model}`),
	"services.*.secrets":                               `{services: {web: {image: a, secrets: [{source: s, target: t, uid: "1", gid: "2", mode: 256}]}}, secrets: {s: {file: data}}}`,
	"services.*.ulimits":                               web(`ulimits: {nofile: {soft: 1, hard: 2}}`),
	"services.*.volumes":                               `{services: {web: {image: a, volumes: [{type: volume, source: v, target: /v, read_only: true, volume: {nocopy: true, subpath: a}}]}}, volumes: {v: {}}}`,
	"services.*.volumes[].consistency":                 web(`volumes: [{type: bind, source: /a, target: /a, consistency: cached}]`),
	"services.*.volumes[].bind":                        web(`volumes: [{type: bind, source: /a, target: /a, bind: {propagation: shared}}]`),
	"services.*.volumes[].tmpfs":                       web(`volumes: [{type: tmpfs, target: /a, tmpfs: {size: 1000}}]`),
	"services.*.volumes[].tmpfs.mode":                  web(`volumes: [{type: tmpfs, target: /a, tmpfs: {mode: 1023}}]`),
	"services.*.volumes[].image":                       web(`volumes: [{type: image, source: b, target: /a, image: {subpath: c}}]`),
	"services.*.volumes[].volume.labels":               `{services: {web: {image: a, volumes: [{type: volume, source: v, target: /v, volume: {labels: {a: b}}}]}}, volumes: {v: {}}}`,
	"services.*.volumes[].bind.create_host_path":       web(`volumes: [{type: bind, source: /a, target: /a, bind: {create_host_path: true}}]`),
	"services.*.volumes[].bind.recursive":              web(`volumes: [{type: bind, source: /a, target: /a, bind: {recursive: disabled}}]`),
	"services.*.volumes[].bind.selinux":                web(`volumes: [{type: bind, source: /a, target: /a, bind: {selinux: z}}]`),
	"networks":                                         `{services: {web: {image: a, networks: [n]}}, networks: {n: {name: m, attachable: true, driver: other, driver_opts: {a: b}, internal: true, labels: {a: b}, ipam: {driver: other, config: [{subnet: 10.1.0.0/16}]}}}}`,
	"networks.*.enable_ipv4":                           `{services: {web: {image: a, networks: [n]}}, networks: {n: {enable_ipv4: false}}}`,
	"networks.*.enable_ipv6":                           `{services: {web: {image: a, networks: [n]}}, networks: {n: {enable_ipv6: true}}}`,
	"networks.*.external":                              `{services: {web: {image: a, networks: [n]}}, networks: {n: {external: true, name: x}}}`,
	"networks.*.external.name":                         `{services: {web: {image: a, networks: [n]}}, networks: {n: {external: {name: x}}}}`,
	"networks.*.ipam.options":                          `{services: {web: {image: a, networks: [n]}}, networks: {n: {ipam: {options: {a: b}}}}}`,
	"networks.*.ipam.config[].gateway":                 `{services: {web: {image: a, networks: [n]}}, networks: {n: {ipam: {config: [{subnet: 10.1.0.0/16, gateway: 10.1.0.9}]}}}}`,
	"networks.*.ipam.config[].ip_range":                `{services: {web: {image: a, networks: [n]}}, networks: {n: {ipam: {config: [{subnet: 10.1.0.0/16, ip_range: 10.1.2.0/24}]}}}}`,
	"networks.*.ipam.config[].aux_addresses":           `{services: {web: {image: a, networks: [n]}}, networks: {n: {ipam: {config: [{subnet: 10.1.0.0/16, aux_addresses: {h: 10.1.0.8}}]}}}}`,
	"volumes.*.external":                               `{services: {web: {image: a, volumes: ["data:/v"]}}, volumes: {data: {external: true, name: x}}}`,
	"volumes.*.external.name":                          `{services: {web: {image: a, volumes: ["data:/v"]}}, volumes: {data: {external: {name: x}}}}`,
	"secrets.*.external":                               `{services: {web: {image: a, secrets: [s]}}, secrets: {s: {external: true, name: x}}}`,
	"secrets.*.external.name":                          `{services: {web: {image: a, secrets: [s]}}, secrets: {s: {external: {name: x}}}}`,
	"configs.*.external":                               `{services: {web: {image: a, configs: [c]}}, configs: {c: {external: true, name: x}}}`,
	"configs.*.external.name":                          `{services: {web: {image: a, configs: [c]}}, configs: {c: {external: {name: x}}}}`,
	"volumes":                                          `{services: {web: {image: a, volumes: ["data:/v"]}}, volumes: {data: {name: w, driver: other, driver_opts: {a: b}, labels: {a: b}}}}`,
	"secrets":                                          `{services: {web: {image: a, secrets: [s]}}, secrets: {s: {name: t, file: data, labels: {a: b}, template_driver: golang}}}`,
	"secrets.*.driver":                                 `{services: {web: {image: a, secrets: [s]}}, secrets: {s: {driver: vault, driver_opts: {a: b}}}}`,
	"secrets.*.driver_opts":                            `{services: {web: {image: a, secrets: [s]}}, secrets: {s: {driver: vault, driver_opts: {a: b}}}}`,
	"secrets.*.environment":                            `{services: {web: {image: a, secrets: [s]}}, secrets: {s: {environment: HOME}}}`,
	"configs":                                          `{services: {web: {image: a, configs: [c]}}, configs: {c: {name: d, file: data, labels: {a: b}, template_driver: golang}}}`,
	"configs.*.content":                                `{services: {web: {image: a, configs: [c]}}, configs: {c: {content: b}}}`,
	"configs.*.environment":                            `{services: {web: {image: a, configs: [c]}}, configs: {c: {environment: HOME}}}`,
}

// plainValues are values of keys of a service that need nothing else in the file.
var plainValues = map[string]string{
	"attach": "true", "cap_add": "[NET_ADMIN]", "cap_drop": "[ALL]", "cgroup": "host", "cgroup_parent": "a", "command": "a b", "container_name": "my-web",
	"cpu_count": "1", "cpu_percent": "10", "cpu_period": "1000", "cpu_quota": "1000", "cpu_rt_period": "1000", "cpu_rt_runtime": "1000",
	"cpu_shares": "10", "cpus": "0.5", "cpuset": `"0"`, "dns": "1.1.1.1", "dns_opt": "[use-vc]", "dns_search": "example.org",
	"domainname": "example.org", "entrypoint": "a b", "environment": "{A: b}", "external_links": "[a]", "extra_hosts": `["h:10.0.0.1"]`,
	"group_add": "[mail]", "hostname": "h", "init": "true", "ipc": "host", "isolation": "hyperv", "label_file": "labels", "labels": "{a: b}",
	"links": "[web]", "mac_address": "02:42:ac:11:65:43", "mem_limit": "100M", "mem_reservation": "50M", "mem_swappiness": "10",
	"memswap_limit": "200M", "oom_kill_disable": "true", "oom_score_adj": "100", "pid": "host", "pids_limit": "10", "platform": "linux/arm64",
	"privileged": "true", "pull_policy": "always", "pull_refresh_after": "1h", "read_only": "true", "restart": "on-failure", "runtime": "runc",
	"scale": "2", "security_opt": `["no-new-privileges:true"]`, "shm_size": "64M", "stdin_open": "true", "stop_grace_period": "20s",
	"stop_signal": "SIGINT", "storage_opt": "{size: 1G}", "sysctls": "{net.core.somaxconn: 1024}", "tmpfs": "/run", "tty": "true",
	"umask": `"022"`, "use_api_socket": "true", "user": "me", "userns_mode": "host", "uts": "host", "volumes_from": "[web]", "working_dir": "/w",
}

// exampleOf is a file with a key in it.
func exampleOf(name string) string {
	if value := plainValues[strings.TrimPrefix(name, "services.*.")]; value != "" {
		return web(strings.TrimPrefix(name, "services.*.") + ": " + value)
	}
	best := ""
	for prefix := range keyExamples {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && (rest == "" || strings.ContainsAny(rest[:1], ".[")) && len(prefix) > len(best) {
			best = prefix
		}
	}
	return keyExamples[best]
}
