"""Every committed experiment can be run, and together they fill the paper's tables."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "experiments"
BASELINES = ("random", "centre", "single-scan")
FILES = sorted(FOLDER.glob("*/*.toml"))


def loaded(path):
    from eagle_mllm.runs.config import load_config

    return load_config(path)


def finished(path, attribution):
    """A run of this file as it would look with two samples done."""
    from eagle_mllm.runs.record import record_of
    from eagle_mllm.runs.store import Run

    config = loaded(path)
    # The middle word of a name is the task, whatever hyphens the model has.
    (task,) = [
        word for word in ("caption", "vqa", "object", "existence") if f"-{word}-" in path.stem
    ]
    measures = {"insertion_auc": 0.5}
    records = [
        record_of(f"s{index}", attribution, task=task, image_name="", measures=measures)
        for index in range(2)
    ]
    return Run(
        folder=Path(config.name),
        config=config,
        data={"name": config.data.set, "fingerprint": ""},
        made_with={},
        planned=("s0", "s1"),
        records=tuple(records),
        not_applicable=(),
        failures=(),
    )


def test_there_are_experiments_of_both_kinds():
    assert {path.parent.name for path in FILES} == {"demo", "paper"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_experiment_loads_is_called_like_its_file_and_names_a_data_set(path, tmp_path):
    from eagle_mllm.datasets.registry import open_data
    from eagle_mllm.errors import EagleError, SettingError

    config = loaded(path)
    assert config.name == path.stem
    expected = [name for name in BASELINES if f"-{name}" in path.stem] or ["eagle"]
    assert [config.method.make().name] == expected
    resolved = config.resolved({name: str(tmp_path) for name in ("COCO", "MMVP", "REPOPE")})
    if path.parent.name == "demo":
        settings = {**resolved.data.settings, "count": 2}
        assert len(open_data(resolved.data.set, **settings)) == 2
        return
    # The folder is empty, so reading must fail; its settings must not be the reason.
    with pytest.raises(EagleError) as caught:
        open_data(resolved.data.set, **resolved.data.settings)
    assert not isinstance(caught.value, SettingError)


@pytest.mark.parametrize("kind", ["demo", "paper"])
def test_every_model_task_search_and_baseline_has_its_file(kind):
    names = {path.stem for path in FILES if path.parent.name == kind}
    models = {name.split("-caption-")[0] for name in names if "-caption-default" in name}
    assert len(models) == {"demo": 3, "paper": 4}[kind]
    for model in models:
        for task in ("caption", "vqa", "object", "existence"):
            rows = ("greedy", "default", *BASELINES)
            assert {f"{model}-{task}-{row}" for row in rows} <= names


@pytest.mark.parametrize(
    ("kind", "n_models", "usual", "n_regions"),
    [("demo", 3, "25", {"16", "25", "36", "64"}), ("paper", 4, "64", {"16", "32", "64"})],
)
def test_together_they_fill_the_five_tables(kind, n_models, usual, n_regions, attribution):
    from eagle_mllm.tables import tables_of
    from eagle_mllm.tables.task_slices import NONE

    runs = [finished(path, attribution) for path in FILES if path.parent.name == kind]
    tables = {table.name: table for table in tables_of(runs)}
    rows = {name: [row.labels for row in table.rows] for name, table in tables.items()}
    # Two searches and the baselines; two of these rank pixels as well, on one model's captions.
    assert len(rows["sentences"]) == n_models * 2 * (2 + len(BASELINES)) + 2
    assert len(rows["words"]) == len(rows["hallucination"]) == n_models * (2 + len(BASELINES))
    assert {labels.search for labels in rows["sentences"]} == {
        *("multilevel", "greedy", "by regions", "by pixels"),
    }
    for name in ("sentences", "words", "hallucination"):
        assert {(labels.objective, labels.regions) for labels in rows[name]} == {
            ("both", usual),
            (NONE, usual),
        }
    objectives = {labels.objective for labels in rows["objective"]}
    assert objectives == {"both", "insight only", "necessity only"}
    assert {labels.regions for labels in rows["regions"]} == n_regions
    assert {labels.model for labels in rows["regions"]} == {rows["objective"][0].model}


def test_no_ablation_stands_among_the_methods_while_runs_are_missing(attribution):
    from eagle_mllm.tables import tables_of
    from eagle_mllm.tables.task_slices import NONE

    demo = [path for path in FILES if path.parent.name == "demo"]
    unfinished = ("greedy-regions-64", "internvl", "qwen2_5_vl-caption-greedy")
    runs = [
        finished(path, attribution)
        for path in demo
        if not any(part in path.stem for part in unfinished)
    ]
    sentences = tables_of(runs)[0]
    assert {(row.labels.objective, row.labels.regions) for row in sentences.rows} == {
        ("both", "25"),
        (NONE, "25"),
    }
    # Of LLaVA and Qwen all but the greedy captions of Qwen, and two rows by pixels.
    assert len(sentences.rows) == 2 * 2 * (2 + len(BASELINES)) - 1 + 2
