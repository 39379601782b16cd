"""Remembered tiles of InternVL, judged by the model that encodes every tile of every subset."""

import numpy as np
import pytest
import torch

N_TILES = 6
"""Of a picture of 16 x 96 pixels, cut into squares of 16; a thumbnail comes with them."""

ONE_TILE = 4 * 32 * 4
"""Bytes of the features of a tile: tokens, values, bytes of a float."""


@pytest.fixture
def wide(load, tiny):
    """A model, an answer about a wide picture and six regions, each one tile of it."""
    from eagle_mllm.attribution.regions import Regions

    model = load("internvl", pixels="component")
    image = np.random.default_rng(0).integers(0, 256, (16, 96, 3), dtype=np.uint8)
    labels = np.repeat(np.arange(N_TILES), 16)[np.newaxis].repeat(16, axis=0)
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    return model, generation, Regions.from_labels(labels)


class Watched:
    """What the family makes when a scorer is bound: the memory, and the pixels it is fed with."""

    memory = None
    pixels = None
    limit = 2**30


@pytest.fixture
def watched(monkeypatch):
    """Looks on, and sets the limit of the next memory."""
    from eagle_mllm.models.families.internvl import InternVL
    from eagle_mllm.models.tile_memory import TileMemory

    watched, make = Watched(), InternVL.vision_encoder

    def made(family, module, prompt, pixels):
        watched.pixels, watched.memory = pixels, make(family, module, prompt, pixels)
        if watched.memory is not None:
            watched.memory = TileMemory(module, pixels.touching(), limit=watched.limit)
        return watched.memory

    monkeypatch.setattr(InternVL, "vision_encoder", made)
    return watched


def scorer_of(model, generation, regions):
    return model.scorer(generation, generation.all(), regions)


def without_memory(model, generation, regions):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model.family), "vision_encoder", lambda *_: None)
        return scorer_of(model, generation, regions)


def random_subsets(n_rows, n_regions=N_TILES, seed=0):
    shown = np.random.default_rng(seed).random((n_rows, n_regions)) < 0.5
    shown[0], shown[-1] = True, False
    return shown


def test_a_region_touches_its_tile_and_the_thumbnail(wide, watched):
    scorer_of(*wide)
    expected = np.concatenate([np.eye(N_TILES, dtype=bool), np.ones((1, N_TILES), bool)])
    np.testing.assert_array_equal(watched.pixels.touching(), expected)


def test_a_region_touches_the_tiles_into_which_the_filter_reaches(load, tiny, watched):
    from eagle_mllm.attribution.regions import Regions

    model = load("internvl", pixels="component")
    image = np.full((40, 240, 3), 200, np.uint8)  # resized by 0.4 to 16 x 96
    labels = np.repeat(np.arange(12), 20)[np.newaxis].repeat(40, axis=0)
    generation = model.with_answer(image, tiny.PROMPT, tiny.ANSWERS[0])
    scorer_of(model, generation, Regions.from_labels(labels))
    touching = watched.pixels.touching()
    # Regions are half a tile wide; the filter reaches five pixels to each side.
    for tile in range(N_TILES):
        assert np.flatnonzero(touching[tile]).tolist() == [
            region for region in range(2 * tile - 1, 2 * tile + 3) if 0 <= region < 12
        ]


def test_scores_are_those_of_the_model_itself(wide):
    shown = random_subsets(30)
    scorer, own = scorer_of(*wide), without_memory(*wide)
    scores, expected = scorer(shown), own(shown)
    assert expected.probability.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-6)
    assert (scores.predicted == expected.predicted).all()


def test_features_are_those_of_the_model_itself(wide, watched):
    model, *_ = wide
    scorer_of(*wide)
    shown = random_subsets(8)
    for rows in (shown[:3], shown):
        pixels = watched.pixels(rows)
        with torch.no_grad():
            ours = watched.memory(pixels, rows)["image"].pooler_output
            own = model.module.model.get_image_features(**pixels, return_dict=True).pooler_output
        torch.testing.assert_close(ours, own, atol=1e-6, rtol=1e-6)


def test_only_new_tiles_are_encoded(wide, watched):
    scorer, memory = scorer_of(*wide), watched.memory
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


def test_the_thumbnail_is_not_kept(wide, watched):
    scorer = scorer_of(*wide)
    scorer(random_subsets(8))
    assert watched.memory.stored_bytes == 2 * N_TILES * ONE_TILE  # each tile, shown and hidden
    scorer(np.eye(N_TILES, dtype=bool)[:1])
    assert watched.memory.stored_bytes == 2 * N_TILES * ONE_TILE


