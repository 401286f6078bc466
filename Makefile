# Every command that a person or CI runs. `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help demo test soak lint lock bench generate edge init enroll edge-image revoke renew backup up up-demo down logs tail doctor 4k 4k-off password user audit uninstall needs-docker

PYTHON ?= python3
# On a Raspberry Pi without Docker the environment sees apt's picamera2, numpy and Pillow.
SITE := $(shell $(PYTHON) -c 'import importlib.util as u; print("--system-site-packages" if u.find_spec("picamera2") else "")' 2>/dev/null)
# Every folder with a pyproject.toml is a package: this is the list of them.
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard */pyproject.toml))
LOCKS := $(PACKAGES:%=%/requirements.txt)
PIP := .venv/bin/python -m pip --disable-pip-version-check -q

help:  ## Print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: .venv/.run  ## Three cameras, a broker, the archive and the viewer on this machine; no Docker, camera or root
	@.venv/bin/shutterbus-broker demo

test: .venv/.dev  ## Everything this machine can test; says last what it could not, and why. ARGS= for a part, as pytest takes it
	.venv/bin/python $(if $(ARGS),-m pytest $(ARGS),tests/testrun.py)

soak: .venv/.dev  ## What takes too long for every change: orders of start, slow lines, memory, and long forms of faults; their last lines go into docs
	SHUTTERBUS_SOAK=1 .venv/bin/python -m pytest -s $(or $(ARGS),-m "soak or long_form")

lint: .venv/.dev  ## Format, style, types, import rules, and that generated files are current
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/python docs/generate.py --check

generate: .venv/.dev  ## Write .env.example and docs/settings.md anew from the settings classes
	.venv/bin/python docs/generate.py

bench: .venv/.dev  ## Side by side measurements; results go into docs/performance.md
	PYTHONPATH=tests .venv/bin/python -m bench $(ARGS)

lock: .venv/.dev  ## Renew every requirements.txt: exact versions and hashes, no addresses
	$(COMPILE) --group dev --all-extras $(PACKAGES:%=%/pyproject.toml) -o requirements.txt
	for package in $(PACKAGES); do \
	    echo 'flit_core>=3.12' | $(COMPILE) -c requirements.txt - $$package/pyproject.toml \
	        $$([ $$package = broker ] && echo --extra demo) -o $$package/requirements.txt || exit 1; done
	echo 'flit_core>=3.12' | $(COMPILE) -c requirements.txt - edge/pyproject.toml --extra opencv -o edge/requirements-opencv.txt
	printf '%s\n' sinetstream==1.10.0 sinetstream-kafka==1.10.0 sinetstream-mqtt==1.10.0 setuptools | \
	    $(COMPILE) - -o tests/stack/sinetstream.txt

COMPILE = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    $(UPGRADE) $(PACKAGES:%=--no-emit-package shutterbus-%)

# What needs Docker asks first whether all of it is here.
init enroll edge-image revoke renew backup up up-demo down logs tail doctor 4k 4k-off password user audit uninstall: needs-docker
needs-docker:
	@sh broker/host/docker.sh

