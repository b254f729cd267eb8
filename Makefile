# Everything is installed into .venv and nothing outside it, but for the Debian packages named below when make runs as root.
# UV_TORCH_BACKEND=cpu make run    takes the small build of torch, for machines without an NVIDIA card.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# What need not wait for each other goes side by side: Debian packages beside torch, types beside compiling. But not
# several goals, as of `make clean run`.
ifeq ($(words $(MAKECMDGOALS)),1)
MAKEFLAGS += --jobs=2
endif
unexport MAKEFLAGS  # what recipes start has jobs of its own

# What Python has compiled is kept, out of the sources' way and also where the environment forbids to write it beside
# them: compiling torch anew would cost every process that imports it 15 s.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/python
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
RUN_PACKAGES := libportaudio2
TEST_PACKAGES := $(RUN_PACKAGES) ffmpeg mosquitto mosquitto-clients icecast2 pulseaudio pulseaudio-utils \
	libasound2-plugins chromium chromium-driver systemd fluidsynth libfluidsynth3 fluid-soundfont-gm espeak-ng \
	postgresql nginx-light sqlite3 curl

# uv from the PATH, else a private one.
UV := $(if $(shell command -v uv),uv,.cache/uv/bin/uv)

# A Python that was removed from the system, or upgraded away, takes the stamps of its .venv along.
$(shell test -x $(BIN)/python || rm -f .venv/.installed .venv/.installed-dev)

# Sets $python to a Python that is new enough.
define find_python
python=""
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
	if python=$$("$$candidate" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null); then
		break
	fi
done
if [ -z "$$python" ]; then
	echo "ccmusic-stream needs Python 3.11 or newer on the PATH; python3 is: $$(python3 --version 2>&1 || echo missing)." >&2
	exit 1
fi
endef

# $(call need_packages,names,what for): installs missing Debian packages as root, else names them and goes on.
define need_packages
if command -v dpkg-query >/dev/null; then
	missing=""
	for package in $(1); do
		dpkg-query --show --showformat='$${Status}' "$$package" 2>/dev/null | grep -q ' installed$$' || missing+=" $$package"
	done
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ]; then
		echo "Installing Debian packages for $(2):$$missing"
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null \
			|| echo "Could not install them; going on without." >&2
	elif [ -n "$$missing" ]; then
		echo "Packages are missing for $(2). To install them: sudo apt-get install --no-install-recommends$$missing" >&2
	fi
else
	echo "This is not Debian: see to it that the equivalents of these packages are installed, for $(2): $(1)" >&2
fi
endef

.PHONY: help run install run-packages check test test-packages compiled fuzz drills dist try-deb try-units protocol lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 16

run: .venv/.installed run-packages  ## install if need be and start the daemon; make run ARGS="--input soundcard"
	@exec $(BIN)/ccmusicd run $(ARGS)

install: .venv/.installed run-packages  ## install into .venv

run-packages: | $(UV)  # after what may need a package itself
	@$(call need_packages,$(RUN_PACKAGES),sound cards)

check: .venv/.installed-dev  ## style, types and the rules of who may import whom
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check test-packages compiled  ## check, then all tests against real parts; make test ARGS="-k mqtt"
	@# More workers than a small machine has cores, a file each: some wait for real parts and deadlines.
	$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-packages: | $(UV)
	@$(call need_packages,$(TEST_PACKAGES),the tests)

compiled: .venv/.installed-dev  # once, while types are checked, instead of by each of the tests' workers
	@# The tests themselves tell what is wrong with either.
	$(BIN)/pytest --collect-only --quiet >/dev/null 2>&1 || true
	$(BIN)/python -c 'import librosa, numpy; librosa.cqt(numpy.zeros(2**15))' >/dev/null 2>&1 || true

fuzz: .venv/.installed-dev | $(UV)  ## look for inputs that break what takes them; make fuzz SECONDS=600 TARGETS="icy_stream"
	@$(UV) pip install --quiet --python $(BIN)/python --constraints requirements.lock --group fuzz
	$(BIN)/python -m tests.fuzz.fuzz $(or $(SECONDS),60) $(TARGETS)

drills: .venv/.installed-dev  ## hurt a real daemon in many ways and print what it cost; make drills ARGS=--json
	@$(call need_packages,$(TEST_PACKAGES),the drills)
	exec $(BIN)/python benchmarks/drills.py $(ARGS)

dist: .venv/.installed-dev  ## write wheel, source distribution and Debian package into dist/, always the same bytes for a commit
	@export SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date +%s)}
	rm -rf dist
	$(BIN)/hatchling build --target wheel --target sdist --directory dist
	packaging/build-deb dist/*.whl dist

try-deb: dist  ## install the Debian package in a bare Debian in .cache, run it, purge it; as root, takes minutes
	@$(call need_packages,debootstrap,a bare Debian)
	packaging/try-deb dist/*.deb .cache/debian

try-units: dist  ## boot a bare Debian in .cache and try the package's units under its systemd; as root, takes minutes
	@$(call need_packages,debootstrap systemd-container,a container)
	packaging/try-units dist/*.deb .cache/debian-systemd

protocol: .venv/.installed  ## write docs/protocol.md and its JSON Schema from the types of the messages
	@$(BIN)/ccmusicd protocol --page > docs/protocol.md
	$(BIN)/ccmusicd protocol > docs/protocol.schema.json

lock: $(UV)  ## write the newest versions that fit into requirements.lock
	@$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --quiet \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.lock

clean:  ## remove what make made; recordings and settings stay
	@rm -rf .venv .cache dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/.installed: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing ccmusic-stream into .venv; the first time this fetches torch, several gigabytes with CUDA."
	$(UV) pip install --python $(BIN)/python --constraints requirements.lock --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	@$(UV) pip install --python $(BIN)/python --constraints requirements.lock --group dev
	touch $@

$(BIN)/python: | $(UV)
	@$(find_python)
	rm -rf .venv
	$(UV) venv --quiet --python "$$python" .venv

uv:  # on the PATH already

.cache/uv/bin/uv:
	@$(find_python)
	echo "Fetching uv, the installer, into .cache/uv"
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null && ! "$$python" -m pip --version >/dev/null 2>&1; then
		$(call need_packages,python3-venv,the installer)
	fi
	if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
		"$$python" -m venv .cache/uv
		.cache/uv/bin/pip install --quiet --disable-pip-version-check uv
	elif "$$python" -m pip --version >/dev/null 2>&1; then
		"$$python" -m pip install --quiet --disable-pip-version-check --target .cache/uv uv
	else
		echo "Neither uv nor pip nor venv is there for $$python: install uv, or the Debian package python3-venv." >&2
		exit 1
	fi
