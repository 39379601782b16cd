"""The answer falls into pieces that read as the answer does."""

from dataclasses import replace

import pytest


def generation_of(tokens, text, spans, special=None):
    import numpy as np

    from eagle_mllm.attribution.generation import Generation, Span

    return Generation(
        image=np.zeros((4, 4, 3), np.uint8),
        prompt="?",
        text=text,
        ids=tuple(range(10, 10 + len(tokens))),
        tokens=tokens,
        spans=tuple(Span(*span) for span in spans),
        special=special or (False,) * len(tokens),
    )


def pieces_of(generation):
    """Pieces of an answer whose first token is explained."""
    import numpy as np

    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.report.tokens import pieces_of
    from eagle_mllm.testing import PlantedModel

    model = PlantedModel("cat", {})
    answer = model.generate(np.zeros((4, 4, 3), np.uint8), "?")
    halves = Regions.from_labels(np.arange(16).reshape(4, 4) // 8)
    attribution = attribute(model, answer, answer.at(0), regions=halves)
    target = replace(attribution.target, ids=generation.ids[:1])
    return pieces_of([replace(attribution, generation=generation, target=target)])


def read(pieces):
    """What a reader sees."""
    return "".join(
        ("\n" if piece.starts_line else " " if piece.spaced else "") + piece.text
        for piece in pieces
    )


@pytest.mark.parametrize(
    ("tokens", "spans"),
    [
        ((" a", " cat", "s", "."), ((0, 1), (1, 5), (5, 6), (6, 7))),  # the space leads
        (("a", "cat", "s", "."), ((0, 1), (1, 5), (5, 6), (6, 7))),  # only in the spans
        (("a", "cat", "s", "."), ((0, 1), (2, 5), (5, 6), (6, 7))),  # only between the spans
        (("a ", "cat", "s", "."), ((0, 2), (2, 5), (5, 6), (6, 7))),  # the space follows
    ],
)
def test_spaces_stand_where_the_answer_has_them(tokens, spans):
    assert read(pieces_of(generation_of(tokens, "a cats.", spans))) == "a cats."


def test_line_breaks_are_kept_and_signs_are_seen():
    text = "one\n\ntwo"
    generation = generation_of(("one", "\n\n", "two"), text, ((0, 3), (3, 5), (5, 8)))
    assert read(pieces_of(generation)) == "one↵↵\ntwo"


def test_a_letter_of_several_tokens_has_a_place_holder_for_the_unfinished_ones():
    generation = generation_of(("", "猫"), "猫", ((0, 1), (0, 1)))
    assert [piece.text for piece in pieces_of(generation)] == ["◌", "猫"]


def test_special_tokens_stand_apart():
    generation = generation_of(("cat", "</s>"), "cat", ((0, 3), (3, 3)), (False, True))
    assert read(pieces_of(generation)) == "cat </s>"


def test_only_explained_tokens_have_evidence():
    first, second = pieces_of(generation_of(("a", " cat"), "a cat", ((0, 1), (1, 5))))
    assert (first.owner, second.owner) == (0, None)
    assert first.evidence == 0.0  # a planted model without evidence
    assert second.evidence is None


def test_a_token_belongs_to_its_smallest_target(every_word):
    from eagle_mllm.report.tokens import pieces_of

    owners = [piece.owner for piece in pieces_of(every_word[::-1])]
    assert owners == [5, 4, 3, 2, 1, None]


def test_text_that_could_spoil_a_page_is_made_harmless():
    from eagle_mllm.report.tokens import clean

    assert clean("a\x00b\ud800c\u202ed\ne\t") == "a�b�c�d\ne\t"


def test_long_labels_are_cut_between_words():
    from eagle_mllm.report.tokens import shortened

    assert shortened("a cat, sitting on a tree", 10) == "a cat…"
    assert shortened("a cat sitting", 6) == "a cat…"
    assert shortened("extraordinary", 6) == "extra…"
    assert shortened("a cat", 5) == "a cat"
