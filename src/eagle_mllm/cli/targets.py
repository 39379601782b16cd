"""From the options of a command to a choice of targets."""

from eagle_mllm.attribution.choice import TargetChoice
from eagle_mllm.cli.parsing import parse_token_range


def target_choice(
    *,
    words: list[str] | None,
    spans: list[str] | None,
    matches: list[str] | None,
    tokens: list[str] | None,
    boxed: bool,
    last_line: bool,
    all_words: bool,
    counterfactual: str | None,
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
