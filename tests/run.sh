#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The test command: installs what is missing, builds, runs every test, and ends with
# "N passed, N failed". Exits 0 only if none failed.
#
#     tests/run.sh [PRESET…]     presets to build and test; release asan tsan fuzz otherwise
#
# WEIR_JOBS is how many tests run at once (2), WEIR_FUZZ_SECONDS how long each fuzz target (10).
set -eu

cd "$(dirname -- "$0")/.."
. docs/install/packages.sh

jobs=${WEIR_JOBS:-2}
seconds=${WEIR_FUZZ_SECONDS:-10}

# shellcheck disable=SC2086
weir_install $weir_packages_build $weir_packages_test
# shellcheck disable=SC2086
weir_install $weir_packages_uml || true # without it e2e/ktls is skipped, and says so

# libFuzzer is in a package named after clang's version, which only clang itself knows.
install_libfuzzer() {
    weir_install clang || return 1
    weir_install "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

compiles_fuzzers() {
    probe=$(mktemp -d)
    printf 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }\n' \
        >"$probe/probe.c"
    compiled=0
    clang -fsanitize=fuzzer,address "$probe/probe.c" -o "$probe/probe" 2>/dev/null || compiled=1
    rm -rf "$probe"
    return $compiled
}

if [ $# -eq 0 ]; then
    set -- release asan tsan
    install_libfuzzer || true
    compiles_fuzzers && set -- "$@" fuzz
fi

# Where there is a fuzz build, the sanitizer build leaves the fuzz targets to it.
without_fuzz=
case " $* " in *" fuzz "*) without_fuzz="-LE fuzz" ;; esac

for preset; do
    build=build/$preset
    mkdir -p "$build"
    rm -f "$build/ctest.xml" "$build"/tests/e2e/*.xml
    printf '\n== %s\n' "$preset"
    if ! { cmake --preset "$preset" -DWEIR_TESTS=ON -DWEIR_FUZZ_SECONDS="$seconds" &&
        cmake --build --preset "$preset"; } >"$build/build.log" 2>&1; then
        tail -n 60 "$build/build.log"
        printf 'The %s build failed; the whole log is in %s\n' "$preset" "$build/build.log"
        continue
    fi
    grep 'left out' "$build/build.log" || true
    choose=
    case $preset in
    asan) choose=$without_fuzz ;;
    fuzz) choose="-L fuzz" ;;
    esac
    # shellcheck disable=SC2086
    ctest --test-dir "$build" -j "$jobs" $choose --output-on-failure --no-label-summary \
        --output-junit ctest.xml || true
done

printf '\n'
exec /usr/bin/python3 -B tests/summary.py "$@"
