# Every command that a person or CI runs. `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help demo test lint lock bench

PYTHON ?= python3
# On a Raspberry Pi without Docker the environment sees apt's picamera2, numpy and Pillow.
SITE := $(shell $(PYTHON) -c 'import importlib.util as u; print("--system-site-packages" if u.find_spec("picamera2") else "")' 2>/dev/null)
PACKAGES := wire edge broker viewer
LOCKS := $(PACKAGES:%=%/requirements.txt)
PIP := .venv/bin/python -m pip --disable-pip-version-check -q

help:  ## Print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: .venv/.run  ## Three cameras, a broker and the viewer on this machine; no Docker, camera or root
	@.venv/bin/shutterbus-broker demo

test: .venv/.dev  ## Everything this machine can test; says last what it could not, and why
	.venv/bin/python -m pytest $(ARGS)

lint: .venv/.dev  ## Format, style, types, import rules, and that generated files are current
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/python docs/generate.py --check

generate: .venv/.dev  ## Write .env.example and docs/settings.md anew from the settings classes
	.venv/bin/python docs/generate.py

bench: .venv/.dev  ## Side by side measurements; results go into docs/performance.md
	.venv/bin/python -m bench $(ARGS)

lock: .venv/.dev  ## Renew every requirements.txt: exact versions and hashes, no addresses
	$(COMPILE) --group dev pyproject.toml -o requirements.txt
	for package in $(PACKAGES); do \
	    echo 'flit_core>=3.12' | $(COMPILE) -c requirements.txt - $$package/pyproject.toml \
	        $$([ $$package = broker ] && echo --extra demo) -o $$package/requirements.txt || exit 1; done
	echo 'flit_core>=3.12' | $(COMPILE) -c requirements.txt - edge/pyproject.toml --extra opencv -o edge/requirements-opencv.txt

COMPILE = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    $(UPGRADE) $(PACKAGES:%=--no-emit-package shutterbus-%)

# Everything that runs, and nothing that only checks: what `make demo` needs.
.venv/.run: $(LOCKS) $(PACKAGES:%=%/pyproject.toml) | .venv/bin/python
	@echo "Installing into .venv (once) ..."
	$(PIP) install --require-hashes $(LOCKS:%=-r %)
	$(PIP) install --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

.venv/.dev: requirements.txt .venv/.run
	$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/bin/python:
	$(PYTHON) -m venv $(SITE) .venv
