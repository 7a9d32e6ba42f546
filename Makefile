# swift-fisher: everything a checkout needs. Each target prepares what it depends on, once.
SWIFT ?= swift
OUTPUT ?= runs/demo
SPEECH ?= runs/demo-speech
REPRODUCE ?= runs/reproduce
INPUTS ?= 100000
SEED ?= 1

.PHONY: help engine media build test fuzz soak null-tables sanitize demo demo-speech reproduce bench bench-all bench-information bench-size coverage exponent format lint docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

engine: ## install libtorch into .engine, unless LIBTORCH or LIBTORCH_USE_PYTORCH=1 name another
	@Scripts/prepare-engine

media: ## install libsndfile and libvips (FLAC, Ogg; PNG, JPEG), which are opened at run time, beside libtorch
	@Scripts/prepare-media

build: engine ## build the fisher command, and the library beside it that it opens, in release mode
	$(SWIFT) build -c release --product fisher
	$(SWIFT) build -c release --product FisherEngine

test: engine ## build and run all tests
	@Scripts/prepare-media || echo "make: tests that need libsndfile or libvips will be passed over"
	@$(SWIFT) build --build-tests
	@$(SWIFT) build --package-path Examples/OwnTask --scratch-path .build/own-task
	@Scripts/run-tests --skip-build

fuzz: engine ## give INPUTS=100000 changed inputs of SEED=1 to every reader of files and texts; failing ones are kept small
	$(SWIFT) build -c release --product fuzz
	OMP_WAIT_POLICY=passive $$($(SWIFT) build -c release --show-bin-path)/fuzz --inputs $(INPUTS) --seed $(SEED)

soak: build ## kill runs, break each of their calls, cut their power, damage their files (needs strace); about an hour
	Scripts/soak
	FISHER_SLOW_TESTS=1 Scripts/run-tests --filter intervalsCoverTheTruth

null-tables: build ## how often equal optimizers are told apart: 1,000 simulated tables of each kind, 20 real ones
	FISHER_SLOW_TESTS=1 Scripts/run-tests --filter equalOptimizersAreToldApartInFivePercentOfTables
	Scripts/null-tables $$($(SWIFT) build -c release --show-bin-path)/fisher runs/null-tables

sanitize: engine ## run the tests of the fused kernels under the address and the thread sanitizer
	@Scripts/sanitize

demo: build ## compare four optimizers on a byte-level GPT, 2 to 5 minutes on 2 cores once built
	$$($(SWIFT) build -c release --show-bin-path)/fisher compare language --set beta2=0.99 --set weight_decay=1e-3 \
		--corpus headers --seeds 3 --resume --output $(OUTPUT)

demo-speech: build ## train a recognizer of spoken digits (by espeak-ng, which it names where it is missing), under 5 minutes once built
	$$($(SWIFT) build -c release --show-bin-path)/fisher train speech --preset tiny --resume --output $(SPEECH)

reproduce: build ## decide the claims of the sources in their short form, within two hours; writes Documentation/Claims.md
	$$($(SWIFT) build -c release --show-bin-path)/fisher reproduce all --within 2 --output $(REPRODUCE) \
		--write Documentation/Claims.md

bench: build ## time steps beside their Python peers, in turns, in the short form; writes Benchmarks/RESULTS.md, 20 minutes
	@Scripts/bench --short

bench-all: build ## time steps and estimates beside their Python peers with all turns; writes Benchmarks/*.md, over an hour
	@Scripts/bench
	@$(MAKE) bench-information

bench-information: build ## time estimates of the information beside Python libraries, about 10 minutes
	python3 -I -m venv .build/bench-venv && .build/bench-venv/bin/python -I -m pip install -q -r Benchmarks/requirements-information.txt
	OMP_WAIT_POLICY=passive .build/bench-venv/bin/python Benchmarks/information.py

bench-size: build ## time steps by parameters, batch, context and width; writes Benchmarks/SIZE.md and its figure, 15 minutes
	python3 Benchmarks/size.py --fisher $$($(SWIFT) build -c release --show-bin-path)/fisher

coverage: build ## measure the coverage of the intervals of fisher infer and the error rates of its test, about 30 minutes
	$$($(SWIFT) build -c release --show-bin-path)/fisher bench coverage --rows 1000 --sets 2000
	$$($(SWIFT) build -c release --show-bin-path)/fisher bench coverage --rows 100 --sets 500 --tested 500

exponent: build ## study what FAdam's exponent does, in two processes; goes on where it was stopped; writes Documentation/Exponent.md
	@mkdir -p $(REPRODUCE)/exponent-study
	@fisher=$$($(SWIFT) build -c release --show-bin-path)/fisher; \
	$$fisher reproduce exponent-study --output $(REPRODUCE) > $(REPRODUCE)/exponent-study/second.log 2>&1 & \
	$$fisher reproduce exponent-study --output $(REPRODUCE) --article Documentation/Exponent.md \
		--data Documentation/Data/exponent.csv; \
	status=$$?; wait; exit $$status

format: ## format the sources
	$(SWIFT) format --in-place --recursive --parallel Examples Fuzz Sources Tests Plugins Package.swift

lint: ## fail where the sources are not formatted, or where folders of a module use each other
	$(SWIFT) format lint --strict --recursive --parallel Examples Fuzz Sources Tests Plugins Package.swift
	@Scripts/house

docs: engine ## build the documentation into .build/docs; fails on a broken link or a symbol without a comment
	@Scripts/build-docs

clean: ## remove what was built; the engine stays
	$(SWIFT) package clean
	rm -rf runs
