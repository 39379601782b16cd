import json
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eagle_mllm.attribution.files.io import load, save
from eagle_mllm.attribution.generation import Generation, Span, Target
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError

NESTED = json.loads("[" * 100 + "]" * 100)

FULL_DISK = """
import resource, signal, sys
from eagle_mllm.attribution.files.io import load, save
from eagle_mllm.errors import ResultError
attribution = load(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
try:
    save(attribution, sys.argv[2])
except ResultError as error:
    print(error)
"""


def _attribution(**changes):
    generation = Generation(
        image=np.arange(18, dtype=np.uint8).reshape(2, 3, 3),
        prompt="What is it?",
        text="A cat",
        ids=(5, 6, 2),
        tokens=("A", " cat", ""),
        spans=(Span(0, 1), Span(1, 5), Span(5, 5)),
        special=(False, False, True),
        image_path="cat.jpg",
    )
    attribution = Attribution(
        method="eagle",
        generation=generation,
        target=Target(positions=(1,), ids=(6,), text="cat"),
        regions=Regions(labels=np.array([[0, 0, 0], [1, 1, 1]]), method="grid", asked=2),
        trace=Trace(
            order=np.array([1, 0]),
            insertion=np.array([[0.125], [0.5], [0.75]], np.float32),
            deletion=np.array([[0.75], [0.25], [0.125]], np.float32),
            area=np.array([0.0, 0.5, 1.0]),
            insertion_predicted=np.array([[7], [6], [6]]),
            deletion_predicted=np.array([[6], [6], [7]]),
            searched=2,
        ),
        saliency=np.array([[0, 0, 0], [1, 1, 1]], np.float32),
        objective=Objective(insight=1.0, necessity=0.5),
        forward_passes=6,
        seconds=0.25,
        provenance={"eagle": "0.1.0", "model": {"id": "planted", "revision": None}},
    )
    return replace(attribution, **changes)


# ---- saving and loading is the identity ----

texts = st.text(max_size=8)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def _tables(draw, shape):
    scores = hnp.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
    ids = hnp.arrays(np.int64, shape, elements=st.integers(-1, 2**31))
    return {
        "insertion": draw(scores),
        "deletion": draw(scores),
        "insertion_predicted": draw(ids),
        "deletion_predicted": draw(ids),
    }


@st.composite
def ingredients(draw):
    """Arguments only: building the values here would let beartype draw random numbers."""
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    pixels = draw(st.permutations(range(size[0] * size[1])))
    n_regions = draw(st.integers(1, len(pixels)))
    tokens = draw(st.lists(texts, min_size=1, max_size=5))
    n_special = draw(st.integers(0, len(tokens) - 1))
    answer = st.integers(0, len(tokens) - 1)
    positions = sorted(draw(st.sets(answer, min_size=1, max_size=3)))
    return {
        "labels": (np.array(pixels) % n_regions).reshape(size),
        "asked": draw(st.none() | st.integers(1, 64)),
        "image": draw(hnp.arrays(np.uint8, (*size, 3))),
        "prompt": draw(texts),
        # Special tokens end the answer and show nothing.
        "tokens": tokens[: len(tokens) - n_special] + [""] * n_special,
        "n_special": n_special,
        "ids": draw(st.lists(st.integers(0, 2**31), min_size=len(tokens), max_size=len(tokens))),
        "image_path": draw(st.none() | texts),
        "positions": positions,
        "label": draw(texts),
        "is_counterfactual": draw(st.booleans()),
        "order": np.array(draw(st.permutations(range(n_regions)))),
        "tables": _tables(draw, (n_regions + 1, len(positions))),
        "searched": draw(st.integers(0, n_regions)),
        "saliency": draw(hnp.arrays(np.float32, size, elements=st.floats(0, 1, width=32))),
        "insight": draw(st.floats(0.5, 9)),
        "necessity": draw(st.floats(0, 9)),
        "forward_passes": draw(st.integers(0, 10**6)),
        "seconds": draw(st.floats(0, 1e6)),
        "provenance": draw(st.dictionaries(texts, json_values, max_size=3)),
    }


