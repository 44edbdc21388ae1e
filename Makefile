# Every command of the project. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OURS   := libs/core libs/checkpoint services/edge services/conversation services/presence services/local clients/python

.DEFAULT_GOAL := help
.PHONY: help install install-dev lock lint check

help:  ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.run  ## make .venv with what the services need

install-dev: $(VENV)/.dev

$(VENV)/.run: requirements/run.txt $(addsuffix /pyproject.toml,$(OURS))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation $(addprefix -e ./,$(OURS))
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

lock: install-dev  ## pin the dependencies anew
	sh scripts/lock.sh

lint: install-dev  ## format and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install-dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
