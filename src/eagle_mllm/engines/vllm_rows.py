"""Scores of the answer's tokens alone, where a vLLM server can tell them.

Usually vLLM tells the log-probability of every token of a prompt, placeholders of the image and
all. Newer ones on a GPU score given ids in given rows (`prompt_logprob_token_ids`), and so only
those of the answer; they do not say which token is the likeliest. It is known where ours has more
than half of the probability; else the usual question is asked, and if that is mostly needed, it is
the only one from then on.
"""

import base64
import io
from typing import Any

import numpy as np

from eagle_mllm.engines.engine import Scores
from eagle_mllm.engines.reading import log_probability
from eagle_mllm.errors import ModelError

FIELD = "prompt_token_id_logprobs"

_HALF = float(np.log(0.5))
_SAME = 1e-3
"""Probabilities by both questions differ by less."""

_TRIAL = 16
"""Questions after which it is seen whether the short one pays."""


class AnswerRows:
    """Whether a server can be asked for the rows of an answer only, and whether that pays."""

    def __init__(self) -> None:
        self.served: bool | None = None
        """None until it was tried."""
        self._asked = 0
        self._settled = 0

    @property
    def pays(self) -> bool:
        """Whether to ask so first: each question that leaves a token open costs a second one."""
        return bool(self.served) and (self._asked < _TRIAL or 2 * self._settled > self._asked)

    def compare(self, short: tuple[float, ...] | None, usual: Scores) -> None:
        """Take note of the first answer to both questions.

        Args:
            short: log-probabilities by the rows of the answer; None if the server has none
            usual: what it says of all rows

        Raises:
            ModelError: the two do not agree
        """
        self.served = short is not None
        if short is not None:
            apart = np.abs(np.exp(short) - np.exp(usual.log_probability)).max()
            if apart > _SAME:
                raise ModelError(
                    f"the server scores an answer by its rows alone {apart:.2g} apart from all "
                    "rows; take the engine 'vllm'"
                )

    def settled(self, short: tuple[float, ...], ids: tuple[int, ...]) -> Scores | None:
        """Scores, where each token is the likeliest beyond doubt.

        Args:
            short: log-probabilities of the tokens
            ids: the tokens
        """
        self._asked += 1
        if min(short) <= _HALF:
            return None
        self._settled += 1
        return Scores(short, ids)


def rows_wanted(ids: tuple[int, ...], n_prompt: int) -> dict[str, Any]:
    """The sampling parameters that ask for the rows of an answer.

    Args:
        ids: the answer
        n_prompt: tokens before it, each placeholder of the image counted
    """
    return {
        "prompt_logprob_token_ids": [[token] for token in ids],
        "prompt_logprob_start": n_prompt - 1,
    }


def answer_rows(answer: Any, ids: tuple[int, ...]) -> tuple[float, ...] | None:
    """The log-probabilities of an answer's tokens; None where the server told none.

    Args:
        answer: what it said
        ids: the tokens

    Raises:
        ModelError: what it told is something else
    """
    told = answer.get(FIELD) if isinstance(answer, dict) else None
    if told is None:
        return None
    try:
        scores = np.load(io.BytesIO(base64.b64decode(told, validate=True)), allow_pickle=False)
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise ModelError(f"the server's {FIELD} is not an array; take the engine 'vllm'") from error
    if scores.shape != (len(ids), 1) or scores.dtype.kind != "f":
        raise ModelError(
            f"the server's {FIELD} has shape {scores.shape}, expected {(len(ids), 1)}; take the "
            "engine 'vllm'"
        )
    return tuple(log_probability(value) for value in scores[:, 0].astype(float).tolist())
