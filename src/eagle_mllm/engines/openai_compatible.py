"""Any other server that speaks OpenAI's chat completions: the first token of an answer only.

Such a server tells how probable the likeliest first tokens are, up to 20 of them; it cannot score a
given answer. Tokens have no ids there, so ours stand for their text.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from eagle_mllm.arrays import RGBImage
from eagle_mllm.attribution.conversation import Asked, conversation_of
from eagle_mllm.attribution.words.plain_text import require_unicode
from eagle_mllm.engines.cache import Cache, key_of
from eagle_mllm.engines.engine import Engine, Forced, Scores
from eagle_mllm.engines.http import Http, Refused
from eagle_mllm.engines.messages import chat_messages, picture_part
from eagle_mllm.engines.reading import NEVER, field, log_probability
from eagle_mllm.engines.vocabulary import Opened, Vocabulary
from eagle_mllm.errors import ModelError, TargetError

_LISTED = 20
_AT_ONCE = 4
_LIMITS = ("max_completion_tokens", "max_tokens")
"""What the limit is called: by OpenAI today, and by everybody before."""


class TokenTexts(Vocabulary):
    """Tokens known by their text; the rest of an answer is one token that nobody can score.

    Args:
        cache: keeps the texts, for answers that were kept too
    """

    source = "text"
    ends: frozenset[int] = frozenset()
    special: frozenset[int] = frozenset()

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._texts: dict[int, str] = {}
        self._first: dict[Asked, list[str]] = {}

    def id_of(self, text: str) -> int:
        """The id that stands for a text: the same at all times."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest()
        token = int.from_bytes(digest)
        if token not in self._texts:
            self._texts[token] = text
            self._cache.put(key_of("token", token), text)
        return token

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vocabulary`."""
        return "".join(map(self._text, ids))

    def open(self, image: RGBImage, prompt: Asked) -> Opened:
        """See `Vocabulary`."""
        del image
        for text in conversation_of(prompt).texts:
            require_unicode(text, "the prompt", error=ModelError)
        return Opened(prompt=prompt)

    def heard(self, prompt: Asked, texts: Sequence[str]) -> None:
        """Remember the likeliest first tokens of answers to a prompt."""
        known = self._first.setdefault(prompt, [])
        known += [text for text in texts if text not in known]

    def encode_answer(self, prompt: Asked, answer: str) -> tuple[int, ...]:
        """See `Vocabulary`; the first token is one that the server has listed."""
        require_unicode(answer, "the answer")
        if not answer.strip():
            raise TargetError("the answer is empty; give the text to explain")
        begins = [text for text in self._first.get(prompt, ()) if text and answer.startswith(text)]
        first = max(begins, key=len, default=answer)
        rest = answer[len(first) :]
        return tuple(self.id_of(text) for text in (first, rest) if text)

    def end_id(self, prompt: Asked) -> int | None:
        """See `Vocabulary`."""
        del prompt
        return None

    def _text(self, token: int) -> str:
        text = self._texts.get(token) or self._cache.get(key_of("token", token))
        if text is None:
            raise ModelError(
                f"the token {token} was not written by this connection; ask for the answer again"
            )
        return str(text)


class OpenAICompatible(Engine):
    """A model behind OpenAI's chat completions.

    Args:
        http: the server
        model: as the server knows it
        cache: keeps the texts of tokens
    """

    name = "openai"
    scores_answers = False
    vocabulary: TokenTexts

    def __init__(self, http: Http, model: str, cache: Cache) -> None:
        self._http = http
        self._model = model
        self._limit = _LIMITS[0]
        self.vocabulary = TokenTexts(cache)

    @property
    def version(self) -> str:
        """See `Engine`; such servers have none."""
        return "unknown"

    @property
    def identity(self) -> Mapping[str, str]:
        """See `Engine`; such servers say nothing but the name."""
        return {}

    @property
    def concurrency(self) -> int:
        """See `Engine`."""
        return _AT_ONCE

    def write(self, picture: bytes, opened: Opened, *, max_new_tokens: int) -> tuple[int, ...]:
        """See `Engine`."""
        answer = self._ask(picture, opened, n_tokens=max_new_tokens)
        first, *rest = self._tokens(answer)
        self._heard(opened, first)
        texts = [str(field(one, "token")) for one in (first, *rest)]
        whole = field(answer, "choices", 0, "message", "content")
        if isinstance(whole, str) and "".join(texts) != whole and whole.startswith(texts[0]):
            texts = [texts[0], whole[len(texts[0]) :]]
        return tuple(self.vocabulary.id_of(text) for text in texts if text)

    def score(self, picture: bytes, forced: Forced) -> Scores:
        """See `Engine`; a token beyond the 20 likeliest has the probability 0."""
        (token,) = forced.ids
        first = self._tokens(self._ask(picture, forced.opened, n_tokens=1))[0]
        known = self._heard(forced.opened, first)
        return Scores((known.get(token, NEVER),), (max(known, key=lambda one: known[one]),))

    def close(self) -> None:
        """See `Engine`."""
        self._http.close()

    def _heard(self, opened: Opened, first: Any) -> dict[int, float]:
        """The likeliest first tokens with their log-probabilities."""
        listed = [first, *field(first, "top_logprobs")]
        texts = [str(field(one, "token")) for one in listed]
        self.vocabulary.heard(opened.prompt, texts)
        return {
            self.vocabulary.id_of(text): log_probability(field(one, "logprob"))
            for text, one in zip(texts, listed, strict=True)
        }

    def _tokens(self, answer: Any) -> Any:
        choice = field(answer, "choices", 0)
        held = choice.get("logprobs") if isinstance(choice, dict) else None
        tokens = held.get("content") if isinstance(held, dict) else None
        if not isinstance(tokens, list) or not tokens:
            raise ModelError(
                f"the server at {self._http.url} answers without log-probabilities, as "
                "`transformers serve` does, so nothing can be explained; serve the model by vLLM "
                "or llama.cpp, or load it here"
            )
        return tokens

    def _ask(self, picture: bytes, opened: Opened, *, n_tokens: int) -> Any:
        body = {
            "model": self._model,
            "messages": chat_messages(opened.prompt, picture_part(picture)),
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": _LISTED,
        }
        try:
            return self._complete(body, n_tokens)
        except Refused as refused:
            if refused.status not in (400, 422) or self._limit not in str(refused):
                raise
            self._limit = _LIMITS[1]
            return self._complete(body, n_tokens)

    def _complete(self, body: Mapping[str, Any], n_tokens: int) -> Any:
        whole = {**body, self._limit: n_tokens}
        return self._http.post("/v1/chat/completions", whole, paid=True)
