"""Writes unicode_ranges.inc: the classes of every code point as the reference tokenizers see them.

    python src/text/make_unicode_ranges.py > src/text/unicode_ranges.inc

The references bring their own Unicode tables, so the classes are asked of them and not of Python:
\\p{L}, \\p{N} and \\s of tiktoken's regex engine (HF's must agree, or this stops), and the digits that HF's
Digits pre-tokenizer isolates, whose table may be of a later Unicode version.
"""
import sys

import tiktoken
import tokenizers
from tokenizers import Regex, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def blocks(size):
    for start in range(0, len(POINTS), size):
        yield "".join(map(chr, POINTS[start : start + size]))


def matched_by_tiktoken(pattern):
    ranks = {bytes([i]): i for i in range(256)}
    encoding = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return {ord(c) for text in blocks(20000) for c in encoding.decode(encoding.encode_ordinary(text))}


def matched_by_tokenizers(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return {ord(c) for text in blocks(5000) for piece, _ in split.pre_tokenize_str(text) for c in piece}


def isolated_by_digits():
    digits = pre_tokenizers.Digits(individual_digits=True)
    return {c for c in POINTS if len(digits.pre_tokenize_str("a" + chr(c))) == 2}


def ranges(points):
    found = []
    for point in sorted(points):
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def main():
    classes = {}
    for name, pattern in (("kLetter", r"\p{L}"), ("kNumber", r"\p{N}"), ("kSpace", r"\s")):
        classes[name] = matched_by_tiktoken(pattern)
        if classes[name] != matched_by_tokenizers(pattern):
            sys.exit(f"tiktoken and tokenizers differ in {pattern}: pin versions that agree")
    # For Tekken's and o200k's words, and for added tokens that must stand alone.
    classes["kUpper"] = matched_by_tiktoken(r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]")
    classes["kLower"] = matched_by_tiktoken(r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]")
    classes["kWord"] = matched_by_tiktoken(r"\w")
    digits = isolated_by_digits()
    if classes["kNumber"] - digits:
        sys.exit("Digits leaves some \\p{N} alone: the pre-tokenizer digits_gpt2 assumes it does not")
    classes["kDigit"] = digits
    print(f"// Made by make_unicode_ranges.py from tiktoken {tiktoken.__version__}"
          f" and tokenizers {tokenizers.__version__}: {{first, last, class}}.")
    for name, points in classes.items():
        print(f"// {name}: {len(points)} code points")
        line = ""
        for first, last in ranges(points):
            entry = f"{{0x{first:X}, 0x{last:X}, {name}}}, "
            if len(line) + len(entry) > 100:
                print(line.rstrip())
                line = ""
            line += entry
        print(line.rstrip())


main()
