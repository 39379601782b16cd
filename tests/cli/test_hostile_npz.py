"""Explanations from anywhere: refused in one line with the file's name, or good for everything.

Files are mutated at every level: the bytes of the archive, the bytes of a member, the values in the
JSON header, the arrays. Archives are packed by every method that `zipfile` knows.
"""

import copy
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eagle_mllm import report
from eagle_mllm.attribution.files.io import load, save
from eagle_mllm.cli.display import tell
from eagle_mllm.errors import ResultError
from eagle_mllm.report.summary import summary

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
ARRAYS = [
    "labels", "image", "order", "insertion", "deletion", "area", "insertion_predicted",
    "deletion_predicted", "saliency",
]  # fmt: skip
FUZZING = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


# Stands for a value that nests too deeply for `json` to write.
DEEP = "DEEP"

HOSTILE = [
    *(None, True, False, 0, -1, 1, 2, 3.5, -0.5, 1e300, -1e300, 2**63, -(2**63), 10**400),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        " ",
        "\x00",
        "\x1b]0;x\x07",
        "\ud800",
        "\U0001f600",
    ),
    *("<script>alert(1)</script>", "x" * 5000, "\u202ecat", [], {}, [[]], [None], {"a": 1}),
    *(
        nested(70),
        DEEP,
        [1e999],
        [True],
        [0, 0],
        [[0, 1]],
        [[1, 0]],
        ["a"],
        [-1],
        [2**70],
        {"id": 3},
        {"model": []},
    ),
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A stored explanation: its bytes, its members, its header, a place for mutants."""
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.testing import Evidence, PlantedModel

    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    regions = Regions.from_labels(np.arange(6).reshape(2, 3).repeat(4, axis=0).repeat(4, axis=1))
    model = PlantedModel("a cat on a tree", {"cat": Evidence(boxes=[(0, 0, 6, 8)], rival="dog")})
    generation = model.generate(image, "What is it?")
    folder = tmp_path_factory.mktemp("hostile")
    save(attribute(model, generation, generation.span("cat on"), regions=regions), folder / "a.npz")
    return Stored(folder)


class Stored:
    def __init__(self, folder):
        self.path = folder / "mutant.npz"
        self.again = folder / "again.npz"
        self.data = (folder / "a.npz").read_bytes()
        with zipfile.ZipFile(folder / "a.npz") as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}
        with np.load(folder / "a.npz") as archive:
            self.header = json.loads(archive["header"].tobytes())
            self.arrays = {name: archive[name] for name in ARRAYS}


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _header_member(header):
    text = json.dumps(header).replace(f'"{DEEP}"', "[" * 3000 + "]" * 3000)
    return _npy(np.frombuffer(text.encode(), np.uint8))


def _packed(members, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# ---- mutations ----


@st.composite
def damages(draw):
    """A function that damages some bytes."""
    kind = draw(st.sampled_from(["flip", "cut", "insert", "delete", "repeat", "overwrite"]))
    share, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    piece = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"(" * 50, b"\xff" * 8]))

    def damage(data):
        start, stop = sorted((int(share * len(data)), int(other * len(data))))
        flipped = bytes(byte ^ piece[0] for byte in data[start : start + 1])
        return {
            "flip": data[:start] + flipped + data[start + 1 :],
            "cut": data[:start],
            "insert": data[:start] + piece + data[start:],
            "delete": data[:start] + data[min(stop, start + 40) :],
            "repeat": data[:stop] + data[start:],
            "overwrite": data[:start] + piece + data[start + len(piece) :],
        }[kind]

    return damage


@st.composite
def header_mutations(draw):
    """A function that changes or drops a value somewhere in a header, as often at its top."""
    turns = draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
    value, drops = draw(st.sampled_from(HOSTILE)), draw(st.integers(0, 9)) == 0

    def mutate(header):
        part = header = copy.deepcopy(header)
        for turn in turns:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            key = keys[turn % len(keys)]
            if not isinstance(part[key], dict | list) or not part[key] or turn is turns[-1]:
                break
            part = part[key]
        if drops:
            del part[key]
        else:
            part[key] = value
        return header

    return mutate


@st.composite
def array_mutations(draw):
    """A function that makes another array of one."""
    kind = draw(st.sampled_from(["value", "type", "shape", "order", "endian"]))
    share, value = (
        draw(st.floats(0, 0.999)),
        draw(
            st.sampled_from(
                [
                    0,
                    1,
                    -1,
                    5,
                    6,
                    255,
                    0.5,
                    1.5,
                    -1e-30,
                    1e30,
                    float("nan"),
                    float("inf"),
                    float("-inf"),
                ]
            )
        ),
    )
    dtype = draw(
        st.sampled_from(["?", "i1", "i8", "u1", "u2", "u8", "f2", "f4", "f8", "c8", "U3", "O"])
    )

    def mutate(array):
        with np.errstate(all="ignore"):
            if kind == "value":
                changed = array.astype(np.float64) if array.dtype.kind == "f" else array.copy()
                number = (
                    value
                    if array.dtype.kind == "f"
                    else int(np.nan_to_num(value, posinf=9, neginf=-9) % 251)
                )
                changed.flat[int(share * array.size)] = number
                return changed.astype(array.dtype)
            if kind == "type":
                return array.astype(dtype)
        return {
            "shape": array[..., :-1] if array.ndim > 1 else array[:-1],
            "order": np.asfortranarray(array),
            "endian": array.astype(array.dtype.newbyteorder(">")),
        }[kind]

    return mutate


@st.composite
def mutations(draw):
    """A function from the stored file to the bytes of a mutant."""
    level = draw(st.sampled_from(["archive", "member", "header", "header", "array"]))
    method = draw(st.sampled_from([*METHODS, *METHODS[:2] * 3]))
    name = draw(st.sampled_from(["header", *ARRAYS]))
    damage = draw(damages())
    in_header = draw(st.lists(header_mutations(), min_size=1, max_size=2))
    in_array = draw(array_mutations())

    def mutant(stored):
        members = dict(stored.members)
        if level == "member":
            members[f"{name}.npy"] = damage(members[f"{name}.npy"])
        if level == "header":
            header = stored.header
            for mutate in in_header:
                header = mutate(header)
            members["header.npy"] = _header_member(header)
        if level == "array" and name != "header":
            members[f"{name}.npy"] = _npy(in_array(stored.arrays[name]))
        data = _packed(members, method)
        return damage(data) if level == "archive" else data

    return mutant


# ---- what must hold ----


def _require_good_or_refused(stored, data, *, draws=True):
    stored.path.write_bytes(data)
    try:
        attribution = load(stored.path)
    except ResultError as error:
        _require_clear(str(error), str(stored.path))
        return False
    assert repr(attribution)
    assert (attribution.saliency >= 0).all()
    json.dumps(summary([attribution], files={}).to_json(), allow_nan=False, indent=2)
    save(attribution, stored.again)
    assert load(stored.again) == attribution
    if draws:
        tell([attribution], {}, as_json=False, quiet=False)
        assert report.figure(attribution).axes
        assert "</html>" in report.html(attribution)
        assert report.fragment(attribution)
    return True


def _require_clear(message, name):
    assert name in message
    assert message.isprintable()
    assert len(message) < 400 + len(name)


@given(mutation=mutations())
@settings(FUZZING, max_examples=500)
def test_a_mutant_is_refused_or_good_for_everything(stored, mutation):
    data = mutation(stored)
    _require_good_or_refused(stored, data, draws=len(data) % 32 == 0)


@pytest.mark.slow
@given(mutation=mutations())
@settings(FUZZING, max_examples=20_000)
def test_twenty_thousand_mutants_are_refused_or_good_for_everything(stored, mutation):
    data = mutation(stored)
    _require_good_or_refused(stored, data, draws=len(data) % 32 == 0)


@pytest.mark.slow
@given(method=st.sampled_from(METHODS), damage=damages())
@settings(FUZZING, max_examples=20_000)
def test_twenty_thousand_damaged_archives_are_refused_or_good(stored, method, damage):
    _require_good_or_refused(stored, damage(_packed(stored.members, method)), draws=False)


@pytest.mark.parametrize("method", METHODS)
def test_what_numpy_may_have_packed_is_read_and_nothing_else(stored, method):
    is_numpys = method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    assert _require_good_or_refused(stored, _packed(stored.members, method)) == is_numpys


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize(
    "path",
    ["seconds", "forward_passes", "method", "provenance", "provenance.model", "objective",
     "generation.image_path", "generation.prompt", "regions.asked", "target.text", "unseen"],
)  # fmt: skip
def test_a_hostile_value_in_the_header_is_refused_or_harmless(stored, path, value):
    header = copy.deepcopy(stored.header)
    *parts, key = path.split(".")
    part = header
    for name in parts:
        part = part[name]
    part[key] = value
    members = {**stored.members, "header.npy": _header_member(header)}
    draws = path in ("unseen", "target.text")
    _require_good_or_refused(stored, _packed(members, zipfile.ZIP_DEFLATED), draws=draws)


@pytest.mark.parametrize("unseen", [[0], [5], [4, 5], [0, 1, 2, 3, 4, 5], [5, 5], [6], [-1]])
def test_any_regions_that_a_file_calls_unseen_are_refused_or_drawn(stored, unseen):
    header = {**stored.header, "unseen": unseen}
    members = {**stored.members, "header.npy": _header_member(header)}
    members["order.npy"] = _npy(np.arange(6))
    _require_good_or_refused(stored, _packed(members, zipfile.ZIP_DEFLATED))
