# `make demo` shows it, `make test` checks everything, `make help` lists the rest.
# Needs Python 3.11 or newer, make, and the package registries; everything else goes into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
LOCKED := requirements/dev.lock pyproject.toml
STAMP := $(VENV)/.suture-$(shell cat $(LOCKED) | cksum | tr ' ' '-')
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: help setup demo play test simulate soak soak-doors soak-concurrency soak-fuzz lint format render clean

help: ## List what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

setup: $(STAMP) ## Make .venv from the pinned requirements, and the package that Lambda runs
	@$(BIN)/python -m suture.build
	@$(BIN)/python -m suture.sandbox.package

demo: setup ## Play the whole story on the sandbox
	@$(BIN)/suture demo

play: setup ## The same, and then approve a fix yourself in a browser
	@$(BIN)/suture demo --stay

test: lint ## Everything that CI checks
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

DOORS := tests/chat/slack/test_slack_fuzz.py tests/chat/teams/test_teams_fuzz.py tests/chat/test_web_fuzz.py \
	tests/chat/page/test_page_fuzz.py

soak-doors: setup ## Try 100,000 spoilt requests at each door: Slack, Teams, the API, the page (an hour)
	@for door in $(DOORS); do SUTURE_SOAK=1 nice -n 19 $(BIN)/python -m pytest -p no:cacheprovider $$door; done
	@if $(BIN)/python -c 'import atheris' 2>/dev/null; then \
		for door in slack teams api page; do nice -n 19 $(BIN)/python tests/chat/guided.py $$door >/dev/null || exit 1; done; \
	else echo "no requests led by coverage: atheris is not installed"; fi

simulate: setup ## Play one schedule of faults again: make simulate SEED=7, or SEED=0..300
	@$(BIN)/python tests/faults/simulate.py $(or $(SEED),0..100)

soak: setup ## Hours of faults: 10,000 schedules, then every error and death at every call
	@$(BIN)/python tests/faults/soak.py --points
	@SUTURE_SOAK=1 $(BIN)/python -m pytest -q tests/faults/test_error_points_on_moto.py tests/aws/test_executor.py

soak-concurrency: setup ## A thousand calls on a sandbox whose processes are killed (SEED=N: the same dice again)
	@$(BIN)/python tests/e2e/soak_crowd.py $(if $(SEED),--seed $(SEED))

soak-fuzz: setup ## Spoilt inputs to every entry (N=1000000; SEED=TEXT: the same ones again)
	@$(BIN)/python tests/fuzz/soak_fuzz.py --number $(or $(N),1000000) $(if $(SEED),--seed $(SEED))

lint: setup ## Style, types, and that rendered files are fresh
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/suture render events --check
	@$(BIN)/suture render policies --check
	@$(BIN)/suture render packaged --check
	@$(BIN)/suture render docs --check

format: setup ## Format the sources
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

render: setup ## Write the rendered files anew
	@$(BIN)/suture render packaged
	@$(BIN)/suture render events
	@$(BIN)/suture render policies
	@$(BIN)/suture render docs

clean: ## Remove what setup, tests and builds made
	rm -rf $(VENV) .suture .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis build suture.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): $(LOCKED)
	@if [ -z "$(PYTHON)" ]; then \
		echo "Suture needs Python 3.11 or newer, with the venv module. Install it, or say make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned requirements into $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.suture-*
	@touch $@
