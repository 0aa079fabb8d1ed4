# What people and CI type. Each target sets up what it needs in .venv, once.

VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL = $(PY) -m pip install -qq --constraint constraints.txt $(PIP_ARGS)
DEMO_ARGS ?=
BENCH_ARGS ?=
TEST_ARGS ?=
# The tests are spread over two workers; each keeps its libraries to one thread (tests/conftest.py).
WORKERS ?= 2

.PHONY: help setup demo test check fix bench coverage

help:
	@echo 'make setup   install drltrade and the tested set of packages into .venv'
	@echo 'make demo    train four agents on real prices, backtest them, write a report'
	@echo 'make test    run the checks and every test'
	@echo 'make check   format, lint, types and the import ladder'
	@echo 'make fix     format and mend what ruff can mend'
	@echo 'make coverage  count the branches of drltrade/sim that its tests take: at least 95 %'
	@echo 'make bench   measure the speed; with BENCH_ARGS=--peers beside other packages'

setup: $(VENV)/.setup-done

demo: $(VENV)/.setup-done
	@$(VENV)/bin/drltrade demo $(DEMO_ARGS)

bench: $(VENV)/.setup-done
	@$(VENV)/bin/drltrade bench $(BENCH_ARGS)

test: check
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal $(TEST_ARGS)

# The money kernel runs as plain Python here, so that its lines are seen: fewer examples do.
coverage: $(VENV)/.dev-done
	@mkdir -p .coverage
	@PLAIN_KERNEL=1 LEDGER_EXAMPLES=300 TWIN_EXAMPLES=60 $(PY) -m coverage run -m pytest -q tests/sim tests/envs/test_envs_parity.py $(TEST_ARGS)
	@$(PY) -m coverage report

check: $(VENV)/.dev-done
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

fix: $(VENV)/.dev-done
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

# torch comes first, with the build backend: its pin alone decides which build is taken.
$(VENV)/.setup-done: pyproject.toml constraints.txt | $(PY)
	@echo 'Installing drltrade and what it needs into $(VENV): a minute or two, the first time only ...' >&2
	@$(PIP_INSTALL) --upgrade pip
	@$(PIP_INSTALL) torch hatchling
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-done: $(VENV)/.setup-done
	@echo 'Installing the tools that the tests need ...' >&2
	@$(PIP_INSTALL) --group dev
	@touch $@

$(PY):
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$python -m venv $(VENV) && exit; \
	    rm -rf $(VENV); \
	    echo "'$$python -m venv' failed: install Python's venv module (Debian: apt install python3-venv)." >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo 'drltrade needs Python 3.11 or newer and found none: install one, or name it: make PYTHON=/path/to/python3.11' >&2; \
	exit 1
