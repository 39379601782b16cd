"""TAM's steps by hand."""

from math import exp

import numpy as np
import pytest

from eagle_mllm.baselines.tam import (
    Tam,
    rank_gaussian_filter,
    relevance,
    scaled_with_text,
    without_interference,
)


def test_relevance_is_the_share_of_the_other_tokens():
    weights = relevance(np.array([1.0, 3.0, 4.0]), np.array([True, True, False]))
    np.testing.assert_allclose(weights, [0.25, 0.75, 0], atol=1e-6)
    assert relevance(np.zeros(2), np.ones(2, bool)).tolist() == [0, 0]


def test_the_share_of_interference_is_that_of_least_squares():
    earlier = np.array([[1.0, 0, 0], [0, 2, 0]])
    # B = ½·(1, 0, 0) + ½·(0, 2, 0) = (½, 1, 0); x* = (1·½ + 4·1)/(¼ + 1) = 3.6
    left = without_interference(np.array([1.0, 4, 1]), earlier, np.array([0.5, 0.5]))
    np.testing.assert_allclose(left, [0, 0.4, 1])
    own = np.array([1.0, 2, 3])
    assert without_interference(own, np.zeros((1, 3)), np.ones(1)).tolist() == [1, 2, 3]


def test_map_and_text_are_scaled_together():
    np.testing.assert_allclose(
        scaled_with_text(np.array([1.0, 3]), np.array([0.0, 4])), [0.25, 0.75]
    )
    assert scaled_with_text(np.ones(2), np.ones(1)).tolist() == [0, 0]


def test_the_rank_filter_on_three_by_three_by_hand():
    grid = np.zeros((3, 3))
    grid[1, 1] = 9
    # In every window, reflected, there is one 9 at the centre, two beside it and four at a corner.
    # At the centre: mean 1, standard deviation √8; the 9 is four ranks from the median.
    weights = [exp(-(rank**2) / (2 * 8)) for rank in range(-4, 5)]
    filtered = rank_gaussian_filter(grid)
    assert filtered[1, 1] == pytest.approx(9 * weights[-1] / sum(weights))
    # At a corner: four of nine, so mean 4 and the coefficient of variation √(5/4).
    weights = [exp(-(rank**2) / (2 * 5 / 4)) for rank in range(-4, 5)]
    assert filtered[0, 0] == pytest.approx(9 * sum(weights[5:]) / sum(weights))
    assert filtered[0, 0] == filtered[2, 2] == filtered[0, 2]


def test_where_a_window_is_flat_the_filter_keeps_it():
    np.testing.assert_allclose(rank_gaussian_filter(np.full((3, 4), 0.3)), 0.3)
    assert (rank_gaussian_filter(np.zeros((1, 5))) == 0).all()


def test_a_nearly_flat_window_gives_its_median():
    grid = np.full((3, 3), 1.0)
    grid[0, 0] = 1.0001
    assert rank_gaussian_filter(grid)[1, 1] == 1.0


@pytest.fixture
def saying(question, written_look, monkeypatch):
    """Asks about a token where each id says something of its own at the image."""

    def asked(said, target):
        def lens(self, vocabulary_ids):
            table = np.ones((len(self.ids), len(vocabulary_ids)))
            for column, vocabulary_id in enumerate(vocabulary_ids):
                table[1:25, column] = said.get(vocabulary_id, np.zeros(24))
            return table

        monkeypatch.setattr(written_look, "lens", lens)
        return Tam().map_of(question(target))

    return asked


def test_the_first_token_is_freed_of_what_the_prompt_says(saying, bright):
    left, right = np.kron([[1, 0]], np.ones((4, 3))).ravel(), np.kron([[0, 1]], np.ones((4, 3)))
    first = bright.at(0)
    said = {first.ids[0]: left + right.ravel(), 8: left}
    values = saying(said, first)
    # The word 8 speaks of the left half, and so that half is no evidence of the answer's token.
    assert values[:, :10].max() < values[:, -4:].min()
    alone = saying({first.ids[0]: left + right.ravel()}, first)
    np.testing.assert_allclose(alone[:, :4], alone[:, -4:], atol=1e-6)


def test_the_same_token_in_the_context_is_no_interference(saying, bright):
    from dataclasses import replace

    # Word 9 of the prompt says just what is asked: it is the token itself.
    target = replace(bright.at(0), ids=(9,))
    said = {9: np.linspace(1, 2, 24)}
    assert saying(said, target).max() > 0.5


def test_before_the_first_word_stands_what_the_model_would_say_behind_it(saying, bright):
    first = bright.at(0)
    left = np.kron([[1, 0]], np.ones((4, 3))).ravel()
    # The written model would say 3 there, so 3 interferes and word 7 itself does not.
    assert saying({first.ids[0]: left + 0.5, 3: left}, first)[:, :8].max() < 0.8
    assert saying({first.ids[0]: left + 0.5, 7: left}, first)[:, :8].max() > 0.8


def test_several_tokens_are_the_mean_of_their_maps_and_the_result_says_so(question, bright):
    both = Tam().map_of(question(bright.at(0, 2)))
    alone = [Tam().map_of(question(bright.at(place))) for place in (0, 1)]
    np.testing.assert_allclose(both, np.mean(alone, axis=0), atol=0.2)
    assert "single tokens only" in Tam().settings["several_tokens"]
