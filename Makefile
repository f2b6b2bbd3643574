# Everything happens in .venv, which is made when it is missing and brought up to date when
# pyproject.toml or constraints.txt change.

PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
VENV    := .venv
PYTHON  := $(VENV)/bin/python
PIP     := $(PYTHON) -m pip --disable-pip-version-check --no-input install -q -c constraints.txt
OPENVINO := $(VENV)-openvino
BENCHES := $(filter-out pairs exporters resnet50_torch steps_by_hand onnx_by_hand digits_by_hand,$(basename $(notdir $(wildcard bench/*.py))))

# Two test processes share the machine, so each framework gets one thread in each.
WORKERS ?= 2
export TF_CPP_MIN_LOG_LEVEL := 3

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo compare test check lint format golden index measure curriculum browser openvino bench fuzz clean

help:  ## the verbs
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.data  ## compile, train and compare on real digit images, with what is installed
	@$(PYTHON) -m nnc.demo

compare: $(VENV)/.all  ## the demo with PyTorch and Keras, which it installs
	@$(PYTHON) -m nnc.demo

test: $(VENV)/.dev  ## every test
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal --forbid-skips

check: $(VENV)/.dev  ## layout, lint, types and the fast tests, in less than a minute
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow"

lint: $(VENV)/.dev  ## layout, lint and types
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy

format: $(VENV)/.dev  ## write the one layout, with the lints that cure themselves
	$(PYTHON) -m ruff check --fix-only
	$(PYTHON) -m ruff format

golden: $(VENV)/.dev  ## rewrite the golden files; read the difference before committing it
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile --update-golden

index: $(VENV)/.dev  ## rewrite what is generated: the parser's tables, the index of words, the catalogue
	$(PYTHON) -m nnc.grammar.generate
	$(PYTHON) -m nnc.compiler.vocabulary.generate
	$(PYTHON) -m nnc.catalogue > catalogue.tmp && mv catalogue.tmp docs/catalogue.md

measure: $(VENV)/.dev  ## how closely each word agrees on each backend; the catalogue shows it
	$(PYTHON) -m tests.matrix.measure
	$(PYTHON) -m nnc.catalogue > catalogue.tmp && mv catalogue.tmp docs/catalogue.md

browser: $(VENV)/.data  ## pages in headless Chromium against Python; needs npm and Chromium
	$(PYTHON) -m tests.browser.check

openvino: $(VENV)/.dev $(OPENVINO)/.ready  ## exported models on OpenVINO against the reference; it fetches OpenVINO
	$(PYTHON) -m tests.openvino.check $(OPENVINO)/bin/python

curriculum: $(VENV)/.all  ## train what the lectures show, in full, into docs/curriculum.md
	$(PYTHON) -m curriculum

bench: $(VENV)/.dev  ## time against peers
	@for name in $(BENCHES); do $(PYTHON) -m bench.$$name || exit 1; done

fuzz: $(VENV)/.dev  ## the property tests with many more examples, new ones each time
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -m hypothesis --hypothesis-profile=fuzz
	NNC_RANDOM_PROGRAMS=5000 NNC_FIRST_PROGRAM=$$(date +%s) \
		$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal tests/programs

# OpenVINO is no dependency of nnc: it has an environment of its own.
$(OPENVINO)/.ready:
	$(PYTHON3) -m venv $(OPENVINO)
	$(OPENVINO)/bin/python -m pip --disable-pip-version-check --no-input install -q openvino==2026.4.1 numpy
	@touch $@

clean:  ## remove .venv and the caches
	rm -rf $(VENV) $(OPENVINO) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

$(VENV)/pyvenv.cfg:
	$(PYTHON3) -m venv $(VENV)

$(VENV)/.data: constraints.txt pyproject.toml | $(VENV)/pyvenv.cfg
	$(PIP) -e '.[data]'
	@touch $@

# torch comes alone and first: its pin is the build without CUDA where an index offers one, and
# nothing that depends on torch may choose another.
$(VENV)/.torch: constraints.txt | $(VENV)/pyvenv.cfg
	$(PIP) $$(sed -n '/^torch==/p' constraints.txt)
	@touch $@

$(VENV)/.all: $(VENV)/.torch pyproject.toml
	$(PIP) -e '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.all
	$(PIP) -e '.[all,dev]'
	@touch $@
