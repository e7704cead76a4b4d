# `make help` lists the verbs: it prints the text after ## of each target below its ### heading.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup hooks check format lint type test-fast test reference clean java classes browser s3-server azurite gcs-server test-storage check-airflow bench \
	bench-kernels fuzz soak docs lock zip env-archive demo-data demo fetch-data

ROWS ?= 200000
SEED ?= 1
OUT ?= demo/data
WAREHOUSE ?= demo/warehouse
ARGS ?=
TESTS ?= $(shell scripts/tests_of_changes.sh)
REPEATS ?= 3
WORKERS ?= 3
NAIVE_ROWS ?= 100000
REPORT_ROWS ?= 200000
SECONDS ?= 60
NIGHTS ?= 30
PAIRS ?= 20
ATHERIS := 3.0.0
HDFS_NATIVE := 0.14.7
S3_SERVER ?= moto
STORAGE_TESTS := tests/e2e/test_hdfs.py tests/e2e/test_yarn.py tests/spark/runs/test_killed_stages.py \
	tests/spark/warehouse tests/unit/warehouse/delta_rs/test_lease.py tests/unit/test_object_stores.py
BENCH_ROWS = $(if $(filter file,$(origin ROWS)),1000000,$(ROWS))

PYTHON_BIN := .venv/bin/python
COG = PYTHONPATH=lib .venv/bin/cog --verbosity=1 -I scripts
COGGED := README.md $(wildcard docs/*.md)
SHELL_FILES := spark-submit.sh $(wildcard scripts/*.sh deploy/*.sh deploy/*/*.sh) .ci/run

### Daily

help: ## list the verbs
	@echo "make VERB [NAME=value ...]"
	@awk -F ':.*## ' '/^### / {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' Makefile

setup: ## make .venv hold what requirements.lock names (a second time: nothing to do)
	@scripts/setup.sh

hooks: setup ## have each commit checked first: ruff, mypy, import-linter
	@.venv/bin/pre-commit install

check: setup ## ruff, mypy, layers, and the unit tests of what you changed [TESTS=tests/unit/detect ARGS=]
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@tests="$(TESTS)"; [[ -z "$$tests" ]] || $(PYTHON_BIN) -m pytest -q -m "not keras" $$tests $(ARGS)

format: setup ## fix what the linter can fix by itself
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

lint: setup type ## check style, types, layers, shell scripts and tables made from code
	@$(COG) --check --diff $(COGGED)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/shellcheck $(SHELL_FILES)

type: setup ## check types
	@.venv/bin/mypy

test-fast: setup ## run the tests that need no Spark [ARGS=]
	@$(PYTHON_BIN) -m pytest -m "not spark and not cluster and not e2e" $(ARGS)

test: setup java classes browser s3-server ## run every test, some at a time [ARGS="-k forest" WORKERS=3]
	@$(PYTHON_BIN) -m pytest --numprocesses=$(WORKERS) --dist=loadgroup \
		--no-loadscope-reorder $(ARGS)

reference: setup ## write the tables of README and docs that are made from code
	@$(COG) -r $(COGGED)

clean: ## remove what was built or made here, except .venv
	@rm -rf dist build demo site spark-warehouse metastore_db derby.log .tools \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

### Release

java: ## check for Java 17 or 21; on Debian or Ubuntu, as root, install it
	@scripts/java.sh --install

classes: setup java ## keep Spark's classes for quick starts, as the first job does
	@SPARK_HOME="$$(echo $(CURDIR)/.venv/lib/python3.*/site-packages/pyspark)" \
		IOTSCORE_PYTHON="$(CURDIR)/.venv/bin/python" SPARK_LOCAL_IP=127.0.0.1 scripts/classes.sh >/dev/null

browser: ## look for Chromium, which tests the report; on Debian, as root, install it
	@scripts/browser.sh --install

s3-server: setup ## install the server of S3 that tests talk to, in an environment of its own
	@scripts/s3_server.sh >/dev/null

azurite: ## install the server of Azure's storage that tests talk to; needs Node.js
	@scripts/azurite.sh >/dev/null

gcs-server: ## build the server of Google's storage that tests talk to; needs Go
	@scripts/gcs_server.sh >/dev/null

