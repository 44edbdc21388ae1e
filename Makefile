# Every command of the project; `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TAG    ?= dev
OURS   := libs/core libs/checkpoint services/edge services/conversation services/presence services/operator services/local clients/python

.DEFAULT_GOAL := help
.PHONY: help install install-dev install-bench up config test test-redis test-published faults
.PHONY: images cluster-up cluster-down deploy e2e e2e-full
.PHONY: bench bench-checkpoint bench-edge bench-turns lint check lock clean

help:  ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.run  ## make .venv with what the services need

up: install  ## run everything on this machine
	@$(BIN)/python -m parley_local

config: install  ## print all settings with their defaults
	@$(BIN)/python -m parley_local.config

test: check  ## lint, types, contracts and all tests but the long ones
	@sh scripts/versions.sh
	$(BIN)/pytest -n 3 --dist loadgroup

test-redis: install-dev  ## the stores' tests on another server: REDIS_URL=...
	@test -n "$(REDIS_URL)" || { echo "make test-redis REDIS_URL=redis://HOST:PORT" >&2; exit 1; }
	REDIS_URL_UNDER_TEST=$(REDIS_URL) $(BIN)/pytest libs/core/tests/redis libs/checkpoint/tests

test-published: install-bench  ## the published saver: what it passes, and what only ours does
	$(BIN)/pytest $(addprefix tests/published/,conformance.py defects.py verdict.py) -rx -s -o filterwarnings=default

faults: install-dev  ## the long forms of the fault tests
	@sh scripts/versions.sh
	$(BIN)/pytest -m full -s

images:  ## build the services' images: TAG=dev
	@sh scripts/images.sh $(TAG)

cluster-up:  ## make the kind cluster `parley`, or leave it as it is: KIND_NODE_IMAGE=...
	@sh scripts/cluster.sh up

cluster-down:  ## delete that cluster
	@sh scripts/cluster.sh down

deploy:  ## build the images and install them there, for development: TAG=dev
	@sh scripts/deploy.sh $(TAG)

bench: install  ## measure a running `make up`: ARGS=...
	$(BIN)/python tests/bench/conversations.py $(ARGS)

bench-checkpoint: install-bench  ## measure checkpointers on one core: ARGS=...
	PYTHONPATH=tests/support $(BIN)/python tests/bench/checkpoint.py $(ARGS)

bench-edge: install-dev  ## an edge beside other servers: ARGS="[SCENARIO...]"
	PYTHONPATH=tests/support $(BIN)/python tests/bench/edge.py $(ARGS)

bench-turns: install-dev  ## one-second turns on one core of a worker: ARGS=...
	PYTHONPATH=tests/support $(BIN)/python tests/bench/turns.py $(ARGS)

check: install-dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

e2e: install-dev  ## the whole on Kubernetes: E2E_CONTEXT=... for another cluster
	@sh scripts/e2e.sh e2e

e2e-full: install-dev  ## all of it, in its long form
	@sh scripts/e2e.sh 'e2e or e2e_full'

lint: install-dev  ## format, and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: install-dev  ## pin the dependencies anew
	sh scripts/lock.sh

clean:  ## remove all that was made here, but the conversations in .parley
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

install-dev: $(VENV)/.dev

$(VENV)/.run: requirements/run.txt $(addsuffix /pyproject.toml,$(OURS))
	sh scripts/venv.sh $(PYTHON) $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ./,$(OURS))
	@touch $@

install-bench: $(VENV)/.bench
	-@sh scripts/libssl.sh $(VENV)/libssl

$(VENV)/.bench: $(VENV)/.dev requirements/bench.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
