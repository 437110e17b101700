# The one door to the project: `make` lists what it can do.

PYTHON ?= python3
BIN := .venv/bin

# With its own threads on, BLAS fights implicit's for the cores and training takes many times as long.
export OPENBLAS_NUM_THREADS = 1
# uv copies from its cache where it can't link, and need not warn about it.
export UV_LINK_MODE ?= copy

INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo kafka gpu test test-fast lint format lock bench soak faults chaos quality clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/run.stamp ## Show the whole system at work (ARGS="--help" lists its options)
	@$(BIN)/upnext demo $(ARGS)

kafka: .venv/run.stamp ## Run an Apache Kafka of one's own on 127.0.0.1:9092 (Java 17; Maven once)
	@$(BIN)/upnext kafka $(ARGS)

gpu: .venv/gpu.stamp ## Add what training on an NVIDIA GPU needs (1 GB; Linux on x86-64)

# Most tests wait for brokers, servers and workers, so four run at a time. Those of a file stay in
# one process, where they share what they started.
PYTEST := $(BIN)/pytest -n 4 --dist loadfile

test: lint ## Lint, then run every test
	$(PYTEST) -m "not waits" $(ARGS)

test-fast: lint ## Lint, then run the tests that take moments
	$(PYTEST) -m "not slow and not waits" $(ARGS)

lint: .venv/dev.stamp ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/dev.stamp ## Format the code and mend what can be mended safely
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/dev.stamp ## Measure speed, as ratios from one run
	$(BIN)/python -m tests.benchmarks $(ARGS)

soak: .venv/dev.stamp ## Let a worker take a million users, and watch its memory
	$(BIN)/python -m tests.benchmarks.day.soak $(ARGS)

faults: .venv/dev.stamp ## Break everything in turn on a real Kafka, and write the table
	$(BIN)/pytest -m waits
	$(BIN)/python -m tests.faults.day $(ARGS)

chaos: .venv/dev.stamp ## Break everything at random for ten minutes, and count
	$(BIN)/python -m tests.faults.day.chaos $(ARGS)

quality: .venv/dev.stamp ## Measure the quality of the lists on MovieLens-1M
	$(BIN)/python -m tests.benchmarks.quality $(ARGS)

# Each lock is bound by the one before it, so that installing one never moves what another installed.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: .venv/uv.stamp ## Renew the lock files (ARGS="--upgrade" for newer versions)
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.lock
	$(COMPILE) $(ARGS) --extra gpu pyproject.toml -c requirements.lock -o requirements-gpu.lock
	$(COMPILE) $(ARGS) --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) $(ARGS) requirements-build.in -c requirements-dev.lock -o requirements-build.lock

clean: ## Remove the environment and every cache
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/uv.stamp: requirements-build.lock
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "UpNext needs Python 3.11 or newer with venv; '$(PYTHON)' is not that."; \
		echo "Install it (Debian, Ubuntu: apt install python3 python3-venv), or name one you have:"; \
		echo "  make $(or $(MAKECMDGOALS),help) PYTHON=/path/to/python3.12"; \
		exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/run.stamp: requirements.lock pyproject.toml .venv/uv.stamp
	@echo "Installing what UpNext runs on ..."
	@$(INSTALL) --require-hashes -r $<
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Installing what its tests need ..."
	@$(INSTALL) --require-hashes -r $<
	@touch $@

.venv/gpu.stamp: requirements-gpu.lock .venv/run.stamp
	@echo "Installing CUDA's libraries ..."
	@$(INSTALL) --require-hashes -r $<
	@touch $@
