# `make run` and `make test` need only python3 (3.11 or newer, with venv) and make.
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
SPEED ?= 1
BIN := .venv/bin

.PHONY: help install run test proofs mutants soak bench check lock clean
help:  ## what can be made here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/run.stamp  ## .venv/bin/course, and nothing is started

run: .venv/run.stamp  ## sign-up page, worker and outbox at http://127.0.0.1:$PORT; SPEED=86400 for a day a second
	@$(BIN)/course run --port $(PORT) --speed $(SPEED)

# A file's tests stay together: some tell a story in steps. One more at a time than there are processors, since those
# that go first wait for clocks and processes now and then.
test: .venv/dev.stamp  ## every test that this machine can run (.ci/run refuses to skip any)
	@$(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --no-loadscope-reorder -q $(ARGS)

# Marked `long`: the same promises over every zone, 2,000 seeds and cut networks. They run only where COURSE_LONG=1 asks.
proofs: .venv/dev.stamp  ## the long tests and 200 rounds of real crashes, about 15 minutes
	@COURSE_LONG=1 $(BIN)/python -m pytest -n auto --dist loadgroup -q -m long $(ARGS)
	@$(BIN)/python -m tests.flows.crashes --rounds 200

mutants: .venv/dev.stamp  ## takes each guard of the engine away in a copy, and shows which test notices; WORDS="fence window" for some
	@$(BIN)/python -m tests.mutations $(WORDS)

soak: .venv/dev.stamp  ## 50,000 seeds of the simulation and 10,000 rounds of real crashes, many hours
	@$(BIN)/python -m tests.simulation.simulate --seeds 1..50000 --jobs 2
	@$(BIN)/python -m tests.flows.crashes --rounds 10000

bench: .venv/dev.stamp  ## ratios measured side by side in one run; PARTS="batch tick" for some
	@$(BIN)/python -m tests.bench $(PARTS)

check: .venv/dev.stamp  ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

lock:  ## pin the dependencies again (needs uv on the PATH)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/run.txt
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/dev.txt

clean:  ## forget the virtual environment
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venv

# The locks carry hashes, so what is installed is what was tested; the package itself needs no lock.
.venv/%.stamp: requirements/%.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
