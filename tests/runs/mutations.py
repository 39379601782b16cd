"""Files and settings that somebody or something has spoilt, by a seed."""

import json

WORDS = (
    *("null", "true", "[]", "{}", '""', "[null]", '{"a":{}}', "1.5", "-1", "0.1e-400", "1e308"),
    *("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "-" + "9" * 400, "18446744073709551616"),
    *("[" * 50_000, '{"a":' * 30_000, '"\\ud800"', '"\\u0000"', '"../x"', '"/etc/passwd"'),
    *('"' + "x" * 10_000 + '"', '"\x1b]0;x\x07"', '"a\\nb"', "'", "\ufeff", "\u2028"),
)
"""What stands in the place of a value of JSON."""

SETTINGS = (
    *("nan", "inf", "-inf", "1e999", "1.5", "-1", "true", '""', '"x"', "{}", "[]", "[[[]]]"),
    *("9" * 5000, "0x" + "f" * 5000, "18446744073709551616", "1979-05-27", "07:32:00"),
    *("[" * 2000, "{a=" * 2000, "'''x", '"\\ud800"', '"\\u0000"', '"../x"', '"a\\nb"'),
    *("{ name = [] }", "{ name = 'greedy', budget = nan }", "{ name = 'greedy', budget = 1.5 }"),
    *('"${HOME}"', '"${NOWHERE}"', "{ insight = nan }", "{ insight = 1e999 }", "1\nb = 2"),
    *("a." * 3000 + "b = 1", "\ud800", "\x1b]0;x\x07", "\0", "\r"),
)
"""What stands in the place of a value of TOML, or of a whole line."""

_PIECES = (b"[", b"{", b'"', b",", b"\x00", b"\xff", b"\\", b"9", b"9" * 5000, b"-", b"e")


def mutated(data, rng):
    """A file of JSON after some accident: bytes, values or keys are changed, lost or added."""
    kind = rng.random()
    if kind < 0.35:
        return _bytes_mutated(data, rng)
    values = json.loads(data)
    *above, last = rng.choice(list(_places(values))) or [None]
    if last is None:
        return rng.choice(WORDS).encode("utf-8", "surrogatepass")
    parent = values
    for key in above:
        parent = parent[key]
    if kind < 0.85:
        parent[last] = "@here@"
        text = json.dumps(values).replace('"@here@"', rng.choice(WORDS))
        return text.encode("utf-8", "surrogatepass")
    value = parent.pop(last)
    if isinstance(parent, dict) and rng.random() < 0.5:
        parent[rng.choice(("x", "", "../x", "\ud800"))] = value
    return json.dumps(values).encode()


def setting_mutated(text, rng):
    """A text of TOML after some accident: of whole lines, or of letters."""
    if rng.random() < 0.5:
        lines = text.split("\n")
        place = rng.randrange(len(lines))
        name, equals, _ = lines[place].partition("=")
        lines[place] = (name + equals if equals else "") + rng.choice(SETTINGS)
        return "\n".join(lines)
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(text) + 1)
        stop = start + rng.choice((0, 0, 1, 5, 20))
        text = (
            text[:start] + rng.choice((*SETTINGS, "", "[", '"', "=", ".", "\0"))[:200] + text[stop:]
        )
    return text


def _bytes_mutated(data, rng):
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(data) + 1)
        stop = start + rng.choice((0, 1, 1, 100, len(data)))
        piece = rng.choice((b"", b"", bytes([rng.randrange(256)]), *_PIECES))
        data = data[:start] + piece + data[stop:]
    return data


def _places(values, place=()):
    """The way to each value, of long lists to the first three."""
    yield place
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _places(value, (*place, key))
    elif isinstance(values, list):
        for key, value in enumerate(values[:3]):
            yield from _places(value, (*place, key))
