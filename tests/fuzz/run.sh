#!/usr/bin/env bash
# Looks for bytes that break a reader: each target of tests/fuzz for so many seconds, one after the other, from its corpus.
# Needs the build of `cmake --preset fuzz && cmake --build --preset fuzz` (clang 16, libFuzzer). What is found lies in
# FOUND/TARGET/ and makes the exit code 1; new inputs of interest lie in FOUND/TARGET.corpus/, beside the kept ones.
# usage: tests/fuzz/run.sh SECONDS [FOUND] [TARGET...]     JOBS=8 runs so many at a time
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [FOUND] [TARGET...]}
found=${2:-$root/build/fuzz/found}
fuzzer=${FUZZER:-$root/build/fuzz/tradeoff_fuzz}
corpus=$root/tests/fuzz/corpus
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- $(ls "$corpus")
[ -x "$fuzzer" ] || { echo "$fuzzer is not built" >&2; exit 2; }
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1

one() {
  local target=$1
  mkdir -p "$found/$target" "$found/$target.corpus"
  # 5 s and 700 MB are what a reader has; of the corpus nothing is larger than 64 kB.
  if "$fuzzer" --target="$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2500 -malloc_limit_mb=700 -max_len=65536 \
    -artifact_prefix="$found/$target/" -print_final_stats=1 "$found/$target.corpus" "$corpus/$target" >"$found/$target.log" 2>&1; then
    echo "$target: $(awk '/stat::number_of_executed_units/ {print $2}' "$found/$target.log") inputs, nothing found"
  else
    echo "$target: FOUND, see $found/$target.log"
    # Also where nothing but what is printed comes back from the machine; the first lines of a report tell most.
    { grep -m 1 -A 25 -E "ERROR|runtime error" "$found/$target.log" || true; tail -n 12 "$found/$target.log"; } | sed "s/^/  /"
    for input in "$found/$target"/*; do [ ! -f "$input" ] || echo "  $input: $(head -c 3000 "$input" | base64 -w 0)"; done
  fi
}

export -f one
export found fuzzer corpus seconds
printf '%s\n' "$@" | xargs -P "${JOBS:-1}" -I{} bash -c 'one {}' | tee "$found.summary"
! grep -q FOUND "$found.summary"
