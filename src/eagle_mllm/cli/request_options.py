"""The options of every command that explains one answer about one picture, in one place."""

import inspect
from pathlib import Path
from typing import Annotated

import typer

from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.attribution.conversation import Asked
from eagle_mllm.attribution.image_files import MAX_PIXELS
from eagle_mllm.cli import options
from eagle_mllm.cli.expanding import made_by
from eagle_mllm.cli.loading import ModelChoice
from eagle_mllm.cli.messages import read_messages
from eagle_mllm.cli.model_options import with_model
from eagle_mllm.cli.outputs import place_for
from eagle_mllm.cli.parsing import path_text
from eagle_mllm.cli.request import DEFAULT_PROMPT, Request

_Messages = Annotated[
    Path | None,
    typer.Option(
        "--messages",
        metavar="FILE",
        help="A conversation to answer instead of one prompt: JSON, a list of "
        '{"role": "user", "content": "..."} as chat templates take it.',
        rich_help_panel=options.TARGET,
    ),
]
_Question = Annotated[
    str,
    typer.Option(
        "--question",
        "--prompt",
        metavar="TEXT",
        help="What the model is asked.",
        show_default=False,
        rich_help_panel=options.TARGET,
    ),
]


@with_model
def _request(
    *,
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="The picture.", show_default=False)
    ],
    prompt: options.Prompt = DEFAULT_PROMPT,
    messages: _Messages = None,
    answer: options.Answer = None,
    regions: options.RegionsFrom = "slico",
    n_regions: options.RegionCount = 64,
    model: ModelChoice,
    max_new_tokens: options.MaxNewTokens = 128,
    max_pixels: options.MaxPixels = MAX_PIXELS,
    out: options.OutFolder = None,
    force: options.Force = False,
) -> Request:
    return Request(
        image=image,
        asked=_asked(prompt, messages),
        answer=answer,
        targets=TargetChoice(),
        regions=regions,
        n_regions=n_regions,
        model=model,
        max_new_tokens=max_new_tokens,
        max_pixels=max_pixels,
        place=place_for(out, name=image.stem, force=force),
        image_path=path_text(image),
    )


def _asked(prompt: str, messages: Path | None) -> Asked:
    if messages is None:
        if not prompt.strip():
            raise typer.BadParameter("the prompt holds no text", param_hint="'--prompt'")
        return prompt
    if prompt not in ("", DEFAULT_PROMPT):
        raise typer.BadParameter(
            "goes without --prompt: the last message is the prompt", param_hint="'--messages'"
        )
    return read_messages(messages)


with_request = made_by("request", _request)
"""A command whose parameter `request`, a `Request` for the whole answer, is given by options."""

with_question = made_by(
    "request",
    _request,
    prompt=inspect.Parameter(
        "prompt", inspect.Parameter.KEYWORD_ONLY, default="", annotation=_Question
    ),
)
"""The same without a usual prompt."""
