# One command per intent. Everything that is made lives in .afterimage/, and `make clean` removes it.
PYTHON ?= python3
ENV := .afterimage/env
DEV := $(ENV)/dev/bin
# Generated requests take a minute: they stand with what is slow, so that the quick part stays under three.
FUZZ := tests/security/test_api_fuzz.py

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup up down status deploy logs demo check audit sbom lock test test-unit test-integration test-model bench fire clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make the Python environments (once, a few minutes)
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) was not found. Afterimage needs Python 3.11 to 3.13." >&2; exit 1; }
	@$(PYTHON) -m local.setup

up: setup ## start the local cloud and deploy to it
	@$(DEV)/python -m local up

down: ## stop the local cloud
	@if [ -x $(DEV)/python ]; then $(DEV)/python -m local down; fi

status: ## what of the local cloud is running
	@$(DEV)/python -m local status

deploy: setup ## deploy what has changed to the running local cloud
	@$(DEV)/python -m local deploy

logs: ## the last lines of every log
	@$(DEV)/python -m local logs

demo: setup ## one picture from prompt to mail
	@$(DEV)/python -m cli demo

check: setup ## linters, types, import rules, template, state machine, weaknesses, drift of generated files
	@$(PYTHON) -m local.setup audit checkov
	@$(DEV)/python -m local.check

audit: setup ## what is known against the pinned packages; fails where nobody answers
	@$(PYTHON) -m local.setup audit
	@$(DEV)/python -m local.known_vulnerabilities

sbom: setup ## bills of materials of functions and container, as CycloneDX JSON in .afterimage/sbom
	@$(PYTHON) -m local.setup audit
	@$(DEV)/python -m local.sbom

lock: setup ## write the lists with hashes from requirements*.in
	@$(PYTHON) -m local.setup audit
	@$(DEV)/python -m local.lock

test: test-unit test-model test-integration ## every test

# Two at a time, as the checks are; what shares something slow to make is a group and stays together.
test-unit: setup ## fast tests without the local cloud
	@$(DEV)/python -m pytest tests --ignore=tests/integration --ignore=tests/model --ignore=$(FUZZ) --numprocesses 2 --dist loadgroup

test-model: setup ## tests of the model container
	@$(ENV)/model/bin/python -m pytest tests/model

test-integration: setup ## tests on a local cloud of their own, and generated requests to the API
	@$(DEV)/python -m pytest tests/integration $(FUZZ)

bench: up ## print the benchmarks, measured on the running local cloud
	@$(DEV)/python -m bench

fire: setup ## the promises under fire, a quarter of an hour: 200 requests by a schedule of faults, generated tests at length
	@$(DEV)/python -m fire $(FIRE)

clean: ## stop the local cloud and remove everything that was made
	@if [ -x $(DEV)/python ]; then $(DEV)/python -m local down; fi
	@rm -rf .afterimage .aws-sam