def _mixed(drawn):
    regions = Regions(labels=drawn["labels"], method="grid", asked=drawn["asked"])
    n_tokens, n_special = len(drawn["tokens"]), drawn["n_special"]
    edges = np.cumsum([0, *map(len, drawn["tokens"])]).tolist()
    area = np.cumsum(regions.areas[drawn["order"]], dtype=np.float64)
    return Attribution(
        method=drawn["label"],
        generation=Generation(
            image=drawn["image"],
            prompt=drawn["prompt"],
            text="".join(drawn["tokens"]),
            ids=tuple(drawn["ids"]),
            tokens=tuple(drawn["tokens"]),
            spans=tuple(Span(*edge) for edge in pairwise(edges)),
            special=(False,) * (n_tokens - n_special) + (True,) * n_special,
            image_path=drawn["image_path"],
        ),
        target=Target(
            positions=tuple(drawn["positions"]),
            ids=tuple(drawn["ids"][position] for position in drawn["positions"]),
            text=drawn["label"],
            is_counterfactual=drawn["is_counterfactual"],
        ),
        regions=regions,
        trace=Trace(
            order=drawn["order"],
            area=np.concatenate([[0.0], area / area[-1]]),
            searched=drawn["searched"],
            **drawn["tables"],
        ),
        saliency=drawn["saliency"],
        objective=Objective(insight=drawn["insight"], necessity=drawn["necessity"]),
        forward_passes=drawn["forward_passes"],
        seconds=drawn["seconds"],
        provenance=drawn["provenance"],
    )


@given(drawn=ingredients())
@settings(max_examples=25, deadline=None)
def test_saving_and_loading_is_the_identity(tmp_path_factory, drawn):
    attribution = _mixed(drawn)
    path = tmp_path_factory.getbasetemp() / "identity.npz"
    save(attribution, path)
    assert load(path) == attribution


def test_what_differs_in_one_number_is_not_equal_after_loading(tmp_path):
    save(_attribution(seconds=0.5), tmp_path / "a.npz")
    assert load(tmp_path / "a.npz") != _attribution()
    assert load(tmp_path / "a.npz") == _attribution(seconds=0.5)


def test_the_function_that_encodes_is_not_stored(tmp_path):
    generation = replace(_attribution().generation, encode=lambda text: (len(text),))
    save(_attribution(generation=generation), tmp_path / "a.npz")
    back = load(tmp_path / "a.npz")
    assert back.generation.encode is None
    assert back == _attribution(generation=generation)


