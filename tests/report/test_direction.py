"""Tokens that are read from the right are joined, ordered and turned around as on paper."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

MARK = "\N{RIGHT-TO-LEFT MARK}"
JOINER = "\N{ZERO WIDTH JOINER}"


def pieces_of(*words):
    """A piece for each token; tokens of one word are joined by `+`."""
    from eagle_mllm.report.tokens import Piece

    tokens = [(token, not inner) for word in words for inner, token in enumerate(word.split("+"))]
    return [
        Piece(
            position=position,
            text=token,
            spaced=first,
            starts_line=False,
            special=False,
            evidence=None,
            owner=None,
            replaced=None,
        )
        for position, (token, first) in enumerate(tokens)
    ]


def line_of(*words):
    """The words on one line; a letter is 1 wide, a space too."""
    from eagle_mllm.report.figures.wrapping import wrapped

    (line,) = wrapped(
        pieces_of(*words), lambda text: float(len(text)), width=1000.0, space=1.0, padding=0.0
    )
    return line


def seen(*words, width=100.0):
    """The tokens from left to right."""
    from eagle_mllm.report.figures.direction import arranged, starts_right

    line = line_of(*words)
    from_right = starts_right([placed.piece for placed in line])
    found = arranged(line, width=width, from_right=from_right)
    lefts = [placed.left for placed in found]
    assert lefts == sorted(lefts)
    return [placed.piece.text.replace(MARK, "") for placed in found]


# Hebrew letters stand for any word that is read from the right.
@pytest.mark.parametrize(
    ("words", "from_left"),
    [
        (["a", "cat", "sat"], ["a", "cat", "sat"]),
        (["א", "ב", "ג"], ["ג", "ב", "א"]),
        (["a", "א", "ב", "b"], ["a", "ב", "א", "b"]),
        (["א", "cat", "sat", "ב"], ["ב", "cat", "sat", "א"]),
        (["א", "12", "ב"], ["ב", "12", "א"]),
        (["a", "12", "א"], ["a", "12", "א"]),
        (["a", "א", "12"], ["a", "12", "א"]),
        (["א", "ב+,", "ג+."], [".", "ג", ",", "ב", "א"]),
        (["a", "א+!", "b"], ["a", "א", "!", "b"]),
        (["א", "(+ב+)"], [")", "ב", "(", "א"]),
        (["-", "א"], ["א", "-"]),
        (["-", "a"], ["-", "a"]),
    ],
    ids=" ".join,
)
def test_tokens_are_where_a_reader_looks_for_them(words, from_left):
    assert seen(*words) == from_left


def test_a_text_from_the_right_ends_flush_at_the_right():
    from eagle_mllm.report.figures.direction import arranged

    second, first = arranged(line_of("אב", "גדה"), width=20.0, from_right=True)
    assert (first.left, second.left) == (18.0, 14.0)


def test_brackets_are_turned_around_where_they_are_read_from_the_right():
    from eagle_mllm.report.figures.direction import arranged

    texts = [
        placed.piece.text for placed in arranged(line_of("א", "(+ב"), width=9.0, from_right=True)
    ]
    assert texts == [f"{MARK}{text}{MARK}" for text in ("ב", "(", "א")]


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        ("حم+راء", [f"حم{JOINER}", f"{JOINER}راء"]),  # meem joins the letter after it
        ("را+ءة", ["را", "ءة"]),  # neither alef nor hamza joins
        ("با+ب", ["با", "ب"]),  # alef joins only the letter before it
        ("cat+s", ["cat", "s"]),
        ("بَ+ب", [f"بَ{JOINER}", f"{JOINER}ب"]),  # a vowel sign lies between
    ],
)
def test_letters_join_across_the_tokens_of_a_word(word, texts):
    from eagle_mllm.report.figures.direction import joined

    assert [piece.text for piece in joined(pieces_of(word))] == texts


def test_letters_of_two_words_do_not_join():
    from eagle_mllm.report.figures.direction import joined

    assert [piece.text for piece in joined(pieces_of("حم", "راء"))] == ["حم", "راء"]


@given(st.lists(st.text("aאب1.(", min_size=1, max_size=3), min_size=1, max_size=8), st.booleans())
def test_every_token_is_there_once_and_none_lies_on_another(words, from_right):
    from eagle_mllm.report.figures.direction import arranged

    line = line_of(*words)
    found = arranged(line, width=200.0, from_right=from_right)
    assert sorted(placed.piece.position for placed in found) == list(range(len(line)))
    for before, after in pairwise(found):
        assert before.left + before.width <= after.left + 1e-9
    ends = found[0].left, found[-1].left + found[-1].width
    assert ends[1] - ends[0] == pytest.approx(line[-1].left + line[-1].width)


@given(st.lists(st.text("ab1.(", min_size=1, max_size=3), min_size=1, max_size=8))
def test_a_text_from_the_left_stays_as_it_is(words):
    from eagle_mllm.report.figures.direction import arranged

    line = line_of(*words)
    assert arranged(line, width=5.0, from_right=False) == line
