.DEFAULT_GOAL := help
.PHONY: help setup acceptance test soak lint format schema bench sabotage hostile images clean-cluster
BIN := .venv/bin
# with the one no Python starts, with the other no check could fail
unexport PYTHONHOME PYTHONOPTIMIZE

# `exec`: a signal that ends make reaches the script, not a shell between them

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' Makefile

setup:  ## make .venv: the locked packages and vegeta (GPU=1 for CUDA builds, PYTHON=... for another interpreter)
	@exec env PYTHON="$(PYTHON)" tools/setup $(if $(GPU),gpu)

acceptance: setup  ## check the whole chain; options go in ARGS="..."
	exec $(BIN)/pytest features $(ARGS)

test: setup lint  ## pass the suite's own tests
	@exec tools/test $(ARGS)

soak: setup  ## pass the tests ten times in a row, then five times with busy cores (ROUNDS=10 BUSY=5)
	@exec env ROUNDS="$(ROUNDS)" BUSY="$(BUSY)" tools/soak $(ARGS)

lint: setup  ## check style, types, and that imports go one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: setup  ## write docs/acceptance.schema.json from the table of options
	$(BIN)/python -m tools.settings_schema

sabotage: setup  ## break the stack in every way that a scenario must notice (half an hour)
	$(BIN)/pytest tests -m sabotage $(ARGS)

hostile: setup  ## run on machines that are not like ours: limits, mounts, hidden GPUs (half an hour at most)
	$(BIN)/pytest tests/hostile $(ARGS)

bench: setup  ## measure speed and memory: a table, and bench.json
	$(BIN)/python -m tools.bench $(ARGS)

images: setup  ## build the images of images/ with Docker (BASE=... for another Python 3.11 image; PUSH=registry/prefix pushes them; IMAGES="k3s-cuda kind-cuda" for nodes with a GPU)
	@tools/images $(IMAGES)

clean-cluster: setup  ## remove what interrupted runs left in a cluster (ARGS="--kube-context NAME", --all)
	@$(BIN)/python -m tools.clean_cluster $(ARGS)
