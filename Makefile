# Everything works from a fresh clone with Go. demo, test and bench need Debian (or what comes from it) and root;
# what they miss they install from Debian's packages, and say so.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
PLUGIN    = bin/docker-bluegreen
PLUGINDIR = $(or $(DOCKER_CONFIG),$(HOME)/.docker)/cli-plugins
PACKAGE   = github.com/docker-bluegreen/docker-bluegreen/plugin/about

# The same source, Go and VERSION make the same bytes, wherever the clone lies: no paths, no C, no state of git but what is given here.
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false
LINK  = -ldflags '-s -w -X $(PACKAGE).Version=$(VERSION) -X $(PACKAGE).Commit=$(COMMIT)'

# The oldest HAProxy that is supported, and the newest that Debian's releases have.
HAPROXIES = 2.6 newest

# One clear line where something cannot run. What Debian can install is installed later, by the commands themselves.
GOTEST  = @command -v $(GO) >/dev/null || { echo 'make $@: Go is missing: install it from https://go.dev/dl (1.26 or newer)' >&2; exit 1; }
MACHINE = $(GOTEST); [ "$$(uname -s)" = Linux ] || { echo 'make $@: swarms are made of namespaces and HAProxy of Debian packages: run it on Debian, as root' >&2; exit 1; }

# A clone of another user's, as with sudo: git answers nothing there, and nothing here needs it to.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

.PHONY: help build install release test unit core e2e five-minutes test-ingress fuzz soak mutants demo bench picture site lint clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: ## Build the plugin: bin/docker-bluegreen
	$(GOTEST)
	$(BUILD) $(LINK) -o $(PLUGIN) ./cmd/docker-bluegreen

install: build ## Build it and install it for this user ($DOCKER_CONFIG or ~/.docker)
	install -D -m 755 $(PLUGIN) $(PLUGINDIR)/docker-bluegreen

# The time of the commit stands for the time of the build, so that the same commit makes the same bytes.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)

release: ## Make all files of a release in dist: archives, deb, rpm, checksums, install script, formula
	$(GOTEST)
	CGO_ENABLED=0 $(GO) run -C cmd/release . -version '$(VERSION)' -commit '$(COMMIT)' -epoch '$(SOURCE_DATE_EPOCH)' -out '$(CURDIR)/dist' $(if $(PLATFORMS),-platforms '$(PLATFORMS)')

test: unit core ## Run the tests: packages, real HAProxy, real swarms (root, about half an hour)

# -count 1: Go does not see that pages changed which lie above the module.
unit: ## Run the tests that need no swarm
	$(MACHINE)
	$(GO) test -v -timeout 30m ./swarm/histories
	$(GO) run ./e2e/lab/roots $(HAPROXIES) -- $(GO) test -timeout 30m -parallel 9 $$($(GO) list ./... | grep -v /histories)
	cd compose/paritytest && $(GO) test ./...
	cd cmd/release && CGO_ENABLED=0 $(GO) test -timeout 30m ./...
	cd docs/site && $(GO) test -count 1 ./...

# It names each scenario when it ends, and says at the end what failed. -count 1: Go cannot know that the plugin changed.
SCENARIOS = $(GO) run gotest.tools/gotestsum@v1.13.0 --hide-summary skipped --format $(if $(RUN),standard-verbose,testname) -- -tags e2e -count 1 -p 1 -parallel 3

# Those that say most about what Swarm does, also on the newest engine that Debian has; TestNodes is there anyway.
NEWEST  = 28.5
ON_BOTH = ^(TestFlipUnderLoad|TestBrokenVersions|TestAdopt|TestSuite|TestProxiesRoll|TestTestedRelease|TestHistory|TestGuard|TestPause|TestCanary|TestUpdatePaused)$$

core: ## Run the scenarios on real swarms that every change must pass
	$(MACHINE)
	$(SCENARIOS) -short -timeout 45m ./e2e ./e2e/browser
	E2E_ENGINE=$(NEWEST) $(SCENARIOS) -short -timeout 45m -run '$(ON_BOTH)' ./e2e

# ENGINE is the version of Docker Engine on the nodes: 20.10, 26.1 or 28.5 out of Debian's packages, 29 compiled from
# its modules, 29-ahead with a clock an hour ahead. Several make a swarm whose nodes differ. Without it nodes have the
# machine's own engine, but those of TestNodes 28.5. RUN is a pattern for names of scenarios.
e2e: ## Run all scenarios on real swarms (ENGINE=28.5, ENGINE='20.10 28.5', RUN=TestFlip)
	$(MACHINE)
	E2E_ENGINE="$(ENGINE)" $(SCENARIOS) $(if $(RUN),-run '$(RUN)') -timeout 90m ./e2e/...

five-minutes: ## Walk from the deb on a fresh Debian to the rollback, on a real swarm, and print the seconds of each step
	@$(MAKE) -s e2e RUN='^TestFiveMinutes$$$$'

test-ingress: ## Run the scenario that needs IPVS (ingress mesh, virtual addresses), in its own virtual machine
	$(MACHINE)
	@$(BUILD) -o bin/ingress ./e2e/ingress
	@bin/ingress

FUZZ = -run '^$$' -fuzztime 1m -fuzzminimizetime 20x

fuzz: ## Feed random input to the loader, to HAProxy's files and to the control port, a minute each
	$(MACHINE)
	set -e; for target in FuzzLoad FuzzSettings FuzzSubstitute; do $(GO) test ./compose $(FUZZ) -fuzz "^$$target$$"; done
	$(GO) run ./e2e/lab/roots $(HAPROXIES) -- $(GO) test ./swarm/haproxy $(FUZZ) -fuzz '^FuzzFiles$$'
	$(GO) run ./e2e/lab/roots $(HAPROXIES) -- $(GO) test ./swarm/haproxy $(FUZZ) -parallel 1 -fuzz '^FuzzControl$$'

TIME ?= 10m

soak: ## Run random histories in memory for TIME, 10 minutes if not given
	$(GOTEST)
	$(GO) test ./swarm/histories -run '^TestHistories$$' -v -count 1 -timeout 0 -soak -time $(TIME)

mutants: ## Bring known faults back, one after the other: the tests must find each (RUN=07 for those of a name)
	$(MACHINE)
	$(GO) test -tags mutants ./swarm/histories -run '^TestMutants$$/$(RUN)' -v -count 1 -timeout 0

demo: ## Show a new release, a flip and a rollback under traffic, on the engine that docker talks to
	$(MACHINE)
	@$(BUILD) -o bin/demo ./e2e/demo
	@bin/demo

bench: ## Measure flips, throughput and latency on its own swarm
	$(MACHINE)
	@$(BUILD) -o bin/bench ./e2e/bench
	@bin/bench

picture: ## Record examples/hello on the engine that docker talks to, and draw docs/picture.svg
	$(MACHINE)
	@$(BUILD) -o bin/demo ./e2e/demo
	@bin/demo -record docs/site/picture/up.cast
	@cd docs/site && $(GO) run ./picture -from picture/up.cast -to ../picture.svg

site: ## Make the web site of README and docs: bin/site
	$(GOTEST)
	@cd docs/site && $(GO) run . -root ../.. -to ../../bin/site

lint: ## Check the source: format, vet, modules, staticcheck
	@.ci/lint

clean: ## Remove what was built
	rm -rf bin dist
