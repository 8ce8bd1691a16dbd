#!/bin/bash
# install_test.sh BUILD: what `cmake --install` makes works after it was moved.
set -euo pipefail
build=$1
own=$(readlink -f "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "install_test.sh: $*" >&2 && exit 1; }

cmake --install "$build" --prefix "$work/made" >/dev/null
mv "$work/made" "$work/moved"
cd "$work/moved/share/tradeoff"
export PATH=$work/moved/bin:$PATH
[ "$(command -v tradeoff)" = "$work/moved/bin/tradeoff" ] || fail "another tradeoff comes first on PATH"
facts=$(tradeoff doctor --json)
grep -q '"spider": true' <<<"$facts" || fail "doctor does not find the data: $facts"
cells=$(tradeoff run jobs/demo.ini --model "$build/../../models/smollm2-135m-instruct" --output-dir "$work/out" --list-cells)
grep -q "qlora-50" <<<"$cells" || fail "the demo's cells are not listed: $cells"
# Another project finds the libraries, and links them.
cmake -S "$(dirname "$own")/package" -B "$work/use" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/use.log" 2>&1 ||
  fail "find_package(tradeoff): $(tail -n 20 "$work/use.log")"
cmake --build "$work/use" >"$work/use.log" 2>&1 || fail "linking its libraries: $(tail -n 20 "$work/use.log")"
answer=$("$work/use/uses_tradeoff")
[ "$answer" = "2 chunks, 0.404 to 0.596, answers.jsonl.journal" ] || fail "another project's program says: $answer"
# As the package leaves it: what needs no LibTorch runs, the rest says what brings it.
rm "$work/moved/lib/tradeoff/site"
tradeoff score --help >/dev/null
if text=$(tradeoff doctor 2>&1); then fail "doctor ran without LibTorch"; fi
grep -q "jobs/fetch.sh torch" <<<"$text" || fail "nothing says what brings LibTorch: $text"
page=$work/moved/share/man/man1/tradeoff.1
for word in '"tradeoff run"' '"tradeoff status"' 'rank_groups' 'EXIT STATUS'; do
  grep -q "${word//_/[-_]}" <(sed 's/\\-/-/g' "$page") || fail "the man page lacks $word"
done
. "$work/moved/share/bash-completion/completions/tradeoff"
COMP_WORDS=(tradeoff sta) COMP_CWORD=1
_tradeoff
[ "${COMPREPLY[*]}" = status ] || fail "completion of sta: ${COMPREPLY[*]}"
COMP_WORDS=(tradeoff doctor --sit) COMP_CWORD=2
_tradeoff
[ "${COMPREPLY[*]}" = --site ] || fail "completion of doctor --sit: ${COMPREPLY[*]}"
COMP_WORDS=(tradeoff predict --device c) COMP_CWORD=3
_tradeoff
[ "${COMPREPLY[*]}" = "cpu cuda" ] || fail "completion of predict --device c: ${COMPREPLY[*]}"
COMP_WORDS=(tradeoff prepare spider_) COMP_CWORD=2
_tradeoff
[ "${COMPREPLY[*]}" = "spider_syn spider_dk" ] || fail "completion of prepare spider_: ${COMPREPLY[*]}"
COMP_WORDS=(tradeoff run --ra) COMP_CWORD=2
_tradeoff
[ "${COMPREPLY[*]}" = "--rank-groups --ranks" ] || fail "completion of run --ra: ${COMPREPLY[*]}"
# Nothing of this machine's folders is in the man page or the scripts.
if grep -rl "$build" "$work/moved/share" "$work/moved/bin"; then fail "these name the build's folder"; fi
