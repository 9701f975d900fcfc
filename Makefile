# One front door for people and for CI: `make run` from an empty folder to the running system.
.PHONY: run env test lint wheel chaos clean help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp-env

help:
	@echo "make run    the whole system with its demo (the first time: makes the environment)"
	@echo "make env    only the environment, in .venv"
	@echo "make test   the whole test suite, then the lint job"
	@echo "make lint   format, lint, types, import contract, lock file"
	@echo "make chaos  200 kills, stalls, lost brokers, a full disk under load, compared with a calm run (half an hour)"
	@echo "make wheel  the installable wheel, in dist/"

run: env
	@exec $(BIN)/cityops up

env: $(STAMP)

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

test: env
	@$(BIN)/python -m pytest
	@$(MAKE) --no-print-directory lint

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/lock_check.py

wheel: env
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

chaos: env
	$(BIN)/cityops bench chaos
