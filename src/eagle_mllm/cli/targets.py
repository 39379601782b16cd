"""From the options of a command to a choice of targets."""

from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.cli import target_options
from eagle_mllm.cli.expanding import made_by
from eagle_mllm.cli.parsing import parse_token_range


def target_choice(
    *,
    words: target_options.Words = None,
    spans: target_options.Spans = None,
    matches: target_options.Matches = None,
    tokens: target_options.Tokens = None,
    boxed: target_options.Boxed = False,
    last_line: target_options.LastLine = False,
    all_words: target_options.AllWords = False,
    counterfactual: target_options.Counterfactual = None,
) -> TargetChoice:
    """The choice that the options spell.

    Raises:
        TargetError: if they contradict one another or are empty
        typer.BadParameter: if a token position is malformed
    """
    return TargetChoice(
        words=tuple(words or ()),
        spans=tuple(spans or ()),
        matches=tuple(matches or ()),
        tokens=tuple(parse_token_range(text) for text in tokens or ()),
        boxed=boxed,
        last_line=last_line,
        all_words=all_words,
        counterfactual=counterfactual,
    )


with_targets = made_by("targets", target_choice)
"""A command whose parameter `targets`, a `TargetChoice`, is given by options."""

with_target = made_by("targets", target_choice, without=["all_words"])
"""The same for a command that explains one target."""
