"""From runs to the paper's tables, by hand."""

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

NAN = float("nan")
RUN = "caption-llava"


def config(name=RUN, *, model="demo/llava", **tables):
    from eagle_mllm.runs.config import RunConfig

    return RunConfig.model_validate(
        {"name": name, "data": {"set": "scenes"}, "model": {"id": model}, **tables}
    )


def record(sample, *, task="caption", passes=16, **measures):
    from eagle_mllm.attribution.trace import Trace
    from eagle_mllm.runs.record import Record

    ids = np.zeros((2, 1), int)
    return Record(
        sample_id=sample,
        task=task,
        image_name=sample,
        image_size=(2, 2),
        answer="cat",
        tokens=("cat",),
        ids=(5,),
        target_text="cat",
        target_positions=(0,),
        target_ids=(5,),
        is_counterfactual=False,
        trace=Trace(
            order=np.zeros(1, int),
            insertion=np.array([[0.0], [1.0]], np.float32),
            deletion=np.array([[1.0], [0.0]], np.float32),
            area=np.array([0.0, 1.0]),
            insertion_predicted=ids,
            deletion_predicted=ids,
            searched=1,
        ),
        forward_passes=passes,
        measures=measures,
    )


def run(insertion, *, task="caption", failed=(), skipped=(), open_=(), more=None, **settings):
    """A run whose n-th sample has the n-th insertion AUC, and perhaps other measures."""
    from eagle_mllm.runs.record import Failure, NotApplicable
    from eagle_mllm.runs.store import Run

    samples = [f"s{index:02d}" for index in range(len(insertion))]
    others = [
        {name: float(values[i]) for name, values in (more or {}).items()}
        for i in range(len(insertion))
    ]
    made = config(**settings)
    return Run(
        folder=Path(f"{made.name}-0123abcd"),
        config=made,
        data={"name": f"scenes-{task}", "fingerprint": "f"},
        made_with={},
        planned=(*samples, *failed, *skipped, *open_),
        records=tuple(
            record(sample, task=task, insertion_auc=float(value), **other)
            for sample, value, other in zip(samples, insertion, others, strict=True)
        ),
        not_applicable=tuple(
            NotApplicable(sample_id=one, task=task, answer="No", reason="answered rightly")
            for one in skipped
        ),
        failures=tuple(
            Failure(sample_id=one, task=task, error="ImageError", reason="no file")
            for one in failed
        ),
    )


def with_search(insertion, name, **settings):
    """The same with another search, told by a setting of greedy."""
    search = {"name": "greedy", "max_regions": 8}
    return run(insertion, name=name, method={"search": search}, **settings)


@pytest.fixture
def tables_of():
    from eagle_mllm.tables import tables_of

    return tables_of


@pytest.fixture
def apart(rng):
    """Twenty samples, and the same of a search that is better by 0.01 on each of them."""
    hard = 0.4 + 0.2 * rng.random(20)
    return run(hard), with_search(hard + 0.01, "caption-llava-8")


def by_label(table, label):
    return {getattr(row.labels, label): row for row in table.rows}


def test_a_cell_is_the_mean_with_what_it_stands_on(tables_of):
    (table,) = tables_of([run([0.25, 0.75, NAN])])
    assert table.name == "sentences"
    (row,) = table.rows
    cell = row.cells[0]
    assert (cell.mean, cell.n, cell.n_missing) == (0.5, 2, 1)
    assert (cell.low, cell.high) == (0.25, 0.75)
    assert row.n_samples == 3
    assert [column.measure for column in table.columns] == ["insertion_auc", "forward_passes"]
    assert row.cells[1].mean == 16


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("caption", "sentences"),
        ("vqa", "sentences"),
        ("object", "words"),
        ("existence", "hallucination"),
    ],
)
def test_the_task_decides_the_table(tables_of, task, name):
    assert [table.name for table in tables_of([run([0.5, 0.6], task=task)])] == [name]


def test_columns_are_those_of_the_task(tables_of):
    pointing = {"pointing_box": [1, 0], "pointing_mask": [0, 0], "corrected_area": [1, 1]}
    (table,) = tables_of([run([0.5, 0.6], task="object", more=pointing)])
    headings = [column.heading for column in table.columns]
    assert headings == ["insertion", "pointing, box", "pointing, mask", "passes"]


