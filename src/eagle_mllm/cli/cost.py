"""What a large explanation will cost, told before it begins."""

from eagle_mllm.cli.problems import note
from eagle_mllm.engines.usage import Usage

_MANY_PASSES = 10_000
_MANY_TARGETS = 100


def tell_cost(passes: int, *, n_targets: int, usage: Usage | None = None) -> None:
    """Say how much there is to do, on stderr, if it is much.

    Args:
        passes: masked images to score, for all targets together
        n_targets: how many explanations and figures there will be
        usage: of a served model, with the most requests that it may be sent
    """
    if usage is not None and usage.left is not None and passes > usage.left:
        note(
            f"{passes:,} images to score and --max-requests leaves {usage.left:,}; what is scored "
            "until then is kept, and the same command goes on from there"
        )
    if passes <= _MANY_PASSES and n_targets <= _MANY_TARGETS:
        return
    targets = "1 target" if n_targets == 1 else f"{n_targets:,} targets"
    note(f"{passes:,} images to score for {targets}; fewer --n-regions or targets cost less")
