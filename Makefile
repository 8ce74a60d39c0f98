# The commands of this project. Needs Python 3.11+ with venv, make and a C compiler; nothing else.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
ELSEWHERE := browser or postgres or redis or slow
# Whole-bot tests mostly wait, so two workers per core still help; a file's tests share one bot.
PYTEST := $(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

# Set in some shells; without its bytecode every process would compile everything it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: dev install check test test-all bench chaos constraints
.DEFAULT_GOAL := dev

dev: install
	$(BIN)/bot dev

install: $(READY)

# uv is several times faster; where it cannot reach a package index that pip is set up for, pip does it.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[dev]' \
		|| $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install
	$(PYTEST) -m "not ($(ELSEWHERE))"

test-all: install
	$(PYTEST) -m "$(ELSEWHERE)"

# SCALE=0.1 is a tenth of it; with FULL=1 as much is stored, and for as long, as the targets name.
bench: install
	-$(BIN)/python -m bench --scale $(or $(SCALE),1) $(if $(FULL),--full)

# Customers, kills, stops and outages for some minutes; SEED=… repeats an attack.
chaos: install
	$(BIN)/python -m tests.chaos --seed $(or $(SEED),1) --messages 5000 --per-second 18 --strike-every 1.5 --disk --leases

# After a change of dependencies: names and versions only.
constraints: install
	$(BIN)/uv pip compile -q --universal --no-header --no-annotate --python-version 3.11 \
		--upgrade --extra dev pyproject.toml -o constraints.txt