# A server needs Docker alone: the broker package runs in its own container. `make -n` shows what to type without make.
SERVER := docker compose -f compose.server.yml $(shell grep -qs '^[^#]*COMPOSE_FILE.*compose\.legacy\.yml' .env && echo '-f compose.legacy.yml')
# Built each time, which costs a second when nothing has changed. SHUTTERBUS_TAG keeps two checkouts' images apart.
TOOLS = $(SERVER) build -q tools >/dev/null && $(SERVER) run --rm --no-deps $(NAMED) $(if $(FROM),-T) --user $$(id -u):$$(id -g) tools
PORTS_ARE_FREE = sh broker/host/ports.sh $(SERVER)
DISKS_ARE_SHARED = sh broker/host/disks.sh $(SERVER)
# HOST counts only where it was typed: some shells export one of their own.
GIVEN_HOST = $(if $(filter command%,$(origin HOST)),--host '$(HOST)')
WHO = $(if $(READER),--reader '$(READER)',$(if $(FROM),--from - <'$(FROM)',--camera '$(CAMERA)'))
WHOSE = $(or $(READER),$(CAMERA))
# What an edge is built from. Of an older version it goes first: a module that has become a package would be both.
SOURCES := edge wire runtime transport
# Not by docker kill, whatever the signal: the engine then takes the container for stopped by hand, and starts it no more
# after a crash or at boot.
MOSQUITTO = $(SERVER) --profile mqtt ps -q mosquitto | xargs -rI{} docker exec {} sh /mosquitto/configuration/memory.sh
# Also when Kafka could not be told: Mosquitto is another door.
RELOAD = status=$$?; $(MOSQUITTO) reload; [ $$status = 0 ]
# What a camera left in Mosquitto goes too. Its memory may be full of it, so there has to be a little more for that moment.
CLEAR = status=$$?; $(MOSQUITTO) more save; $(TOOLS) clear $(WHO) || status=$$?; $(MOSQUITTO) usual; [ $$status = 0 ]

# Compose tells servers apart by name alone, and would take over the containers of another folder's.
LABELS = {{with .Config.Labels}}{{index . "com.docker.compose.project"}} {{index . "com.docker.compose.project.working_dir"}}{{end}}
OURS = @$(SERVER) --profile '*' ps -aq 2>/dev/null | xargs -r docker inspect -f '$(LABELS)' | sort -u | while read -r name folder; do \
    [ "$$folder" -ef . ] || { echo "The server $$name belongs to another folder, $$folder: work there, or end it" \
    "(docker compose -p $$name down) and run this again" >&2; exit 1; }; done

# Where somebody watches, with what it does meanwhile: on a small machine the first time takes minutes.
SHOWN = $$([ -t 2 ] || echo --quiet)
TOOLS_IMAGE = shutterbus-broker:$(or $(SHUTTERBUS_TAG),latest)

init:  ## A server's certificates, password and .env: make init HOST="server.example.org 192.168.1.10"
	@docker image inspect $(TOOLS_IMAGE) >/dev/null 2>&1 || echo 'Building the image of the tools, once; on a small machine it takes minutes ...'
	@docker build $(SHOWN) -t $(TOOLS_IMAGE) -f broker/Dockerfile . >/dev/null && docker run --rm -i $$([ -t 0 ] && echo -t) \
	    --user $$(id -u):$$(id -g) -v '$(CURDIR)':/project $(TOOLS_IMAGE) init $(GIVEN_HOST) && $(DISKS_ARE_SHARED)

enroll:  ## An identity: CAMERA=gate [TO=pi@gate] [IMAGE=1], FROM=cameras.csv [IMAGE=1] or READER=nas [TO=..]
ifdef IMAGE
	@$(MAKE) -s edge-image
endif
	@$(TOOLS) enroll $(if $(IMAGE),--image '$(EDGE_FILE)') $(WHO); $(RELOAD)
ifdef TO
ifdef FROM
	$(error TO sends one file: enroll with FROM first, or cameras one by one)
endif
	@ssh '$(TO)' 'rm -rf $(SOURCES:%=$(WHOSE)/%); tar -xpf - $$(test ! -e $(WHOSE)/.env || echo --exclude $(WHOSE)/.env)' <'$(WHOSE).tar' || { echo "Not sent; $(WHOSE).tar is still here and holds its key" >&2; exit 1; }
	@rm '$(WHOSE).tar' && echo 'Sent to $(TO), where it is the folder $(WHOSE), with the .env that was there if one was; nothing of it is left here'
endif

# For Pis without internet. Another machine's architecture needs QEMU in this machine's kernel, or a builder that has it.
ARCH ?= arm64
EDGE_TARGET ?= raspberrypi
EDGE_IMAGE ?= shutterbus-edge:$(or $(SHUTTERBUS_TAG),latest)-$(EDGE_TARGET)-$(ARCH)
EDGE_FILE = dist/edge-$(EDGE_TARGET)-$(ARCH).tar.gz

