# hassesd: how to build, run and check it. `make` alone lists the targets.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 10s
TESTFLAGS ?= -timeout 20m
BENCH    ?= .
# Further flags for the daemon of make run.
RUNFLAGS ?=
PEERSFLAGS ?=
SOAK     ?= 30m

BIN   := bin
TOOLS := $(BIN)/tools
# Parts of libraries that the programs do not use: urfave/cli's writers of manual pages, and net/http's HTTP/2, which they
# neither serve nor need as clients. That makes each program 5 to 8 percent smaller; a plain go build has them.
TAGS  := urfave_cli_no_docs,nethttpomithttp2
BUILD := -trimpath -buildvcs=false -tags $(TAGS) -ldflags '-s -w -X main.version=$(VERSION) -X github.com/hassesd/hassesd/internal/daemon.version=$(VERSION)'

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build the static binaries bin/hassesd and bin/hassesctl
	CGO_ENABLED=0 go build $(BUILD) -o $(BIN)/ ./cmd/...

.PHONY: run
run: build ## Build, then run the daemon for a laptop: https://127.0.0.1:8443, certificate made in memory, demo page; RUNFLAGS adds flags
	$(BIN)/hassesd --dev $(RUNFLAGS)

.PHONY: deps
deps: ## Install what the end-to-end tests need and the machine lacks (apt as root, npm)
	.ci/deps

.PHONY: test
test: deps ## Run all tests with the race detector; the end-to-end tests start the real binaries
	CGO_ENABLED=1 go test -race $(TESTFLAGS) ./...
	cd tools && go test ./shape

.PHONY: cover
cover: deps ## Measure the coverage of all tests, the end-to-end ones included, and print it for each package
	rm -rf $(BIN)/cover && mkdir -p $(BIN)/cover/unit && mkdir -m 1777 $(BIN)/cover/binaries
	go test -short -cover -coverpkg=./cmd/...,./internal/... $(TESTFLAGS) ./cmd/... ./internal/... -args -test.gocoverdir=$(CURDIR)/$(BIN)/cover/unit
	HASSESD_TEST_COVERAGE=$(CURDIR)/$(BIN)/cover/binaries go test -count=1 $(TESTFLAGS) ./test/...
	go tool covdata textfmt -i=$(BIN)/cover/unit,$(BIN)/cover/binaries -o=$(BIN)/cover/profile
	go tool covdata percent -i=$(BIN)/cover/unit,$(BIN)/cover/binaries
	@go tool cover -func=$(BIN)/cover/profile | tail -n 1

.PHONY: shape
shape: ## Print how the code is built: lines, arrows between files that run back up, the largest structs
	@cd tools && go run ./shape ..

.PHONY: test-debug
test-debug: deps ## Run the end-to-end tests against a daemon built with the race detector and the owner checks, which a forbidden system call kills
	CGO_ENABLED=1 go build -race -tags reactordebug,sandboxkill,osusergo,netgo,$(TAGS) -o $(BIN)/debug/ ./cmd/...
	HASSESD_BIN=$(CURDIR)/$(BIN)/debug/hassesd HASSESCTL_BIN=$(CURDIR)/$(BIN)/debug/hassesctl go test -count=1 $(TESTFLAGS) ./test/...

.PHONY: lint
lint: tools ## Check formatting and the modules, vet, and run the linters of .golangci.yml
	@unformatted=$$($(TOOLS)/gofumpt -l .ci cmd internal packaging test tools); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run 'make fmt'):"; echo "$$unformatted"; exit 1; fi
	go mod verify
	go vet ./...
	$(TOOLS)/golangci-lint run ./...
	cd test/clients && go vet ./...
	cd test/manifests && go vet ./...
	cd tools && go vet ./shape

.PHONY: fmt
fmt: tools ## Format the sources
	$(TOOLS)/golangci-lint fmt

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (10s)
	@set -e; for pkg in $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "== $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg; \
		done; \
	done

.PHONY: bench
bench: ## Run the benchmarks of the packages (BENCH selects); compare two outputs with bin/tools/benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./cmd/... ./internal/...

