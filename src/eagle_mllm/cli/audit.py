"""`eagle audit`: the words of an answer that the picture does not support."""

import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from eagle_mllm import report
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.cli import method_options, options
from eagle_mllm.cli.display import Results, print_files, print_json
from eagle_mllm.cli.dry_run import tell_plan
from eagle_mllm.cli.outputs import OutputFolder
from eagle_mllm.cli.progress import PassProgress
from eagle_mllm.cli.publishing import AUDIT, PAGE
from eagle_mllm.cli.request import Answered, Request, asked
from eagle_mllm.cli.request_options import with_request
from eagle_mllm.errors import SettingError
from eagle_mllm.hallucination.auditing import audit as audited
from eagle_mllm.hallucination.claims import claims_of, content_runs
from eagle_mllm.hallucination.fixing import Fixed, fix
from eagle_mllm.hallucination.probing import planned_passes
from eagle_mllm.hallucination.verdicts import Audit
from eagle_mllm.printable import printable

_Files = Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class _Depth:
    fast: bool
    fix: bool


@with_request
def audit(
    *,
    request: Request,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="Two passes and one more question a word: no scan of regions.",
            rich_help_panel=options.METHOD,
        ),
    ] = False,
    fix_answer: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Answer again with what the doubted words come from hidden.",
            rich_help_panel=options.METHOD,
        ),
    ] = False,
    fill: method_options.Fill = "black",
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Mark the words of an answer that the picture does not support.

    Checks each content word of a description, or the yes or no that answers a
    question, and says why a word is doubted. Writes audit.json and report.html.

    Exit code: 0 done, 2 the input cannot be used, 130 interrupted, 143 terminated.
    """
    if fast and fix_answer:
        raise SettingError(
            "--fix hides what the doubted words come from, which --fast does not look for; "
            "leave one of them out"
        )
    depth = _Depth(fast=fast, fix=fix_answer)
    if dry_run:
        planned = partial(_planned, request, fast=fast)
        tell_plan(request, planned, fill=fill, as_json=as_json)
        return
    with contextlib.redirect_stdout(sys.stderr):
        told, found = _audited(request, depth, PassProgress(quiet=quiet), fill=fill)
    if as_json:
        print_json(told)
    elif not quiet:
        _print(found, told)


def _planned(request: Request, regions: Regions, _n_targets: int, *, fast: bool) -> int:
    """An answer that is not given is taken to be as long as it may be, all content words."""
    given = content_runs(request.answer or "")
    n_claims = sum(map(len, given)) if request.answer else request.max_new_tokens
    return planned_passes(regions, max(1, n_claims), fast=fast)


def _audited(
    request: Request, depth: _Depth, progress: PassProgress, *, fill: FillName
) -> tuple[dict[str, Any], Audit]:
    with asked(request, progress) as found:
        n_claims = len(claims_of(found.generation))
        planned = planned_passes(found.regions, n_claims, fast=depth.fast)
        with progress.passes("auditing", planned=planned, usage=found.usage) as on_pass:
            checked = audited(
                found.model,
                found.generation,
                fast=depth.fast,
                fill=fill,
                regions=found.regions,
                on_pass=on_pass,
            )
        fixed = _fixed(found, checked, fill=fill) if depth.fix else None
        with progress.step("writing the files"):
            return _write(checked, fixed, found.output, is_fixed=depth.fix), checked


def _fixed(found: Answered, checked: Audit, *, fill: FillName) -> Fixed | None:
    return fix(found.model, checked, regions=found.regions, fill=fill)


def _write(
    checked: Audit, fixed: Fixed | None, output: OutputFolder, *, is_fixed: bool
) -> dict[str, Any]:
    files = {"audit": output.folder / AUDIT, "report": output.folder / PAGE}
    told = to_json(checked, files=files)
    if is_fixed:
        told["fixed"] = _fixed_json(fixed)
    with output.writing():
        text = json.dumps(told, indent=2, allow_nan=False) + "\n"
        (output.staging / AUDIT).write_text(text, encoding="utf-8")
        report.save_audit_html(checked, output.staging / PAGE)
    output.publish()
    return told


def to_json(checked: Audit, *, files: _Files) -> dict[str, Any]:
    """An audit as plain JSON values."""
    return {
        "prompt": checked.generation.prompt,
        "answer": checked.generation.text,
        "words": [
            {
                "text": word.text,
                "start": word.start,
                "stop": word.stop,
                "unsupported": round(word.unsupported, 4),
                "reason": word.reason,
                "scores": {name: round(value, 4) for name, value in word.probe.scores.items()},
                "evidence": list(word.probe.evidence),
            }
            for word in checked.words
        ],
        "fast": checked.fast,
        "passes": checked.passes,
        "seconds": round(checked.seconds, 3),
        "files": {kind: str(place) for kind, place in files.items()},
    }


def _fixed_json(fixed: Fixed | None) -> dict[str, Any] | None:
    if fixed is None:
        return None
    return {
        "answer": fixed.answer,
        "hidden_regions": list(fixed.regions),
        "hidden_area": round(fixed.area, 6),
    }


def _print(checked: Audit, told: Mapping[str, Any]) -> None:
    console = Results()
    answer = Text(printable(checked.generation.text), style="bold")
    for word in checked.doubted:
        answer.stylize("underline red", word.start, word.stop)
    console.print(Text(printable(checked.generation.prompt), style="dim"), soft_wrap=True)
    console.print(answer, soft_wrap=True)
    console.print(_table(checked))
    if "fixed" in told:
        fixed = told["fixed"]
        line = (
            "Nothing to fix: no word is doubted."
            if fixed is None
            else f"Without {fixed['hidden_area']:.1%} of the image: “{fixed['answer']}”"
        )
        console.print(printable(line), markup=False, soft_wrap=True)
    doubted = f"{len(checked.doubted)} of {len(checked.words)} words doubted"
    console.print(f"{doubted}, {checked.passes} passes, {checked.seconds:.1f} s", soft_wrap=True)
    print_files(told["files"], console=console)


def _table(checked: Audit) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("word", no_wrap=True)
    table.add_column("not supported", justify="right")
    table.add_column("reason")
    for word in checked.words:
        table.add_row(
            Text(printable(word.text), style="red" if word.is_doubted else ""),
            f"{word.unsupported:.0%}",
            Text(printable(word.reason)),
        )
    return table