edge-image:  ## The edge's image as a file, what IMAGE=1 puts in: [ARCH=arm64] [EDGE_TARGET=debian]
	@echo 'Building the image of the edge for $(ARCH), once some minutes ...'
	@docker buildx build $(SHOWN) --load --platform linux/$(ARCH) --target $(EDGE_TARGET) -t '$(EDGE_IMAGE)' -f edge/Dockerfile . >/dev/null
	@mkdir -p dist && docker save '$(EDGE_IMAGE)' | gzip -1 >'$(EDGE_FILE).part' && mv '$(EDGE_FILE).part' '$(EDGE_FILE)'
	@echo 'Wrote $(EDGE_FILE)'

revoke:  ## Take all rights away, on open connections too, and what Mosquitto keeps of it: CAMERA=gate or READER=nas
	@$(TOOLS) revoke $(WHO); $(if $(CAMERA),$(CLEAR),$(RELOAD))

renew:  ## New dates for the services' certificates
	@$(TOOLS) renew

backup:  ## What cannot be made again (keys, identities, .env) in one file; the archive's catalog in another
	@$(TOOLS) backup

up:  ## Build and start the server, and wait until it is healthy
	$(OURS)
	@$(SERVER) build && $(TOOLS) refresh && $(DISKS_ARE_SHARED) && $(PORTS_ARE_FREE) && $(SERVER) up -d --wait; status=$$?; $(MOSQUITTO) renewed; [ $$status = 0 ]

up-demo: state/demo/demo-kafka state/demo/demo-mqtt  ## The same and a test card for each broker, all on this machine
	$(OURS)
	@$(SERVER) -f compose.demo.yml build && $(TOOLS) refresh && $(DISKS_ARE_SHARED) && $(PORTS_ARE_FREE) && \
	    $(SERVER) -f compose.demo.yml up -d --wait
	@echo "Open https://localhost:$$($(SERVER) port viewer 8080 | sed 's/.*://')/ with the user and password that make init printed; make down ends it"

state/demo/%: | state/ca/ca.crt
	@$(MAKE) -s enroll CAMERA=$*
	@mkdir -p state/demo && tar -xpf $*.tar -C state/demo && rm $*.tar

# Only for up-demo: a server that cameras elsewhere shall reach is told how by make init.
state/ca/ca.crt:
	@[ -e .env ] || echo BIND_ADDR=127.0.0.1 >.env
	@$(MAKE) -s init HOST='shutterbus.test localhost 127.0.0.1'

down:  ## Stop the server; its data stays
	$(OURS)
	@$(SERVER) down --remove-orphans

# With the test cards' image of make up-demo, which is called after the same tag.
IMAGES = $(SERVER) --profile '*' config --images | sed -n 's/^shutterbus-viewer://p' | xargs -rI{} \
    docker image ls --filter 'reference=shutterbus-*:{}' --filter 'reference=shutterbus-edge:{}-debian' --format '{{.Repository}}:{{.Tag}}'

uninstall:  ## Remove the server's containers, volumes and images; its keys and data stay in .env and state/
	$(OURS)
	@[ -e .env ] || { echo 'There is no server here: .env is missing' >&2; exit 1; }
	@images=$$($(IMAGES)) && name=$$($(SERVER) config | sed -n 's/^name: //p') && \
	    $(SERVER) --profile '*' down --remove-orphans --volumes && \
	    docker volume ls -q --filter "label=com.docker.compose.project=$$name" | xargs -r docker volume rm >/dev/null && \
	    { echo $$images | xargs -r docker image rm >/dev/null || echo 'An image that another server uses stays'; }
	@echo 'Removed. Keys, users and what the brokers keep are still in .env and state/: docs/uninstall.md'

logs:  ## Follow the server's logs, or those of SERVICE=kafka|mosquitto|setup|viewer|archive
	@trap 'exit 0' INT TERM; $(SERVER) logs -f --tail 100 $(SERVICE)

