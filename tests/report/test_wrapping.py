"""Lines keep every token, in order, within the width."""

from hypothesis import given
from hypothesis import strategies as st


def piece(position, text, *, spaced=True, starts_line=False, owner=None):
    from eagle_mllm.report.tokens import Piece

    return Piece(
        position=position,
        text=text,
        spaced=spaced,
        starts_line=starts_line,
        special=False,
        evidence=None if owner is None else 0.5,
        owner=owner,
        replaced=None,
    )


def lines_of(pieces, width):
    from eagle_mllm.report.figures.wrapping import wrapped

    lines = wrapped(pieces, lambda text: float(len(text)), width=width, space=1.0, padding=0.5)
    return [[placed.piece.text for placed in line] for line in lines]


def test_tokens_of_a_word_stay_together():
    pieces = [piece(0, "the"), piece(1, "ban"), piece(2, "ana", spaced=False)]
    assert lines_of(pieces, 10.0) == [["the", "ban", "ana"]]
    assert lines_of(pieces, 9.0) == [["the"], ["ban", "ana"]]


def test_a_word_wider_than_a_line_is_broken_between_its_tokens():
    pieces = [piece(0, "猫猫"), piece(1, "犬犬", spaced=False), piece(2, "鳥", spaced=False)]
    assert lines_of(pieces, 4.0) == [["猫猫", "犬犬"], ["鳥"]]


def test_a_line_break_starts_a_line():
    assert lines_of([piece(0, "a"), piece(1, "b", starts_line=True)], 9.0) == [["a"], ["b"]]


def test_no_pieces_make_no_line():
    assert [line for line in lines_of([], 9.0) if line] == []


@given(
    st.lists(st.tuples(st.text("abc", min_size=1, max_size=6), st.booleans(), st.booleans())),
    st.floats(7, 30),
)
def test_every_token_is_placed_once_in_order_and_within_the_line(words, width):
    from eagle_mllm.report.figures.wrapping import wrapped

    pieces = [
        piece(i, text, spaced=spaced, owner=0 if explained else None)
        for i, (text, spaced, explained) in enumerate(words)
    ]
    lines = wrapped(pieces, lambda text: float(len(text)), width=width, space=1.0, padding=0.5)
    placed = [item for line in lines for item in line]
    assert [item.piece for item in placed] == pieces
    for line in lines:
        ends = [item.left + item.width for item in line]
        assert all(end <= item.left for end, item in zip(ends, line[1:], strict=False))
        assert max(ends, default=0.0) <= width


def test_text_is_wrapped_at_spaces_and_cut_at_the_last_line():
    from eagle_mllm.report.figures.wrapping import wrapped_text

    measure = lambda text: float(len(text))  # noqa: E731
    assert wrapped_text("a cat on a tree", measure, width=8.0, lines=3) == ("a cat on", "a tree")
    assert wrapped_text("a cat on a tree", measure, width=8.0, lines=1) == ("a cat…",)
    assert wrapped_text("supercalifragilistic", measure, width=8.0, lines=2) == (
        "supercal",
        "ifragil…",
    )
    assert wrapped_text(" ", measure, width=8.0, lines=2) == ()


def test_a_window_of_lines_holds_the_first_explained_token():
    from eagle_mllm.report.figures.wrapping import around, wrapped

    pieces = [piece(i, "word", owner=0 if i == 6 else None) for i in range(10)]
    lines = wrapped(pieces, lambda text: float(len(text)), width=5.0, space=1.0, padding=0.5)
    assert len(lines) == 10
    assert around(lines, 3) == (slice(5, 8), 5, 2)
    assert around(lines, 10) == (slice(0, 10), 0, 0)
