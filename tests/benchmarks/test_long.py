"""What a person waits for: long answers, the first map, the reference's second version."""

import json

import bench
import first
import long
import pages
import pytest
import torch
from batched import SIDES, batched_table
from part import Options
from store import rows_of

import eagle_mllm as eagle

QUICK = ("--quick", "--model", "llava", "--threads", "1")


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _long_row(label, seed, gap, gap_sensitive):
    return {
        "model": "llava",
        "objective": label,
        "seed": seed,
        "tokens": 100,
        "sensitive": 20,
        "passes": 800,
        "insertion": 0.5,
        "deletion": 0.5 - gap,
        "gap": gap,
        "gap_sensitive": gap_sensitive,
        "mass": 0.2,
        "rank": 0.8,
    }


def _cells(table, heading):
    (head, _, *lines) = [line.split(" | ") for line in pages.markdown(table).splitlines()]
    place = [cell.strip("| ") for cell in head].index(heading)
    return [line[place].strip("| ") for line in lines]


def test_differences_are_those_to_the_mean_on_the_same_scenes(tmp_path):
    rows = [
        *(_long_row(long.MEAN, seed, gap, 0.5) for seed, gap in ((0, 0.1), (1, 0.3), (2, 0.9))),
        *(_long_row("sensitive", seed, gap, 0.7) for seed, gap in ((0, 0.0), (1, 0.4))),
    ]
    (tmp_path / "long.json").write_text(json.dumps({"runs": [], "rows": rows}))
    table = long.long_table(tmp_path)
    assert _cells(table, "objective") == [long.MEAN, "sensitive"]
    assert _cells(table, "n") == ["3", "2"]
    assert _cells(table, "gap ↑") == ["0.433", "0.200"]
    # −0.1 and +0.1; then +0.2 twice, which is no accident.
    assert _cells(table, "more than the mean's") == ["–", "+0.000 [−0.100, +0.100]"]
    sensitive = table.columns["gap, sensitive ↑"]
    assert [sensitive.format_map(row) for row in table.rows] == ["0.500", "0.700"]
    assert "**+0.200 [+0.200, +0.200]**" in pages.markdown(table)


def test_a_description_is_the_caption_and_every_answer_and_speaks_of_every_object():
    model = Options().model("llava")
    found = next(filter(None, (long.described(model, seed) for seed in range(5))))
    scene = found.scene
    assert found.generation.text.startswith(scene.caption)
    assert found.generation.text.count(".") == 1 + sum(
        question.kind != "existence" for question in scene.questions
    )
    assert len(scene.objects) >= 2
    assert all(found.evidence[one.mask].all() for one in scene.objects)


def test_every_objective_is_measured_on_the_same_scores(tmp_path):
    bench.main(["long", *QUICK, "--out", str(tmp_path)])
    rows = rows_of(tmp_path / "long.json")
    assert [row["objective"] for row in rows] == list(long.METHODS)
    assert {row["tokens"] for row in rows} == {rows[0]["tokens"]}
    assert all(row["sensitive"] < row["tokens"] for row in rows)
    planned = eagle.Eagle().planned_passes(6)
    assert all(row["passes"] <= planned for row in rows)


def test_all_three_sides_score_alike(tmp_path):
    bench.main(["batched", *QUICK, "--out", str(tmp_path)])
    (row,) = rows_of(tmp_path / "batched.json")
    assert row["seconds"].keys() == row["largest_difference"].keys() == set(SIDES)
    assert max(row["largest_difference"].values()) <= 2e-2
    assert len(list(batched_table(tmp_path).rows)) == 1


@pytest.mark.slow
def test_the_first_map_comes_before_the_end(tmp_path):
    bench.main(["first", *QUICK, "--out", str(tmp_path)])
    (row,) = rows_of(tmp_path / "first.json")
    assert row["import"] < row["first"] < row["end"]
    assert row["first_processor"][1] > 0


def test_a_command_that_fails_is_no_measurement(monkeypatch):
    monkeypatch.setattr(first, "_COMMAND", "raise SystemExit(3)")
    monkeypatch.setattr(first, "_STEPS", {})
    key = {"model": "llava", "dtype": "float32", "threads": 1, "regions_asked": 6}
    with pytest.raises(RuntimeError, match=r"eagle explain .* ended with 3 and without"):
        first.waited(key)