def test_what_a_task_does_not_measure_is_empty_and_not_missing(tables_of):
    caption = run([0.5, 0.6], more={"evidence_auroc": [1.0, NAN]})
    vqa = [run([0.5, 0.6], task="vqa"), with_search([0.7, 0.8], "other", task="vqa")]
    (table,) = tables_of([caption, *vqa])
    place = [column.measure for column in table.columns].index("evidence_auroc")
    counts = [(row.cells[place].n, row.cells[place].n_missing) for row in table.rows]
    assert counts == [(1, 1), (0, 0), (0, 0)]
    assert table.differences[0].cells[place].n_missing == 0
    assert table.shown_labels == ("task", "data", "model", "method", "search")


def test_a_row_is_a_setting_and_says_what_it_is(tables_of):
    first = run([0.5], method={"search": {"name": "greedy", "max_regions": 8}})
    second = run([0.5], name="caption-internvl", model="demo/internvl")
    (table,) = tables_of([first, second])
    assert table.rows[0].labels == (
        "caption",
        "scenes-caption",
        "demo/llava",
        "eagle",
        "greedy(max_regions=8)",
        "both",
        "64",
        "caption-llava-0123abcd",
    )
    assert table.shown_labels == ("model", "method", "search")
    assert "task caption, data scenes-caption, objective both, regions 64" in table.note


def test_runs_that_are_equal_in_all_else_are_told_apart_by_their_folder(tables_of):
    (table,) = tables_of([run([0.5]), run([0.6], name="again")])
    assert table.shown_labels == ("model", "method", "run")


def test_the_best_is_bold_where_pairs_know_it_though_the_intervals_overlap(tables_of, apart):
    (table,) = tables_of(apart)
    rows = by_label(table, "search")
    usual, better = rows["multilevel"], rows["greedy(max_regions=8)"]
    assert usual.cells[0].high > better.cells[0].low
    assert better.best[0]
    assert not usual.best[0]
    (difference,) = table.differences
    assert difference.labels.search == "multilevel − greedy(max_regions=8)"
    assert difference.labels.model == "demo/llava"
    assert difference.cells[0].mean == pytest.approx(-0.01)
    assert difference.cells[0].n == 20


def test_nothing_is_bold_where_the_difference_may_be_an_accident(tables_of, rng):
    values = rng.random(20)
    other = with_search(values + 0.1 * rng.standard_normal(20), "other")
    (table,) = tables_of([run(values), other])
    assert not any(any(row.best) for row in table.rows)


def test_where_lower_is_better_the_lower_is_bold(tables_of):
    low, high = np.linspace(0.1, 0.2, 12), np.linspace(0.3, 0.4, 12)
    runs = [
        run(low, more={"deletion_auc": low}),
        with_search(low, "other", more={"deletion_auc": high}),
    ]
    (table,) = tables_of(runs)
    place = [column.measure for column in table.columns].index("deletion_auc")
    assert [row.best[place] for row in table.rows] == [True, False]


def test_the_best_beats_every_other_row_not_only_some(tables_of):
    base = np.linspace(0.4, 0.6, 12)
    wobble = np.resize([0.05, -0.05], 12)
    third = run(base + 0.1 + wobble, name="blurred", method={"fill": "blur"})
    (table,) = tables_of([run(base), with_search(base + 0.1, "second"), third])
    assert [row.best[0] for row in table.rows] == [False, False, False]
    assert len(table.differences) == 3


def test_a_single_row_and_other_models_are_never_bold(tables_of):
    low, high = np.linspace(0.1, 0.2, 12), np.linspace(0.8, 0.9, 12)
    other = run(high, name="caption-internvl", model="demo/internvl")
    (table,) = tables_of([run(low), other])
    assert table.differences == ()
    assert not any(any(row.best) for row in table.rows)


def test_pairs_are_by_sample_and_what_only_one_run_has_is_missing(tables_of):
    # The second run lacks s02 and has its samples in another order on disk.
    first, second = run([0.1, 0.2, 0.9]), with_search([0.2, 0.3], "second")
    second = replace(second, records=second.records[::-1])
    (table,) = tables_of([first, second])
    difference = table.differences[0].cells[0]
    assert (difference.n, difference.n_missing) == (2, 1)
    assert difference.mean == pytest.approx(-0.1)
    assert table.differences[0].n_samples == 2


