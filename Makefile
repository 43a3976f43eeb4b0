# Needs make and Python 3.11 or newer; everything else is set up in .venv, pinned and hash-checked, when a target needs it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE  # every start of a command, and every worker of the tests, would compile all anew

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?=
# Twice the cores that CI has: brokers, sessions and restarts are waited for.
JOBS ?= 4
TESTS ?=

PYTEST := $(BIN)/python -m pytest
# Every process that tests collects; all of tests/ would take each a quarter of a minute.
MARKED = $(shell grep -rlE 'mark\.(real|slow)' tests --include='*.py' --exclude-dir=streams)
PINNED := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
COMPILE := $(BIN)/uv pip compile pyproject.toml --all-extras --group dev $(PINNED) -o requirements.lock
COMPILE_BENCH := $(BIN)/uv pip compile --group bench -c requirements.lock $(PINNED) -o bench/requirements.lock
COMPILE_MLFLOW := $(BIN)/uv pip compile --group mlflow $(PINNED) -o deploy/mlflow.lock
MLFLOW := $(VENV)/mlflow
PORT ?= 5000

.PHONY: help setup demo mlflow test test-real parity check lint format bench bench-quality bench-scorer bench-world bench-signals bench-candidates effect faults test-clock soak mutants lock upgrade clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## set up .venv with the pinned dependencies (other targets do it by themselves)

demo: $(READY) ## run the whole path on real data; KEEP=1 leaves the services up
	@$(BIN)/cerebro demo $(if $(KEEP),--keep)

mlflow: $(MLFLOW)/.ready ## look at the trainings in MLflow's own pages; PORT=5001
	@$(MLFLOW)/bin/mlflow ui --host 127.0.0.1 --port $(PORT) \
		--backend-store-uri "$$($(BIN)/python -c 'from scv import settings; from trainer import tracking; print(tracking.address(settings.load()))')"

test: $(READY) ## run the tests; TESTS=path picks some, JOBS=1 runs one at a time
	@$(PYTEST) -m 'not real and not slow' -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

# Four Kafkas at once start too slowly.
test-real: JOBS := 3
test-real: $(READY) ## test on Apache Kafka, redis-server and a cluster, and the slow tests (needs java, mvn, redis-server)
	$(needs_real)
	@CEREBRO_TEST_BROKER=kafka CEREBRO_TEST_STORE=redis $(PYTEST) -n $(JOBS) --dist loadfile $(or $(TESTS),tests/streams tests/simulator/test_sink_kafka.py tests/flow/test_end_to_end.py)
	@$(if $(TESTS),:,CEREBRO_TEST_STORE=cluster $(PYTEST) -m 'not real and not slow' -n $(JOBS) --dist loadfile tests/streams)
	@$(if $(TESTS),:,$(PYTEST) -m 'real or slow' -n $(JOBS) --dist loadfile $(MARKED))

parity: $(READY) ## compare millions of values with the oracle (10 to 18 minutes); ARGS="--minutes 3 --seed 7"
	@$(BIN)/python -m tests.parity $(ARGS)

check: lint ## what `make lint` does, house rules, generated pages
	$(PYTEST) -q -m 'not real and not slow' tests/house

lint: $(READY) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## measure; prints the ratios that the README states
	@$(BIN)/python -m bench

bench-quality: $(VENV)/.bench ## judge champions of five shops beside what one tries in an afternoon (30 minutes); ARGS="--only CDNOW"
	@$(BIN)/python -m bench.quality $(ARGS)

bench-scorer: $(READY) ## what a core answers a second, ours and what one would write with the same parts (20 minutes); ARGS="--quick"
	@$(BIN)/python -m bench.serving $(ARGS)

bench-world: $(READY) ## simulate 10,000, 100,000 and a million customers: speed, memory and their curve (15 minutes)
	@$(BIN)/python -m bench.simulation

bench-signals: $(READY) ## how much of what events show of an invented customer our models tell (20 minutes); ARGS="--customers 2000"
	@$(BIN)/python -m bench.signals $(ARGS)

