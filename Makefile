# The targets that people and CI use; `make help` lists them.

GO       ?= go
TOOLS    := $(CURDIR)/.tools
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BRANCH   ?= $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
VPKG     := github.com/prometheus/common/version
LDFLAGS  := -s -w -X $(VPKG).Version=$(VERSION) -X $(VPKG).Revision=$(REVISION) -X $(VPKG).Branch=$(BRANCH)

# Where the demo and the tests find PostgreSQL's server; empty: look for it.
export PG_CANARY_PG_BIN ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-17s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The laboratory's programs. `go run` would not wait for them when it is interrupted.
LAB := bin/pg_canary_lab

.PHONY: $(LAB)
$(LAB):
	@$(GO) build -buildvcs=false -o $@ ./cmd/pg_canary_lab

# On a terminal, Ctrl-C is for the demo alone, which then ends well; make would
# call that an error.
.PHONY: run
run: $(LAB) ## Run the exporter on a primary and a replica of its own; ARGS="--load --pause --replicas=2" shows lag, ARGS="--failover" failovers.
	@trap : INT; if [ -t 0 ]; then set -m; fi; $(LAB) demo $(ARGS); exit $$?

.PHONY: build
build: ## Build the exporter into bin/.
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/pg_canary_exporter

# Asked of Go when a recipe needs it: it has a race detector where there is a C compiler.
RACE = $(shell $(GO) build -race runtime/cgo 2>/dev/null && echo -race)

.PHONY: test
test: tools ## Run all tests, on real servers, and then each fuzz target for ten seconds.
	$(GO) test $(RACE) -timeout 40m ./...
	GO=$(GO) scripts/fuzz.sh 10s

# How long each target runs.
FUZZTIME ?= 5m

.PHONY: fuzz
fuzz: ## Run each fuzz target for five minutes; FUZZTIME=1m is shorter.
	GO=$(GO) scripts/fuzz.sh $(FUZZTIME)

# Pages link to what other pages explain, and the copies for Kubernetes are of files that are made: these come last.
.PHONY: golden
golden: postgres ## Write what is made of something else: parts of the documentation, dashboards, recording rules, copies for Kubernetes, expected answers.
	UPDATE_GOLDEN=1 $(GO) test -count 1 -run 'Page$$|TestDocumentation|TestSchema$$|TestJSON|TestReports|TestExposition|TestFilesMatchTheirSource|TestLikeARealPair' \
		./cmd/pg_canary_exporter ./collector ./dashboards ./internal/config ./internal/drill ./internal/report ./internal/lab/faults ./internal/lab/simulate
	UPDATE_GOLDEN=1 $(GO) test -count 1 -run 'TestCopies|TestNamesAreLinked' ./deploy ./docs

.PHONY: tools
tools: $(LAB) ## Install what the tests need and this machine lacks.
	@$(LAB) install postgres pgbouncer haproxy nginx prometheus alertmanager cc locales chromium

.PHONY: postgres
postgres: $(LAB) ## Install PostgreSQL's server where it is missing.
	@$(LAB) install postgres

.PHONY: test-fresh
test-fresh: $(LAB) ## Run the README's commands in a minimal Debian; needs root.
	@$(LAB) install debootstrap
	scripts/test-fresh.sh

.PHONY: test-patroni
test-patroni: $(LAB) ## Try discovery and the whole exporter on a real Patroni with etcd: failovers, moves, a pause.
	@$(LAB) install postgres patroni etcd cc
	$(GO) test $(RACE) -tags patroni -count 1 -timeout 30m ./internal/lab/patroni

# A module of its own, with Helm's and Kubernetes' modules: building them takes minutes once, and seconds from then on. Go's cache
# of results knows no files outside of a module, and these tests are of nothing else.
.PHONY: test-deploy
test-deploy: ## Render the Helm chart and the manifests for Kubernetes, and check what comes out.
	cd deploy/test && GO=$(GO) $(GO) test -count 1 -timeout 20m ./...

