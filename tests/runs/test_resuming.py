"""A start finds what earlier ones have left, trusts only what holds, and loses nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest

from eagle_mllm.errors import ResultError
from eagle_mllm.runs.journal import read_events
from eagle_mllm.runs.store import load_run

pytestmark = pytest.mark.usefixtures("planted")

VICTIM = "scene-000001.json"
OTHER = "scene-000002.json"

FAILURE = (
    '{"error":"E","outcome":"failed","reason":"r","sample_id":"scene-000001","task":"caption"}\n'
)


def _replace_by(make):
    def damage(path):
        path.unlink()
        make(path)

    return damage


def _edit(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _digit(data):
    """One digit more in the first probability."""
    start = data.index(b'"insertion":[[') + len(b'"insertion":[[')
    end = data.index(b"]", start)
    return data[:end] + b"1" + data[end:]


DAMAGE = {
    "truncated": _edit(lambda data: data[:200]),
    "cut by its last byte": _edit(lambda data: data[:-1]),
    "emptied": _edit(lambda data: b""),
    "of zeros": _edit(lambda data: bytes(len(data))),
    "null": _edit(lambda data: b"null"),
    "nested": _edit(lambda data: b"[" * 100_000),
    "not Unicode": _edit(lambda data: data.replace(b"star", b"st\xe9r")),
    "a changed digit": _edit(_digit),
    "a changed answer": _edit(lambda data: data.replace(b"star", b"moon")),
    "another sample's": lambda path: shutil.copy(path.with_name(OTHER), path),
    "of another kind": _edit(lambda data: FAILURE.encode()),
    "a folder": _replace_by(Path.mkdir),
    "a link to nothing": _replace_by(lambda path: path.symlink_to("nowhere/record.json")),
    "a link to itself": _replace_by(lambda path: path.symlink_to(path.name)),
    "a link to another": _replace_by(lambda path: path.symlink_to(OTHER)),
    "a device": _replace_by(lambda path: path.symlink_to("/dev/zero")),
    "a pipe": _replace_by(os.mkfifo),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_record_that_is_not_what_was_written_is_made_anew(name, explain, results):
    folder = explain({"run.limit": 3}).folder
    whole = results(folder)
    DAMAGE[name](folder / "records" / VICTIM)
    with pytest.raises(ResultError, match=r"scene-00000[12]"):
        load_run(folder)
    tally = explain({"run.limit": 3})
    assert (tally.done, tally.set_aside) == (3, 1)
    assert _without_aside(results(folder)) == whole
    assert not (folder / "records" / VICTIM).is_symlink()
    (event,) = (one for one in read_events(folder) if one["event"] == "set aside")
    assert event["file"] == f"records/{VICTIM}"
    assert VICTIM in event["reason"]
    assert os.path.lexists(folder / "set-aside" / "records" / VICTIM)
    assert explain({"run.limit": 3}).set_aside == 0


def _without_aside(files):
    return {name: data for name, data in files.items() if not name.startswith("set-aside")}


def test_what_is_set_aside_twice_is_kept_twice(explain):
    for text in ("first", "second", "third"):
        record = explain({"run.limit": 2}).folder / "records" / VICTIM
        record.write_text(text)
    folder = explain({"run.limit": 2}).folder
    kept = sorted((folder / "set-aside").rglob(VICTIM))
    assert sorted(path.read_text() for path in kept) == ["first", "second", "third"]


def test_an_outcome_of_an_image_that_was_replaced_is_made_anew(explain, planted, monkeypatch):
    from eagle_mllm.datasets.images import SceneImage

    explain({"run.limit": 3})
    digest = SceneImage.digest
    changed = "0" * 32
    monkeypatch.setattr(
        SceneImage, "digest", lambda image: changed if image.seed == 1 else digest(image)
    )
    tally = explain({"run.limit": 3})
    assert (tally.done, tally.set_aside) == (3, 1)
    assert planted.answers == 3 + 1
    records = {record.sample_id: record for record in load_run(tally.folder).records}
    assert records["scene-000001"].image_digest == changed
    assert explain({"run.limit": 3}).set_aside == 0


def test_an_outcome_whose_image_cannot_be_read_now_is_kept(explain, planted, monkeypatch):
    from eagle_mllm.datasets.images import SceneImage
    from eagle_mllm.errors import ImageError

    explain({"run.limit": 3})

    def gone(image):
        raise ImageError("cat.png: is missing")

    monkeypatch.setattr(SceneImage, "digest", gone)
    assert (explain({"run.limit": 3}).done, planted.answers) == (3, 3)


def test_what_does_not_apply_depends_on_the_image_too(explain, monkeypatch):
    from eagle_mllm.datasets.images import SceneImage

    tally = explain(task="object")
    assert tally.not_applicable > 0
    monkeypatch.setattr(SceneImage, "digest", lambda image: "0" * 32)
    assert explain(task="object").set_aside == tally.done + tally.not_applicable


RUN_JSON = {
    "deleted": Path.unlink,
    "emptied": _edit(lambda data: b""),
    "truncated": _edit(lambda data: data[: len(data) // 2]),
    "null": _edit(lambda data: b"null"),
    "nested": _edit(lambda data: b"[" * 100_000),
    "not Unicode": _edit(lambda data: data[:-3] + b"\xff}\n"),
    "of other data": _edit(lambda data: data.replace(b'"fingerprint": "', b'"fingerprint": "x')),
    "of other settings": _edit(lambda data: data.replace(b'"count": 4', b'"count": 5')),
    "a link to nothing": _replace_by(lambda path: path.symlink_to("nowhere")),
    "a folder": _replace_by(Path.mkdir),
}


@pytest.mark.parametrize("name", RUN_JSON)
def test_a_description_that_was_lost_or_damaged_is_rebuilt_and_nothing_vanishes(
    name, explain, results
):
    folder = explain().folder
    whole = results(folder)
    RUN_JSON[name](folder / "run.json")
    tally = explain({"run.offset": 2, "run.limit": 1})
    assert (tally.set_aside, tally.adopted) == (int(name != "deleted"), 0)
    run = load_run(folder)
    assert len(run.records) == 6
    assert (run.n_missing, run.n_unplanned) == (0, 0)
    records = {name: data for name, data in results(folder).items() if name.startswith("records")}
    assert records == {name: data for name, data in whole.items() if name.startswith("records")}


@pytest.mark.parametrize("name", ["deleted", "emptied", "null", "nested", "a link to nothing"])
def test_records_that_a_lost_plan_had_listed_are_counted_and_then_adopted(name, explain):
    folder = explain().folder
    (plan,) = (folder / "plans").iterdir()
    RUN_JSON[name](plan)
    explain_less = {"run.offset": 1, "run.limit": 2}
    if name == "deleted":
        run = load_run(folder)
        assert (run.planned, run.n_unplanned) == ((), 6)
    else:
        with pytest.raises(ResultError, match="run the same command again"):
            load_run(folder)
    tally = explain(explain_less)
    assert (tally.planned, tally.done, tally.adopted) == (2, 2, 4)
    run = load_run(folder)
    assert (len(run.records), run.n_unplanned) == (6, 0)
    assert run.planned == (*(f"scene-00000{number}" for number in (1, 2, 0, 3, 4, 5)),)


def test_everything_but_the_records_may_be_lost(explain):
    folder = explain().folder
    (folder / "run.json").unlink()
    shutil.rmtree(folder / "plans")
    with pytest.raises(ResultError, match=r"has outcomes but no run\.json; run the same command"):
        load_run(folder)
    assert explain({"run.limit": 1}).adopted == 5
    assert len(load_run(folder).records) == 6


def test_files_that_belong_to_no_sample_are_counted_and_left_alone(explain):
    folder = explain({"run.limit": 2}).folder
    (folder / "records" / "stranger.json").write_text("{}")
    assert explain({"run.limit": 2}).adopted == 0
    assert load_run(folder).n_unplanned == 1


def test_the_plan_of_the_first_versions_still_counts(explain):
    folder = explain({"run.limit": 2}).folder
    shutil.rmtree(folder / "plans")
    path = folder / "run.json"
    planned = ["scene-000000", "scene-000001", "scene-000005"]
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "planned": planned}))
    run = load_run(folder)
    assert (run.planned, run.n_missing) == (tuple(planned), 1)
