"""Targets that are named by what they say, or by where in an answer they stand."""

from eagle_mllm.attribution.target import Target
from eagle_mllm.attribution.words.breaks import Span
from eagle_mllm.attribution.words.lookup import look_up, look_up_all, one_of
from eagle_mllm.attribution.words.patterns import boxed, last_line, matches_of
from eagle_mllm.attribution.words.spans import overlapping


class NamedTargets:
    """What an answer offers to be chosen from it: the tokens that write a piece of its text."""

    text: str
    """The answer, without special tokens."""

    ids: tuple[int, ...]
    """Vocabulary ids of the answer."""

    spans: tuple[Span, ...]
    """Character offsets of each token in the text; empty for special tokens."""

    def find(self, word: str, occurrence: int = 0) -> Target:
        """All tokens of a word, or of several words in a row.

        Only whole words match: "cat" is not found in "cats", nor "3" in "3.5"; see `word_breaks`.
        Tries an exact-case match first, then ignores case. Any white space matches any other, and
        the same letters match in every Unicode form and with every apostrophe and hyphen; see
        `finding`.

        Args:
            word: the word or words
            occurrence: which one, if the answer repeats it: 0 is the first, -1 the last

        Raises:
            TargetError: the answer does not have these words, or not that often
        """
        return self._overlapping(look_up(self.text, word, occurrence, whole_words=True))

    def find_all(self, word: str) -> tuple[Target, ...]:
        """One target for each occurrence of a word, or of several words in a row, as in `find`.

        Raises:
            TargetError: the answer does not have these words
        """
        return tuple(map(self._overlapping, look_up_all(self.text, word, whole_words=True)))

    def span(self, text: str, occurrence: int = 0) -> Target:
        """Every token that writes some character of a stretch of the answer.

        The stretch may begin and end inside words. What matches is as in `find`.

        Args:
            text: the stretch
            occurrence: which one, if the answer repeats it: 0 is the first, -1 the last

        Raises:
            TargetError: the answer does not have this stretch, or not that often
        """
        return self._overlapping(look_up(self.text, text, occurrence, whole_words=False))

    def span_all(self, text: str) -> tuple[Target, ...]:
        """One target for each occurrence of a stretch of the answer, as in `span`.

        Raises:
            TargetError: the answer does not have this stretch
        """
        return tuple(map(self._overlapping, look_up_all(self.text, text, whole_words=False)))

    def match(self, pattern: str, occurrence: int = 0) -> Target:
        r"""Every token that writes some character of what a regular expression matches.

        Of a match it is the first group that took part, or the whole match where there is none:
        `match(r"Answer: (\w+)", -1)` is the word behind the last "Answer: ". `^` and `$` stand for
        the ends of any line. White space at the ends of a match does not count, nor does a match
        of nothing else.

        Args:
            pattern: as Python's `re` reads it
            occurrence: which match, if there are several: 0 is the first, -1 the last

        Raises:
            TargetError: it is not a regular expression, or the answer has no such match, or not
                that many
        """
        found = matches_of(self.text, pattern)
        return self._overlapping(one_of(found, occurrence, text=self.text, query=pattern))

    def match_all(self, pattern: str) -> tuple[Target, ...]:
        """One target for each match of a regular expression, as in `match`.

        Raises:
            TargetError: it is not a regular expression, or nothing matches
        """
        return tuple(map(self._overlapping, matches_of(self.text, pattern)))

    def boxed(self) -> Target:
        r"""The tokens inside the last `\boxed{…}`, in which reasoning models put their answer.

        Braces may be nested.

        Raises:
            TargetError: there is none, or the last one is not closed or holds nothing
        """
        return self._overlapping(boxed(self.text))

    def last_line(self) -> Target:
        """The tokens of the last line that holds more than white space.

        Raises:
            TargetError: the answer has no text
        """
        return self._overlapping(last_line(self.text))

    def _overlapping(self, span: Span) -> Target:
        positions = overlapping(self.spans, span.start, span.stop)
        return self._target(positions, self.text[span.start : span.stop])

    def _target(self, positions: tuple[int, ...], text: str) -> Target:
        ids = tuple(self.ids[position] for position in positions)
        return Target(positions=positions, ids=ids, text=text)
