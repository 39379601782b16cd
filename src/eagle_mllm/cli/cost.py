"""What a large explanation will cost, told before it begins."""

from eagle_mllm.cli.problems import note

_MANY_PASSES = 10_000
_MANY_TARGETS = 100


def tell_cost(passes: int, *, n_targets: int) -> None:
    """Say how much there is to do, on stderr, if it is much.

    Args:
        passes: masked images to score, for all targets together
        n_targets: how many explanations and figures there will be
    """
    if passes <= _MANY_PASSES and n_targets <= _MANY_TARGETS:
        return
    targets = "1 target" if n_targets == 1 else f"{n_targets:,} targets"
    note(f"{passes:,} images to score for {targets}; fewer --n-regions or targets cost less")