def test_the_memory_is_bounded_and_its_scores_stay_right(wide, watched):
    watched.limit = 4 * ONE_TILE
    scorer = scorer_of(*wide)
    shown = random_subsets(24)
    scores = scorer(shown)
    assert watched.memory.stored_bytes == 4 * ONE_TILE
    expected = without_memory(*wide)(shown)
    np.testing.assert_allclose(scores.probability, expected.probability, atol=1e-6)


def test_the_oldest_tile_is_forgotten_and_one_just_used_is_kept(wide, watched):
    watched.limit = (2 * N_TILES - 1) * ONE_TILE  # one too few for every tile, shown and hidden
    scorer, memory = scorer_of(*wide), watched.memory

    def newly_encoded(shown):
        before = memory.encoded
        scorer(np.array([shown], dtype=bool))
        return memory.encoded - before

    nothing, everything = [False] * N_TILES, [True] * N_TILES
    assert newly_encoded(nothing) == newly_encoded(everything) == N_TILES + 1
    # The first black tile had to go: it is encoded again, with the thumbnail, and then kept.
    assert newly_encoded(nothing) == 1 + 1
    assert newly_encoded(nothing) == 1
    # For it the first tile of the whole picture went, the oldest of those not used since.
    assert newly_encoded([True] + [False] * (N_TILES - 1)) == 1 + 1


def test_a_kept_tile_is_not_part_of_a_larger_tensor(wide, watched):
    scorer_of(*wide)(random_subsets(8))
    # The one look inside: what a tile really holds in memory has no counter.
    for features in watched.memory._features.values():
        assert features.untyped_storage().nbytes() == features.nbytes


def test_the_score_of_a_subset_does_not_depend_on_what_was_asked_before(wide):
    shown = random_subsets(9)
    together = scorer_of(*wide)(shown).probability
    for row, expected in zip(shown, together, strict=True):
        np.testing.assert_allclose(
            scorer_of(*wide)(row[np.newaxis]).probability[0], expected, atol=1e-6
        )


def test_what_is_kept_is_given_back_when_memory_runs_out(wide, watched, monkeypatch):
    scorer = scorer_of(*wide)
    shown = random_subsets(4)
    expected = scorer(shown).probability
    module, memory = wide[0].module, watched.memory
    forward, encoded = module.forward, memory.encoded
    attempts = []

    def fails_once(*args, **kwargs):
        attempts.append(memory.stored_bytes)
        if len(attempts) == 1:
            raise torch.OutOfMemoryError("out of memory")
        return forward(*args, **kwargs)

    monkeypatch.setattr(module, "forward", fails_once)
    np.testing.assert_allclose(scorer(shown[:2]).probability, expected[:2], atol=1e-6)
    assert scorer.preferred_batch_size == 2
    assert len(attempts) == 2
    # Between the attempts everything was forgotten: the tiles of two subsets are encoded anew.
    assert attempts[1] < attempts[0]
    assert memory.encoded - encoded > attempts[1] // ONE_TILE


def test_no_memory_where_it_could_not_help(load, tiny, wide, watched):
    from eagle_mllm.attribution.regions import Regions

    _, generation, regions = wide
    scorer_of(load("internvl"), generation, regions)
    assert watched.memory is None
    model = load("internvl", pixels="component")
    whole = Regions.from_labels(np.zeros(regions.shape, int))
    scorer_of(model, generation, whole)
    assert watched.memory is None
    square = model.with_answer(np.ones((16, 16, 3), np.uint8), tiny.PROMPT, tiny.ANSWERS[0])
    halves = Regions.from_labels(np.arange(16)[np.newaxis].repeat(16, axis=0) // 8)
    scorer_of(model, square, halves)
    assert watched.memory is None


def test_a_compiled_memory_encodes_tiles_four_at_a_time_by_what_torch_made(
    wide, watched, monkeypatch
):
    sizes = []

    def compile(function, *, dynamic):
        def call(**arguments):
            sizes.append(len(arguments["pixel_values"]))
            return function(**arguments)

        return call

    monkeypatch.setattr(torch, "compile", compile)
    scorer_of(*wide)
    shown = random_subsets(3)
    pixels = watched.pixels(shown)
    with torch.no_grad():
        expected = watched.memory(pixels, shown)["image"].pooler_output
        watched.memory.forget()
        watched.memory.compile()
        ours = watched.memory(pixels, shown)["image"].pooler_output
    assert set(sizes) == {4}
    torch.testing.assert_close(ours, expected)
