"""Does an answer say yes or no?

Scorers of existence questions do not agree. MME looks at the first letters; POPE's own script takes
the first sentence and calls it "no" if it holds "no" or "not", and "yes" otherwise; VLMEvalKit asks
for one of the two words and calls the rest unknown. This is their common ground: where one of them
is right and another wrong, the reading of a person decides, and what a person could not tell is
unclear, never "yes" by default.

In order, the first rule that applies:

1. Reasoning in `<think>`, markup, numbering ("1.", "(a)") and openings ("Well,") are left out.
2. Both words at once ("Yes and no") and doubt as a whole ("Not sure", "Maybe") are unclear.
3. The first word, if it is one of `YES` or `NO` ("Yes, there is no doubt" is a yes).
4. What is said of the answer: "The answer is no."
5. The first sentence: doubt in it is unclear ("I cannot tell"), a negation is no ("There is no red
   circle"), a word for yes is yes, and so is saying that something is there ("I see a dog").
6. Otherwise it is unclear.
"""

import re
import unicodedata
from typing import Literal

Verdict = Literal["yes", "no", "unclear"]


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b")


YES = _words(
    "yes yeah yep yup yea yas aye affirmative correct true indeed certainly definitely absolutely",
    "sure exactly right",
    # Spanish, Italian, French, German and Dutch, Portuguese, Russian, Polish, Turkish, Hindi
    "sí si oui ja sim да tak evet हाँ हां जी",
)
"""Words that say yes as the first word of an answer."""

NO = _words(
    "no nope nah nay negative not none never nothing nobody neither false incorrect wrong absent",
    "non nein nee não нет nie hayır नहीं",  # noqa: RUF001
)
"""Words that say no as the first word of an answer."""

# These strengthen whatever follows: "Certainly not" is a no.
_EMPHASIS = _words("indeed certainly definitely absolutely sure exactly right")
_LETTERS: dict[str, Verdict] = {"y": "yes", "n": "no"}

# Inside a sentence only words that mean nothing else.
_PLAIN_YES = _words("yes yeah yep yup true correct indeed affirmative")

# Chinese, Japanese and Korean have no spaces: these are beginnings. The doubtful ones come first.
_BEGINNINGS: tuple[tuple[Verdict, frozenset[str]], ...] = (
    (
        "unclear",
        _words(
            "不确定 不確定 不清楚 不太清楚 不知道 不好说 不好說 不一定 难说 難說 可能 也许 也許",
            "无法 無法 是不是 有没有",
            "わからない 分からない わかりません 分かりません たぶん おそらく 모르 아마 확실하지",
        ),
    ),
    ("no", _words("不 没 沒 否 无 無 いいえ いや ない ありません 아니 없")),
    ("yes", _words("是 有 对 對 嗯 存在 はい ええ うん あります ある 예 네 있")),
)

