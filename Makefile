# Everything a person types; `make` alone lists it. What was done is remembered in stamps, and a stamp holds
# only while pyproject.toml and constraints.txt are what it was made from: a second run needs no network.

PYTHON ?= python3
BIN := .venv/bin
PINS := pyproject.toml constraints.txt
# What checks Java: the environment once it is there, before that the Python it will be made from.
ANY_PYTHON = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup run test check format constraints clean requirements

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: requirements .venv/.run .jars/.done ## .venv with the antifraud command, and Delta's JARs; nothing outside the checkout

run: setup ## set up if need be, then nights of an invented world through the whole pipeline
	$(BIN)/antifraud demo

test: requirements .venv/.dev .jars/.done check ## set up if need be, then every check and every test
	$(BIN)/python -m pytest

check: .venv/.dev ## lint, format, types, contracts and generated pages; seconds, no Spark
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/antifraud check

format: .venv/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: .venv/.run ## pin every version anew: needs the network, and a look at the difference
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --group setup \
	  --no-header --no-annotate --no-emit-index-url --output-file constraints.txt pyproject.toml

clean: ## remove what set-up and tests made; lakes, releases and keys stay
	rm -rf .venv .jars .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

requirements:
	@$(ANY_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed and $(ANY_PYTHON) is not: name one, for example make PYTHON=python3.12 setup" >&2; exit 2; }
	@$(ANY_PYTHON) -m jobs.core.java

# The stamp is made last: an environment whose making was cut short is made anew.
.venv/.made:
	rm -rf .venv
	$(PYTHON) -m venv .venv
	@touch $@

# $(call install,WHAT,STAMPS): WHAT at the pinned versions, its build requirements too: from uv's cache alone if
# everything is there, else by uv, else (no uv to be had, or it cannot reach the index) by pip, more slowly.
PIP = PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --disable-pip-version-check
UV = $(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --constraint constraints.txt --build-constraint constraints.txt
define install
	@if cksum $(PINS) | cmp -s - $@; then touch $@; else \
	  echo "installing $(1)"; \
	  test -x $(BIN)/uv || $(PIP) --quiet uv || echo "uv could not be had: pip will install, more slowly" >&2; \
	  { test -x $(BIN)/uv && { $(UV) --quiet --offline --editable '$(1)' 2>/dev/null || $(UV) --editable '$(1)'; }; } \
	    || $(PIP) --editable '$(1)' \
	    || { echo "The packages could not be installed: see to the network, then run make again" >&2; exit 1; }; \
	  cksum $(PINS) | tee $(2) > /dev/null; \
	fi
endef

RUN := .
EVERYTHING := .[airflow,dev]

.venv/.run: .venv/.made $(PINS)
	$(call install,$(RUN),.venv/.run)

.venv/.dev: .venv/.made $(PINS)
	$(call install,$(EVERYTHING),.venv/.dev .venv/.run)

.jars/.done: conf/spark-jars.xml conf/spark-jars.sha256 | .venv/.run
	$(BIN)/python -m jobs.core.jars
	@touch $@
