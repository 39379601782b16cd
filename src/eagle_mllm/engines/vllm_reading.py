"""Reads the log-probabilities that vLLM's routes share."""

from typing import Any

from eagle_mllm.engines.engine import Scores
from eagle_mllm.engines.reading import field, id_of, log_probability
from eagle_mllm.errors import ModelError


def prompt_row(answer: Any, prompt: tuple[int, ...], ids: tuple[int, ...]) -> Scores:
    """The scores of the last tokens of a prompt.

    Args:
        answer: with `prompt_logprobs`, one entry for each token of the prompt: id, as text, to
            `{"logprob", "rank"}` of the token itself and of the most probable one
        prompt: all of its ids
        ids: the last of them, which are asked about
    """
    if not ids:
        return Scores((), ())
    entries = field(answer, "prompt_logprobs")
    if not isinstance(entries, list) or len(entries) != len(prompt):
        raise ModelError(
            "the server gave no log-probability for each token of the prompt; its version cannot "
            "score answers"
        )
    rows = [_entry(entry, token) for entry, token in zip(entries[-len(ids) :], ids, strict=True)]
    return Scores(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def generated(choice: Any, token: int) -> tuple[float, int]:
    """The log-probability of a token at the first generated place, and what is most probable there.

    Args:
        choice: with `logprobs`, whose tokens are written `token_id:7`
        token: that was asked for
    """
    own = field(choice, "logprobs", "content", 0)
    known = {
        id_of(field(one, "token")): log_probability(field(one, "logprob"))
        for one in (own, *field(own, "top_logprobs"))
    }
    if token not in known:
        raise ModelError(
            f"the server does not tell the probability of the token {token} that ends an answer; "
            "its version is too old for targets with it"
        )
    return known[token], max(known, key=lambda one: known[one])


def _entry(entry: Any, token: int) -> tuple[float, int]:
    own = log_probability(field(entry, str(token), "logprob"))
    first = [name for name, value in entry.items() if field(value, "rank") == 1]
    if not first:
        raise ModelError("the server does not tell which token is the most probable one")
    return own, id_of(first[0])