def test_the_same_attribution_gives_the_same_bytes(tmp_path):
    save(_attribution(), tmp_path / "a.npz")
    save(_attribution(), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_any_name_is_kept_as_it_is(tmp_path):
    save(_attribution(), tmp_path / "explanation")
    assert [path.name for path in tmp_path.iterdir()] == ["explanation"]
    assert load(str(tmp_path / "explanation")) == _attribution()


# ---- the layout that docs/file-format.md promises ----


def test_the_file_is_an_ordinary_numpy_archive_with_a_json_header(tmp_path):
    save(_attribution(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        types = {name: archive[name].dtype.name for name in archive.files}
    assert types == {
        "header": "uint8",
        "labels": "uint8",
        "image": "uint8",
        "order": "int64",
        "insertion": "float32",
        "deletion": "float32",
        "area": "float64",
        "insertion_predicted": "int64",
        "deletion_predicted": "int64",
        "saliency": "float32",
    }
    assert header == {
        "kind": "eagle-attribution",
        "schema_version": 1,
        "method": "eagle",
        "forward_passes": 6,
        "seconds": 0.25,
        "objective": {"insight": 1.0, "necessity": 0.5, "scale": "probability"},
        "generation": {
            "prompt": "What is it?",
            "text": "A cat",
            "ids": [5, 6, 2],
            "tokens": ["A", " cat", ""],
            "spans": [[0, 1], [1, 5], [5, 5]],
            "special": [False, False, True],
            "image_path": "cat.jpg",
        },
        "target": {"positions": [1], "ids": [6], "text": "cat", "is_counterfactual": False},
        "regions": {"method": "grid", "asked": 2},
        "trace": {"searched": 2},
        "provenance": {"eagle": "0.1.0", "model": {"id": "planted", "revision": None}},
    }


@pytest.mark.parametrize(("n_regions", "expected"), [(256, "uint8"), (257, "uint16")])
def test_labels_take_the_smallest_type(tmp_path, n_regions, expected):
    attribution = _attribution(
        generation=replace(_attribution().generation, image=np.zeros((1, n_regions, 3), np.uint8)),
        regions=Regions(labels=np.arange(n_regions)[None]),
        trace=Trace(
            order=np.arange(n_regions),
            insertion=np.zeros((n_regions + 1, 1), np.float32),
            deletion=np.zeros((n_regions + 1, 1), np.float32),
            area=np.linspace(0, 1, n_regions + 1),
            insertion_predicted=np.zeros((n_regions + 1, 1), int),
            deletion_predicted=np.zeros((n_regions + 1, 1), int),
            searched=0,
        ),
        saliency=np.zeros((1, n_regions), np.float32),
    )
    save(attribution, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        assert archive["labels"].dtype.name == expected
    assert load(tmp_path / "a.npz") == attribution


# ---- files that are no attribution ----


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def _npy(array):
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.fixture
def path(tmp_path):
    save(_attribution(), tmp_path / "a.npz")
    return tmp_path / "a.npz"


def _header_of(path):
    with np.load(path) as archive:
        return json.loads(archive["header"].tobytes())


def _set_header(path, text):
    _write(path, {**_members(path), "header.npy": _npy(np.frombuffer(text.encode(), np.uint8))})


def _change_header(path, change):
    header = _header_of(path)
    change(header)
    _set_header(path, json.dumps(header))


def _refusal(path):
    with pytest.raises(ResultError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_cut_off_anywhere_is_refused(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 31):
        path.write_bytes(whole[:length])
        _refusal(path)


def _load_or_refuse(path):
    try:
        return load(path)
    except ResultError:
        return None


def test_a_damaged_byte_is_refused_or_harmless(path):
    whole = path.read_bytes()
    loaded = []
    for position in range(0, len(whole), 13):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        loaded.append(_load_or_refuse(path))
    assert all(attribution in (None, _attribution()) for attribution in loaded)
    assert loaded.count(None) > 50


@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00", b"PK\x05\x06"])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    assert "expected a file written by save" in _refusal(path)


def test_a_single_array_is_refused(path):
    path.write_bytes(_npy(np.zeros(3)))
    assert "not a .npz file" in _refusal(path)


def test_a_missing_file_is_named(tmp_path):
    assert "No such file" in _refusal(tmp_path / "absent.npz")


def test_a_folder_is_refused(tmp_path):
    assert "it is a folder" in _refusal(tmp_path)


def test_an_archive_of_other_arrays_is_refused(path):
    np.savez(path, a=np.zeros(3))
    assert "it has no header" in _refusal(path)


def test_another_kind_is_refused(path):
    _change_header(path, lambda header: header.update(kind="eagle-run"))
    assert "its kind is not 'eagle-attribution'" in _refusal(path)


def test_a_header_that_is_no_object_is_refused(path):
    members = {**_members(path), "header.npy": _npy(np.frombuffer(b"[1]", np.uint8))}
    _write(path, members)
    assert "its kind is not" in _refusal(path)


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 100_000])
def test_a_header_that_is_no_json_is_refused(path, text):
    _write(path, {**_members(path), "header.npy": _npy(np.frombuffer(text, np.uint8))})
    assert "its header is not JSON" in _refusal(path)


def test_a_newer_schema_asks_to_upgrade(path):
    _change_header(path, lambda header: header.update(schema_version=2))
    assert "schema version 2" in _refusal(path)
    assert "upgrade eagle-mllm" in _refusal(path)


@pytest.mark.parametrize("version", [0, -1, "1", True, None])
def test_an_impossible_schema_is_refused(path, version):
    _change_header(path, lambda header: header.update(schema_version=version))
    assert "schema" in _refusal(path)


def test_what_a_later_package_adds_is_ignored(path):
    _change_header(path, lambda header: header.update(mood="good"))
    _write(path, {**_members(path), "mood.npy": _npy(np.zeros(3)), "readme.txt": b"hello"})
    assert load(path) == _attribution()


@pytest.mark.parametrize(
    "key",
    ["schema_version", "method", "forward_passes", "seconds", "objective", "generation", "target",
     "regions", "trace", "provenance"],
)  # fmt: skip
def test_a_missing_key_is_named(path, key):
    _change_header(path, lambda header: header.pop(key))
    assert f"its header has no '{key}'" in _refusal(path)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("target", "positions", [True]),
        ("target", "positions", "1"),
        ("target", "positions", [9]),
        ("target", "ids", [6.0]),
        ("target", "ids", []),
        ("target", "text", None),
        ("target", "is_counterfactual", 1),
        ("objective", "insight", "1"),
        ("objective", "insight", -1),
        ("objective", "scale", "logit"),
        ("objective", "scale", 1),
        ("regions", "asked", 2.5),
        ("trace", "searched", 3),
        ("generation", "ids", [5, 6]),
        ("generation", "tokens", [1, 2, 3]),
        ("generation", "spans", [[0, 1], [1, 5], [5]]),
        ("generation", "spans", [[0, 1], [1, 5], ["a", "b"]]),
        ("generation", "spans", [0, 1, 5]),
        ("generation", "special", [0, 0, 1]),
        ("generation", "image_path", 3),
    ],
)
def test_an_absurd_value_is_refused(path, part, key, value):
    _change_header(path, lambda header: header[part].update({key: value}))
    _refusal(path)


@pytest.mark.parametrize("key", ["seconds", "forward_passes"])
@pytest.mark.parametrize("value", ["-1", "NaN", "1e999", "-Infinity", "9" * 400, "9" * 5000])
def test_a_cost_that_cannot_be_is_refused(path, key, value):
    text = json.dumps(_header_of(path)).replace(f'"{key}": ', f'"{key}": {value}, "was": ')
    _set_header(path, text)
    _refusal(path)


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', "[" * 100 + "]" * 100])
@pytest.mark.parametrize("part", ["provenance", "generation"])
def test_what_could_not_be_written_again_is_refused(path, part, value):
    _set_header(
        path, json.dumps(_header_of(path)).replace(f'"{part}": {{', f'"{part}": {{"x": {value}, ')
    )
    assert "its header is not JSON" in _refusal(path)


ARRAYS = [
    "labels", "image", "order", "insertion", "deletion", "area", "insertion_predicted",
    "deletion_predicted", "saliency",
]  # fmt: skip


@pytest.mark.parametrize("name", ["header", *ARRAYS])
def test_a_missing_array_is_named(path, name):
    members = _members(path)
    del members[f"{name}.npy"]
    _write(path, members)
    assert "no header" in _refusal(path) or f"no array '{name}'" in _refusal(path)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "array",
    [
        np.zeros((7, 7, 7, 7), np.uint8),
        np.zeros((0, 3), np.uint8),
        np.array(0.5, np.float32),
        np.array(["a", "b"]),
        np.array([{"a": 1}], dtype=object),
    ],
)
def test_an_array_of_another_shape_or_type_is_refused(path, name, array):
    _write(path, {**_members(path), f"{name}.npy": _npy(array)})
    assert name in _refusal(path) or "labels" in _refusal(path)