_CONTRACTION = re.compile(r"n['’]t\b")
_CANNOT = re.compile(r"\bca(?:n)? not\b")
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_MARKUP = re.compile(r"\\boxed|\\text|<[^>]*>|[*_`#>{}\"“”„«»\[\]]")
_NUMBERING = re.compile(r"^\W*(?:\(?(?:\d{1,2}|[a-z])\)|(?:\d{1,2}|[a-z])[.:])\s+(?=\S)")
_OPENING = re.compile(
    r"^\W*(?:(?:well|oh|so|hmm+|um+|uh+|ah|okay|ok|actually|honestly|of course)\b\W*)+"
)
_ECHO = re.compile(r"^\W*yes\s*(?:or|/)\s*no\b\W*")
_NO_DOUBT = _any(r"(?:no|without(?: a| any)?) doubt", "no question about it")
_BOTH = re.compile(
    r"\byes\b[\s,/&.]*(?:and|or|but|also|/|,|&)?[\s,]*(?:also\s+)?\bno\b(?=\s*(?:$|[.,;:!?)]))"
    r"|\bno\b[\s,/&]*(?:and|or|but|/|,|&)[\s,]*(?:also\s+)?\byes\b(?=\s*(?:$|[.,;:!?)]))"
)
_STATED = re.compile(
    r"\b(?:answer|response|verdict|conclusion)(?: to (?:this|the|your) question)?"
    r"\s*(?:is|was|would be|should be|must be|will be|:|=)\W*(?:clearly |definitely |simply )?(\w+)"
)
_DOUBT = _any(
    *("maybe", "perhaps", "possibly", "unclear", "uncertain", "unsure", "unknown", "depends"),
    *("ambiguous", "insufficient", "sorry", "as an ai", "might", "may be", "could be", "either"),
    *("no idea", "no clue", "unable to", "impossible to", "hard to", "difficult to"),
    r"not (?:\w+ )?(?:sure|certain|clear|enough|possible to|able to)",
    r"(?:do|did|could|cannot)(?: not)? (?:\w+ )?(?:know|tell|say|determine|decide|answer|judge)",
    r"(?:do|did|could|cannot)(?: not)? (?:\w+ )?(?:confirm|verify|help|assist|be sure)",
    "cannot be (?:determined|told|said|seen clearly|answered|known|verified|confirmed)",
    "cannot see the (?:image|picture|photo)",
)
_NEGATION = _any(
    *("no", "not", "none", "never", "nothing", "nobody", "nowhere", "neither", "nor", "cannot"),
    *("zero", "absent", "nope", "false", "incorrect", "lacks"),
)
_THERE = _any(
    r"there(?: \w+)? (?:is|are|was|were|appears?|seems?)",
    "there['’](?:s|re)",
    r"(?:i|we) (?:can )?(?:\w+ )?see",
    r"(?:you|one) can (?:\w+ )?see",
    "there exists?",
    "it (?:is|does|appears|seems|has|looks)",
    r"(?:image|picture|photo|photograph|scene)(?: \w+)? (?:shows|contains|has|features|includes)",
    r"(?:image|picture|photo|photograph|scene)(?: \w+)? (?:depicts|displays)",
    r"(?:is|are)(?: \w+)? (?:visible|present|shown|there|seen|depicted|in the|on the|at the)",
    "i (?:think|believe) so",
    "that(?: is|['’]s) (?:right|correct|true|so)",
)
_WORD = re.compile(r"\w+")


def judge(answer: str) -> Verdict:
    """Whether an answer to a yes-or-no question says yes, says no, or leaves it open.

    >>> [judge(text) for text in ("1. Yes", "There is no red circle.", "Yes and no.")]
    ['yes', 'no', 'unclear']

    Args:
        answer: what a model wrote
    """
    text = _plain(answer)
    if beginning := _beginning(text):
        return beginning
    first = _WORD.search(text)
    if first is None or _BOTH.search(text):
        return "unclear"
    word, sentence = first.group(), _first_sentence(text)
    if word in NO and _DOUBT.match(text, first.start()):
        return "unclear"
    if word in _EMPHASIS and _NEGATION.search(sentence):
        return "no"
    return _letter(text) or _of_word(word) or _stated(text) or _of_sentence(sentence)


def _plain(answer: str) -> str:
    """The answer in lower case, without what surrounds it."""
    text = unicodedata.normalize("NFKC", answer).casefold()
    text = _MARKUP.sub(" ", _THINKING.sub(" ", text))
    text = _CANNOT.sub("cannot", _CONTRACTION.sub(" not", text))
    text = _NO_DOUBT.sub(" certainly ", text)
    for around in (_NUMBERING, _OPENING, _ECHO):
        text = around.sub("", text, count=1)
    return " ".join(text.split())


def _beginning(text: str) -> Verdict | None:
    start = re.sub(r"^\W+", "", text)
    for verdict, beginnings in _BEGINNINGS:
        if start.startswith(tuple(beginnings)):
            return verdict
    return None


def _letter(text: str) -> Verdict | None:
    """What a single letter says that is the whole answer."""
    return _LETTERS.get(re.sub(r"^\W+|\W+$", "", text))


def _of_word(word: str) -> Verdict | None:
    if word in NO:
        return "no"
    return "yes" if word in YES else None


def _stated(text: str) -> Verdict | None:
    stated = _STATED.search(text)
    return _of_word(stated.group(1)) if stated else None


def _first_sentence(text: str) -> str:
    return re.split(r"[.!?;\n]", text.lstrip(" .!?;"), maxsplit=1)[0]


def _of_sentence(sentence: str) -> Verdict:
    if _DOUBT.search(sentence):
        return "unclear"
    if _NEGATION.search(sentence):
        return "unclear" if {"yes", "yeah"} & set(_WORD.findall(sentence)) else "no"
    says_yes = any(word in _PLAIN_YES for word in _WORD.findall(sentence))
    return "yes" if says_yes or _THERE.search(sentence) else "unclear"
