"""`eagle diagnose`: a wrong answer, why it is wrong, and what has to be hidden to correct it."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from eagle_mllm import report
from eagle_mllm.attribution.method import AttributionMethod
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.cli import options
from eagle_mllm.cli.cost import tell_cost
from eagle_mllm.cli.display import Results, print_files, print_json
from eagle_mllm.cli.dry_run import tell_plan
from eagle_mllm.cli.methods import OURS, MethodOptions, with_eagle
from eagle_mllm.cli.outputs import OutputFolder
from eagle_mllm.cli.progress import PassProgress
from eagle_mllm.cli.publishing import DIAGNOSIS, PAGE
from eagle_mllm.cli.request import Request, asked
from eagle_mllm.cli.request_options import with_question
from eagle_mllm.hallucination.diagnosing import diagnose as diagnosed
from eagle_mllm.hallucination.diagnosis import Diagnosis
from eagle_mllm.hallucination.files import save_diagnosis
from eagle_mllm.printable import printable
from eagle_mllm.report.diagnosing import told

_Files = Mapping[str, Path]


@with_question
@with_eagle
def diagnose(
    *,
    request: Request,
    truth: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="The right answer: yes or no, one of --answers, or what should stand in place "
            "of --word.",
            show_default=False,
            rich_help_panel=options.TARGET,
        ),
    ],
    answers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="All closed answers, where they are not yes and no.",
            rich_help_panel=options.TARGET,
        ),
    ] = None,
    word: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="A wrong word of the answer, where the answer is not closed.",
            rich_help_panel=options.TARGET,
        ),
    ] = None,
    choice: MethodOptions,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Find out why an answer is wrong, and what to hide until the model answers rightly.

    Explains the right answer, hides regions from the end of its order as the
    paper does, and looks for the smallest removal directly. Writes
    diagnosis.npz, figure.png and report.html; nothing where the answer is right.

    Exit code: 0 done, 2 the input cannot be used, 130 interrupted, 143 terminated.
    """
    method = choice.method(OURS)
    if dry_run:
        planned = partial(_planned, method)
        tell_plan(request, planned, fill=choice.fill, as_json=as_json)
        return
    closed = None if answers is None else [one.strip() for one in answers.split(",")]
    with contextlib.redirect_stdout(sys.stderr):
        found, files = _diagnosed(
            request, method, PassProgress(quiet=quiet), truth=truth, answers=closed, word=word
        )
    if as_json:
        print_json(to_json(found, files))
    elif not quiet:
        _print(found, files)


def _planned(method: AttributionMethod, regions: Regions, _n_targets: int) -> int:
    """The order, and the smallest removal along it."""
    return method.planned_passes(len(regions)) + 2 * len(regions)


def _diagnosed(
    request: Request,
    method: AttributionMethod,
    progress: PassProgress,
    *,
    truth: str,
    answers: Sequence[str] | None,
    word: str | None,
) -> tuple[Diagnosis, _Files]:
    with asked(request, progress) as found:
        planned = _planned(method, found.regions, 1)
        tell_cost(planned, n_targets=1, usage=found.usage)
        with progress.passes("diagnosing", planned=planned, usage=found.usage) as on_pass:
            diagnosis = diagnosed(
                found.model,
                found.generation,
                truth,
                answers=answers,
                word=word,
                method=method,
                regions=found.regions,
                on_pass=on_pass,
            )
        if not diagnosis.wrong:
            return diagnosis, {}
        with progress.step("writing the files"):
            return diagnosis, _write(diagnosis, found.output)


def _write(diagnosis: Diagnosis, output: OutputFolder) -> _Files:
    with output.writing():
        save_diagnosis(diagnosis, output.staging / DIAGNOSIS)
        report.save_diagnosis_figure(diagnosis, output.staging / "figure.png")
        attributions = [] if diagnosis.attribution is None else [diagnosis.attribution]
        report.save_html(attributions, output.staging / PAGE, diagnosis=diagnosis)
    output.publish()
    names = {"diagnosis": DIAGNOSIS, "figure": "figure.png", "report": PAGE}
    return {kind: output.folder / name for kind, name in names.items()}


def to_json(diagnosis: Diagnosis, files: _Files) -> dict[str, Any]:
    """A diagnosis as plain JSON values; what a right answer does not have is null."""
    correction = diagnosis.correction
    return {
        "question": diagnosis.generation.prompt,
        "answer": diagnosis.generation.text,
        "truth": diagnosis.truth,
        "wrong": diagnosis.wrong,
        "outcome": diagnosis.outcome,
        "corrected_answer": None if correction is None else correction.answer,
        "removed_regions": None if correction is None else list(correction.regions),
        "removed_area": None if correction is None else round(correction.area, 6),
        "removed_regions_area": None if correction is None else round(correction.regions_area, 6),
        "paper_removed_area": _rounded(diagnosis.paper_removed_area),
        "pruned_removed_area": _rounded(diagnosis.pruned_removed_area),
        "direct_passes": diagnosis.direct_passes,
        "passes": diagnosis.passes,
        "seconds": round(diagnosis.seconds, 3),
        "right_spellings": None if diagnosis.right is None else list(diagnosis.right.spellings),
        "given_spellings": None if diagnosis.given is None else list(diagnosis.given.spellings),
        "files": {kind: str(place) for kind, place in files.items()},
    }


def _rounded(area: float | None) -> float | None:
    return None if area is None else round(area, 6)


def _print(diagnosis: Diagnosis, files: _Files) -> None:
    console = Results()
    for sentence in told(diagnosis):
        console.print(printable(sentence), markup=False, soft_wrap=True)
    if diagnosis.wrong:
        cost = f"{diagnosis.passes} passes, {diagnosis.direct_passes} of them by the direct search"
        console.print(f"{cost}, {diagnosis.seconds:.1f} s", style="dim", soft_wrap=True)
    print_files({kind: str(place) for kind, place in files.items()}, console=console)