def test_a_member_that_is_no_array_is_refused(path):
    _write(path, {**_members(path), "order.npy": b"text"})
    assert "order is not an array" in _refusal(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("order", np.array([0, 0])),
        ("insertion", np.array([[0], [np.nan], [1]], np.float32)),
        ("deletion", np.array([[0], [2], [1]], np.float32)),
        ("labels", np.array([[1, 1, 1], [1, 1, 1]], np.uint8)),
        ("labels", np.array([[0, 0, 0], [1, 1, 1 + 2**32]], np.uint64)),
        ("saliency", np.array([[0, 0, 0], [1, 1, np.nan]], np.float32)),
        ("saliency", np.array([[0, 0, 0], [1, 1, 1e30]], np.float32)),
        ("saliency", np.array([[0, 0, 0], [1, 1, -0.1]], np.float32)),
        ("area", np.array([0, np.nan, 1])),
        ("area", np.array([0, 1.5, 1])),
        ("area", np.array([0, 0.5, 1e300])),
        ("area", np.array([0.1, 0.5, 1])),
        ("area", np.array([0, 0.5, 0.9])),
    ],
)
def test_impossible_numbers_are_refused(path, name, array):
    _write(path, {**_members(path), f"{name}.npy": _npy(array)})
    _refusal(path)


# ---- files that ask for too much ----

ZEROS = 100_000_000


