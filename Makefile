# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Needs git, make and python3. Everything else comes by itself: tools into .cache, missing Debian packages by apt-get (as root).
#   EVERGREEN_ENGINE=podman|docker    what runs the containers (podman)
#   EVERGREEN_IMAGE_PREFIX=PREFIX     where the hosts' images are (localhost/evergreen-)
#   CI=true                           what cannot run here is a failure

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The machine's own python3, found before the tools' folder comes first in PATH.
PYTHON3 := $(shell command -v python3)
CACHE := $(CURDIR)/.cache

export PATH := $(CACHE)/venv/tools/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CACHE):$(CACHE)/collections
export ANSIBLE_HOME := $(CACHE)/ansible
export PIP_CACHE_DIR := $(CACHE)/pip
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
# Where the environment forbids it, each of thousands of processes compiles the same rooms again: a tenth of all the time.
export PYTHONDONTWRITEBYTECODE :=
# A bare machine has no locale; Ansible insists on UTF-8.
export LC_ALL := C.UTF-8

STEPS := python tests/tools/run_steps.py
FLEET := python3 tests/lab/fleet.py
BENCH := python tests/bench/run.py
# Blank lines are a preview of ruff's; ansible-test refuses them a quarter of an hour later.
RUFF := ruff check && ruff check --quiet --preview --select E301,E302,E303,E304,E305,E306

##@ The two commands
.PHONY: demo test
demo: machine  ## a fleet of hosts, evergreen.pki.renew twice, what happened, the mail
	$(FLEET) demo

test: machine  ## everything, three steps at a time; logs in .cache/logs
	$(STEPS)

##@ Every day
.PHONY: check lint unit
# Of every room that differs from what has landed, and of the plan of the house. All unit tests take ten minutes by now.
LANDED = $(shell git rev-parse --quiet --verify origin/main || echo HEAD)
TOUCHED = $(shell { git diff --name-only $(LANDED); git ls-files --others --exclude-standard; } | sed -nE \
	-e 's;^plugins/module_utils/_([a-z0-9]+)/.*;tests/unit/\1;p' -e 's;^plugins/(modules|action)/.*;tests/unit/modules;p' \
	-e 's;^plugins/(filter|plugin_utils)/.*;tests/unit/plugin_utils;p' -e 's;^(tests/unit/[a-z0-9_]+)/.*;\1;p' -e 's;^tests/lab/.*;tests/unit/lab;p' | sort -u)
TESTS = tests/unit/test_floors.py $(wildcard $(TOUCHED))

check: tools  ## ruff, one whole renewal on a fleet of processes, unit tests of what was touched, or TESTS=...
	$(RUFF)
	$(FLEET) embedded-check
	pytest -q --no-cov -m "not slow" $(TESTS)

lint: tools  ## ruff, licence headers, shellcheck, ansible-lint (profile production)
	$(RUFF)
	python tests/tools/spdx.py
	shellcheck tests/tools/*.sh .ci/run
	ansible-lint --config-file .ansible-lint.yml

unit: tools  ## unit tests with coverage; ARGS="-k rule" for pytest
	pytest -q --cov --cov-report=term $(ARGS)

##@ Parts of the test
.PHONY: integration sanity molecule matrix docs-lint install-check readme
integration: machine  ## against real servers on loopback: an ACME CA, a proxy that breaks what a test wants broken; ARGS as for unit
	pytest -q tests/integration $(ARGS)

sanity: machine  ## ansible-test sanity on every ansible-core that runs here
	$(STEPS) sanity

molecule: machine  ## all scenarios, or SCENARIO=name
	$(STEPS) "molecule$(if $(SCENARIO), $(SCENARIO))"

matrix: machine  ## unit tests and a renewal on all versions found here; writes the tables of README.md
	$(STEPS) matrix

docs-lint: tools  ## documentation of the plugins and roles, changelog fragments
	cd "$$(python tests/tools/sanity.py copy)" && antsibull-docs lint-collection-docs --plugin-docs . && antsibull-changelog lint

install-check: tools  ## builds the archive, installs it elsewhere and calls cert_info from there
	python tests/tools/install_check.py

readme: tools  ## runs the examples of README.md and docs/*.md
	python tests/tools/readme_examples.py

##@ Now and then
.PHONY: build bench changelog update-tools demo-down clean help
build: tools  ## the archive for Galaxy, .cache/build/evergreen-pki-VERSION.tar.gz
	python tests/tools/install_check.py build

bench: machine  ## measures against the ping of the same run; writes docs/performance.md
	$(BENCH) $(ARGS)

changelog: tools  ## CHANGELOG.md of galaxy.yml's version, out of changelogs/fragments
	antsibull-changelog release

update-tools: tools  ## newest releases of all tools into tests/tools/pins
	python tests/tools/update_tools.py

demo-down:  ## removes all that the demo made
	$(FLEET) demo-down

clean: demo-down  ## removes the demo and .cache; images of the engine stay
	rm -rf $(CACHE)

help:  ## this text
	@awk -F ' *## *' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*##/ {sub(/:.*/, "", $$1); printf "  make %-14s %s\n", $$1, $$2}' Makefile

# What the targets above stand on; both are quick when nothing is missing.
.PHONY: tools machine
tools:
	@tests/tools/machine.sh tools
	@$(PYTHON3) tests/tools/bootstrap.py

machine:
	@tests/tools/machine.sh containers
	@$(PYTHON3) tests/tools/bootstrap.py
