# Two commands do everything: `make run` and `make test`. The others are for developers.
# `make test PYTHON=python3.13` uses another interpreter, in a .venv of its own.

.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= $(if $(filter python3,$(notdir $(PYTHON))),.venv,.venv-$(notdir $(PYTHON)))
ARGS ?=
BENCH ?= flows
export PYTHON VENV

.PHONY: help run test lint bench shots mutants hooks clean dev

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run:  ## start the provider, its demo app and a mailbox; Ctrl-C stops them
	@bin/run

test:  ## run every test; ARGS='-k P01' runs some
	@bin/test $(ARGS)

lint: dev  ## check style, types, direction of imports and catalogues
	@bin/lint

bench: dev  ## measure whole flows; BENCH=growth: on a database of years; BENCH=cards; BENCH=directory; BENCH=tickets
	@$(VENV)/bin/python -m bench.$(BENCH) $(ARGS)

shots: dev  ## take pictures of every page
	@$(VENV)/bin/python -m demo.shots $(ARGS)

mutants: dev  ## test the tests of the pure modules
	@$(VENV)/bin/mutmut run $(ARGS)

hooks:  ## lint what is staged at each commit
	@git config core.hooksPath .githooks

clean:  ## forget the demo's data and all caches; keeps the installed packages
	@bin/clean

dev:
	@bin/set-up requirements-dev.lock
