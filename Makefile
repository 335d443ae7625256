# `make` or `make test` checks everything; `make demo` shows the main job. Both set themselves up.
.DEFAULT_GOAL := test
.PHONY: help test test-slow test-faults faults-table endurance test-clients test-loaders bench hub check format lint types pytest bench-connectors demo docs dist install clean
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
PACKAGES := sfbulk sfbulk_singer tap_sfbulk target_sfbulk sfbulk_sandbox

help:  ## print the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/'

install: .venv/ready  ## make the development environment in .venv

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "sfbulk needs Python 3.10 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

test: check lint types pytest  ## format check, lint, types, tests

check: .venv/ready
	$(BIN)/ruff format --check .

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(PACKAGES)

types: .venv/ready
	$(BIN)/mypy

pytest: .venv/ready .venv-meltano/ready
	$(BIN)/pytest -n 3 -m 'not slow and not clients and not loaders' --durations=25

bench: .venv/ready  ## how fast and how small the sandbox is, a million rows each way
	$(BIN)/python benchmarks/sandbox_size.py

hub: .venv/ready  ## the Meltano Hub definitions and the settings in meltano.yml, from --about
	$(BIN)/python hub/definitions.py

bench-connectors: .venv/ready  ## how fast the tap and the target are, and what memory they take
	$(BIN)/python benchmarks/connectors.py

test-slow: .venv/ready .venv-meltano/ready  ## what takes minutes, before an issue is closed
	$(BIN)/pytest -m slow --ignore=tests/faults --durations=25

test-faults: .venv/ready  ## every fault of the sandbox on every request of client, tap and target
	FAULTS_TABLE=build/faults.json $(BIN)/pytest -n 6 tests/faults --durations=25

endurance: .venv/ready  ## tap and target for half an hour over a slow and flaky org: what they use does not grow
	ENDURANCE_SECONDS=1800 $(BIN)/pytest -s tests/faults/test_endurance.py

faults-table: .venv/ready  ## the last table of make test-faults into docs/reliability.md
	$(BIN)/python -m tests.faults.table

test-clients: .venv/ready  ## Salesforce clients we did not write, from the package indexes, on the sandbox
	$(BIN)/pytest -rs -m clients tests/clients

test-loaders: .venv/ready .venv-meltano/ready  ## what Singer loaders and taps we did not write keep of the values
	$(BIN)/pytest -rs -m loaders tests/loaders

.venv-meltano/ready: constraints-meltano.txt
	$(PYTHON) -m venv --clear .venv-meltano
	.venv-meltano/bin/pip install --quiet --disable-pip-version-check --require-hashes -r constraints-meltano.txt
	touch $@

demo: .venv/ready .venv-meltano/ready  ## the main job, both ways, on a local org
	$(BIN)/python demo/demo.py --meltano .venv-meltano/bin/meltano

.venv-docs/ready: constraints-docs.txt
	$(PYTHON) -m venv --clear .venv-docs
	.venv-docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r constraints-docs.txt
	touch $@

docs: .venv-docs/ready  ## the documentation as a site in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

dist: .venv/ready  ## wheel and sdist in dist/
	rm -rf dist
	$(BIN)/hatchling build -d dist -t sdist -t wheel

format: .venv/ready  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the targets made
	rm -rf .venv .venv-meltano .venv-docs .clients .meltano .meltano.lock output build dist site .mypy_cache .pytest_cache .ruff_cache