.PHONY: bench-peers
bench-peers: build ## Measure hassesd beside net/http and nginx+nchan in one run: an hour and a half, or two minutes with BENCH_QUICK=1
	test/peers/deps
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $(BIN)/ ./test/peers ./test/peers/nethttp ./test/peers/bare
	$(BIN)/peers -bin $(BIN) -out $(BIN)/bench-peers.json -medians $(BIN)/performance.json $(if $(BENCH_QUICK),-quick) $(PEERSFLAGS)

.PHONY: soak
soak: build ## Hold a load with churn and slow readers for SOAK (30m), and see whether memory, descriptors or goroutines grow
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $(BIN)/ ./test/soak
	$(BIN)/soak -bin $(BIN) -for $(SOAK)

.PHONY: soak-cluster
soak-cluster: deps ## Run everything that can happen to a cluster, one after the other, under load, and then mixed: 40 minutes
	HASSESD_TEST_CLUSTER=all HASSESD_TEST_CLUSTER_MIX=10m go test -count=1 -v -timeout 90m ./test/cluster/ | grep -v '^=== '

.PHONY: threats
threats: deps ## Run the attacks of docs/security.md one by one, beside 1,000 good streams where that can hurt them, and print a table of these
	HASSESD_TEST_GOOD_STREAMS=1000 HASSESD_TEST_NON_READERS=5000 nice -n 10 go test -count=1 -v -parallel 1 -p 1 -run '^TestT[0-9]' -timeout 20m ./internal/archtest/ ./internal/eventlog/jetstream/ ./test/cluster/ ./test/compat/ ./test/ops/ ./test/threats/ | grep -v '^=== '

.PHONY: bench-restart
bench-restart: ## Measure a restart under 5,000 TLS streams and publishing, with the sockets kept
	go test -run '^$$' -bench '^BenchmarkRestart$$' -benchtime 1x -timeout 20m ./test/ops/

.PHONY: bench-cluster
bench-cluster: deps ## Measure latency, throughput and processor time of two and three nodes with one broker and with three
	go test -run '^$$' -bench '^BenchmarkCluster$$' -benchtime 1x -timeout 20m ./test/cluster/

export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: package
package: $(TOOLS)/nfpm ## Build bin/package: .deb, .rpm and .tar.gz for amd64 and arm64, SBOM, SHA256SUMS; the same each time
	rm -rf $(BIN)/package
	VERSION=$(VERSION) NFPM=$(CURDIR)/$(TOOLS)/nfpm packaging/build $(BIN)/package

.PHONY: check-package
check-package: deps package ## Build the packages once more from another place, compare, and test what is in them
	@set -e; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	git ls-files -z --cached --others --exclude-standard | tar --null -cT - | tar -xC "$$copy"; \
	VERSION=$(VERSION) NFPM=$(CURDIR)/$(TOOLS)/nfpm "$$copy/packaging/build" "$$copy/bin/package"; \
	PACKAGES=$(CURDIR)/$(BIN)/package:$$copy/bin/package go test -count=1 ./packaging/

.PHONY: image
image: ## Build bin/image: the container image for amd64 and arm64 (oci/, an OCI layout, and hassesd.tar); the same each time, without an engine
	rm -rf $(BIN)/image
	VERSION=$(VERSION) packaging/build-image $(BIN)/image

.PHONY: check-image
check-image: deps image ## Build the image once more from another place, compare, and run it with buildah, as root; build Dockerfile as well
	@set -e; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	git ls-files -z --cached --others --exclude-standard | tar --null -cT - | tar -xC "$$copy"; \
	VERSION=$(VERSION) "$$copy/packaging/build-image" "$$copy/bin/image"; \
	VERSION=$(VERSION) IMAGES=$(CURDIR)/$(BIN)/image:$$copy/bin/image go test -count=1 ./packaging/container/

.PHONY: ci
ci: ## What the continuous integration runs: lint, test, check-package, check-image
	.ci/run

.PHONY: tools
tools: $(TOOLS)/.built ## Build the pinned tools into bin/tools

$(TOOLS)/.built: tools/go.mod tools/go.sum
	cd tools && GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -buildvcs=false -o $(CURDIR)/$(TOOLS)/ tool
	@touch $@

$(TOOLS)/nfpm: tools/nfpm/go.mod tools/nfpm/go.sum
	cd tools/nfpm && GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -buildvcs=false -o $(CURDIR)/$(TOOLS)/ tool
	@touch $@

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BIN)
