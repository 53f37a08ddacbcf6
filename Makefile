# What can be done here, and what it needs: Go, git and make; Docker where real containers are
# wanted. "make help" lists the targets.

SHELL := /bin/bash
# One way to compile everything but the race detector's tests, so that each dependency is compiled
# once for programs, tests and linters. The programs are static.
export CGO_ENABLED := 0
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
STATIC  := go build
STAMP   := -s -w -X main.version=$(VERSION)

# Modules of this repository: ./... of the root does not reach into the nested ones.
MODULES := . $(patsubst %/go.mod,%,$(wildcard hack/*/go.mod))

# Packages of hack/local that take the local stack, and the one that takes all of Kubernetes.
STACK := /(e2e|dockerruntime|controlplane)$$

# A tool of its own, not a dependency of the project.
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help build build-all run demo sim bench conformance test unit e2e demos lint update verify clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## The binary

build: bin/virtual-kubelet ## bin/virtual-kubelet, static

# Go knows better than make what has changed: these are always asked for, and cost a second.
bin/virtual-kubelet: FORCE
	$(STATIC) -ldflags '$(STAMP)' -o $@ ./cmd/virtual-kubelet

build-all: ## the binary for linux/amd64 and linux/arm64
	GOOS=linux GOARCH=amd64 $(STATIC) -ldflags '$(STAMP)' -o bin/virtual-kubelet-linux-amd64 ./cmd/virtual-kubelet
	GOOS=linux GOARCH=arm64 $(STATIC) -ldflags '$(STAMP)' -o bin/virtual-kubelet-linux-arm64 ./cmd/virtual-kubelet

## The local stack

bin/local bin/standin: FORCE
	cd hack/local && $(STATIC) -ldflags '-s -w' -o ../../$@ $(if $(filter %/local,$@),.,./$(@F))

# All of Kubernetes in one program. It is compiled once, and linked again only when its own
# files or the versions change. gitVersion is what "kubectl version" and the nodes show.
KUBERNETES := $(shell awk '$$1 == "k8s.io/kubernetes" { print $$2 }' hack/local/go.mod)
bin/controlplane: $(wildcard hack/local/controlplane/*.go) hack/local/go.mod
	@echo "Building a Kubernetes $(KUBERNETES) control plane into $@."
	@echo "The first time, this takes some 18 minutes of processor time; afterwards it is kept."
	cd hack/local && go build -ldflags='-s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES)' -o ../../$@ ./controlplane
	@touch $@

bin/kubectl: bin/controlplane
	ln -sf controlplane $@

programs: bin/virtual-kubelet bin/local bin/standin bin/controlplane bin/kubectl

run: programs ## a cluster with a Fargate on this machine, until Ctrl-C
	@bin/local run

demo: programs ## the walkthrough on the local stack, step by step
	@bin/local demo

sim: bin/local ## the local AWS alone, until Ctrl-C
	@bin/local sim

bin/bench: FORCE
	cd hack/bench && $(STATIC) -ldflags '-s -w' -o ../../$@ .

bench: programs bin/bench ## figures of the provider on the local stack, each beside its ideal
	bin/bench -bin bin -examples examples

# Kubernetes' own suite and the program of most of its images, at the control plane's version. Each is
# compiled once for a version and kept: they have no prerequisites.
bin/e2e-$(KUBERNETES).test:
	@echo "Building the end-to-end suite of Kubernetes $(KUBERNETES) into $@."
	@echo "The first time, this takes some 14 minutes of processor time; afterwards it is kept."
	cd hack/conformance && go test -c -ldflags='-s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES)' -o ../../$@ k8s.io/kubernetes/test/e2e

bin/agnhost-$(KUBERNETES):
	cd hack/conformance && $(STATIC) -ldflags '-s -w' -o ../../$@ k8s.io/kubernetes/test/images/agnhost

bin/conformance bin/conformance-standin: FORCE
	cd hack/conformance && $(STATIC) -ldflags '-s -w' -o ../../$@ $(if $(filter %/conformance,$@),.,./standin)

bin/vksuite.test: FORCE
	cd hack/conformance && go test -c -ldflags='-s -w' -o ../../$@ ./vksuite

# FLAGS are those of bin/conformance: make conformance FLAGS="-resume -focus='sig-apps.*Job'"
conformance: programs bin/e2e-$(KUBERNETES).test bin/agnhost-$(KUBERNETES) bin/conformance bin/conformance-standin bin/vksuite.test ## Kubernetes' own suite on the local stack; an hour, can be resumed
	bin/conformance -bin bin -examples examples -report hack/conformance/REPORT.md -remarks hack/conformance/remarks.toml $(FLAGS)

## Tests

test: lint unit e2e demos ## everything that must pass

# The race detector needs a C compiler.
COMPILER := $(shell command -v gcc || command -v clang)
RACE     := $(if $(COMPILER),CGO_ENABLED=1 go test -race,go test)

unit: ## tests that take seconds: race detector, shuffled
	$(if $(COMPILER),,@echo "no C compiler here: the tests run WITHOUT the race detector")
	$(RACE) -short -shuffle=on ./...
	@for module in $(filter-out .,$(MODULES)); do \
		echo "cd $$module && $(RACE) -shuffle=on (without the local stack)"; \
		(cd $$module && $(RACE) -shuffle=on $$(go list ./... | grep -Ev '$(STACK)')) || exit 1; \
	done

e2e: programs ## tests on the local stack, of real containers where Docker runs, and of others' clients of AWS
	go test -count=1 -run 'TestTerraform|TestTheAWSCommand' -v ./fargate/fargatesim
	cd hack/local && go test -count=1 -timeout=20m ./dockerruntime ./e2e

demos: programs ## the walkthrough with every runtime that this machine has
	bin/local demo --runtime=every

## Care

lint: ## gofmt, go vet and staticcheck, in every module
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w): $$unformatted"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...
	@for module in $(filter-out .,$(MODULES)); do \
		echo "cd $$module && go vet, staticcheck"; \
		(cd $$module && packages=$$(go list ./... | grep -v /controlplane$$) && \
		go vet ./... && $(STATICCHECK) $$packages) || exit 1; \
	done

# Packages with goldens are those whose tests know the flag -update.
GOLDENS = $(sort $(dir $(shell grep -rl --include='*_test.go' 'flag.Bool("update"' cmd fargate providerconfig)))

update: ## rewrite goldens and generated tables
	go generate ./...
	@for package in $(GOLDENS); do echo "go test ./$$package -update"; go test "./$$package" -update || exit 1; done

verify: update ## update, and no difference allowed
	@git diff --exit-code || { echo "generated files differ: commit what make update wrote"; exit 1; }
	@for module in $(MODULES); do (cd $$module && go mod verify) || exit 1; done

clean: ## remove what was built, the control plane included
	rm -rf bin
