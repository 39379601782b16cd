"""`eagle explain`: from an image and a prompt to files and a table."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten

from PIL.Image import Image

from eagle_mllm import report
from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.attribution.files import io
from eagle_mllm.attribution.generation import Target
from eagle_mllm.attribution.method import AttributionMethod
from eagle_mllm.attribution.question import OnProgress
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.several import attribute_each, expected_passes
from eagle_mllm.cli import method_options, options
from eagle_mllm.cli.cost import tell_cost
from eagle_mllm.cli.display import tell
from eagle_mllm.cli.dry_run import passes_of, tell_plan
from eagle_mllm.cli.ending import ending
from eagle_mllm.cli.methods import OURS, MethodOptions, with_methods
from eagle_mllm.cli.outputs import OutputFolder, slug
from eagle_mllm.cli.preview import previewed
from eagle_mllm.cli.progress import PassProgress
from eagle_mllm.cli.publishing import PAGE
from eagle_mllm.cli.request import SCENE, Answered, Request, asked
from eagle_mllm.cli.request_options import with_request
from eagle_mllm.cli.targets import with_targets
from eagle_mllm.report.tokens import Per


@with_request
@with_targets
@with_methods
def explain(
    *,
    request: Request,
    targets: TargetChoice,
    method: method_options.Method = OURS,
    choice: MethodOptions,
    time: method_options.Time = None,
    dry_run: options.DryRun = False,
    per: options.PerWord = "word",
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Explain an answer, or a piece of it, by the regions of the image that it relies on.

    Without --word, --span, --match, --token, --boxed or --last-line the whole
    answer is explained.
    Writes explanation.npz, figure.png and report.html; several targets get
    one explanation and one figure each, and one report.

    Exit code: 0 done, 2 the input cannot be used, 130 interrupted, 143 terminated.
    """
    choice.require_used(method)
    request = replace(request, targets=targets)
    chosen = choice.method(method)
    if dry_run:
        tell_plan(request, passes_of([chosen]), fill=choice.fill, as_json=as_json)
        return
    run(request, chosen, as_json=as_json, quiet=quiet, per=per, seconds=time)


def run(
    request: Request,
    method: AttributionMethod,
    *,
    as_json: bool,
    quiet: bool,
    per: Per = "word",
    seconds: float | None = None,
) -> None:
    """Explain, write the files, then print.

    Args:
        request: what to do
        method: how to explain
        as_json: print a JSON object instead of tables
        quiet: print no tables and no progress
        per: what evidence is told of
        seconds: how long to search; None is no limit

    Raises:
        EagleError: if the input cannot be used
    """
    # Libraries that print on stdout must not spoil it for whoever reads our results there.
    with contextlib.redirect_stdout(sys.stderr):
        progress = PassProgress(quiet=quiet)
        with asked(request, progress) as found:
            picture = found.generation.image
            with previewed(found.output, picture, found.regions, tell=progress.note) as on_order:
                attributions = _attributed(
                    found, method, progress, seconds=seconds, on_order=on_order
                )
                with progress.step("writing the files"):
                    files = write_files(attributions, found.output, scene=request.scene, per=per)
            found.output.publish()
    tell(attributions, files, as_json=as_json, quiet=quiet, per=per)


def _attributed(
    found: Answered,
    method: AttributionMethod,
    progress: PassProgress,
    *,
    seconds: float | None,
    on_order: OnProgress,
) -> list[Attribution]:
    targets, regions = found.targets, found.regions
    planned = expected_passes(method, len(regions), n_targets=len(targets))
    tell_cost(planned, n_targets=len(targets), usage=found.usage)
    label = _label(targets)
    with (
        progress.passes(label, planned=planned, usage=found.usage) as shown,
        ending(shown, seconds=seconds) as on_pass,
    ):
        return list(
            attribute_each(
                found.model,
                found.generation,
                targets,
                method=method,
                regions=regions,
                on_pass=on_pass,
                on_progress=progress.leading(label, then=on_order),
            )
        )


def _label(targets: Sequence[Target]) -> str:
    """What stands before the bar: a target's text, or how many there are."""
    if len(targets) > 1:
        return f"{len(targets)} targets"
    return shorten(targets[0].text, 40, placeholder="\N{HORIZONTAL ELLIPSIS}")


def write_files(
    attributions: Sequence[Attribution],
    output: OutputFolder,
    *,
    scene: Image | None = None,
    per: Per = "word",
) -> dict[str, Path | Sequence[Path]]:
    """Write every file of a run into the hidden place from which they are published together.

    Args:
        attributions: explanations of one answer, at least one
        output: where to
        scene: a generated picture to keep with them
        per: what evidence the figures tell of

    Returns:
        The files by kind, where they will be: explanation and figure (one for each target), report,
        image

    Raises:
        ResultError: a file cannot be written
    """
    endings = file_endings([attribution.target.text for attribution in attributions])
    with output.writing():
        for attribution, ending in zip(attributions, endings, strict=True):
            io.save(attribution, output.staging / f"explanation{ending}.npz")
            report.save_figure(attribution, output.staging / f"figure{ending}.png", per=per)
        report.save_html(attributions, output.staging / PAGE)
        if scene is not None:
            scene.save(output.staging / SCENE)
    explanations = [output.folder / f"explanation{ending}.npz" for ending in endings]
    figures = [output.folder / f"figure{ending}.png" for ending in endings]
    single = len(endings) == 1
    return {
        "explanation": explanations[0] if single else explanations,
        "figure": figures[0] if single else figures,
        "report": output.folder / PAGE,
        **({} if scene is None else {"image": output.folder / SCENE}),
    }


def file_endings(labels: Sequence[str]) -> list[str]:
    """What tells the files of several targets apart: their turn from 0, and their text."""
    if len(labels) == 1:
        return [""]
    width = len(str(len(labels) - 1))
    return [f"-{turn:0{width}}-{slug(label) or 'token'}" for turn, label in enumerate(labels)]
