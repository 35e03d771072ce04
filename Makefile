# `make run` starts the app, `make test` runs the tests; each first brings .venv up to date.
#
#   make run PORT=8600 HOST=0.0.0.0 ARGS="--device cpu"
#   make run PIP_ARGS="..."      options for pip, see "Smaller without an NVIDIA card" in README.md
#   make test ARGS="-k gram"     options for pytest

PYTHON   ?= python3
HOST     ?= 127.0.0.1
PORT     ?= 8501
ARGS     ?=
PIP_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help env run test test-slow lint format bench readme browser clean

help:
	@sed -n 's/^# \?//p' Makefile | head -n 5

env: .venv/app.stamp .venv/dev.stamp

# The stamps are older than a changed list of requirements, which is when pip runs again.
.venv/app.stamp: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "ConvScope needs Python 3.11 or newer, this is " + sys.version.split()[0] + \
	    "; name another one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { echo "python3-venv is missing: apt install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --upgrade "pip>=25.1"
	$(PIP) install $(PIP_ARGS) -r requirements.txt
	@touch $@

.venv/dev.stamp: .venv/app.stamp pyproject.toml
	$(PIP) install $(PIP_ARGS) -r requirements.txt --group dev
	@touch $@

run: .venv/app.stamp
	$(BIN)/python -m dashboard --host $(HOST) --port $(PORT) $(ARGS)

test: env browser
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-slow: env browser
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: env
	$(BIN)/python -m dashboard bench $(ARGS)

# Two tables of README.md come from the model cards and the readers; a test holds them together.
readme: env
	$(BIN)/python -m tests.test_readme

# The browser tests drive Debian's chromium; where it cannot be installed they skip and say so.
browser:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    { apt-get update -qq; \
	      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation; } \
	    || echo "chromium could not be installed: the browser tests will be skipped"; \
	else echo "no chromium: the browser tests will be skipped (sudo apt install chromium)"; fi

clean:
	rm -rf .venv .pytest_cache .ruff_cache
