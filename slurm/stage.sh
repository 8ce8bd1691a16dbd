#!/bin/bash
# Copies a model folder to a node's own disk, once: slurm/stage.sh MODEL ROOT prints the copy's folder. A copy that is
# there already is used again when its files have the sizes and sha256 of its manifest and the original has not changed
# (names, sizes, times). One process at a time (flock).
#   slurm/stage.sh MODEL ROOT             slurm/stage.sh --remove MODEL ROOT
set -euo pipefail

die() { echo "slurm/stage.sh: $(hostname): $*" >&2 && exit 1; }
remove=no
if [ "${1:-}" = --remove ]; then remove=yes && shift; fi
[ $# = 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
model=$(cd "$1" && pwd) || die "$1: no such model folder"
root=$2/tradeoff-$(id -un)
# The copy's folder has the original's name, which stands in a study's results.
slot=$root/$(basename "$model")-$(sha256sum <<<"$model" | cut -c1-12)
copy=$slot/$(basename "$model")

mkdir -p "$root" || die "SITE_STAGE=$2: cannot be written"
exec 9>"$slot.lock"
flock 9
if [ "$remove" = yes ]; then
  rm -rf "$slot" "$slot.manifest" "$slot.partial"
  exit 0
fi

# Names, sizes and times of the original: a change makes a new copy.
state() { (cd "$1" && find . -type f -printf '%P %s %T@\n' | sort); }
# The files of a copy are those that its manifest tells, byte for byte.
whole() {
  [ -f "$slot.manifest" ] && [ -d "$copy" ] || return 1
  [ "$(sed -n '/^state$/,/^sums$/{/^state$/d;/^sums$/d;p}' "$slot.manifest")" = "$(state "$model")" ] || return 1
  (cd "$copy" && sed '1,/^sums$/d' "$slot.manifest" | sha256sum --check --strict --quiet) >&2
}
if whole; then
  echo "$copy"
  exit 0
fi

need=$(du -sk "$model" | cut -f1)
free=$(df -Pk "$root" | awk 'NR == 2 {print $4}')
[ "$free" -gt "$need" ] || die "SITE_STAGE=$2: $((free >> 10)) MiB are free, $((need >> 10)) MiB are needed"
rm -rf "$slot" "$slot.manifest" "$slot.partial"
before=$(state "$model")
partial=$slot.partial/$(basename "$model")
mkdir -p "$partial"
# Through tee, so that the original is read once.
while IFS= read -r file; do
  mkdir -p "$partial/$(dirname "$file")"
  sum=$(tee "$partial/$file" <"$model/$file" | sha256sum | cut -d' ' -f1) || die "$model/$file: cannot be copied to $root"
  printf '%s  %s\n' "$sum" "$file"
done < <(cd "$model" && find . -type f -printf '%P\n' | sort) >"$slot.sums"
[ "$(state "$model")" = "$before" ] || die "$model: changed while it was copied"
{ echo state && echo "$before" && echo sums && cat "$slot.sums"; } >"$slot.manifest.new"
rm "$slot.sums"
mv "$slot.partial" "$slot"
mv "$slot.manifest.new" "$slot.manifest"
whole || die "$copy: the copy is not the original"
echo "$copy"
