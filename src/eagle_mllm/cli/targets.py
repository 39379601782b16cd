"""From the options of a command to the tokens to explain."""

from dataclasses import dataclass

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.cli.parsing import parse_token_range
from eagle_mllm.errors import TargetError


@dataclass(frozen=True, kw_only=True)
class TargetChoice:
    """What the user asked to have explained; nothing at all means the whole answer."""

    words: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    tokens: tuple[tuple[int, int], ...] = ()
    all_words: bool = False
    counterfactual: str | None = None

    def __post_init__(self) -> None:
        chosen = bool(self.words or self.spans or self.tokens)
        if self.all_words and (chosen or self.counterfactual is not None):
            raise TargetError("--all-words explains everything; leave the other targets out")
        if self.counterfactual is not None:
            if self.spans or self.tokens or len(self.words) > 1:
                raise TargetError("--counterfactual goes with one --word, or with none")
            if not self.counterfactual.strip():
                raise TargetError("--counterfactual is empty; give the answer to compare with")
        if not all(text.strip() for text in (*self.words, *self.spans)):
            raise TargetError("an empty --word or --span names nothing; give a piece of the answer")


def target_choice(
    *,
    words: list[str] | None,
    spans: list[str] | None,
    tokens: list[str] | None,
    all_words: bool,
    counterfactual: str | None,
) -> TargetChoice:
    """The choice that the options spell.

    Raises:
        TargetError: If they contradict one another or are empty.
        typer.BadParameter: If a token position is malformed.
    """
    return TargetChoice(
        words=tuple(words or ()),
        spans=tuple(spans or ()),
        tokens=tuple(parse_token_range(text) for text in tokens or ()),
        all_words=all_words,
        counterfactual=counterfactual,
    )


def choose_targets(generation: Generation, choice: TargetChoice) -> list[Target]:
    """The targets of a choice in this answer, in the order words, spans, tokens.

    Raises:
        TargetError: If the answer is empty, or does not hold what was asked for.
    """
    if not generation.text.strip():
        raise TargetError("the answer is empty: there is no token to explain; try another --prompt")
    if choice.counterfactual is not None:
        replacing = choice.words[0] if choice.words else None
        return [generation.counterfactual(choice.counterfactual, replacing=replacing)]
    if choice.all_words:
        return list(generation.each_word())
    targets = [generation.find(word) for word in choice.words]
    targets += [generation.span(text) for text in choice.spans]
    targets += [generation.at(start, stop) for start, stop in choice.tokens]
    return targets or [generation.all()]
