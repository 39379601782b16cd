"""Every committed experiment can be run, and together they fill the paper's tables."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "experiments"
FILES = sorted(FOLDER.glob("*/*.toml"))
BASELINES = ("random", "centre", "single-scan", "raw-attention", "llava-cam", "igos++", "tam")
BY_PIXELS = BASELINES[1:]
TASKS = ("caption", "vqa", "object", "existence")


def loaded(path, **settings):
    from eagle_mllm.runs.config import load_config

    return load_config(path, settings=settings)


def row(path, method, **settings):
    """A baseline's row: the file of EAGLE's, with the name of the method in its place."""
    name = path.stem.replace("-default", f"-{method}")
    return loaded(path, **{"name": name, "method.name": method, **settings})


def every_row(kind):
    """The rows of the tables on the demo models or the paper's: those of files, and baselines'."""
    paths = [path for path in FILES if path.parent.name == kind]
    usual = [path for path in paths if path.stem.endswith("-default")]
    captions = [path for path in usual if path.stem.startswith("llava-") and "caption" in path.stem]
    return [
        *(loaded(path) for path in paths),
        *(row(path, method) for path in usual for method in BASELINES),
        *(
            row(path, method, **{"method.ranking": "pixels"})
            for path in captions
            for method in BY_PIXELS
        ),
    ]


def finished(config, attribution):
    """This run as it would look with two samples done."""
    from eagle_mllm.runs.record import record_of
    from eagle_mllm.runs.store import Run

    # The middle word of a name is the task, whatever hyphens the model has.
    (task,) = [word for word in TASKS if f"-{word}-" in config.name]
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
    assert config.method.make().name == "eagle"
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
def test_every_model_task_and_search_has_its_file(kind):
    names = {path.stem for path in FILES if path.parent.name == kind}
    models = {name.split("-caption-")[0] for name in names if "-caption-default" in name}
    assert len(models) == {"demo": 3, "paper": 4}[kind]
    for model in models:
        for task in TASKS:
            assert {f"{model}-{task}-{search}" for search in ("greedy", "default")} <= names


def test_every_baseline_is_a_row_and_make_knows_each():
    from eagle_mllm.baselines.registry import BASELINES as REGISTERED

    listed = re.search(r"^BASELINES +:= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert tuple(listed[1].split()) == BASELINES == tuple(REGISTERED)


@pytest.mark.parametrize("method", BASELINES)
def test_a_baseline_takes_the_place_of_eagle_in_the_file_of_its_default_search(method):
    for path in FILES:
        if path.stem.endswith("-default"):
            ours, theirs = loaded(path), row(path, method)
            assert theirs.method.make().name == method
            assert theirs.data == ours.data
            assert (theirs.model, theirs.regions) == (ours.model, ours.regions)


@pytest.mark.parametrize(
    ("kind", "n_models", "usual", "n_regions"),
    [("demo", 3, "25", {"16", "25", "36", "64"}), ("paper", 4, "64", {"16", "32", "64"})],
)
def test_together_they_fill_the_five_tables(kind, n_models, usual, n_regions, attribution):
    from eagle_mllm.tables import tables_of
    from eagle_mllm.tables.task_slices import NONE

    runs = [finished(config, attribution) for config in every_row(kind)]
    tables = {table.name: table for table in tables_of(runs)}
    rows = {name: [row.labels for row in table.rows] for name, table in tables.items()}
    # Two searches and the baselines, which rank pixels as well on one model's captions.
    assert len(rows["sentences"]) == n_models * 2 * (2 + len(BASELINES)) + len(BY_PIXELS)
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

    unfinished = ("greedy-regions-64", "internvl", "qwen2_5_vl-caption-greedy")
    runs = [
        finished(config, attribution)
        for config in every_row("demo")
        if not any(part in config.name for part in unfinished)
    ]
    sentences = tables_of(runs)[0]
    assert {(row.labels.objective, row.labels.regions) for row in sentences.rows} == {
        ("both", "25"),
        (NONE, "25"),
    }
    # Of LLaVA and Qwen all but the greedy captions of Qwen, and the rows by pixels.
    assert len(sentences.rows) == 2 * 2 * (2 + len(BASELINES)) - 1 + len(BY_PIXELS)
