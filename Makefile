# The fingers' front to meson; scripts/setup installs what Debian 12 lacks.
BUILD ?= build

.PHONY: all mutants setup quick check demo asan tsan lint bench install clean
all:
	@scripts/setup build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD) | tail -n 1

setup:
	@scripts/setup

quick: setup                    # the plain build's tests
	@scripts/check quick

check: setup                    # every compiler, sanitizer, test and lint
	@scripts/check all

asan tsan: setup
	@scripts/check $@

demo: all
	@$(BUILD)/rawq demo

mutants: setup all           # one bug at a time: a test has to notice
	@tests/mutants/run

lint: setup
	@scripts/lint

bench: setup all
	@bench/run

install: all
	@meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) build-*
