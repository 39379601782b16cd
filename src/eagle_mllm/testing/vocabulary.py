"""The vocabulary of a planted model."""

import re
from collections.abc import Iterator, Mapping, Sequence

from eagle_mllm.attribution.words.plain_text import require_unicode
from eagle_mllm.errors import ModelError, SettingError

EOS = 0
"""Vocabulary id that ends an answer."""

OTHER = 1
"""Vocabulary id that a planted model prefers where its own word is improbable."""


class Vocabulary:
    """Whole words, marks and the sub-tokens of split words, each with and without a space before.

    Ids are counted in order of first appearance.
    """

    def __init__(self, texts: Sequence[str], split: Mapping[str, Sequence[str]]) -> None:
        for word, parts in split.items():
            if "".join(parts) != word:
                raise SettingError(f"the sub-tokens {tuple(parts)} do not spell {word!r}")
        self._split = split
        self.pieces = ["</s>", "<other>"]
        self.word_of = [("</s>", True), ("<other>", True)]  # (word, whether its first token)
        self._ids: dict[tuple[str, str], tuple[int, ...]] = {}  # (space, word) -> tokens
        for word in dict.fromkeys(word for text in texts for _, word in _words(text)):
            self._add(" ", word)
            self._add("", word)

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of a text of known words.

        Raises:
            ModelError: it holds another word
        """
        require_unicode(text, "the answer")
        return tuple(token for space, word in _words(text) for token in self._known(space, word))

    def tokens_of(self, word: str, *, like: int) -> tuple[int, ...]:
        """Ids of a word, with a space before it if the token `like` has one."""
        return self._known(" " if self.pieces[like].startswith(" ") else "", word)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, without the end."""
        return "".join(self.pieces[token] for token in ids if token != EOS).removeprefix(" ")

    def _add(self, space: str, word: str) -> None:
        first, *rest = self._split.get(word, (word,))
        start = len(self.pieces)
        self.pieces += [space + first, *rest]
        self.word_of += [(word, True), *((word, False) for _ in rest)]
        self._ids[space, word] = tuple(range(start, len(self.pieces)))

    def _known(self, space: str, word: str) -> tuple[int, ...]:
        if (space, word) not in self._ids:
            known = sorted({known for _, known in self._ids})
            raise ModelError(
                f"the planted model does not know {word!r}, only {', '.join(known)}; "
                "give the word an Evidence or name it as a rival"
            )
        return self._ids[space, word]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Each word or mark, with the space before it; the first word has one too."""
    for match in re.finditer(r"\w+|[^\w\s]", text):
        start = match.start()
        yield " " if start == 0 or text[start - 1].isspace() else "", match.group()
