"""`--dry-run`: what a command would cost, told before a model has to work."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

import typer

from eagle_mllm import connecting
from eagle_mllm.attribution.choice import choose_targets
from eagle_mllm.attribution.images import read_image
from eagle_mllm.attribution.masking import FillName
from eagle_mllm.attribution.method import AttributionMethod
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.several import expected_passes
from eagle_mllm.cli.display import print_json
from eagle_mllm.cli.regions import regions_for
from eagle_mllm.cli.request import Request
from eagle_mllm.engines.estimate import Plan, estimate
from eagle_mllm.engines.served import ServedModel

_MEGABYTE = 1_000_000


Passes = Callable[[Regions, int], int]
"""From a partition and a number of targets to the images that will be scored."""


def passes_of(methods: Sequence[AttributionMethod]) -> Passes:
    """What explaining by some methods takes.

    Args:
        methods: each pays for its own passes
    """
    return lambda regions, n_targets: sum(
        expected_passes(one, len(regions), n_targets=n_targets) for one in methods
    )


def tell_plan(request: Request, passes: Passes, *, fill: FillName, as_json: bool) -> None:
    """Print how many images would be scored and, of a served model, what would be sent.

    Nothing is sent but questions about tokens and settings, and no weights are loaded. Where the
    answer is not given, it is taken to be as long as it may be, and each word to be there once.

    Args:
        request: what would be done
        passes: how many images that takes
        fill: what hidden pixels become
        as_json: print a JSON object

    Raises:
        EagleError: the input cannot be used
    """
    image = read_image(request.image, max_pixels=request.max_pixels)
    regions = regions_for(image, request.regions, n_regions=request.n_regions)
    server = request.model.server
    model = None if server is None else connecting.untried(server, model=request.model.name)
    n_targets, answer_tokens = _targets(model, request)
    planned = passes(regions, n_targets)
    cost = None
    if model is not None:
        cost = estimate(
            model,
            image,
            request.asked,
            regions,
            fill=fill,
            passes=planned,
            answer_tokens=answer_tokens,
        )
    tell(Plan(passes=planned, cost=cost), as_json=as_json)


def _targets(model: ServedModel | None, request: Request) -> tuple[int, int]:
    """How many targets there will be, and how many tokens the answer may have."""
    chosen = request.targets
    if request.answer is None or model is None:
        return max(1, chosen.n_named), request.max_new_tokens
    generation = model.with_answer(request.image, request.asked, request.answer)
    return len(list(choose_targets(generation, chosen))), len(generation.ids)


def tell(plan: Plan, *, as_json: bool) -> None:
    """Print what a command would cost.

    Args:
        plan: how much there is to do
        as_json: print a JSON object
    """
    cost = plan.cost
    if as_json:
        print_json({"passes": plan.passes, **({} if cost is None else asdict(cost))})
        return
    text = f"about {plan.passes:,} images to score"
    if cost is not None:
        text += f": {cost.requests:,} requests, {cost.sent_bytes / _MEGABYTE:,.1f} MB to send"
        text += (
            ", tokens not known without a checkpoint"
            if cost.tokens is None
            else f", at most {cost.tokens:,} tokens to read"
        )
    typer.echo(f"{text}; nothing was sent to the model")