.PHONY: guides
guides: $(LAB) ## Run the commands of docs/guides on real servers, and compare what they print; ARGS=streaming is one page, ARGS="--write streaming" writes what was seen.
	@$(LAB) install postgres prometheus alertmanager patroni etcd haproxy pgbouncer pg_auto_failover repmgr
	$(LAB) guides $(ARGS)

.PHONY: cover
cover: tools ## Measure the coverage of collector/....
	$(GO) test -coverpkg ./collector/... -coverprofile cover.out ./collector/... ./cmd/... ./internal/...
	$(GO) tool cover -func cover.out | tail -n 1

.PHONY: bench
bench: postgres ## Compare a scrape with its floor, on a pair of servers.
	$(LAB) bench $(ARGS)

.PHONY: bench-fleet
bench-fleet: $(LAB) ## Measure one exporter with 1,000 clusters of simulated servers, an hour; ARGS="--only=gone --clusters=100" is shorter.
	@$(LAB) install postgres prometheus
	$(LAB) fleet $(ARGS)

.PHONY: bench-dashboards
bench-dashboards: $(LAB) ## Measure each query of the dashboards, 100 clusters and 24 hours; ARGS="--clusters=20 --range=1h" is shorter.
	@$(LAB) install prometheus
	$(LAB) dashboards $(ARGS)

.PHONY: storm
storm: $(LAB) ## Make 100,000 scrapes that clients leave at random moments, while the configuration changes; ARGS="--scrapes=5000" is shorter.
	$(LAB) storm $(ARGS)

# Where the soak writes its history: 130 MB for 100,000 probes, and as much for the failovers.
SOAK_HISTORY ?= soak.jsonl

.PHONY: faults-pulse
faults-pulse: tools ## Put the fault matrix under a pulse of 100 ms.
	$(GO) test $(RACE) -timeout 40m -run 'TestFaults$$' ./internal/lab/faults -pulse=100ms

.PHONY: accuracy
accuracy: postgres ## Compare what the exporter measures with known delays.
	$(LAB) accuracy $(ARGS)

.PHONY: soak
soak: postgres ## Probe 100,000 times under load, faults and failovers, then check the history; ARGS="--probes=5000 --failovers=3 --pulse=100ms" is shorter, and has beats between the probes.
	$(LAB) soak --history $(SOAK_HISTORY) $(ARGS)
	$(LAB) soak check $(SOAK_HISTORY)

.PHONY: drills
drills: postgres ## Put the command drill through 50 failovers, and compare its reports with the tables; ARGS="--drills=8" is shorter.
	$(LAB) drills $(ARGS)

.PHONY: compare
compare: postgres ## Compare this exporter with the formulas of other exporters on one cluster.
	$(LAB) compare $(ARGS)

.PHONY: lint
lint: $(GOLANGCI) ## Check format, vet and lints.
	$(GOLANGCI) run
	cd deploy/test && $(GOLANGCI) run

.PHONY: rules
rules: ## Check Prometheus's and Alertmanager's configuration, rules and routes, and run the rules' unit tests.
	@promtool=$$(scripts/promtool.sh) && amtool=$$(scripts/alertmanager.sh amtool) && set -x && \
	"$$amtool" check-config prometheus/alertmanager.yml && \
	scripts/test-routes.sh "$$amtool" prometheus/alertmanager.yml prometheus/tests/routes.txt && \
	"$$promtool" check config prometheus/prometheus.yml prometheus/fleet.yml prometheus/sharded.yml && \
	"$$promtool" check rules --lint-fatal prometheus/rules/*.yml && \
	"$$promtool" test rules prometheus/tests/*.yml

.PHONY: format
format: $(GOLANGCI) ## Format the code.
	$(GOLANGCI) fmt
	cd deploy/test && $(GOLANGCI) fmt

$(GOLANGCI):
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

.PHONY: cross
cross: ## Compile for every platform that is released.
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		echo "$$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -trimpath -o /dev/null ./cmd/pg_canary_exporter || exit 1; \
	done

.PHONY: clean
clean: ## Remove what was built and downloaded.
	rm -rf bin dist .tools cover.out $(SOAK_HISTORY)

include compose.mk
include release.mk