class Zeros:
    """A file of zeros, of which a few are in memory at a time."""

    def __init__(self, name, start=b""):
        self.info = zipfile.ZipInfo(name)
        self.start = start

    def add_to(self, archive, method):
        self.info.compress_type = method
        with archive.open(self.info, "w", force_zip64=True) as member:
            member.write(self.start)
            for _ in range(ZEROS // 10**7):
                member.write(bytes(10**7))


def _peak_and_result(path):
    tracemalloc.start()
    try:
        result = _load_or_refuse(path)
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_members_of_no_use_are_never_unpacked(path, method):
    with zipfile.ZipFile(path, "a") as archive:
        Zeros("mood.npy").add_to(archive, method)
    assert path.stat().st_size < 1_000_000
    peak, result = _peak_and_result(path)
    assert result == _attribution()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("order", (ZEROS // 8,)),
        ("header", (10**15,)),
        ("header", (ZEROS // 8,)),
        ("saliency", (3,)),
    ],
)
def test_a_member_that_is_larger_than_it_should_be_is_never_unpacked(path, name, declared):
    members = _members(path)
    text = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {declared}, }}".encode()
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    del members[f"{name}.npy"]
    _write(path, members)
    with zipfile.ZipFile(path, "a") as archive:
        Zeros(f"{name}.npy", start).add_to(archive, zipfile.ZIP_DEFLATED)
    peak, result = _peak_and_result(path)
    assert result is None
    assert peak < 20_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_bounds_is_refused(path, method):
    members = _members(path)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data + bytes(10**8) * (name == "saliency.npy"))
    data = path.read_bytes()  # which now says that nothing was added
    claimed = len(members["saliency.npy"])
    path.write_bytes(data.replace(_four(claimed + 10**8), _four(claimed)))
    peak, result = _peak_and_result(path)
    assert result is None
    assert peak < 20_000_000


def _four(number):
    return number.to_bytes(4, "little")


def test_a_large_result_is_refused_with_what_to_do_and_read_when_told_to(path):
    with pytest.raises(ResultError, match="more than the 60 that max_pixels allows; raise max_pix"):
        load(path, max_pixels=5)
    assert load(path, max_pixels=200) == load(path, max_pixels=None) == _attribution()


def test_a_file_without_end_is_refused(tmp_path):
    sparse = tmp_path / "sparse.npz"
    with sparse.open("wb") as file:
        file.truncate(10**13)
    for endless in (sparse, Path("/dev/zero"), Path("/dev/full")):
        _refusal(endless)


# ---- files that cannot be written ----


def test_a_full_disk_leaves_the_old_file_as_it_was(path, tmp_path):
    old = tmp_path / "old.npz"
    old.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(old)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "File too large" in done.stdout
    assert done.stdout.count("\n") == 1
    assert old.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [path, old]


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(ResultError, match="it is a folder"):
        save(_attribution(), tmp_path)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800", [[]] * 3 + NESTED])
def test_a_provenance_that_is_not_json_is_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(ResultError, match="plain JSON values"):
        save(_attribution(provenance={"settings": {"a": value}}), tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_an_attribution_by_a_method_without_objective_is_stored(attribution, tmp_path):
    without = replace(attribution, method="centre", objective=None)
    save(without, tmp_path / "a.npz")
    assert load(tmp_path / "a.npz") == without


def test_the_tree_over_the_regions_is_stored(tmp_path):
    regions = Regions(labels=np.array([[0, 1, 2], [0, 1, 2]]), merges=np.array([[2, 1], [0, 3]]))
    trace = Trace(
        order=np.array([1, 0, 2]),
        insertion=np.zeros((4, 1), np.float32),
        deletion=np.zeros((4, 1), np.float32),
        area=np.array([0.0, 1 / 3, 2 / 3, 1.0]),
        insertion_predicted=np.zeros((4, 1), int),
        deletion_predicted=np.zeros((4, 1), int),
        searched=3,
    )
    saliency = np.zeros((2, 3), np.float32)
    save(_attribution(regions=regions, trace=trace, saliency=saliency), tmp_path / "cat.npz")
    assert load(tmp_path / "cat.npz").regions.merges.tolist() == [[2, 1], [0, 3]]

    arrays = dict(np.load(tmp_path / "cat.npz"))
    del arrays["merges"]  # as files of older versions have none
    np.savez_compressed(tmp_path / "old.npz", **arrays)
    assert load(tmp_path / "old.npz").regions.merges is None

    arrays["merges"] = np.array([[0, 1], [0, 3]])
    np.savez_compressed(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(ResultError, match="merges is not a tree of 3 regions"):
        load(tmp_path / "wrong.npz")


def test_a_file_from_before_there_were_scales_still_loads(path):
    _change_header(path, lambda header: header["objective"].pop("scale"))
    assert load(path) == _attribution()


@pytest.mark.parametrize("value", [[1], [0.0], "0", [-1]])
def test_sensitive_tokens_that_cannot_be_are_refused(path, value):
    _change_header(path, lambda header: header.update(sensitive=value))
    _refusal(path)
