"""Texts that tokenizers trip over, drawn from a seeded generator."""
import random
import unicodedata

SPACES = [" ", " ", " ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680",
          "\u2003", "\u2009", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\u180e"]
SUFFIXES = ["'s", "'S", "'t", "'T", "'re", "'RE", "'rE", "'ve", "'Ve", "'m", "'M", "'ll", "'LL", "'lL", "'d", "'D",
            "'\u017f", "'\u017fe", "\u2019s", "'x", "'", "''", "'r", "'l", "'v", "'\u212a", "'\u1e9e", "\u0149"]
LOOKALIKES = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|eot_id|", "<|start_header_id|>user<|end_header_id|>",
              "<|im_start|>", "<|im_end|>", "<|im_start", "|>", "<|", "<|endoftext|>", "<repo_name>", "<reponame>",
              "<|reserved_special_token_7|>", "<| eot_id |>", "<<|im_end|>>"]
EMOJI = ["\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466", "\U0001F44D\U0001F3FD", "\U0001F1E9\U0001F1EA",
         "\u2764\ufe0f", "\U0001F3F4\U000E0067\U000E0062\U000E007F", "\U0001F600", "1\ufe0f\u20e3"]
CODE = ["SELECT count(*) FROM T1 AS a JOIN T2 AS b ON a.id = b.id", "WHERE name  =  'O''Brien'", "x_1 = y[0][1]; // ok",
        "if (a && !b) {\n\treturn -1;\n}\n", "T1.Name", "3.14159e-10", "0xDEADBEEF", "2024-02-29T23:59:59Z",
        "https://example.org/a?b=c&d=%20", "\\frac{1}{2} \\sqrt{x}", "----\n====\n", "...", "?!?!", "$1,234,567.89"]


def words_of(point_classes, rng):
    return "".join(rng.choice(point_classes) for _ in range(rng.randint(1, 8)))


class OddText:
    def __init__(self, seed, words):
        self.rng = random.Random(seed)
        self.words = words
        by_category = {}
        for point in range(0x110000):
            if not 0xD800 <= point <= 0xDFFF:
                by_category.setdefault(unicodedata.category(chr(point)), []).append(chr(point))
        self.categories = sorted(by_category)
        self.by_category = by_category
        scripts = [(0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x180), (0x370, 0x400), (0x400, 0x500), (0x5D0, 0x5EB), (0x620, 0x660),
                   (0x900, 0x980), (0xE01, 0xE5B), (0x1100, 0x1200), (0x3041, 0x30FF), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3),
                   (0x10330, 0x1034A), (0x1D400, 0x1D800), (0x20000, 0x2A6DF)]
        self.scripts = [[chr(p) for p in range(*s)] for s in scripts]

    def part(self):
        rng = self.rng
        kind = rng.randrange(16)
        if kind < 5:
            return rng.choice(self.words)
        if kind == 5:
            return rng.choice(SPACES) * rng.choice([1, 1, 1, 2, 3, 7, 40])
        if kind == 6:
            return rng.choice(self.words) + rng.choice(SUFFIXES) + rng.choice(["", "x", " ", "e"])
        if kind == 7:
            return rng.choice(["", " ", "-", "$"]) + str(rng.randrange(10 ** rng.randint(1, 12)))
        if kind == 8:
            return words_of(rng.choice(self.scripts), rng)
        if kind == 9:  # one character of any category, unassigned and private ones too
            return rng.choice(self.by_category[rng.choice(self.categories)])
        if kind == 10:
            return words_of(self.by_category[rng.choice(["Mn", "Mc", "Me", "Nl", "No", "Nd", "Lm", "Sk", "Cf"])], rng)
        if kind == 11:
            return rng.choice(LOOKALIKES)
        if kind == 12:
            return rng.choice(EMOJI)
        if kind == 13:
            return rng.choice(CODE)
        if kind == 14:
            return rng.choice("abz Z0!\n~\u00e9\u4e2d") * rng.choice([3, 9, 100, 300])
        return chr(rng.randrange(0x80)) * rng.choice([1, 1, 2, 5])

    def text(self):
        return "".join(self.part() for _ in range(self.rng.choice([0, 1, 2, 3, 5, 10, 30, 60])))

    def texts(self, size):
        """Texts of `size` bytes together or a little more, the fixed ones first."""
        every = [chr(p) for p in range(0x110000) if not 0xD800 <= p <= 0xDFFF]
        step = max(1, len(every) * 60 // max(size, 1))  # a quarter of the size at most
        found = ["", " ", "\n", "\x00", "a\x00b", "\r\n\r\n x", "x \r\n", "'", " '", "'s's", "1 2  3   4", "12345678", " \t a"]
        found += ["a" + c + "b " + c + c + "1" + c for c in every[self.rng.randrange(step) :: step]]
        total = sum(len(t.encode()) for t in found)
        while total < size:
            found.append(self.text())
            total += len(found[-1].encode())
        return found
