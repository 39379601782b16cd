"""Remembered tiles of InternVL, judged by the model that encodes every tile of every subset."""

import numpy as np
import pytest
import torch

N_TILES = 6
"""Of a picture of 16 x 96 pixels, cut into squares of 16; a thumbnail comes with them."""


@pytest.fixture
def wide(load, tiny):
    """A model, an answer about a wide picture and six regions, each one tile of it."""
    from eagle_mllm.attribution.regions import Regions

    model = load("internvl", pixels="component")
    image = np.random.default_rng(0).integers(0, 256, (16, 96, 3), dtype=np.uint8)
    labels = np.repeat(np.arange(N_TILES), 16)[np.newaxis].repeat(16, axis=0)
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    return model, generation, Regions.from_labels(labels)


def scorer_of(model, generation, regions):
    return model.scorer(generation, generation.all(), regions)


def without_memory(model, generation, regions):
    scorer = scorer_of(model, generation, regions)
    scorer._vision = None
    return scorer


def random_subsets(n_rows, n_regions=N_TILES, seed=0):
    shown = np.random.default_rng(seed).random((n_rows, n_regions)) < 0.5
    shown[0], shown[-1] = True, False
    return shown


def test_a_region_touches_its_tile_and_the_thumbnail(wide):
    memory = scorer_of(*wide)._vision
    expected = np.concatenate([np.eye(N_TILES, dtype=bool), np.ones((1, N_TILES), bool)])
    np.testing.assert_array_equal(memory._touching, expected)


def test_a_region_touches_the_tiles_into_which_the_filter_reaches(load, tiny):
    from eagle_mllm.attribution.regions import Regions

    model = load("internvl", pixels="component")
    image = np.full((40, 240, 3), 200, np.uint8)  # resized by 0.4 to 16 x 96
    labels = np.repeat(np.arange(12), 20)[np.newaxis].repeat(40, axis=0)
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    memory = scorer_of(model, generation, Regions.from_labels(labels))._vision
    # Regions are half a tile wide; the filter reaches five pixels to each side.
    for tile in range(N_TILES):
        assert np.flatnonzero(memory._touching[tile]).tolist() == [
            region for region in range(2 * tile - 1, 2 * tile + 3) if 0 <= region < 12
        ]


def test_scores_are_those_of_the_model_itself(wide):
    shown = random_subsets(30)
    scorer, own = scorer_of(*wide), without_memory(*wide)
    scores, expected = scorer(shown), own(shown)
    assert expected.probability.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-6)
    assert (scores.predicted == expected.predicted).all()


def test_features_are_those_of_the_model_itself(wide):
    model, *_ = wide
    scorer = scorer_of(*wide)
    shown = random_subsets(8)
    for rows in (shown[:3], shown):
        pixels = scorer._pixels(rows)
        with torch.no_grad():
            ours = scorer._vision(pixels, rows)["image"].pooler_output
            own = model.module.model.get_image_features(**pixels, return_dict=True).pooler_output
        torch.testing.assert_close(ours, own, atol=1e-6, rtol=1e-6)


def test_only_new_tiles_are_encoded(wide):
    scorer = scorer_of(*wide)
    memory = scorer._vision
    nothing, single = np.zeros((1, N_TILES), bool), np.eye(N_TILES, dtype=bool)
    scorer(np.concatenate([nothing] * 4))
    # Six black tiles and a thumbnail; the three copies are in the same batch.
    assert (memory.asked, memory.encoded) == (28, 7)
    scorer(single[:4])
    # One tile and the thumbnail of each.
    assert (memory.asked, memory.encoded) == (56, 15)
    scorer(np.concatenate([single[4:], ~nothing, nothing]))
    # Two tiles, none for the full and the empty image, and four thumbnails.
    assert (memory.asked, memory.encoded) == (84, 21)


def test_the_thumbnail_is_not_kept(wide):
    scorer = scorer_of(*wide)
    scorer(random_subsets(8))
    assert {tile for tile, _ in scorer._vision._features} == set(range(N_TILES))


def test_the_memory_is_bounded_and_forgets_the_oldest(wide):
    scorer = scorer_of(*wide)
    memory = scorer._vision
    scorer(np.zeros((1, N_TILES), bool))
    one_tile = memory.stored_bytes // N_TILES
    assert one_tile == 4 * 32 * 4  # tokens, values, bytes of a float
    memory._limit = 4 * one_tile
    shown = random_subsets(24)
    scores = scorer(shown)
    assert memory.stored_bytes == 4 * one_tile
    assert sum(features.nbytes for features in memory._features.values()) == memory.stored_bytes
    expected = without_memory(*wide)(shown)
    np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-6)


def test_a_tile_is_kept_longer_when_it_was_just_used(wide):
    scorer = scorer_of(*wide)
    memory = scorer._vision
    empty, full = np.zeros((1, N_TILES), bool), np.ones((1, N_TILES), bool)
    scorer(empty)
    memory._limit = 2 * memory.stored_bytes - 1
    scorer(full)
    assert len(memory._features) == 2 * N_TILES - 1
    first_black_tile = (0, np.packbits(empty[0]).tobytes())
    assert first_black_tile not in memory._features
    scorer(empty)
    assert first_black_tile in memory._features


def test_a_kept_tile_is_not_part_of_a_larger_tensor(wide):
    scorer = scorer_of(*wide)
    scorer(random_subsets(8))
    for features in scorer._vision._features.values():
        assert features.untyped_storage().nbytes() == features.nbytes


def test_the_score_of_a_subset_does_not_depend_on_what_was_asked_before(wide):
    shown = random_subsets(9)
    together = scorer_of(*wide)(shown).probability
    for row, expected in zip(shown, together, strict=True):
        np.testing.assert_allclose(
            scorer_of(*wide)(row[np.newaxis]).probability[0], expected, atol=1e-6
        )


def test_what_is_kept_is_given_back_when_memory_runs_out(wide, monkeypatch):
    scorer = scorer_of(*wide)
    shown = random_subsets(4)
    expected = scorer(shown).probability
    memory, forward = scorer._vision, scorer._forward

    def small_memory(rows):
        if memory.stored_bytes > 0:
            raise torch.OutOfMemoryError("out of memory")
        return forward(rows)

    monkeypatch.setattr(scorer, "_forward", small_memory)
    np.testing.assert_allclose(scorer(shown[:2]).probability, expected[:2], atol=1e-6)
    assert scorer.preferred_batch_size == 2


def test_no_memory_where_it_could_not_help(load, tiny, wide):
    from eagle_mllm.attribution.regions import Regions

    _, generation, regions = wide
    assert scorer_of(load("internvl"), generation, regions)._vision is None
    model = load("internvl", pixels="component")
    whole = Regions.from_labels(np.zeros(regions.shape, int))
    assert scorer_of(model, generation, whole)._vision is None
    square = model.with_answer(np.ones((16, 16, 3), np.uint8), tiny.PROMPT, tiny.ANSWERS[0])
    halves = Regions.from_labels(np.arange(16)[np.newaxis].repeat(16, axis=0) // 8)
    assert scorer_of(model, square, halves)._vision is None