test-storage: setup java azurite gcs-server ## run nights in HDFS, YARN and object stores, hours [ARGS= S3_SERVER=moto|versitygw]
	@scripts/s3_server.sh "$(S3_SERVER)" >/dev/null
	@.venv/bin/uv pip install --quiet --python $(PYTHON_BIN) "hdfs-native==$(HDFS_NATIVE)" fsspec
	@IOTSCORE_TEST_STORAGE=1 IOTSCORE_TEST_S3="$(S3_SERVER)" $(PYTHON_BIN) -m pytest \
		$(if $(filter moto,$(S3_SERVER)),$(STORAGE_TESTS)) \
		tests/e2e/test_object_store.py tests/e2e/test_cluster_s3.py $(ARGS)

check-airflow: setup java ## parse the DAGs with a real Airflow and run a night on demo data
	@$(PYTHON_BIN) -m iotscore.simulate --rows 20000 --out demo/airflow-data --seed 1
	@$(PYTHON_BIN) deploy/airflow/check.py .tools/airflow demo/airflow-data

bench: setup java ## measure the jobs beside other ways [ROWS=1000000|full REPEATS=3]
	@$(PYTHON_BIN) benchmarks/bench.py --rows $(BENCH_ROWS) \
		--repeats $(REPEATS) --naive-rows $(NAIVE_ROWS) --report-rows $(REPORT_ROWS) $(ARGS)

bench-kernels: setup ## measure the kernels beside scikit-learn and Keras
	@mkdir -p demo
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \
		$(PYTHON_BIN) -m pytest -q benchmarks --benchmark-json=demo/bench-kernels.json $(ARGS)
	@$(PYTHON_BIN) benchmarks/report.py --kernels demo/bench-kernels.json

fuzz: setup ## look for input that breaks ingest, the configuration or the webhook, Linux x86-64 [SECONDS=60]
	@if [[ "$$(uname -sm)" != "Linux x86_64" ]]; then \
		echo "make fuzz needs Linux on x86-64: atheris has no wheel for $$(uname -sm)." >&2; exit 2; fi
	@.venv/bin/uv pip install --quiet --python $(PYTHON_BIN) "atheris==$(ATHERIS)"
	@PYTHONPATH=lib $(PYTHON_BIN) fuzz/run.py $(SECONDS) $(ARGS)

soak: setup java ## run many nights with bad files and random kills [NIGHTS=30 PAIRS=20 SEED=1]
	@PYTHONPATH=lib:benchmarks $(PYTHON_BIN) soak/soak.py --nights $(NIGHTS) --pairs $(PAIRS) \
		--seed $(SEED) $(ARGS)

docs: setup ## build the documentation in site/; after make demo, with results in the notebooks
	@rm -rf build/notebooks
	@if [[ -d "$(WAREHOUSE)/explanations" ]]; then scripts/java.sh && \
		$(PYTHON_BIN) scripts/run_notebooks.py "$(WAREHOUSE)" build/notebooks; fi
	@NO_MKDOCS_2_WARNING=1 $(PYTHON_BIN) -m mkdocs build --quiet
	@echo "Open site/index.html, or, to search in it: $(PYTHON_BIN) -m http.server -d site"

lock: setup ## write requirements.lock from setup.py [ARGS=--upgrade]
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --extra dev --custom-compile-command "make lock" $(ARGS) \
		--output-file requirements.lock setup.py

zip: setup ## build dist/iotscore.zip, what executors get
	@$(PYTHON_BIN) scripts/build_zip.py dist/iotscore.zip

env-archive: setup ## build dist/environment.tar.gz, the packages that executors get
	@$(PYTHON_BIN) scripts/build_environment.py dist/environment.tar.gz

### Data

demo-data: setup ## make synthetic data in the 92-file layout [ROWS=200000 OUT=demo/data SEED=1]
	@$(PYTHON_BIN) -m iotscore.simulate --rows $(ROWS) --out "$(OUT)" --seed $(SEED)

demo: setup java demo-data ## run the nightly job on demo data and show what came out [ROWS= SEED=]
	@./spark-submit.sh nightly --input "$(OUT)" --warehouse "$(WAREHOUSE)"

fetch-data: setup ## bring the real data set, 8 GB, from Kaggle: OUT=DIR
	@if [[ "$(origin OUT)" == file ]]; then echo "Say where to: make fetch-data OUT=DIR" >&2; exit 2; fi
	@.venv/bin/uv pip install --quiet --python $(PYTHON_BIN) "kagglehub>=0.3"
	@$(PYTHON_BIN) -m iotscore.fetch --out "$(OUT)"
