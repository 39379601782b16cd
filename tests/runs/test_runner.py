import errno
import json
from dataclasses import replace

import pytest

from eagle_mllm.attribution import atomic
from eagle_mllm.datasets.registry import open_data
from eagle_mllm.errors import ImageError, ModelError, ResultError, SettingError
from eagle_mllm.runs import runner
from eagle_mllm.runs.runner import Shard
from eagle_mllm.runs.store import load_run

IDS = tuple(f"scene-{number:06d}" for number in range(6))

pytestmark = pytest.mark.usefixtures("planted")


def _counts(tally):
    return tally.planned, tally.done, tally.not_applicable, tally.failed


def test_every_sample_leaves_a_record_that_can_be_measured_again(explain):
    from eagle_mllm.metrics import insertion_auc

    tally = explain()
    assert _counts(tally) == (6, 6, 0, 0)
    run = load_run(tally.folder)
    assert tuple(record.sample_id for record in run.records) == run.planned == IDS
    assert run.n_missing == 0
    for record in run.records:
        assert record.answer == "a small star"
        assert record.measures["insertion_auc"] == insertion_auc(record.trace)


def test_a_run_that_was_interrupted_and_resumed_equals_one_that_was_not(explain, planted, results):
    planted.errors[3] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        explain()
    (folder,) = explain.folders()
    assert len(load_run(folder).records) == 2
    tally = explain()
    assert _counts(tally) == (6, 6, 0, 0)
    assert planted.answers == 3 + 4
    assert results(tally.folder) == results(explain(out="other").folder)


def test_a_finished_run_does_nothing_when_it_is_started_again(explain, planted, results):
    before = results(explain().folder)
    assert results(explain().folder) == before
    assert planted.answers == 6


@pytest.mark.parametrize(
    "changed",
    [
        {"regions.count": 5},
        {"method.fill": "mean"},
        {"run.seed": 1},
        {"model.batch_size": 2},
        {"data.first": 1},
    ],
)
def test_another_setting_is_another_folder(explain, changed):
    tally, other = explain({"run.limit": 1}), explain({"run.limit": 1, **changed})
    assert tally.folder != other.folder
    assert other.done == 1


@pytest.mark.parametrize(
    "changed", [{"id": "other"}, {"revision": "abc"}, {"dtype": "bfloat16"}], ids=str
)
def test_other_weights_than_were_loaded_before_are_another_folder(
    explain, planted, monkeypatch, changed
):
    before = explain({"run.limit": 1})
    info = replace(planted.info, **changed)
    monkeypatch.setattr(type(planted), "info", info)
    assert explain({"run.limit": 1}).folder != before.folder


def test_the_device_that_a_model_was_loaded_on_makes_no_difference(explain, planted, monkeypatch):
    before = explain({"run.limit": 1})
    monkeypatch.setattr(type(planted), "info", replace(planted.info, device="cuda:1"))
    assert explain({"run.limit": 1}).folder == before.folder


def test_data_that_have_changed_under_the_same_settings_are_another_folder(explain, monkeypatch):
    before = explain({"run.limit": 1})

    def changed(*arguments, **settings):
        return replace(open_data(*arguments, **settings), fingerprint="other")

    monkeypatch.setattr(runner, "open_data", changed)
    assert explain({"run.limit": 1}).folder != before.folder


def test_another_selection_goes_on_in_the_same_folder(explain, planted):
    few, more = explain({"run.limit": 2}), explain({"run.offset": 1, "run.limit": 3})
    assert few.folder == more.folder
    assert _counts(few) == (2, 2, 0, 0)
    assert _counts(more) == (3, 3, 0, 0)
    assert planted.answers == 4
    assert load_run(few.folder).planned == IDS[:4]


def test_a_budget_too_small_for_the_regions_ends_the_run_before_any_sample(explain, planted):
    with pytest.raises(SettingError, match="too small for 4 regions; give at least 8, or cut"):
        explain({"method.search": {"name": "multilevel", "budget": 7}})
    assert planted.answers == 0
    assert explain({"method.search": {"name": "multilevel", "budget": 8}}).done == 6