bench-candidates: $(READY) ## what else might be a better model, at past origins of four shops (40 minutes); ARGS="--only CDNOW"
	@$(BIN)/python -m bench.candidates $(ARGS)

effect: $(READY) ## is the effect of contact found where it is known, and only there? (5 minutes); ARGS="--worlds 20"
	@$(BIN)/python -m proof.effect $(ARGS)

faults: $(READY) ## break a running deployment on purpose and compare every value (30 to 45 minutes); ARGS="--short --on embedded"
	$(needs_real)
	@$(BIN)/python -m tests.faults $(ARGS)

test-clock: $(READY) ## the tests that live on the wall clock, at midnights and when clocks change (30 minutes; needs gcc)
	@$(BIN)/python -m tests.clock $(ARGS) $(TESTS)

soak: $(READY) ## live for half an hour: memory, files, freshness, and no value lost; ARGS="--minutes 2 --on embedded"
	$(needs_real)
	@$(BIN)/python -m tests.soak $(ARGS)

mutants: $(READY) ## put small faults into the source one by one: the tests go red for each; ONLY=name picks one
	@$(BIN)/python -m tests.mutants $(if $(ONLY),--only $(ONLY))

lock: $(READY) ## bring requirements.lock in line with pyproject.toml, changing no other pin
	@$(COMPILE) >/dev/null
	@$(COMPILE_BENCH) >/dev/null
	@$(COMPILE_MLFLOW) >/dev/null

upgrade: $(READY) ## move every pin to its newest version that fits
	@$(COMPILE) --upgrade >/dev/null
	@$(COMPILE_BENCH) --upgrade >/dev/null
	@$(COMPILE_MLFLOW) --upgrade >/dev/null

clean: ## remove caches and builds; ALL=1 also .venv and var (lake, bundles, exports)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
	$(if $(ALL),rm -rf $(VENV) var)

# Two stamps: packages again when the lock changes, our own again when pyproject.toml changes. A set-up that was killed
# before its first stamp begins anew: pip does not get over half a package.
$(VENV)/.locked: requirements.lock
	@python="$(PYTHON)"; \
	fits='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; \
	for one in python3.11 python3 python3.12 python3.13; do \
		[ -n "$$python" ] || ! $$one -c "$$fits" >/dev/null 2>&1 || python=$$one; \
	done; \
	$${python:-false} -c "$$fits" 2>/dev/null || { \
		echo "Cerebro needs Python 3.11 or newer with venv; found: $$(python3 --version 2>&1 || true)." >&2; \
		echo "Install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv; macOS: brew install python@3.11)," >&2; \
		echo "or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	[ -e $@ ] || rm -rf $(VENV); \
	[ -x $(BIN)/python ] || $$python -m venv $(VENV)
	@echo "Installing the pinned dependencies (once per lock file; some minutes on a slow line) …" >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock >&2
	@touch $@

# What only the opponents of bench-quality need.
$(VENV)/.bench: $(READY) bench/requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r bench/requirements.lock >&2
	@touch $@

# Its pages need packages that ours cannot live with.
$(MLFLOW)/.ready: $(READY) deploy/mlflow.lock
	@$(BIN)/python -m venv --clear $(MLFLOW)
	@$(MLFLOW)/bin/python -m pip install --disable-pip-version-check --require-hashes -r deploy/mlflow.lock >&2
	@touch $@

$(READY): $(VENV)/.locked pyproject.toml
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e . >&2
	@touch $@

define needs
command -v $(1) >/dev/null || { echo "\`$(1)\` is not installed. Debian, Ubuntu: apt-get install $(2); macOS: brew install $(if \
	$(filter java,$(1)),openjdk@17,$(if $(filter mvn,$(1)),maven,redis))." >&2; exit 1; }
endef

define needs_real
@$(call needs,java,openjdk-17-jre-headless)
@$(call needs,mvn,maven)
@$(call needs,redis-server,redis-server)
endef