def test_the_order_of_records_changes_no_digit(tables_of, rng):
    one = run(rng.random(15))
    other = replace(one, records=one.records[::-1])
    assert tables_of([one])[0].rows == tables_of([other])[0].rows


def test_an_ablation_stays_out_of_the_main_table_beside_its_default(tables_of):
    weights = {"insight": {"insight": 1.0, "necessity": 0.0}, "necessity": {"insight": 0.0}}
    ablated = [
        run([0.5, 0.6], name=name, method={"objective": objective})
        for name, objective in weights.items()
    ]
    sentences, objective = tables_of([run([0.7, 0.8]), *ablated])
    assert [row.labels.objective for row in sentences.rows] == ["both"]
    assert objective.name == "objective"
    assert [row.labels.objective for row in objective.rows] == [
        "both",
        "insight only",
        "necessity only",
    ]
    assert objective.shown_labels == ("model", "method", "objective")
    assert len(objective.differences) == 3


def test_a_scale_and_a_choice_of_tokens_are_named(tables_of):
    changed = {"objective": {"scale": "log-probability"}, "sensitive": 0.2}
    _, objective = tables_of([run([0.7, 0.8]), run([0.5, 0.6], name="log", method=changed)])
    assert [row.labels.objective for row in objective.rows] == [
        "both",
        "both, log-probability, tokens above 0.2",
    ]


def test_settings_without_their_default_are_no_ablation_but_a_row(tables_of):
    (table,) = tables_of([run([0.5], regions={"count": 49})])
    assert table.name == "sentences"
    assert table.rows[0].labels.regions == "49"


def test_the_number_of_regions_is_ablated_one_model_and_task_at_a_time(tables_of):
    counts = [run([0.5], name=f"r{count}", regions={"count": count}) for count in (16, 32, 64)]
    others = [
        run([0.5], name=f"{model}64", model=model, regions={"count": 64}) for model in ("b", "c")
    ]
    names = {table.name: table for table in tables_of([*counts, *others])}
    assert [row.labels.regions for row in names["regions"].rows] == ["16", "32", "64"]
    assert {row.labels.model for row in names["regions"].rows} == {"demo/llava"}
    assert "objective" not in names
    assert [row.labels.regions for row in names["sentences"].rows] == ["64"] * 3


@pytest.mark.parametrize(
    ("llava", "other", "shown"),
    [
        # What most runs have is what an ablation varies, also where it is not the default …
        ((16, 25, 64), (25,), [25, 25]),
        # … where two are equally frequent it is the default …
        ((25, 64), (), [64]),
        # … a model without a run of it keeps its row …
        ((64, 64), (25,), [64, 64, 25]),
        # … and where nothing is usual, nothing is left out.
        ((25, 49), (), [25, 49]),
    ],
)
def test_what_is_usual_follows_from_the_runs(tables_of, llava, other, shown):
    runs = [
        run([0.5], name=f"{model}-{place}", model=model, regions={"count": count})
        for model, counts in (("llava", llava), ("qwen", other))
        for place, count in enumerate(counts)
    ]
    sentences = tables_of(runs)[0]
    assert [row.labels.regions for row in sentences.rows] == [str(count) for count in shown]


def test_the_footer_counts_every_planned_sample(tables_of):
    first = run([0.5, 0.6], failed=["a"], skipped=["b", "c"])
    second = with_search([0.5], "second", open_=["d", "e"])
    (table,) = tables_of([first, second])
    assert table.footer == (
        "8 samples in 2 runs: 3 explained, 2 not applicable, 1 failed, 2 not yet run. "
        "Failures: caption-llava 1."
    )


def test_the_footer_says_how_many_answers_were_unclear(tables_of):
    told = run([0.5], skipped=["b", "c", "d"])
    unclear = [replace(one, reason="unclear answer") for one in told.not_applicable[:2]]
    told = replace(told, not_applicable=(*unclear, told.not_applicable[2]))
    (table,) = tables_of([told])
    assert "1 explained, 3 not applicable (2 unclear), 0 failed" in table.footer


