# What CI runs is what these targets run: see .ci/run. BALLISTA=1 has `check` and `test` look at SQL on a Ballista cluster, too: its crates want
# DataFusion with other features, so all of it is built anew (20 minutes).

SHS := 4.3.0 3.5.9
CLUSTER := $(if $(BALLISTA),--features ballista-cluster)
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Without Node.js the binary is built all the same, and says how to get the pages.
PAGES := $(if $(shell command -v npm),ui)
UI_FILES := $(shell find ui docs -path ui/node_modules -prune -o -path ui/dist -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: demo build ui check test screenshots oracle logs bench torture fuzz clean help

demo: $(PAGES) ## build, and serve the bundled logs on http://127.0.0.1:18080
	cargo run --release -- demo

build: $(PAGES) ## build the release binary
	cargo build --release --locked

ui: ui/dist/index.html ## build the web UI, which the binary then embeds (Node.js 20)

ui/dist/index.html: $(UI_FILES)
	cd ui && npm ci --silent && npm run --silent build

check: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked $(CLUSTER) -- -D warnings
	@cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null # has a lock of its own

test: $(PAGES) ## all tests; prepares what they need, names what it had to skip (with CI=true a skip is a failure)
	@tests/prepare.sh
	@rm -f $(TARGET)/tmp/skipped
	cargo test --workspace --locked
	$(if $(BALLISTA),cargo test --workspace --locked $(CLUSTER) --test ballista)
	@tests/ui.sh
	@tests/clients/test.sh
	@tests/sql/test.sh
	@tests/grafana/test.sh
	@[ ! -f $(TARGET)/tmp/skipped ] || sort -u $(TARGET)/tmp/skipped | sed 's/^/SKIPPED: /'

screenshots: $(PAGES) ## a picture of every page, both themes: make screenshots TO=FOLDER (/tmp/afterglow-screenshots)
	@tests/prepare.sh
	cargo build --locked
	@tests/pages.sh screenshots

oracle: ## record the real History Servers' answers anew, and compare with the committed ones (root, Debian)
	tests/generate/setup.sh
	@mkdir -p target/oracle
	for v in $(SHS); do git show HEAD:tests/golden/$$v.tar.zst > target/oracle/$$v.tar.zst && tests/golden/capture.py $$v || exit 1; done
	for v in $(SHS); do tests/golden/compare.py target/oracle/$$v.tar.zst tests/golden/$$v.tar.zst || exit 1; done
	git show HEAD:tests/reports/4.3.0.tar.zst > target/oracle/reports.tar.zst && tests/golden/capture.py 4.3.0 tests/reports
	tests/golden/compare.py target/oracle/reports.tar.zst tests/reports/4.3.0.tar.zst

logs: ## let real Spark write all logs of tests/logs anew (root, Debian; 40 minutes); `make oracle` must follow
	tests/generate/setup.sh
	for v in $(SHS); do tests/generate/run.py $$v all && tests/generate/derive.py $$v && tests/generate/pack.sh $$v || exit 1; done

bench: build ## measure beside the real History Server: make bench BIG=LOG, see docs/performance.md
	@tests/prepare.sh
	cargo build --release --locked -p afterglow-ingest --example parse_rate
	.venv/bin/python tests/bench/bench.py $(TARGET)/release/afterglow $(TARGET)/release/examples/parse_rate --shs .venv $(if $(BIG),--big $(BIG))
	python3 tests/bench/browser.py $(TARGET)/release/afterglow --shs .venv $(if $(BIG),--big $(BIG))
	.venv/bin/python tests/bench/fleet.py $(TARGET)/release/afterglow
	python3 tests/bench/incidents.py $(TARGET)/release/afterglow $(if $(BIG),--big $(BIG))

torture: build ## attack a server of its own for ten minutes and print what held; see tests/torture/torture.py
	@tests/prepare.sh
	.venv/bin/python tests/torture/torture.py $(TARGET)/release/afterglow

# The fuzzer wants a flag of nightly compilers, which RUSTC_BOOTSTRAP=1 lets the pinned one take.
fuzz: ## fuzz every target for FUZZ_SECONDS seconds (60) each; installs cargo-fuzz if it is absent
	@command -v cargo-fuzz > /dev/null || cargo install --locked cargo-fuzz
	@for t in $$(cargo fuzz list); do echo "== $$t"; \
	  ASAN_OPTIONS=quarantine_size_mb=16:detect_leaks=0 RUSTC_BOOTSTRAP=1 cargo fuzz run $$t -- \
	    -max_total_time=$${FUZZ_SECONDS:-60} -rss_limit_mb=512 -timeout=10 -print_final_stats=1 || exit 1; done

clean: ## remove what was built and prepared
	cargo clean
	rm -rf .venv tests/.work ui/dist ui/node_modules

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
