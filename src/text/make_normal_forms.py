"""Writes normal_forms.inc: what HF tokenizers' NFC, NFD, NFKC, NFKD and Lowercase do with each code point.

    python src/text/make_normal_forms.py > src/text/normal_forms.inc

The tables are asked of tokenizers, whose Unicode version is older than Python's: a character that it does not know is
left alone there, and so here. Python's unicodedata only proposes combining classes and pairs, which tokenizers confirms.
"""
import sys
import unicodedata

import tokenizers
from tokenizers import normalizers

POINTS = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xAC00 + 11172)  # decomposed by arithmetic
NFC, NFD, NFKD = normalizers.NFC(), normalizers.NFD(), normalizers.NFKD()
MARKS = {}  # one character of every combining class, of a Unicode version that all know
for c in POINTS:
    MARKS.setdefault(unicodedata.ucd_3_2_0.combining(c), c)
MARKS.pop(0)


def combining(c):
    proposed = unicodedata.combining(c)
    if not proposed or NFD.normalize_str(c) != c:  # a class is asked for after decomposition alone
        return 0
    moved = {k: NFD.normalize_str("a" + m + c) == "a" + c + m for k, m in MARKS.items() if m != c}
    if not any(moved.values()) and NFD.normalize_str("a" + c + MARKS[1]) == "a" + c + MARKS[1] and proposed > 1:
        return 0
    if any(moved[k] != (proposed < k) for k in moved):
        sys.exit(f"U+{ord(c):04X}: combining class {proposed} of Python is not that of tokenizers")
    return proposed


def mapped(change):
    """{character: what it becomes}, for the characters that change."""
    found = {}
    for c in POINTS:
        if ord(c) not in HANGUL and (other := change.normalize_str(c)) != c:
            found[c] = other
    return found


def pairs():
    found = []
    for c in POINTS:
        parts = unicodedata.decomposition(c).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            first, second = (chr(int(p, 16)) for p in parts)
            if NFC.normalize_str(first + second) == c:
                found.append((first, second, c))
    return sorted(found)


def show(name, kind, entries):
    print(f"constexpr {kind} {name}[] = {{  // {len(entries)}")
    line = ""
    for entry in entries:
        if len(line) + len(entry) > 98:
            print(line.rstrip())
            line = ""
        line += entry + ", "
    print(line.rstrip() + "};")


def show_mapping(name, mapping):
    """The texts as one string of code points; an entry is {from, start, length}."""
    texts, entries = [], []
    for c, other in sorted(mapping.items()):
        entries.append(f"{{0x{ord(c):X}, {len(texts)}, {len(other)}}}")
        texts += [f"0x{ord(o):X}" for o in other]
    show(name, "Mapping", entries)
    show(name + "Texts", "char32_t", texts)


def main():
    print(f"// Made by make_normal_forms.py from tokenizers {tokenizers.__version__}.")
    classes = [(ord(c), k) for c in POINTS if (k := combining(c))]
    runs = []
    for point, k in classes:
        if runs and runs[-1][1] == point - 1 and runs[-1][2] == k:
            runs[-1][1] = point
        else:
            runs.append([point, point, k])
    show("kCombining", "Combining", [f"{{0x{a:X}, 0x{b:X}, {k}}}" for a, b, k in runs])
    show("kPairs", "Pair", [f"{{0x{ord(a):X}, 0x{ord(b):X}, 0x{ord(c):X}}}" for a, b, c in pairs()])
    canonical = mapped(NFD)
    show_mapping("kCanonical", canonical)
    show_mapping("kCompatible", {c: o for c, o in mapped(NFKD).items() if canonical.get(c) != o})
    show_mapping("kLowercase", mapped(normalizers.Lowercase()))


main()
