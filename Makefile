# Every command of this repository. `make` alone lists them; each one sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Much of a test's time is waiting, for processes and for time-outs: more at a time than two cores.
TESTERS ?= 5
TESTS := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest
TEST_FILES := $(shell find tests -name node_modules -prune -o -name '*.py' -print)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Only what a lock names is installed, byte for byte; Limner itself is then put beside it and fetches nothing.
LOCKED := $(PIP) --require-hashes --requirement
OURSELVES := $(PIP) --no-deps --no-build-isolation --editable .
# UPGRADE= keeps each version that fits.
UPGRADE ?= --upgrade
# Other people's clients, in an environment of their own.
CLIENTS := .clients
# Torch and what draws with it, in an environment over the other one. TORCH_PIP= says where its build for CPUs is.
TORCH := .torch
TORCH_PIP ?=

.DEFAULT_GOAL := help
.PHONY: help install clients torch demo up test lint check test-seams test-diffusers lock lock-check audit bench bench-callbacks bench-sketch \
  soak mutate deploy-check image-check deploy-files screenshots recording clean

help: ## list these commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.installed-dev ## set up .venv with everything for development

demo: $(VENV)/.installed ## draw two pictures and show every callback; needs nothing else
	@$(BIN)/limner demo

up: $(VENV)/.installed ## run the gateway on this machine: API on 8000, Flower on 5555
	@$(BIN)/limner up

clients: $(CLIENTS)/.installed ## install other people's clients, which some tests run (a minute; needs npm)

torch: $(TORCH)/.installed ## install torch and diffusers, with which some tests draw (a minute; 1 GB)

# A file of tests stays with one tester: what it has started for all of them is started once. Rooms with long tests
# come first (tests/conftest.py), so that no tester is left alone with one. Compiled files are kept, whatever the
# environment says: testers and the processes that they start would compile the same ones over and over.
test: $(VENV)/.installed-dev build/.read ## run every test
	$(TESTS) --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder --durations=15

lint: $(VENV)/.installed-dev ## look at style, types, import arrows and Lua, without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lua_check

check: lint test ## everything a change has to pass

test-seams: $(VENV)/.installed-dev ## try the private seams with the lowest and newest versions allowed
	$(BIN)/python -m tests.seams

# A file of tests stays in one process: its models are made and loaded once. More threads would wait for each other.
test-diffusers: $(TORCH)/.installed ## draw with tiny models of every family that diffusers has (two minutes)
	OMP_NUM_THREADS=1 $(TORCH)/bin/python -m pytest --numprocesses 2 --dist loadfile --durations=5 \
	  tests/contract/test_engine_diffusers*.py tests/workers/test_drawing_applied.py

lock: $(BIN)/uv ## renew requirements/ within the bounds of pyproject.toml
	$(BIN)/python -m tests.locks $(UPGRADE)
	cd tests/clients && npm update --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

lock-check: $(VENV)/.installed-dev ## see whether requirements/ is what pyproject.toml asks for
	@$(BIN)/python -m tests.locks --check

audit: $(VENV)/.installed-dev ## look for known vulnerabilities in what is locked
	@$(BIN)/python -m tests.audit

bench: $(VENV)/.installed-dev ## measure everything beside plain baselines (about 10 minutes)
	$(BIN)/python -m bench

bench-callbacks: $(VENV)/.installed-dev ## measure callbacks beside a bare requests.Session
	$(BIN)/python -m tests.callbacks_bench

bench-sketch: $(VENV)/.installed-dev ## measure the sketch engine over 30 prompts
	$(BIN)/python -m tests.sketch_bench

soak: $(VENV)/.installed-dev ## kill, freeze, restart and fail over under load for 10 minutes, and reckon
	$(BIN)/python -m tests.soak --seconds 300 --json build/soak.json
	$(BIN)/python -m tests.failover_soak --times 10 --json build/failover-soak.json

deploy-check: $(VENV)/.installed-dev ## check alerts, dashboard, manifests, systemd units and the compose file (a minute; all of it with Prometheus)
	$(BIN)/python -m tests.deploy

# Images stay for the next run. On a machine without the base image, the first run makes a Debian in its place.
image-check: $(VENV)/.installed-dev ## look at the Dockerfile, build the image and run it and the compose file, by Podman (minutes)
	$(BIN)/python -m tests.deploy.image_check

deploy-files: $(VENV)/.installed-dev ## renew what is made in deploy/: the dashboard, the operator's alerts
	$(BIN)/python -m deploy.grafana.dashboard
	$(BIN)/python -m deploy.kubernetes.rules

screenshots: $(VENV)/.installed-dev ## look at every page of the console and show it in docs/img (needs Chromium and a font with Chinese)
	$(BIN)/python -m tests.screenshots $(PAGES)

recording: $(VENV)/.installed-dev ## record a terminal for the README, into docs/img/terminal.svg (a minute)
	$(BIN)/python -m tests.recording

mutate: $(VENV)/.installed-mutate ## change one thing at a time and see which tests notice (hours; MUTATE="--sample 40")
	$(BIN)/python -m tests.mutate $(MUTATE)

clean: ## remove .venv and what the tools leave; keeps limner-data
	rm -rf $(VENV) $(CLIENTS) $(TORCH) tests/clients/node_modules build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps are as old as the last install: a changed pyproject.toml or lock makes it run again.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Limner needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | tail -n 1)."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	@echo "Setting up $(VENV) (once; takes a minute)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# Not by a lock: that may be what is broken.
$(BIN)/uv: | $(VENV)/bin/python
	@$(PIP) uv

$(VENV)/.installed: pyproject.toml requirements/run.txt | $(VENV)/bin/python
	@$(LOCKED) requirements/run.txt
	@$(OURSELVES)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements/dev.txt | $(VENV)/bin/python
	@$(LOCKED) requirements/dev.txt
	@$(OURSELVES)
	@touch $@ $(VENV)/.installed

# Pytest rewrites the assertions of what it reads, which takes longer than all else about reading, and keeps that.
# Done on two cores at once before, or each tester would do it for itself. What cannot be read, the run tells.
build/.read: $(VENV)/.installed-dev $(TEST_FILES)
	@mkdir -p build
	@echo "Reading the tests"
	@echo $(TEST_FILES) | tr ' ' '\n' | grep '/test_[^/]*$$' | \
	  xargs -n 200 -P 2 $(TESTS) --collect-only -qqq >/dev/null 2>&1 || true
	@touch $@

$(CLIENTS)/.installed: requirements/clients.txt tests/clients/package-lock.json
	@$(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --requirement requirements/clients.txt
	@cd tests/clients && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Over the other one: what that has is used, at its versions.
$(TORCH)/.installed: requirements/diffusers.txt $(VENV)/.installed-dev
	@$(PYTHON) -m venv $(TORCH)
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  >"$$($(TORCH)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/over.pth"
	@$(TORCH)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH_PIP) --requirement requirements/diffusers.txt
	@touch $@

$(VENV)/.installed-mutate: requirements/mutate.txt $(VENV)/.installed-dev
	@$(LOCKED) requirements/mutate.txt
	@touch $@
