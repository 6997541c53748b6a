# Every target creates the environment it needs. PYTHON is the interpreter that it is made from.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo pages docs dist bench gpu test test-slow chaos check format env

help:
	@echo "make demo       install, then train, run RL twice and write runs/demo/report.html"
	@echo "make pages      the pages of docs/ that are computed: most of an hour; PAGES=\"recipes worlds\" for some, seconds each"
	@echo "make docs       the documentation site, written to build/site; open its index.html"
	@echo "make dist       sdist and wheels, each installed and tried in a clean environment; DIST=--audit-only without torch"
	@echo "make bench      speed and memory beside what people would use instead, written to docs/performance.md"
	@echo "make gpu        on a GPU: its tests, equal to the CPU, speed; at most eight minutes a call, goes on where it was"
	@echo "make test       the whole test suite"
	@echo "make test-slow  the tests that take minutes"
	@echo "make chaos      kill every kind of stage at N random moments (50), and compare with a calm run"
	@echo "make check      lint, format and types"
	@echo "make format     apply the formatter"

env: $(VENV)/.installed

# Torch first and pinned, so that nothing else chooses a build of it.
$(VENV)/.installed: requirements.lock pyproject.toml hatch_build.py $(wildcard src/edgewise/model/native/*.[hc]pp) src/edgewise/model/native/build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

demo: env
	$(BIN)/edgewise demo

# All pages, or some: make pages PAGES="recipes worlds". Three take most of an hour: calibrate, seeds and interplay.
pages: env
	$(BIN)/python -m tools.pages $(PAGES)

# What builds the site is pinned apart: nothing else needs it. A link that leads nowhere ends the build.
docs: env
	$(BIN)/pip install --quiet --requirement docs/requirements.txt
	$(BIN)/mkdocs build --strict

# Its own environments: what is built must work without this one.
DIST ?=
dist:
	$(PYTHON) -m tools.dist $(DIST)

# Beside the peers, which are pinned apart: nothing else needs them.
bench: env
	$(BIN)/pip install --quiet --requirement benchmarks/requirements.txt
	$(BIN)/python -m benchmarks all
	$(BIN)/python -m tools.pages performance

# What is not installed, such as vLLM, is left out. make gpu GPU="rl_step" runs a part, make gpu GPU="all --fresh" all anew.
GPU ?= all
gpu: env
	$(BIN)/python -m benchmarks.gpu $(GPU)

# A process for each core up to four, one thread each: files are the unit, so that what a file prepares is prepared once.
PYTEST := GOMP_SPINCOUNT=0 OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test: env
	$(PYTEST)

# Tools of others, which nothing else needs, stay within the versions of requirements.lock.
test-slow: env
	$(BIN)/pip install --quiet --requirement tests/requirements.txt --constraint requirements.lock
	$(BIN)/pip install --quiet --no-deps --requirement tests/requirements-alone.txt
	$(PYTEST) -m slow

N ?= 50
chaos: env
	GOMP_SPINCOUNT=0 OMP_NUM_THREADS=1 $(BIN)/python -c "from tests.study.chaos import main; main()" $(N)

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
