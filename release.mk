# What makes and proves a release: included by the Makefile. docs/releasing.md tells how it goes together.
#
# Modules of these versions, built with -trimpath: the bill of materials names the bytes of the program that wrote it.
# From 2.18 on goreleaser asks for Go 1.27, and from 2.46 on nfpm for modules that not every proxy serves.
GORELEASER_VERSION := v2.15.2
NFPM_VERSION       := v2.45.2# goreleaser's own, so that both make the same packages
CYCLONEDX_VERSION  := v1.10.0
ACTIONLINT_VERSION := v1.7.12
GOVULNCHECK_VERSION := v1.9.0

GORELEASER  := $(TOOLS)/goreleaser-$(GORELEASER_VERSION)
NFPM        := $(TOOLS)/nfpm-$(NFPM_VERSION)
CYCLONEDX   := $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX_VERSION)
ACTIONLINT  := $(TOOLS)/actionlint-$(ACTIONLINT_VERSION)
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)

$(GORELEASER): MODULE := github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
$(NFPM): MODULE := github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
$(CYCLONEDX): MODULE := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)
$(ACTIONLINT): MODULE := github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
$(GOVULNCHECK): MODULE := golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

$(GORELEASER) $(NFPM) $(CYCLONEDX) $(ACTIONLINT) $(GOVULNCHECK):
	GOBIN=$(TOOLS)/$(notdir $@).new $(GO) install -trimpath $(MODULE)
	mv $(TOOLS)/$(notdir $@).new/* $@
	rmdir $(TOOLS)/$(notdir $@).new

# Of what is committed; a tag makes it a release, and no tag a snapshot.
RELEASE_ARGS ?= --snapshot --skip=sign,publish
# In a clone that has no remote, goreleaser knows no commit.
REMOTE := GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://github.com/pg-canary/pg_canary_exporter.git
EPOCH = $(shell git log -1 --format=%ct)

.PHONY: release
release: $(GORELEASER) $(CYCLONEDX) ## Make all that a release holds, in dist/: programs for six platforms, .deb and .rpm, bills of materials, checksums.
	$(REMOTE) SOURCE_DATE_EPOCH=$(EPOCH) CYCLONEDX=$(CYCLONEDX) GO=$(GO) $(GORELEASER) release --clean $(RELEASE_ARGS)

.PHONY: release-config
release-config: ## Check .goreleaser.yaml by goreleaser's own types, without building goreleaser.
	$(GO) -C "$$($(GO) mod download -json github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION) | sed -n 's/.*"Dir": "\(.*\)",/\1/p')" \
		run $(CURDIR)/scripts/goreleaser-config.go $(CURDIR)/.goreleaser.yaml

.PHONY: test-reproducible
test-reproducible: $(GORELEASER) $(CYCLONEDX) $(NFPM) ## Make the release twice, in different directories, and compare the bytes.
	scripts/test-reproducible.sh $(GORELEASER) $(CYCLONEDX) $(NFPM)

# What the quickly made packages call themselves.
PACKAGE_VERSION ?= 0.0.0-try

.PHONY: packages
packages: $(NFPM) $(LAB) ## Make the .deb and the .rpm for this machine's architecture in bin/packages, as the release does but without goreleaser.
	GO=$(GO) scripts/release-files.sh $(PACKAGE_VERSION) $$(date --utc --date=@$(EPOCH) +%FT%TZ)
	rm -rf bin/packages
	SOURCE_DATE_EPOCH=$(EPOCH) $(LAB) packages --release $(PACKAGE_VERSION) --nfpm $(NFPM) --out bin/packages

.PHONY: test-packages
test-packages: packages ## Install the packages in a copy of this Debian that is thrown away, follow the guide there, upgrade, remove and purge; needs root.
	@$(LAB) install postgres fish zsh rpm man systemd ip pgrep
	scripts/test-packages.sh

.PHONY: licences
licences: $(LAB) ## Check the licences of the modules that the exporter holds.
	$(LAB) licences

.PHONY: vulnerabilities
vulnerabilities: $(GOVULNCHECK) ## Look for known vulnerabilities in what the exporter calls; asks vuln.go.dev.
	$(GOVULNCHECK) ./...

.PHONY: workflows
workflows: $(ACTIONLINT) ## Check the workflows of CI.
	$(ACTIONLINT)
	scripts/check-actions.sh