def test_the_footer_names_outcomes_that_no_plan_lists(tables_of):
    first, second = run([0.5]), with_search([0.5], "second")
    (table,) = tables_of([first, replace(second, n_unplanned=3)])
    assert table.footer == (
        "2 samples in 2 runs: 2 explained, 0 not applicable, 0 failed, 0 not yet run. "
        f"Not counted, as no plan lists them (run again): {second.config.name} 3."
    )


def test_a_run_that_only_failed_is_a_row_without_numbers(tables_of):
    (table,) = tables_of([run([], failed=["a"]), with_search([0.5, 0.6], "second")])
    assert [row.n_samples for row in table.rows] == [0, 2]
    assert table.rows[0].cells[0].n == 0
    assert table.differences == ()


def test_a_run_that_did_nothing_yet_is_refused(tables_of):
    from eagle_mllm.errors import ResultError

    with pytest.raises(ResultError, match="'caption-llava' has no finished sample"):
        tables_of([run([], open_=["a"])])


@pytest.fixture
def small(tables_of):
    """Two searches on two samples; the second is surely better and misses one number."""
    first = run([0.25, 0.75], failed=["a"])
    return tables_of([first, with_search([0.5, NAN], "second")])


def test_markdown_to_the_letter(small):
    from eagle_mllm.tables import markdown

    title, note, rows, kind, pairs, footer = markdown(small).strip().split("\n\n")
    assert title == "### Faithfulness of sentences: captions and visual questions"
    assert note == small[0].note
    assert rows.splitlines() == [
        "| model | method | search | n | insertion ↑ | passes ↓ |",
        "| --- | --- | --- | ---: | ---: | ---: |",
        "| demo/llava | eagle | multilevel | 2 | 0.500 ± 0.250 | 16 ± 0 |",
        r"| demo/llava | eagle | greedy(max\_regions=8) | 2 | 0.500 (1 missing) | 16 ± 0 |",
    ]
    assert kind == "Paired differences"
    assert pairs.splitlines()[2] == (
        r"| demo/llava | eagle | multilevel − greedy(max\_regions=8) | 2 | -0.250 (1 missing) "
        "| +0 [+0, +0] |"
    )
    assert footer == small[0].footer


def test_the_best_is_marked_in_every_format(tables_of, apart):
    from rich.console import Console

    from eagle_mllm.tables import latex, long_form, markdown, terminal

    tables = tables_of(apart)
    mean = f"{tables[0].rows[1].cells[0].mean:.3f}"
    other = f"{tables[0].rows[0].cells[0].mean:.3f}"
    assert f"**{mean}** ±" in markdown(tables)
    assert f"**{other}**" not in markdown(tables)
    assert rf"$\mathbf{{{mean}}} \pm" in latex(tables)
    assert [line["best"] for line in csv.DictReader(StringIO(long_form(tables)))][:3:2] == [
        "0",
        "1",
    ]
    console = Console(width=120, force_terminal=True, color_system="standard")
    assert f"\x1b[1m{mean}\x1b[0m" in terminal(tables, console=console)


def test_latex_is_a_booktabs_table_with_its_characters_escaped(small):
    from eagle_mllm.tables import latex

    text = latex(small)
    lines = text.splitlines()
    assert r"\label{tab:sentences}" in lines
    assert r"\begin{tabular}{lllrrr}" in lines
    assert r"model & method & search & n & insertion $\uparrow$ & passes $\downarrow$ \\" in lines
    assert r"demo/llava & eagle & multilevel & 2 & $0.500 \pm 0.250$ & $16 \pm 0$ \\" in lines
    assert (
        r"demo/llava & eagle & greedy(max\_regions=8) & 2 & $0.500$ (1 missing) & $16 \pm 0$ \\"
        in lines
    )
    assert r"\multicolumn{6}{l}{Paired differences} \\" in lines
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]
    assert text.isascii()
    assert r"95 \% interval" in text


