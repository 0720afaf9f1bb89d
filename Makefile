# Everything runs from .venv, which the first target makes:
#   make demo | test [ARGS="tests/unit -k word"] | lint | bench [ARGS="line soak"] | fuzz [SECONDS=600] | mutants
#        | chaos [MINUTES=10] [SEED=n] | clean | lock
PYTHON ?= python3
UV ?= uv
COMPILE = $(UV) pip compile --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links -q

SECONDS ?= 600
MINUTES ?= 10

.PHONY: demo test lint bench fuzz mutants chaos clean lock setup

demo: .venv/.ready-demo
	.venv/bin/hoatoc demo

# Two at a time, a file of tests each; then the line under load, which needs the machine for itself.
test: .venv/.ready-dev
	.venv/bin/python -m pytest -n 2 --dist loadfile --ignore tests/chaos $(ARGS)
	$(if $(ARGS),,.venv/bin/python -m pytest tests/chaos)

lint: .venv/.ready-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

mutants: .venv/.ready-dev
	.venv/bin/python -m tests.mutants $(ARGS)

bench: .venv/.ready-dev
	.venv/bin/python -m bench $(ARGS)

fuzz: .venv/.ready-dev
	.venv/bin/python -m tests.fuzz $(SECONDS)

chaos: .venv/.ready-dev
	.venv/bin/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

setup: .venv/.ready-dev

clean:
	rm -rf .venv bench/peers/.venv bench/trial build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock:
	$(COMPILE) pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra embedded -c requirements/dev.txt -o requirements/embedded.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) bench/peers/requirements.in -o bench/peers/requirements.txt
	printf 'hatchling\neditables\n' | $(COMPILE) - -c requirements/dev.txt -o requirements/build.txt

.venv/.ready-%: tools/setup.sh pyproject.toml $(wildcard requirements/*.txt)
	PYTHON="$(PYTHON)" sh tools/setup.sh $*
