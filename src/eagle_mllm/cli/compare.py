"""`eagle compare`: one target by several methods, beside one another."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from eagle_mllm import report
from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.attribution.files import io
from eagle_mllm.attribution.method import AttributionMethod
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.cli import method_options, options
from eagle_mllm.cli.cost import tell_cost
from eagle_mllm.cli.display import tell
from eagle_mllm.cli.dry_run import passes_of, tell_plan
from eagle_mllm.cli.explain import file_endings
from eagle_mllm.cli.methods import OURS, MethodOptions, with_methods
from eagle_mllm.cli.outputs import OutputFolder
from eagle_mllm.cli.progress import PassProgress
from eagle_mllm.cli.publishing import PAGE
from eagle_mllm.cli.request import Answered, Request, asked
from eagle_mllm.cli.request_options import with_request
from eagle_mllm.cli.targets import with_target
from eagle_mllm.errors import SettingError, TargetError

_USUAL = f"{OURS},single-scan,centre,random"


@with_request
@with_target
@with_methods
def compare(
    *,
    request: Request,
    methods: method_options.Methods = _USUAL,
    targets: TargetChoice,
    choice: MethodOptions,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Explain one target by several methods, and show them beside one another.

    Without --word, --span, --match, --token, --boxed or --last-line the whole
    answer is explained.
    Writes an explanation for each method, figure.png with all maps and
    curves, and report.html.

    Exit code: 0 done, 2 the input cannot be used, 130 interrupted, 143 terminated.
    """
    names = _names(methods)
    choice.require_used(*names)
    request = replace(request, targets=targets)
    chosen = [choice.method(name) for name in names]
    if dry_run:
        tell_plan(request, passes_of(chosen), fill=choice.fill, as_json=as_json)
        return
    with contextlib.redirect_stdout(sys.stderr):
        attributions, files = _compared(request, chosen, PassProgress(quiet=quiet))
    tell(attributions, files, as_json=as_json, quiet=quiet)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) < 2 or len(set(names)) < len(names):
        raise SettingError(
            f"--methods {text!r:.80} does not name two or more different methods; write them "
            f"with commas between, as in {_USUAL}"
        )
    return names


def _compared(
    request: Request, methods: Sequence[AttributionMethod], progress: PassProgress
) -> tuple[list[Attribution], Mapping[str, Path | Sequence[Path]]]:
    with asked(request, progress) as found:
        if len(found.targets) > 1:
            raise TargetError(
                f"a comparison is about one target and these are {len(found.targets)}; name one "
                "word, span, match or token, and its number if it occurs more than once"
            )
        # Each pays for its own passes: what one has scored is not free for another.
        attributions = [_attributed(found, method, progress) for method in methods]
        with progress.step("writing the files"):
            return attributions, _write(attributions, found.output)


def _attributed(found: Answered, method: AttributionMethod, progress: PassProgress) -> Attribution:
    planned = method.planned_passes(len(found.regions))
    tell_cost(planned, n_targets=1, usage=found.usage)
    with progress.passes(method.name, planned=planned, usage=found.usage) as on_pass:
        return method.attribute(
            found.model,
            found.generation,
            found.targets[0],
            regions=found.regions,
            on_pass=on_pass,
        )


def _write(
    attributions: Sequence[Attribution], output: OutputFolder
) -> Mapping[str, Path | Sequence[Path]]:
    endings = file_endings([attribution.method for attribution in attributions])
    names = [f"explanation{ending}.npz" for ending in endings]
    with output.writing():
        for attribution, name in zip(attributions, names, strict=True):
            io.save(attribution, output.staging / name)
        report.save_comparison(attributions, output.staging / "figure.png")
        report.save_html(attributions, output.staging / PAGE)
    output.publish()
    return {
        "explanation": [output.folder / name for name in names],
        "figure": output.folder / "figure.png",
        "report": output.folder / PAGE,
    }
