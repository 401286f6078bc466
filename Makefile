# Every command that a person or CI runs. `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help demo test lint lock bench generate init enroll revoke renew backup up up-demo down logs tail doctor 4k 4k-off

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

# A server needs Docker alone: the broker package runs in its own container. `make -n` shows what to type without make.
SERVER := docker compose -f compose.server.yml $(shell grep -qs '^COMPOSE_FILE=.*compose\.legacy\.yml' .env && echo '-f compose.legacy.yml')
IMAGE_OF_TOOLS = docker build -q -t shutterbus-broker -f broker/Dockerfile . >/dev/null
TOOLS = $(IMAGE_OF_TOOLS) && $(SERVER) run --rm --no-deps --user $$(id -u):$$(id -g) tools
# HOST counts only where it was typed: some shells export one of their own.
GIVEN_HOST = $(if $(filter command%,$(origin HOST)),--host '$(HOST)')
WHO = $(if $(READER),--reader '$(READER)',$(if $(FROM),--from '$(FROM)',--camera '$(CAMERA)'))
RELOAD = $(SERVER) --profile mqtt ps -q mosquitto | xargs -r docker kill -s HUP >/dev/null

init:  ## A server's certificates, password and .env: make init HOST="server.example.org 192.168.1.10"
	@docker build -q -t shutterbus-broker -f broker/Dockerfile . >/dev/null
	@docker run --rm -i $$([ -t 0 ] && echo -t) --user $$(id -u):$$(id -g) -v '$(CURDIR)':/project shutterbus-broker init $(GIVEN_HOST)

enroll:  ## An identity for a camera or reader: CAMERA=gate [TO=pi@gate], FROM=cameras.csv or READER=nas
	@$(TOOLS) enroll $(WHO)
	@$(RELOAD)
ifdef TO
	@ssh '$(TO)' tar -xpf - <'$(CAMERA).tar' && rm '$(CAMERA).tar' && echo 'Sent to $(TO); nothing of it is left here'
endif

revoke:  ## Take all rights away, on open connections too: CAMERA=gate or READER=nas
	@$(TOOLS) revoke $(WHO)
	@$(RELOAD)

renew:  ## New dates for the services' certificates
	@$(TOOLS) renew

backup:  ## What cannot be made again (keys, identities, .env) in one file; tar -xpf restores it
	@$(TOOLS) backup

up:  ## Build and start the server, and wait until it is healthy
	@$(SERVER) up -d --build --wait

up-demo:  ## The same and a test card for each broker, all on this machine: one laptop is enough
	@[ -e .env ] || echo BIND_ADDR=127.0.0.1 >.env
	@[ -e state/ca/ca.crt ] || $(MAKE) -s init HOST='shutterbus.test localhost 127.0.0.1'
	@for camera in demo-kafka demo-mqtt; do \
	    [ -e state/demo/$$camera ] || { $(MAKE) -s enroll CAMERA=$$camera && mkdir -p state/demo && \
	        tar -xpf $$camera.tar -C state/demo && rm $$camera.tar; } || exit 1; done
	@$(SERVER) -f compose.demo.yml up -d --build --wait
	@echo 'Open https://localhost:8080/ with the user and password that make init printed; make down ends it.'

down:  ## Stop the server; its data stays
	@$(SERVER) down --remove-orphans

logs:  ## Follow the server's logs
	@$(SERVER) logs -f --tail 100

4k:  ## Let pictures of 3840 x 2160 pass: sets one number, proves it on both brokers, else puts it back
	@$(TOOLS) tune 4k
	@$(RESIZE)

4k-off:  ## Undo it
	@$(TOOLS) tune default
	@$(RESIZE)

QUIET_UP = $(SERVER) --progress quiet up -d --wait --wait-timeout 120
RESIZE = { $(QUIET_UP) && $(TOOLS) tune verify; } || \
    { $(TOOLS) tune back; $(QUIET_UP); echo 'Everything is as it was before.' >&2; exit 1; }

tail:  ## A line for each message on both brokers
	@$(TOOLS) tail

doctor:  ## What keeps the server from its work, and what puts it right: a line a check (JSON=1 for programs)
	@$(IMAGE_OF_TOOLS) && { $(SERVER) --profile '*' ps -aq | xargs -r docker inspect || true; } | \
	    $(SERVER) run --rm -T --no-deps --user $$(id -u):$$(id -g) tools doctor --inside --containers - $(if $(JSON),--json)

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
