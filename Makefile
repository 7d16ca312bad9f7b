# Everything a clean clone needs is python3 (3.11 or newer) and make. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= ../shared/data/dsb2018
CODE := nucseg_tf tests scripts workflow examples docs
DOCKER ?= docker
APPTAINER ?= apptainer
CONFIG ?= smallest
FUZZ_SECONDS ?= 300
VARIANT ?= cpu
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git describe --always --dirty --abbrev=40)
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup format lint type test test-long napari-test napari-picture imagej-test clusters-test clusters-picture smoke score demo bench doctor lock clean fuzz \
  image image-gpu image-test image-gpu-test sbom sif sif-test workflow-smoke workflow-test slurm-test \
  tutorial-pictures readme-picture docs audit peers determinism bioimageio-test export-picture

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
	  printf '%-14s %s\n' "$$name" "$$text"; done

setup: $(READY)  ## make .venv and install everything, in locked versions

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "nucseg_tf needs Python 3.11 or newer. Choose one: make PYTHON=python3.11 setup"; exit 1; }
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then :; \
	elif $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv --clear $(VENV); \
	else \
	  echo "This Python has no ensurepip (Debian: apt-get install -y python3-venv); fetching pip."; \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) scripts/bootstrap_pip.py $(BIN)/python; \
	fi
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

