"""What may have happened to a file: mutations that know its format, drawn from a random.Random.

Each is a function of (bytes, rng) to (what was done, bytes). Of MUTATIONS the format's own come first; any file can also be
changed byte by byte, or be no file at all (REPLACEMENTS, functions of a path).
"""

import json
import os
import struct

NESTED = "@nested@"  # becomes 30,000 brackets, which json.dumps could not write
NUMBERS = [-1, 0, 1, 3, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 + 4, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, -(2**63), 0.5, 2.5, -1.5,
           1e308, float("nan"), float("inf"), float("-inf")]
TEXTS = ["", "x" * 5000, "../../x", "/dev/zero", "a/b", "\0", "\ud800", "<s>", "%s%n", "\u202e", ".", "..", "NaN", NESTED]
VALUES = NUMBERS + TEXTS + [None, True, False, [], {}, [[]], [None], {"": None}, [1] * 2000]


def crc32c(data):
    if not crc32c.table:
        for i in range(256):
            for _ in range(8):
                i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
            crc32c.table.append(i)
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ crc32c.table[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


crc32c.table = []


# Any file.
def change_bytes(data, rng):
    at = rng.randrange(len(data) + 1)
    size = rng.choice([1, 2, 8, 100, 4096])
    kind = rng.choice(["flip", "cut", "zeros", "insert", "remove", "double", "ones", "shuffle"])
    end = min(len(data), at + size)
    if kind == "flip" and data:
        at = rng.randrange(min(len(data), rng.choice([16, 512, len(data)])))
        data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    elif kind == "cut":
        data = data[:at]
    elif kind == "zeros":
        data = data[:at] + bytes(end - at) + data[end:]
    elif kind == "ones":
        data = data[:at] + b"\xff" * (end - at) + data[end:]
    elif kind == "insert":
        data = data[:at] + rng.randbytes(size) + data[at:]
    elif kind == "remove":
        data = data[:at] + data[end:]
    elif kind == "double":
        data = data[:end] + data[at:]
    else:
        part = list(data[at:end])
        rng.shuffle(part)
        data = data[:at] + bytes(part) + data[end:]
    return f"{kind} at {at}", data


def dumped(value):
    return json.dumps(value).replace(json.dumps(NESTED), "[" * 30000).encode()


def places_of(value, place=()):
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places_of(inner, (*place, key))


def change_value(root, rng):
    """One place of a JSON value is another; returns what was done and the value."""
    places = list(places_of(root))
    # Vocabularies are long: a place near the root half of the time.
    near = [place for place in places if len(place) <= 2]
    place = rng.choice(near if rng.random() < 0.5 else places)
    if not place:
        return "root", rng.choice(VALUES)
    holder = root
    for key in place[:-1]:
        holder = holder[key]
    key, kind = place[-1], rng.choice(["value", "value", "value", "remove", "wrap", "add", "swap"])
    if kind == "remove":
        del holder[key]
    elif kind == "wrap":
        holder[key] = [holder[key]]
    elif kind == "add" and isinstance(holder, dict):
        holder[rng.choice(TEXTS[:-1])] = rng.choice(VALUES)
    elif kind == "swap" and isinstance(holder, dict):
        other = rng.choice(list(holder))
        holder[key], holder[other] = holder[other], holder[key]
    else:
        old = holder[key]
        number = isinstance(old, (int, float)) and not isinstance(old, bool)
        holder[key] = rng.choice(NUMBERS) if number and rng.random() < 0.7 else rng.choice(VALUES)
    return f"{kind} {'/'.join(map(str, place))}", root


def change_json(data, rng):
    what, value = change_value(json.loads(data), rng)
    text = dumped(value)
    if rng.random() < 0.05 and isinstance(value, dict) and value:
        key = dumped(rng.choice(list(value)))
        return f"{what}, twice {key.decode()}", b"{" + key + b":1," + text[1:]
    return what, text


def change_lines(data, rng):
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    kind = rng.choice(["remove", "double", "swap", "cut", "join", "many", "blank", "nul", "bom", "carriage"])
    if kind == "remove":
        del lines[at]
    elif kind == "double":
        lines.insert(at, lines[at])
    elif kind == "swap":
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "cut":
        lines[at] = lines[at][:rng.randrange(len(lines[at]) + 1)]
    elif kind == "join":
        lines[at:at + 2] = [b"".join(lines[at:at + 2])]
    elif kind == "many":
        lines[at:at] = [lines[at]] * 20000
    elif kind == "blank":
        lines[at:at] = [b""] * rng.choice([1, 300000])
    elif kind == "nul":
        lines[at] = bytes(len(lines[at]) or 64)
    elif kind == "bom":
        lines[0] = b"\xef\xbb\xbf" + lines[0]
    else:
        lines = [line + b"\r" for line in lines]
    return f"{kind} line {at + 1}", b"\n".join(lines)


def change_json_line(data, rng):
    lines = data.split(b"\n")
    at = rng.choice([i for i, line in enumerate(lines) if line.strip()])
    what, lines[at] = change_json(lines[at], rng)
    return f"line {at + 1}: {what}", b"\n".join(lines)


def change_sealed(data, rng):
    """A line that says something else, under its right sum."""
    lines = data.split(b"\n")
    at = rng.choice([i for i, line in enumerate(lines) if line.strip()])
    value = json.loads(lines[at])
    del value["crc32c"]
    what, value = change_value(value, rng)
    text = dumped(value)[1:]
    lines[at] = b'{"crc32c":"%08x",' % crc32c(text) + text
    return f"line {at + 1}: {what}", b"\n".join(lines)


def change_safetensors(data, rng):
    size = struct.unpack_from("<Q", data)[0]
    header, rest = json.loads(data[8:8 + size]), data[8 + size:]
    kind = rng.choice(["header", "header", "header", "length", "many"])
    if kind == "length":
        length = rng.choice([0, 1, size - 1, size + 1, 640, 2**32, 2**63, 2**64 - 1])
        return f"length {length}", struct.pack("<Q", length) + data[8:]
    if kind == "many":
        for i in range(100000):
            header[f"t{i}"] = {"dtype": "U8", "shape": [0], "data_offsets": [len(rest), len(rest)]}
        what = "100,000 empty tensors"
    else:
        what, header = change_value(header, rng)
    text = dumped(header)
    return what, struct.pack("<Q", len(text)) + text + rest


def fields_of_gguf(data):
    """(place, width) of every count, length, type and number of the head."""
    widths = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    places, at = [(4, 4), (8, 8), (16, 8)], 24
    tensors, keys = struct.unpack_from("<QQ", data, 8)

    def text(at):
        places.append((at, 8))
        return at + 8 + struct.unpack_from("<Q", data, at)[0]

    for _ in range(keys):
        at = text(at)
        places.append((at, 4))
        kind, at, count = struct.unpack_from("<I", data, at)[0], at + 4, 1
        if kind == 9:
            places.extend([(at, 4), (at + 4, 8)])
            (kind, count), at = struct.unpack_from("<IQ", data, at), at + 12
        for _ in range(count):
            if kind == 8:
                at = text(at)
            else:
                places.append((at, widths[kind]))
                at += widths[kind]
    for _ in range(tensors):
        at = text(at)
        places.append((at, 4))
        dimensions, at = struct.unpack_from("<I", data, at)[0], at + 4
        places.extend((at + 8 * i, 8) for i in range(dimensions))
        at += 8 * dimensions
        places.extend([(at, 4), (at + 4, 8)])
        at += 12
    return places


def change_gguf(data, rng):
    places = fields_of_gguf(data)
    numbers = [place for place in places if place[1] >= 2] if rng.random() < 0.8 else places
    at, width = rng.choice(numbers)
    value = rng.choice([0, 1, 2, 7, 8, 9, 12, 13, 30, 255, 2**16, 2**24, 2**31, 2**32 - 1, 2**40, 2**62, 2**64 - 1, 0x7FC00000, 0x7F800000])
    value &= 2 ** (8 * width) - 1
    return f"{value} at {at}", data[:at] + value.to_bytes(width, "little") + data[at + width:]


def change_ini(data, rng):
    lines = data.decode().split("\n")
    at = rng.choice([i for i, line in enumerate(lines) if "=" in line or line.startswith("[")])
    if lines[at].startswith("["):
        lines[at] = rng.choice(["[]", "[arm.]", "[arm.../x]", "[" + "a" * 300 + "]", "[study", "[arm.a b]", lines[at] + lines[at], "[task.x]"])
    else:
        key = lines[at].split("=")[0]
        value = str(rng.choice(NUMBERS + TEXTS[:-1] + ["1,1", "1,2,3,4,5", "true", "\"open", ",", "1 2", "# x", "-", "nan", "1e9", "9" * 400]))
        lines[at] = rng.choice([f"{key}={value}", f"{key}={value}", f"{key} x = 1", key, "=" + value])
    return f"line {at + 1}: {lines[at][:60]!r}", "\n".join(lines).encode("utf-8", "surrogatepass")


def change_csv(data, rng):
    piece = rng.choice([b'"', b'""', b",", b"\r", b"\n", b'"\n', b",,,,", b"\xff", b'"' + b"x" * 100000, b"\0", b",a" * 50000])
    at = rng.randrange(len(data) + 1)
    return f"{piece[:8]!r} at {at}", data[:at] + piece + data[at:]


JINJA = ["{{", "}}", "{%", "%}", "{#", "{% for i in range(99999999) %}", "{% endfor %}", "{{ 'a' * 999999999 }}", "{% if %}", "{% else %}", "{% set x = x %}",
         "((((" * 5000, "not " * 20000, "[" * 20000, "{{ messages[99] }}", "{{ messages | tojson(indent=999999999) }}", "{{ -1 // 0 }}", "{{ 2 ** 99999 }}",
         "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ raise_exception('x') }}", "{{ x.y.z }}", "{% include 'x' %}", "\0", "\ud800", "{{ strftime_now('%Y') }}",
         "{{ 'x' | join(range(9999999)) }}", "{{ range(1, 2, 0) }}", "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"]


def change_jinja(data, rng):
    piece = rng.choice(JINJA)
    at = rng.randrange(len(data) + 1)
    return f"{piece[:30]!r} at {at}", data[:at] + piece.encode("utf-8", "surrogatepass") + data[at:]


SQL = ["(", ")", "(" * 20000, "SELECT * FROM (" * 2000, "'", '"', "`", "[", "--", "/*", ";", "UNION SELECT 1 " * 3000, "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM t) SELECT * FROM t",
       "SELECT zeroblob(2000000000)", "SELECT randomblob(999999999)", "ATTACH '/etc/passwd' AS x", "PRAGMA journal_mode", "SELECT load_extension('x')",
       "SELECT readfile('/etc/passwd')", "value " * 30, "x = 1 AND " * 5000, "NOT " * 20000, "-" * 50000, "\0", "\xff", "SELECT printf('%999999999d', 1)", "```sql\n" * 3000,
       "<think>" * 3000, "SELECT " + "a," * 50000 + "1", "1" * 100000, "CASE " * 5000, "SELECT hex(zeroblob(99999999))", "SELECT group_concat(a.name) FROM pragma_function_list a, pragma_function_list b"]


def change_sql(data, rng):
    piece = rng.choice(SQL)
    at = rng.randrange(len(data) + 1)
    return f"{piece[:30]!r} at {at}", data[:at] + piece.encode("latin1") + data[at:]


def change_hdf5(data, rng):
    """Another object where one was; what HDF5 refuses is drawn again."""
    import io

    import h5py
    import numpy

    image = io.BytesIO(data)
    with h5py.File(image, "r+") as file:
        names = []
        file.visit(names.append)
        name = rng.choice(names)
        kind = rng.choice(["remove", "dataset", "dataset", "huge", "attribute", "group", "move", "soft", "external", "circle", "text"])
        parent, leaf = file[name].parent, name.split("/")[-1]
        values = [numpy.arange(3), numpy.zeros((2, 2)), numpy.zeros((2, 2, 2)), numpy.float64(1), numpy.array([1, 2], numpy.uint64) - 2, numpy.array([b"x"]),
                  numpy.array([float("nan")] * 4), numpy.array([2**63 - 1] * 4), h5py.Empty("f8"), numpy.zeros(4, [("a", "i4")]), numpy.array([], numpy.int8), "x", ["a"] * 4]
        if kind not in ("attribute", "move"):
            del parent[leaf]
        if kind == "dataset":
            parent[leaf] = rng.choice(values)
        elif kind == "huge":
            parent.create_dataset(leaf, (2**40,), rng.choice(["i8", "i1", "f8"]), chunks=(1024,))
        elif kind == "attribute":
            owner = file if rng.random() < 0.5 else file[name]
            owner.attrs[rng.choice([*owner.attrs, "config", "schema_version", "x"])] = rng.choice([*values, "[" * 20000, "{", "\u00e9", 2**40, '{"study":{"name":"../x"}}'])
        elif kind == "group":
            parent.create_group(leaf)
        elif kind == "move":
            parent.move(leaf, rng.choice(["x", "seed-x", "..x", "a" * 300, "seed-99999999999999999999"]))
        elif kind == "soft":
            parent[leaf] = h5py.SoftLink(rng.choice(["/", "/runs", "/none"]))
        elif kind == "external":
            parent[leaf] = h5py.ExternalLink("/etc/passwd", "/")
        elif kind == "circle":
            parent[leaf] = file[rng.choice(["/", "/runs", "/items"])]
        elif kind == "text":
            parent.create_dataset(leaf, data=[b"\xff\xfe"] * 4, dtype=h5py.special_dtype(vlen=bytes))
    return f"{kind} {name}", image.getvalue()


MUTATIONS = {
    "json": [change_json], "jsonl": [change_json_line, change_lines], "sealed": [change_sealed, change_lines], "safetensors": [change_safetensors],
    "gguf": [change_gguf], "ini": [change_ini, change_lines], "csv": [change_csv, change_lines], "jinja": [change_jinja], "sql": [change_sql, change_lines],
    "hdf5": [change_hdf5], "bytes": [], "lines": [change_lines],
}


def mutate(kind, data, rng):
    own = MUTATIONS[kind]
    for _ in range(20):
        change = rng.choice(own) if own and rng.random() < 0.75 else change_bytes
        try:
            what, changed = change(data, rng)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError):
            continue  # the library that writes the format refused
        if changed != data:
            return f"{change.__name__}: {what}", changed
    return "cut to nothing", b""


# No file, or no regular one.
def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def device(path):
    path.symlink_to("/dev/zero")


def nowhere(path):
    path.symlink_to(path.parent / "nowhere")


def circle(path):
    path.symlink_to(path)


def empty(path):
    path.write_bytes(b"")


# 2 GiB that were never written, as a power loss leaves less of: they read as NULs.
def hole(path):
    with path.open("wb") as file:
        file.truncate(2**31)


def hole_and_line_end(path):
    with path.open("wb") as file:
        file.seek(2**31)
        file.write(b"\n")


def hole_behind(path):
    with path.open("ab") as file:
        file.truncate(2**31)


HOLES = [hole, hole_and_line_end, hole_behind]
REPLACEMENTS = [fifo, folder, device, nowhere, circle, empty, *HOLES]