def test_csv_has_every_number_and_reads_back(small):
    from eagle_mllm.tables import long_form

    lines = list(csv.DictReader(StringIO(long_form(small))))
    assert len(lines) == 3 * 2  # two rows and one difference, two columns
    first, second = lines[0], lines[2]
    assert (first["table"], first["kind"], first["measure"]) == (
        "sentences",
        "value",
        "insertion_auc",
    )
    assert (first["task"], first["search"], first["run"]) == (
        "caption",
        "multilevel",
        "caption-llava-0123abcd",
    )
    cell = small[0].rows[0].cells[0]
    assert (float(first["mean"]), float(first["low"]), float(first["high"])) == (
        cell.mean,
        cell.low,
        cell.high,
    )
    assert (second["n"], second["n_missing"], second["low"]) == ("1", "1", "")
    assert lines[-1]["kind"] == "difference"


def test_the_terminal_shows_the_same_numbers(small):
    from rich.console import Console

    from eagle_mllm.tables import terminal

    shown = terminal(small, console=Console(width=160, color_system=None))
    (row,) = [
        line
        for line in shown.splitlines()
        if line.split()[:3] == ["demo/llava", "eagle", "multilevel"]
    ][:1]
    assert row.split()[3:] == ["2", "0.500", "±", "0.250", "16", "±", "0"]
    assert small[0].footer in shown


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_a_narrow_terminal_gets_more_blocks_and_no_cut_number(tables_of, rng, width):
    from rich.console import Console

    from eagle_mllm.tables import long_form, terminal

    names = ("deletion_auc", "faithfulness_gap", "average_highest_score", "evidence_auroc")
    runs = [
        run(rng.random(10), more={name: rng.random(10) for name in names}),
        with_search(rng.random(10), "other", more={name: rng.random(10) for name in names}),
    ]
    tables = tables_of(runs)
    shown = terminal(tables, console=Console(width=width, color_system=None))
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    numbers = [float(line["mean"]) for line in csv.DictReader(StringIO(long_form(tables)))]
    rounded = [f"{number:.3f}" for number in numbers if number != 16 and number != 0]
    assert len(rounded) == 3 * 5
    assert all(number in shown for number in rounded)