format: $(READY)  ## rewrite the code in its style
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lint: $(READY)  ## check style; changes nothing
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/hadolint docker/*.Dockerfile workflow/biomero/Dockerfile
	$(BIN)/shellcheck --external-sources scripts/*.sh .ci/*

type: $(READY)  ## check types
	$(BIN)/mypy

test: $(READY)  ## the tests that take minutes at most in all
	$(BIN)/pytest -q -n 2 -m "not slow"

test-long: $(READY)  ## all tests, trainings included
	$(BIN)/pytest -q

fuzz: $(READY)  ## fuzz all parsers for FUZZ_SECONDS in all, see docs/reliability/fuzzing.md
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet 'atheris>=3.0'
	$(BIN)/python scripts/reliability/fuzz.py --seconds $(FUZZ_SECONDS) $(FUZZ_FLAGS)

napari-test: $(READY)  ## the tests of the napari plugin, in .venv-napari
	scripts/napari_test.sh

napari-picture: napari-test  ## make docs/napari.png anew
	QT_QPA_PLATFORM=xcb xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24" \
	  .venv-napari/bin/python scripts/napari_picture.py docs/napari.png

imagej-test: $(READY)  ## what is for ImageJ and QuPath, in a real ImageJ and Groovy
	$(BIN)/pytest -q tests/integrations/imagej tests/integrations/qupath

clusters-test: $(READY)  ## what is for Fractal and BIOMERO, by their packages, in .venv-clusters
	scripts/clusters_test.sh

clusters-picture: clusters-test  ## make docs/clusters.png anew
	PYTHONPATH=. .venv-clusters/bin/python scripts/clusters_picture.py docs/clusters.png

smoke: $(READY)  ## train, predict and score on drawn toy data
	rm -rf runs/smoke
	$(BIN)/python scripts/make_toy_data.py runs/smoke/data
	$(BIN)/nucseg validate runs/smoke/data
	$(BIN)/nucseg train configs/smoke.yaml --data runs/smoke/data --out runs/smoke/run
	$(BIN)/nucseg predict runs/smoke/data/images --model runs/smoke/run --out runs/smoke/predicted
	$(BIN)/nucseg evaluate runs/smoke/data/masks runs/smoke/predicted --out runs/smoke/scores

score: $(READY)  ## score the default model on DATA/val (images/ and masks/): make score DATA=FOLDER
	@test -d $(DATA)/val/masks || { echo "No images in $(DATA)/val: make score DATA=FOLDER"; exit 1; }
	rm -rf runs/score
	$(BIN)/nucseg predict $(DATA)/val/images --out runs/score/predicted
	$(BIN)/nucseg evaluate $(DATA)/val/masks runs/score/predicted --out runs/score

demo: $(READY)  ## find the nuclei of a real image; results in demo_output/
	$(BIN)/python scripts/demo.py

bench: $(READY)  ## time and memory of prediction, see docs/speed.md: make bench BENCH_FLAGS="--rounds 3"
	$(BIN)/python scripts/bench.py --out runs/bench.json \
	  $(addprefix --fields ,$(wildcard $(DATA)/val/images)) $(BENCH_FLAGS)

PEERS ?= stardist cellpose instanseg
peers:  ## environments of other tools, for nucseg benchmark --peers: .venv-peers/ (PEERS="stardist ...")
	@for name in $(PEERS); do \
	  $(PYTHON) -m venv --clear .venv-peers/$$name && \
	  .venv-peers/$$name/bin/python -m pip install --quiet $(PIP_FLAGS) \
	    -r nucseg_tf/evaluation/peers/requirements/$$name.txt || exit 1; \
	done

determinism: $(READY)  ## what comes out the same again, for docs/reliability/determinism.md
	$(BIN)/python scripts/reliability/determinism.py --data $(DATA)

doctor: $(READY)  ## versions, hardware, models
	$(BIN)/nucseg doctor

audit: $(READY)  ## licences, and known vulnerabilities of the locks (needs a network)
	$(BIN)/python scripts/reliability/audit.py

lock: $(READY)  ## write requirements*.txt from what is installed
	$(BIN)/python scripts/lock.py

define build_image
DOCKER_BUILDKIT=1 $(DOCKER) build $(DOCKER_FLAGS) --file docker/$(1).Dockerfile --tag nucseg-tf:$(1) \
  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) .
$(DOCKER) history --format '{{.Size}}\t{{.CreatedBy}}' nucseg-tf:$(1) | grep -v '^0B'
$(DOCKER) images nucseg-tf:$(1)
endef

image:  ## build the container image for CPUs, nucseg-tf:cpu
	$(call build_image,cpu)

image-gpu:  ## build the container image for NVIDIA GPUs, nucseg-tf:gpu
	$(call build_image,gpu)

sbom:  ## list what is in an image: dist/sbom-VARIANT/ (VARIANT=cpu or gpu)
	DOCKER_BUILDKIT=1 $(DOCKER) build $(DOCKER_FLAGS) --file docker/sbom.Dockerfile \
	  --build-arg IMAGE=nucseg-tf:$(VARIANT) --output dist/sbom-$(VARIANT) docker

image-test: $(READY)  ## build and run the CPU image in a Docker engine of its own (Debian, root)
	scripts/image_test.sh cpu

image-gpu-test: $(READY)  ## the same for the GPU image, without a GPU
	scripts/image_test.sh gpu

sif:  ## build the Apptainer image dist/nucseg-tf-VARIANT.sif
	mkdir -p dist
	$(APPTAINER) build --force $(APPTAINER_FLAGS) --build-arg variant=$(VARIANT) \
	  --build-arg version=$(VERSION) --build-arg revision=$(REVISION) \
	  dist/nucseg-tf-$(VARIANT).sif docker/nucseg.def

sif-test: $(READY)  ## build and run Apptainer images (Debian, root)
	scripts/sif_test.sh

SMOKE = runs/workflow-smoke
SNAKEMAKE = PATH=$(CURDIR)/$(BIN):$$PATH snakemake --configfile workflow/config/smoke.yaml

workflow-smoke: $(READY)  ## the whole workflow with tiny numbers; results in runs/workflow-smoke/
	@mkdir -p $(SMOKE)
	@exec 9> $(SMOKE)/.lock; flock --nonblock 9 || { echo "It is running already."; exit 1; }; \
	$(SNAKEMAKE) --unlock --quiet all 9>&- && \
	$(SNAKEMAKE) --profile workflow/profiles/local --resources gpu=9 mem_mb=99000 --quiet rules --set-threads \
	  train=1 predict=1 predict_baseline=1 prelabel=1 roi_store=1 $(SNAKEMAKE_FLAGS) 9>&-
	@cat $(SMOKE)/tables/initialisation/compare.md
	@echo $(SMOKE)

workflow-test: $(READY)  ## run it, again, after a loss, and after kill -9
	scripts/workflow_test.sh

slurm-test: $(READY)  ## run the smallest workflow through a SLURM on this machine (Debian, root)
	scripts/slurm_test.sh $(CONFIG)

docs: $(READY)  ## build the documentation as a site, site/index.html; warnings are errors
	rm -rf site
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --conf-dir docs \
	  --doctree-dir runs/docs . site
	cp site/README.html site/index.html

readme-picture: $(READY)  ## make the picture at the top of README.md anew (Chromium; a minute)
	rm -rf runs/readme
	$(BIN)/python scripts/readme_picture.py

tutorial-pictures: $(READY)  ## make the pictures of docs/tutorial.md anew (Chromium; minutes)
	rm -rf runs/tutorial
	$(BIN)/python scripts/tutorial_pictures.py

bioimageio-test: $(READY)  ## packages of bioimage.io, run by bioimageio.core in its own environment (needs a network)
	BIN=$(BIN) scripts/bioimageio_test.sh

export-picture: $(READY)  ## make docs/export.png anew
	rm -rf runs/export
	$(BIN)/nucseg models export fpn2ws-nuclei runs/export --to onnx
	PYTHONPATH=examples $(BIN)/python scripts/export_picture.py runs/export/network.onnx docs/export.png

clean:  ## remove everything that the targets made
	rm -rf $(VENV) .venv-napari .venv-clusters .venv-bioimageio .venv-peers build dist demo_output runs site .snakemake *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
