# The front door. CMake does the work (CMakeLists.txt, CMakePresets.json); this file says what
# each word means and installs what it needs. `make help` lists the words.

JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
ROUNDS ?= 1000

# The inner make has its own jobs.
CMAKE = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL cmake
BUILD = $(CMAKE) --build --preset

.NOTPARALLEL:
.PHONY: all build demo check bench fault soak fuzz asan tsan coverage interop docs install clean distclean help

all: build
	@echo "built: build/ramet, build/libramet.a, build/libramet.so"
	@echo "next:  build/ramet --help, make demo, make check"

build:
	@tools/need.sh build
	@$(CMAKE) --preset default -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@$(BUILD) default -j $(JOBS) --target product

demo: build
	@tools/demo.sh

check:
	@tools/need.sh build check || { echo "0 passed, 1 failed"; exit 1; }
	@tools/need.sh peer || echo "no npm: the interop tests will be skipped"
	@python3 tools/check.py --jobs $(JOBS)

bench: build
	@tools/need.sh bench
	@tools/need.sh peer || echo "no npm: nothing to compare with"
	@$(BUILD) default -j $(JOBS)
	@RAMET_BIN=build/ramet RAMET_BUILD=build python3 bench/run.py

# Power cuts, failing calls and allocations, killed and competing processes, planted bugs; soak is
# the same with larger numbers.
fault soak: build
	@tools/need.sh check
	@$(BUILD) default -j $(JOBS)
	@python3 tools/fault.py $(if $(filter soak,$@),--soak)

fuzz:
	@tools/need.sh build fuzz
	@$(CMAKE) --preset fuzz >/dev/null
	@$(BUILD) fuzz -j $(JOBS)
	@tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

# Every test under the address and undefined behaviour sanitizers, and under the thread sanitizer.
asan tsan:
	@tools/need.sh build check
	@python3 tools/check.py --jobs $(JOBS) --only $@

# Counts of earlier runs would be added to.
coverage:
	@tools/need.sh build check
	@if [ -d build/coverage ]; then find build/coverage -name '*.gcda' -delete; fi
	@python3 tools/check.py --jobs $(JOBS) --only coverage
	@python3 tools/coverage.py build/coverage

interop: build
	@tools/need.sh peer
	@$(BUILD) default -j $(JOBS)
	@python3 tools/interop.py --rounds $(ROUNDS)

# The API reference, from the headers.
docs:
	@python3 tools/api-doc.py

install: build
	@$(CMAKE) --install build

# The downloaded peer stays; distclean takes it too.
clean:
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name peer -exec rm -rf {} +; fi

distclean:
	@rm -rf build

help:
	@echo "make           install what the build needs, build build/ramet and the library"
	@echo "make demo      build, then a walk through real sessions"
	@echo "make check     everything that must hold, ends with 'N passed, N failed'"
	@echo "make bench     measurements as ratios"
	@echo "make fault     power cuts, failing calls, killed processes, planted bugs; make soak for hours"
	@echo "make fuzz      every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS) each, stops at the first finding"
	@echo "make asan      the tests under the address and undefined behaviour sanitizers"
	@echo "make tsan      the tests under the thread sanitizer"
	@echo "make coverage  lines and branches taken by the tests, per file and room"
	@echo "make interop   ROUNDS=$(ROUNDS) sessions against the published pi (npm)"
	@echo "make docs      docs/api anew from the public headers"
	@echo "make install   into PREFIX=$(PREFIX) (DESTDIR is honoured)"
	@echo "make clean     remove what was built; make distclean also the downloaded peer"
	@echo "JOBS=$(JOBS) says how many compilers run at a time"