# The command.


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run `eagle tables ARGUMENTS...` in an empty folder."""
    import typer
    from typer.testing import CliRunner

    from eagle_mllm.cli.problems import EagleGroup
    from eagle_mllm.cli.tables import tables

    monkeypatch.chdir(tmp_path)
    app = typer.Typer(cls=EagleGroup, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    app.command()(tables)

    def call(*arguments):
        return CliRunner().invoke(
            app, ["tables", *map(str, arguments)], prog_name="eagle", catch_exceptions=False
        )

    return call


@pytest.fixture
def stored(tmp_path):
    """The folder of a finished run with two samples."""
    from eagle_mllm.runs.store import RecordStore

    made = run([0.25, 0.75])
    store = RecordStore(tmp_path / made.folder)
    description = {
        "config": made.config.model_dump(mode="json"),
        "data": dict(made.data),
        "made_with": {},
    }
    store.describe(description, made.planned)
    for one in made.records:
        store.write(one)
    return made.folder


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("rich", "Faithfulness of sentences"),
        ("markdown", "### Faithfulness of sentences"),
        ("latex", r"\begin{table}"),
        ("csv", "table,kind,task,data,model"),
    ],
)
def test_the_command_prints_a_stored_run_in_every_format(command, stored, form, beginning):
    result = command(stored, "--format", form)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(beginning)
    assert "0.5" in result.stdout
    assert "\x1b" not in result.stdout


def test_the_command_writes_a_file_and_replaces_it_only_by_force(command, stored):
    printed = command(stored, "--format", "markdown").stdout
    assert command(stored, "--format", "markdown", "--out", "tables.md").stdout == ""
    assert Path("tables.md").read_text(encoding="utf-8") == printed
    refused = command(stored, "--out", "tables.md")
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert command(stored, "--out", "tables.md", "--force").exit_code == 0
    assert Path("tables.md").read_text(encoding="utf-8").startswith("Faithfulness")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere"),
        ([RUN + "-0123abcd", "--table", "words"], "fill: sentences"),
        ([RUN + "-0123abcd", "--table", "poems"], "poems"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_exit_code_two(command, stored, arguments, complaint):
    result = command(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("eagle: error: ")
    assert complaint in line


def test_the_choices_of_the_command_are_the_tables_there_are():
    from typing import get_args

    from eagle_mllm.cli.tables import TableChoice
    from eagle_mllm.tables.catalogue import TABLES

    assert get_args(TableChoice) == tuple(spec.name for spec in TABLES)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_run_of_a_demo_model_becomes_a_table(command, tmp_path):
    from eagle_mllm.runs.executors import SerialExecutor
    from eagle_mllm.runs.runner import run as explain

    made = config(
        data={"set": "scenes", "task": "caption", "count": 2},
        method={"search": {"name": "greedy", "max_regions": 2}},
        regions={"count": 9},
    )
    explain(made, SerialExecutor(), out=tmp_path / "runs")
    shown = command("runs", "--format", "csv")
    assert shown.exit_code == 0
    lines = {line["measure"]: line for line in csv.DictReader(StringIO(shown.stdout))}
    assert all(line["n"] == "2" and line["n_missing"] == "0" for line in lines.values())
    assert float(lines["insertion_auc"]["mean"]) > float(lines["deletion_auc"]["mean"])
    assert 0.5 < float(lines["evidence_auroc"]["mean"]) <= 1.0


BASELINES = ("random", "centre", "single-scan")


def by_name(tables_of, *runs):
    return {table.name: table for table in tables_of(runs)}


def method_row(value, run_name, **method):
    return run([value, value + 0.01, value + 0.02, value + 0.03], name=run_name, method=method)


def test_a_row_says_which_method_and_which_ranking(tables_of):
    rows = by_name(
        tables_of,
        method_row(0.5, "a", name="random"),
        method_row(0.6, "b", name="random", ranking="pixels"),
        method_row(0.6, "c", name="single-scan", direction="insertion", fill="mean"),
    )["sentences"].rows
    assert [(one.labels.method, one.labels.search, one.labels.objective) for one in rows] == [
        ("random", "by regions", "\N{EN DASH}"),
        ("random", "by pixels", "\N{EN DASH}"),
        ("single-scan(fill=mean, direction=insertion)", "by regions", "\N{EN DASH}"),
    ]


def test_differences_are_told_beside_eagle_and_bold_is_judged_by_all(tables_of):
    table = by_name(
        tables_of,
        method_row(0.5, "a", name="eagle"),
        method_row(0.7, "b", name="centre"),
        method_row(0.6, "c", name="random"),
    )["sentences"]
    told = [one.labels.method for one in table.differences]
    assert told == ["eagle \N{MINUS SIGN} centre", "eagle \N{MINUS SIGN} random"]
    assert [one.best[0] for one in table.rows] == [False, True, False]


def test_without_eagle_every_difference_is_told(tables_of):
    table = by_name(tables_of, *(method_row(0.5, name, name=name) for name in BASELINES))[
        "sentences"
    ]
    assert len(table.differences) == 3


def test_many_baselines_do_not_make_an_ablation_of_eagle_a_row_of_methods(tables_of):
    table = by_name(
        tables_of,
        method_row(0.5, "default", name="eagle"),
        method_row(0.4, "insight", name="eagle", objective={"necessity": 0.0}),
        *(method_row(0.3, name, name=name) for name in BASELINES),
    )["sentences"]
    objectives = [one.labels.objective for one in table.rows]
    assert objectives == ["both", *["\N{EN DASH}"] * 3]


def test_a_measure_that_only_newer_runs_have_is_missing_in_older_ones(tables_of):
    values = np.array([0.5, 0.6])
    table = by_name(
        tables_of,
        run(values, name="old"),
        run(values, name="new", method={"name": "random"}, more={"evidence_auroc": values}),
    )["sentences"]
    place = [column.measure for column in table.columns].index("evidence_auroc")
    old, new = (one.cells[place] for one in table.rows)
    assert (old.n, old.n_missing) == (0, 2)
    assert np.isnan(old.mean)
    assert (new.n, new.n_missing) == (2, 0)


def test_a_measure_of_another_task_is_not_missing(tables_of):
    values = np.array([0.5, 0.6])
    table = by_name(
        tables_of,
        run(values, name="caption", more={"evidence_auroc": values}),
        run(values, name="vqa", task="vqa"),
    )["sentences"]
    place = [column.measure for column in table.columns].index("evidence_auroc")
    assert [one.cells[place].n_missing for one in table.rows] == [0, 0]
