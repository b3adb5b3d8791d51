# Each target does the set-up that it needs, with plain pip and the versions of constraints.txt.
# PYTHON=/path/to/python3 chooses the interpreter of a new environment.

VENV := .venv
CORE_VENV := .venv-core
LOWEST_VENV := .venv-lowest
RUN := $(VENV)/bin/python
# Two workers take one file after the other, in the order of tests/conftest.py.
# A run from folder to package by each method, and what is asked of PyTorch's own machinery.
LOWEST_TESTS := $(addprefix tests/training/,export networks finetuning/test_loop.py finetuning/test_resume.py test_finetune.py)
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo studio serve test lint test-core test-rest test-lowest image fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## a virtual environment in .venv with everything: service, training, tests

$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh scripts/requirements.py
	scripts/setup.sh $(VENV) train dev

$(CORE_VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh scripts/requirements.py
	scripts/setup.sh $(CORE_VENV) dev

$(LOWEST_VENV)/.ready: pyproject.toml scripts/setup.sh scripts/requirements.py
	scripts/setup.sh $(LOWEST_VENV) --lowest train dev

demo: setup ## train on handwritten digits, serve the model, ask it over HTTP
	@exec $(RUN) -m scripts.demo

studio: setup ## one local page: look at photos, correct labels, train, try
	@exec $(RUN) -m studio

serve: setup ## serve what is in models/ on http://127.0.0.1:8000
	@exec $(RUN) -m service

test: lint test-core test-rest ## all checks and all tests, each once

lint: setup ## format, style, types, the arrows between the packages, Dockerfile and shell
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/shellcheck .ci/run scripts/*.sh scripts/docker/*.sh benchmarks/gpu/*.sh

test-core: $(CORE_VENV)/.ready ## inference and service, where torch is not installed
	$(CORE_VENV)/bin/python -c 'import importlib.util as u, sys; sys.exit("torch is installed here" if u.find_spec("torch") else 0)'
	$(CORE_VENV)/bin/python -m pytest $(IN_PARALLEL) -m core tests/inference tests/service

test-lowest: $(LOWEST_VENV)/.ready ## training, with the lowest versions that pyproject.toml allows
	$(LOWEST_VENV)/bin/python -m pytest $(IN_PARALLEL) $(LOWEST_TESTS)

fuzz: setup ## look for small inputs that cost much, for five minutes (MINUTES=10 SEED=1)
	$(RUN) -m tests.fuzz --minutes $(or $(MINUTES),5) --seed $(or $(SEED),0)

test-rest: lint ## all checks, and the tests that test-core leaves
	$(RUN) -m pytest $(IN_PARALLEL) -m "not core"

image: setup ## the CPU image, built and run by a Docker Engine of its own (as root; scripts/docker/engine.sh)
	$(RUN) -m tests.image

clean: ## remove the environments and caches; models/ stays
	rm -rf $(VENV) $(CORE_VENV) $(LOWEST_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-data
	find graft inference service studio training deploy scripts tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
