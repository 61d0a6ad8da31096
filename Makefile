# Salon: everything that is done here, by name. `make help` lists it.
PYTHON ?= python3.11
BIN := .venv/bin
# The index that torch and torchvision are taken from; empty: pip's own settings decide (see README).
SALON_TORCH_INDEX ?=
FAST := tests/test_layers.py tests/schemas tests/curation/metadata_removal tests/curation/test_splits.py \
	tests/labeling/labelstudio tests/labeling/test_protocols.py tests/labeling/test_published_scores.py \
	tests/labeling/test_published_pairs.py tests/warehouse/test_maintenance.py
READY := .venv/ready-$(shell cat pyproject.toml constraints.txt Makefile | cksum | cut -d' ' -f1)

.PHONY: help setup demo test test-all check bench canary docs clean

help: ## what can be done
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

setup: $(READY) ## the environment .venv, made again only when its inputs have changed

$(READY):
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
ifneq ($(SALON_TORCH_INDEX),)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --index-url $(SALON_TORCH_INDEX) torch torchvision
endif
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,s3,ray,onnx]"
	rm -f .venv/ready-*
	touch $@

demo: setup ## the whole way from photos to two releases, with a real Label Studio and simulated raters
	$(BIN)/salon demo

test: setup ## all tests but the slow ones; real servers included
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile

test-all: setup ## all tests
	$(BIN)/pytest

check: setup ## lint, types, layers and the fast tests, in under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow and not server and not browser" $(FAST)

bench: setup ## measurements, as ratios against peers and floors in one run
	for file in tests/benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

canary: ## the tests against the newest version of everything
	rm -rf .canary && $(PYTHON) -m venv .canary
	.canary/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable ".[dev,s3,ray,onnx]"
	.canary/bin/pytest -q -m "not slow"

docs: setup ## write the pages that are made from the code: settings, tables, commands
	$(BIN)/python -m flows.reference

clean: ## remove what was made here
	rm -rf .venv .canary .labelstudio .demo .mypy_cache .ruff_cache