def test_an_offset_behind_the_last_sample_is_refused(explain):
    with pytest.raises(SettingError, match="scenes-caption has 6, offset is 6"):
        explain({"run.offset": 6})


def test_a_seed_shuffles_before_the_limit_is_taken(explain):
    whole = load_run(explain({"run.seed": 1}).folder).planned
    assert sorted(whole) == list(IDS)
    assert whole != IDS
    assert load_run(explain({"run.seed": 1, "run.limit": 2}, out="x").folder).planned == whole[:2]


def test_the_shards_together_are_the_whole(explain, results):
    shards = [explain(out="shards", shard=Shard(number=number, count=4)) for number in (2, 1, 4, 3)]
    assert [_counts(shard)[:2] for shard in shards] == [(2, 2), (2, 2), (1, 1), (1, 1)]
    assert results(shards[0].folder) == results(explain(out="whole").folder)


@pytest.mark.parametrize("number", [0, 3])
def test_a_shard_that_is_none_is_refused(number):
    with pytest.raises(SettingError, match=f"no shard {number}/2; expected 1/N to N/N"):
        Shard(number=number, count=2)


def test_a_sample_that_fails_is_kept_counted_and_retried_only_when_asked(explain, planted):
    planted.errors = {2: ImageError("cat.png: is empty;\nfetch it"), 4: ZeroDivisionError()}
    tally = explain()
    assert _counts(tally) == (6, 4, 0, 2)
    first, second = load_run(tally.folder).failures
    assert (first.sample_id, first.error, first.reason) == (
        IDS[1],
        "ImageError",
        "cat.png: is empty; fetch it",
    )
    assert (second.error, second.reason) == ("ZeroDivisionError", "ZeroDivisionError")
    assert _counts(explain()) == (6, 4, 0, 2)
    assert planted.answers == 6
    assert _counts(explain(retry_failed=True)) == (6, 6, 0, 0)
    assert planted.answers == 8
    assert load_run(tally.folder).failures == ()


def test_a_run_with_failures_that_were_retried_equals_one_without(explain, planted, results):
    planted.errors = {1: ModelError("out of memory")}
    explain()
    retried = explain(retry_failed=True)
    assert results(retried.folder) == results(explain(out="other").folder)


def test_objects_that_are_not_named_are_counted_apart(explain):
    tally = explain(task="object")
    planned, done, not_applicable, failed = _counts(tally)
    # The planted answer says "star" of every scene; some have one, most do not.
    assert (planned, failed) == (6, 0)
    assert done + not_applicable == 6
    run = load_run(tally.folder)
    assert {one.reason for one in run.not_applicable} == {"the answer does not name the object"}


def test_a_full_disk_ends_the_run_in_one_line_and_loses_one_sample(
    explain, planted, results, monkeypatch
):
    def full(temporary, *, flush=atomic._flush_to_disk):
        if planted.answers == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(temporary)

    monkeypatch.setattr(atomic, "_flush_to_disk", full)
    with pytest.raises(ResultError, match=r"records/scene-000002\.json: No space left on device"):
        explain()
    monkeypatch.undo()
    (folder,) = explain.folders()
    assert len(load_run(folder).records) == 2
    assert not list(folder.rglob(".*.tmp"))


def test_times_and_workers_stand_in_the_journal_and_nowhere_else(explain, planted, results):
    planted.errors = {2: ZeroDivisionError("by zero")}
    tally = explain()
    lines = [json.loads(line) for line in (tally.folder / "journal.jsonl").read_text().splitlines()]
    start, *samples = lines
    assert (start["event"], start["samples"], start["problems"]) == ("start", 6, [])
    assert [line["sample"] for line in samples] == list(IDS)
    assert samples[0]["seconds"] > samples[0]["explain_seconds"] > 0
    assert "trace" not in samples[0]
    assert "ZeroDivisionError: by zero" in samples[1]["trace"]
    for content in results(tally.folder).values():
        assert b"seconds" not in content
        assert samples[0]["worker"].encode() not in content


def test_whoever_watches_is_told_before_the_first_sample_and_after_each(explain):
    explain({"run.limit": 2})
    seen = []
    explain({"run.limit": 4}, on_tally=lambda tally: seen.append(tally.ended))
    assert seen == [2, 3, 4]
