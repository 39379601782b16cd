"""What a person reads in the terminal: the answer, its tokens, the regions, the numbers."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eagle_mllm.attribution.generation import Span
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.printable import printable
from eagle_mllm.report.summary import ExplanationSummary, Summary, explained_spans, summary
from eagle_mllm.report.tokens import Per

_BAR_WIDTH = 20

NO_EFFECT = "No region has any effect on this target: there is nothing to rank."


class Results(Console):
    """The console for stdout, which leaves it to `problems` what to do when the reader is gone."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> None:
        """Raise the error again that is being handled."""
        raise


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on stdout; ASCII, so that no terminal encoding can spoil it."""
    sys.stdout.write(json.dumps(values, indent=2, allow_nan=False) + "\n")


def tell(
    attributions: Sequence[Attribution],
    files: Mapping[str, Path | Sequence[Path]],
    *,
    as_json: bool,
    quiet: bool,
    per: Per = "word",
) -> None:
    """Print what explanations of one answer say, and where they are.

    Args:
        attributions: explanations of one answer, at least one
        files: where they were written, by kind
        as_json: print one JSON object instead of tables
        quiet: print no tables
        per: what evidence is told of
    """
    told = summary(attributions, files=files)
    if as_json:
        print_json(told.to_json())
    elif not quiet:
        print_summary(told, underlined=explained_spans(attributions), per=per)


def print_summary(summary: Summary, *, underlined: Sequence[Span], per: Per = "word") -> None:
    """A summary for the eye.

    Args:
        summary: what to show
        underlined: stretches of the answer to underline
        per: what evidence is told of
    """
    console = Results()
    answer = Text(printable(summary.answer), style="bold")
    for span in underlined:
        answer.stylize("underline", span.start, span.stop)
    console.print(Text(printable(summary.prompt), style="dim"), soft_wrap=True)
    console.print(answer, soft_wrap=True)
    console.print()
    if len(summary.explanations) == 1:
        only = summary.explanations[0]
        table = _token_table if per == "token" else _word_table
        console.print(table(only, console))
        console.print(_region_table(only) if only.has_effect else NO_EFFECT)
    else:
        console.print(_target_table(summary.explanations, console))
    console.print(_numbers(summary), soft_wrap=True)
    print_files(summary.files, console=console)


def print_files(files: Mapping[str, str | Sequence[str]], *, console: Console) -> None:
    """Where the files are, one per line and never wrapped."""
    for kind, places in files.items():
        for place in [places] if isinstance(places, str) else places:
            line = Text.assemble((f"{kind:<12}", "dim"), printable(place))
            console.print(line, soft_wrap=True)


def print_scene(scene: Any, path: Path) -> None:
    """A generated scene: what is true of it, and where its picture is."""
    console = Results()
    console.print(Text(scene.caption, style="bold"), soft_wrap=True)
    questions = Table(box=box.SIMPLE, pad_edge=False)
    questions.add_column("question")
    questions.add_column("true answer")
    for question in scene.questions:
        questions.add_row(question.text, question.answer)
    console.print(questions)
    print_files({"image": str(path)}, console=console)


def _token_table(explanation: ExplanationSummary, console: Console) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("token", no_wrap=True)
    table.add_column("language prior \N{RIGHTWARDS ARROW} perception", no_wrap=True)
    table.add_column("evidence", justify="right")
    for token in explanation.tokens:
        table.add_row(
            str(token.position),
            Text(printable(token.token).strip() or ascii(token.token)),
            evidence_bar(token.evidence, console),
            _decimal(token.evidence),
        )
    return table


def _word_table(explanation: ExplanationSummary, console: Console) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("word", no_wrap=True)
    table.add_column("language prior \N{RIGHTWARDS ARROW} perception", no_wrap=True)
    table.add_column("evidence", justify="right")
    for word in explanation.words:
        table.add_row(
            str(word.positions[0]),
            Text(printable(word.word).strip() or ascii(word.word)),
            evidence_bar(word.evidence, console),
            _decimal(word.evidence),
        )
    return table


def _region_table(explanation: ExplanationSummary) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("rank", justify="right", style="dim")
    table.add_column("region", justify="right")
    table.add_column("area", justify="right")
    table.add_column("probability up to here", justify="right")
    for rank, region in enumerate(explanation.regions, start=1):
        table.add_row(
            str(rank),
            str(region.region),
            f"{region.area:.1%}",
            _decimal(region.probability),
        )
    return table


def _target_table(explanations: Sequence[ExplanationSummary], console: Console) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    is_comparison = len({explanation.method for explanation in explanations}) > 1
    table.add_column("method" if is_comparison else "target", no_wrap=True)
    table.add_column("language prior \N{RIGHTWARDS ARROW} perception", no_wrap=True)
    for name in ("evidence", "insertion", "deletion", "passes"):
        table.add_column(name, justify="right")
    for explanation in explanations:
        table.add_row(
            Text(printable(explanation.method if is_comparison else explanation.target)),
            evidence_bar(explanation.evidence, console),
            _decimal(explanation.evidence),
            _decimal(explanation.insertion_auc),
            _decimal(explanation.deletion_auc),
            str(explanation.forward_passes),
        )
    return table


def _numbers(summary: Summary) -> Text:
    names = dict.fromkeys(explanation.method for explanation in summary.explanations)
    parts = [f"method {printable(*names)}" if len(names) == 1 else f"{len(names)} methods"]
    if len(summary.explanations) == 1:
        only = summary.explanations[0]
        parts += [
            f"insertion AUC {_decimal(only.insertion_auc)}",
            f"deletion AUC {_decimal(only.deletion_auc)}",
        ]
    unseen = (
        f" ({summary.regions.unseen} never seen by the model)" if summary.regions.unseen else ""
    )
    parts += [
        f"{summary.regions.count} regions{unseen}",
        f"{summary.forward_passes} passes",
        f"{summary.seconds:.1f} s" if summary.seconds is not None else "",
        "ended early" if any(one.ended_early for one in summary.explanations) else "",
    ]
    return Text(", ".join(part for part in parts if part))


def evidence_bar(evidence: float | None, console: Console) -> Text:
    """A bar from language prior (empty) to perceptual evidence (full)."""
    if evidence is None:
        return Text("unknown", style="dim")
    full, empty = ("\N{FULL BLOCK}", "\N{LIGHT SHADE}") if _can_draw(console) else ("#", ".")
    filled = round(evidence * _BAR_WIDTH)
    # From blue (habit of language) to orange (seen): told apart by color-blind readers too.
    color = "blue" if evidence < 1 / 3 else "cyan" if evidence < 2 / 3 else "dark_orange"
    return Text(full * filled, style=color).append(empty * (_BAR_WIDTH - filled), style="dim")


def _can_draw(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _decimal(value: float | None) -> str:
    return "missing" if value is None else f"{value:.3f}"
