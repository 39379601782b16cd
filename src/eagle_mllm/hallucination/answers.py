"""The right answer to a closed question and the one that was given, each by all of its spellings.

A model may say "Yes", " yes" or "YES", and it is the same answer: what counts is the sum of their
probabilities. Which spellings are counted moves published scores, so the set is a part of the
result.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from eagle_mllm.attribution.generation import Generation, Target
from eagle_mllm.attribution.model import Model
from eagle_mllm.attribution.words.plain_text import quoted
from eagle_mllm.attribution.words.spelling import bare
from eagle_mllm.attribution.words.yes_no import judge
from eagle_mllm.errors import TargetError

YES = frozenset(
    ("yes", "yeah", "yep", "yup", "是", "是的", "有", "はい", "예", "네", "sí", "oui", "ja", "да")
)
NO = frozenset(
    ("no", "nope", "nah", "否", "不", "不是", "没有", "没", "いいえ", "아니", "non", "nein", "нет")
)
_YES_NO = {"yes": YES, "no": NO}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer and the tokens that begin it."""

    text: str
    """What it says."""

    ids: tuple[int, ...]
    """Vocabulary ids that begin it, the model's own way first."""

    spellings: tuple[str, ...]
    """What each of them reads."""

    def __post_init__(self) -> None:
        if not self.ids or len(self.ids) != len(self.spellings):
            raise TargetError(
                f"the answer {quoted(self.text)} has {len(self.ids)} ids and "
                f"{len(self.spellings)} spellings; expected as many, at least one"
            )


@dataclass(frozen=True, kw_only=True)
class ClosedQuestion:
    """What is right, what was said, and where in the answer the two part."""

    target: Target
    """The right answer's first token, in place of the one that the model wrote."""

    right: Answer
    """The true answer."""

    given: Answer
    """The answer that the model gave."""

    @cached_property
    def asked(self) -> Target:
        """Every spelling of both at their position, to be scored in one pass."""
        ids = (*self.right.ids, *self.given.ids)
        return Target(
            positions=self.target.positions * len(ids),
            ids=ids,
            text=f"{self.right.text} or {self.given.text}",
            is_counterfactual=True,
        )

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        """Which tokens of `asked` are the right answer's, and which the given one's."""
        n_right = len(self.right.ids)
        return list(range(n_right)), list(range(n_right, len(self.asked)))


def closed_question(
    model: Model,
    generation: Generation,
    truth: str,
    *,
    answers: Sequence[str] | None = None,
    word: str | None = None,
) -> ClosedQuestion | None:
    """The question whether an answer is right; None where it is.

    Args:
        model: whose vocabulary spells the answers
        generation: the answer that was given
        truth: the right answer: yes or no, one of `answers`, or what should replace `word`
        answers: all closed answers, where they are not yes and no
        word: a word of the answer that is wrong, for answers that are not closed

    Raises:
        TargetError: the truth is not a closed answer, the answer given names none, or the answer
            does not have the word
    """
    if not generation.text.strip():
        raise TargetError("the answer is empty: there is nothing to diagnose; try another prompt")
    if word is not None:
        return _of_word(model, generation, truth, word)
    if answers is None:
        return _of_yes_no(model, generation, truth)
    return _of_choice(model, generation, truth, answers)


def _of_yes_no(model: Model, generation: Generation, truth: str) -> ClosedQuestion | None:
    wanted, said = judge(truth), judge(generation.text)
    if wanted == "unclear":
        raise TargetError(
            f"the truth {quoted(truth)} is neither yes nor no; give all closed answers "
            "(--answers), or the wrong word of the answer (--word)"
        )
    if said == "unclear":
        raise TargetError(
            f"the answer {quoted(generation.text)} says neither yes nor no; give all closed "
            "answers (--answers), or the wrong word of the answer (--word)"
        )
    if said == wanted:
        return None
    target = generation.counterfactual(_cased(wanted, like=generation.text))
    return _question(
        model, generation, target, right=(wanted, _YES_NO[wanted]), given=(said, _YES_NO[said])
    )


def yes_and_no(model: Model, says_yes: Generation) -> tuple[Answer, Answer]:
    """Yes and no with all of their spellings, in place of an answer "Yes".

    Args:
        model: whose vocabulary spells them
        says_yes: an answer that begins with "Yes"
    """
    target = says_yes.counterfactual("No")
    closed = _question(model, says_yes, target, right=("no", NO), given=("yes", YES))
    return closed.given, closed.right


def _of_choice(
    model: Model, generation: Generation, truth: str, answers: Sequence[str]
) -> ClosedQuestion | None:
    known = {bare(answer): answer for answer in answers if bare(answer)}
    if len(known) < 2 or len(known) < len(answers):
        raise TargetError(
            f"closed answers are two or more different ones; got {', '.join(map(quoted, answers))}"
        )
    if bare(truth) not in known:
        raise TargetError(
            f"the truth {quoted(truth)} is not one of the closed answers "
            f"{', '.join(known.values())}; name it among them"
        )
    said = _named(generation, list(known.values()))
    if bare(said) == bare(truth):
        return None
    target = generation.counterfactual(_cased(truth.strip(), like=said), replacing=said)
    return _question(
        model,
        generation,
        target,
        right=(truth.strip(), {bare(truth)}),
        given=(said, {bare(said)}),
    )


def _of_word(model: Model, generation: Generation, truth: str, word: str) -> ClosedQuestion | None:
    generation.find(word)  # before anything else: the answer must have it
    if bare(truth) == bare(word):
        return None
    target = generation.counterfactual(truth.strip(), replacing=word)
    return _question(
        model,
        generation,
        target,
        right=(truth.strip(), {bare(truth)}),
        given=(word, {bare(word)}),
    )


def _named(generation: Generation, answers: Sequence[str]) -> str:
    """The closed answer that comes first in what the model said, as it is written there."""
    found: list[tuple[int, int, str]] = []
    for answer in answers:
        try:
            target = generation.find(answer)
        except TargetError:
            continue
        found.append((target.positions[0], -len(answer), target.text))
    if not found:
        raise TargetError(
            f"the answer {quoted(generation.text)} names none of the closed answers "
            f"{', '.join(answers)}; give others (--answers), or its wrong word (--word)"
        )
    return min(found)[-1]


def _question(
    model: Model,
    generation: Generation,
    target: Target,
    *,
    right: tuple[str, Collection[str]],
    given: tuple[str, Collection[str]],
) -> ClosedQuestion:
    position, own = target.positions[0], target.ids[0]
    written = generation.ids[position]
    is_right, is_given = (model.spellings(words) for _, words in (right, given))
    return ClosedQuestion(
        target=target,
        right=_answer(
            right[0], {own: target.text, **is_right}, without={written, *is_given} - {own}
        ),
        given=_answer(
            given[0],
            {written: generation.tokens[position], **is_given},
            without={own, *is_right} - {written},
        ),
    )


def _answer(text: str, spellings: dict[int, str], *, without: Collection[int]) -> Answer:
    kept = {token: read for token, read in spellings.items() if token not in without}
    return Answer(text=text, ids=tuple(kept), spellings=tuple(kept.values()))


def _cased(answer: str, *, like: str) -> str:
    """An answer that begins with a capital letter where the other one does."""
    return answer[:1].upper() + answer[1:] if like.strip()[:1].isupper() else answer