4k:  ## Let pictures of 3840 x 2160 pass: sets one number, proves it on both brokers, else puts it back
	$(OURS)
	@$(TOOLS) tune 4k
	@$(RESIZE)

4k-off:  ## Undo it
	$(OURS)
	@$(TOOLS) tune default
	@$(RESIZE)

QUIET_UP = $(SERVER) --progress quiet up -d --wait --wait-timeout 120
RESIZE = { $(QUIET_UP) && $(TOOLS) tune verify; } || \
    { $(TOOLS) tune back; $(QUIET_UP); echo 'Everything is as it was before.' >&2; exit 1; }

# The viewer reads its users at its start, so it alone is restarted where it runs.
VIEWER = $(SERVER) build -q viewer >/dev/null && $(SERVER) run --rm --no-deps $$([ -t 0 ] || echo -T) viewer
AGAIN = $(SERVER) ps -q viewer | xargs -r docker restart >/dev/null

password:  ## A new password for the viewer, typed or piped in: [NAME=ann], by default the first user
	@$(VIEWER) password $(if $(NAME),'$(NAME)') && $(AGAIN)

user:  ## The viewer's users; NAME=ann [ROLE=look|operate|admin] [CAMERAS="gate yard"|all] makes or changes one, REMOVE=1
	@$(VIEWER) user $(if $(NAME),'$(NAME)' $(if $(ROLE),--role '$(ROLE)') $(if $(CAMERAS),--cameras '$(CAMERAS)') $(if $(REMOVE),--remove) && $(AGAIN))

audit:  ## Compare the archive's index with its files, and exit with 1 if a picture is missing or damaged: [ARGS="--sizes|--content --json"]
	@$(SERVER) exec $$([ -t 1 ] || echo -T) archive shutterbus-archive audit $(ARGS)

# Behind a pipe there is no terminal that would pass Ctrl-C on to the container.
TAIL = shutterbus-tail-$$$$
tail: NAMED = --name $(TAIL)
tail:  ## A line for each message on both brokers
	@trap "docker kill -s TERM $(TAIL) >/dev/null 2>&1" EXIT; trap 'exit 0' INT TERM; $(TOOLS) tail

doctor: NAMED = -T
doctor:  ## Check the server, one line a check, and say how to fix what is wrong (JSON=1 for programs)
	@$(MOSQUITTO) short
	@{ $(SERVER) --profile '*' ps -aq | xargs -r docker inspect; } | \
	    { $(TOOLS) doctor --inside --containers - $(if $(JSON),--json); }

# OpenCV, for webcams and films, brings a numpy of its own, which apt's picamera2 was not built for.
EDGE_LOCK := edge/requirements$(if $(SITE),,-opencv).txt

edge: .venv/.edge  ## The edge alone, on a machine without Docker; picamera2 from apt where there is one, else with OpenCV
	@echo "Installed: .venv/bin/shutterbus-edge with run, check, doctor; it reads .env in the folder where it is started"

.venv/.edge: $(EDGE_LOCK) $(SOURCES:%=%/pyproject.toml) | .venv/bin/python
	@echo "Installing the edge into .venv (once) ..."
	@$(PIP) install --require-hashes -r $(EDGE_LOCK)
	@$(PIP) install --no-deps --no-build-isolation $(SOURCES:%=-e %)
	@touch $@

# Everything that runs, and nothing that only checks: what `make demo` needs.
.venv/.run: $(LOCKS) $(PACKAGES:%=%/pyproject.toml) | .venv/bin/python
	@echo "Installing into .venv (once), a minute or less ..."
	@$(PIP) install --require-hashes $(LOCKS:%=-r %)
	@$(PIP) install --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

.venv/.dev: requirements.txt .venv/.run
	@echo "Installing what tests and checks need into .venv (once) ..."
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

.venv/bin/python:
	@$(PYTHON) -m venv $(SITE) .venv
