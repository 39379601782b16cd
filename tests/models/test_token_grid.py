"""Where image tokens look, judged by the models themselves: who notices a change of the photo?"""

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from eagle_mllm.errors import ModelError

OWN = ["llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl"]
SIZES = {
    "square": (48, 48),
    "wide": (40, 90),
    "strip": (24, 120),
    "high": (77, 50),
    "tall": (96, 32),
}
CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]
"""Upper or lower, left or right."""


@pytest.fixture(scope="session")
def blinkered(load):
    """A model in whose tower patches do not see each other, so each token sees its own place."""
    known = {}

    def get(name):
        if name not in known:
            model = load(name)
            for path, part in model.module.named_modules():
                is_output = path.endswith(("out_proj", "attn.proj", "attention.projection_layer"))
                if is_output and "language_model" not in path:
                    torch.nn.init.zeros_(part.weight)
                    torch.nn.init.zeros_(part.bias)
            known[name] = model
        return known[name]

    return get


def grid_of(model, image):
    prompt = model.family.encode(image, "What is this?")
    return model.family.token_grid(prompt), prompt


@torch.no_grad()
def features(model, image):
    """One row per image token, in the order of the prompt."""
    prompt = model.family.encode(image, "What is this?")
    output = model.module.model.get_image_features(**prompt.pixels, return_dict=True)
    rows = output.pooler_output
    rows = torch.cat(list(rows)) if isinstance(rows, tuple | list) else rows.flatten(0, -2)
    return rows.numpy()


def noise(size):
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def kept_box(grid):
    """Rows and columns that the map covers: the whole photo, or LLaVA's centre crop."""
    covered = grid.to_image(np.ones(len(grid.positions))) > 0
    return np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))


def in_corner(values, grid, corner):
    """The share of a map's mass that lies in one quarter of what is covered."""
    rows, columns = kept_box(grid)
    halves = [
        np.array_split(places, 2)[half]
        for places, half in zip((rows, columns), corner, strict=True)
    ]
    return values[np.ix_(*halves)].sum() / values.sum()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", OWN)
def test_every_image_token_of_the_prompt_has_its_place(load, name, size):
    model = load(name)
    grid, prompt = grid_of(model, noise(size))
    image_token = model.module.config.image_token_id
    assert all(prompt.ids[position] == image_token for position in grid.positions)
    assert len(grid.positions) == prompt.ids.count(image_token)
    placed = np.concatenate([view.tokens.ravel() for view in grid.views])
    assert sorted(placed) == list(range(len(grid.positions)))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", OWN)
def test_a_token_in_a_corner_lights_that_corner_of_the_photo(load, name, size):
    grid, _ = grid_of(load(name), noise(size))
    for corner in CORNERS:
        values = np.zeros(len(grid.positions))
        for _, tokens in grid.views:
            values[tokens[-corner[0], -corner[1]]] = 1
        lit = grid.to_image(values)
        assert lit.shape == size
        assert lit.dtype == np.float32
        assert lit.max() > 0.4
        assert in_corner(lit, grid, corner) > 0.5
        rows, columns = kept_box(grid)
        brightest = np.argwhere(lit == lit.max())
        ends = [places[-half] for places, half in zip((rows, columns), corner, strict=True)]
        assert ends in brightest.tolist()


TURNS = {
    3: Image.Transpose.ROTATE_180,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation → what a camera did to the upright picture before it stored it."""


def changed_in(image, corner, grid):
    """The picture with a few pixels inverted in one corner of what the model sees."""
    rows, columns = kept_box(grid)
    place = np.ix_(
        *(
            (places[-4:] if half else places[:4])
            for places, half in zip((rows, columns), corner, strict=True)
        )
    )
    changed = image.copy()
    changed[place] = 255 - changed[place]
    return changed


def lit_by(noticed, grid):
    """A map with a 1 at the token of each view that noticed most."""
    strongest = np.zeros(len(noticed))
    for _, tokens in grid.views:
        inside = tokens.ravel()
        strongest[inside[noticed[inside].argmax()]] = 1
    return grid.to_image(strongest)


@pytest.mark.parametrize(("shape", "orientation"), [*zip(SIZES, TURNS, strict=True)])
@pytest.mark.parametrize("name", OWN)
def test_a_corner_of_a_photo_stored_on_its_side_is_found_where_a_viewer_shows_it(
    blinkered, tiny, tmp_path, name, shape, orientation
):
    model, upright = blinkered(name), noise(SIZES[shape])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation

    def photo(pixels):
        path = tmp_path / "photo.png"
        Image.fromarray(pixels).transpose(TURNS[orientation]).save(path, exif=exif)
        assert not np.array_equal(np.asarray(Image.open(path)), pixels)
        return model.with_answer(path, tiny.PROMPT, tiny.ANSWERS[1])

    grid, _ = grid_of(model, upright)
    before = features(model, photo(upright).image)
    for corner in CORNERS:
        generation = photo(changed_in(upright, corner, grid))
        look = model.white_box(generation, generation.all())
        noticed = np.abs(features(model, generation.image) - before).sum(axis=1)
        assert look.to_image(noticed).shape == SIZES[shape]
        strongest = lit_by(noticed, model.family.token_grid(look._prompt))
        assert in_corner(strongest, grid, corner) > 0.5


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", OWN)
def test_the_tokens_that_notice_a_change_are_those_that_look_there(blinkered, name, size):
    model = blinkered(name)
    image = noise(size)
    grid, _ = grid_of(model, image)
    before = features(model, image)
    for corner in CORNERS:
        changed = changed_in(image, corner, grid)
        noticed = np.abs(features(model, changed) - before).sum(axis=1)
        for _, tokens in grid.views:
            inside = tokens.ravel()
            assert noticed[inside].argmax() == inside.tolist().index(tokens[-corner[0], -corner[1]])
        assert in_corner(lit_by(noticed, grid), grid, corner) > 0.5


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", OWN)
def test_equal_values_give_an_even_map(load, name, size):
    grid, _ = grid_of(load(name), noise(size))
    even = grid.to_image(np.full(len(grid.positions), 3.0))
    assert set(np.unique(even.round(4))) <= {0.0, 3.0}
    if name != "llava":
        assert (even > 0).all()


def test_what_llava_crops_off_is_zero(load):
    # 40 x 90 pixels are resized to 24 x 54, of which columns 15 to 39 are kept: 25 to 65.
    grid, _ = grid_of(load("llava"), noise((40, 90)))
    covered = grid.to_image(np.ones(9)) > 0
    assert covered[:, 25:65].all()
    assert not covered[:, :25].any()
    assert not covered[:, 65:].any()


def test_tiles_are_read_row_by_row_and_the_thumbnail_comes_last(load):
    # 32 x 48 pixels are 2 x 3 tiles of 16 x 16, each of 2 x 2 tokens.
    grid, _ = grid_of(load("internvl"), noise((32, 48)))
    canvas, thumbnail = grid.views
    assert canvas.tokens.tolist() == [
        [0, 1, 4, 5, 8, 9],
        [2, 3, 6, 7, 10, 11],
        [12, 13, 16, 17, 20, 21],
        [14, 15, 18, 19, 22, 23],
    ]
    assert thumbnail.tokens.tolist() == [[24, 25], [26, 27]]


def test_a_photo_in_tiles_is_the_mean_of_canvas_and_thumbnail(load):
    grid, _ = grid_of(load("internvl"), noise((32, 48)))
    values = np.zeros(28)
    values[0] = 1  # the corner of the canvas
    assert grid.to_image(values)[0, 0] == 0.5
    values[24] = 0.5  # the corner of the thumbnail
    assert grid.to_image(values)[0, 0] == 0.75


def test_values_between_the_centres_of_cells_are_interpolated():
    from eagle_mllm.models.pixels.pipeline import View
    from eagle_mllm.models.token_grid import TokenGrid, TokenView

    # Two cells over eight columns: their centres lie between columns 1 and 2, and 5 and 6.
    grid = TokenGrid(
        size=(1, 8),
        positions=np.array([4, 5]),
        views=(TokenView(View.whole((1, 8)), np.array([[0, 1]])),),
    )
    expected = [0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1]
    np.testing.assert_allclose(grid.to_image(np.array([0.0, 1.0]))[0], expected, atol=1e-6)


def test_a_class_token_looks_nowhere(load):
    model = load("llava")
    model.family.config.vision_feature_select_strategy = "full"
    grid, _ = grid_of(model, noise((48, 48)))
    assert len(grid.positions) == 10
    assert grid.views[0].tokens.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert grid.to_image(np.eye(10)[0]).max() == 0


def test_a_prompt_with_too_few_image_tokens_is_refused(load):
    from dataclasses import replace

    model = load("llava")
    prompt = model.family.encode(noise((48, 48)), "What is this?")
    image_token = model.module.config.image_token_id
    short = replace(prompt, ids=tuple(token for token in prompt.ids if token != image_token))
    with pytest.raises(ModelError, match=r"holds 0 image tokens, but the grid .* has 9 cells"):
        model.family.token_grid(short)


def test_where_it_is_not_known_it_is_refused(load):
    model = load("llava_next")
    prompt = model.family.encode(noise((48, 48)), "What is this?")
    with pytest.raises(ModelError, match=r"a 'llava_next' model look is not known; use a LLaVA"):
        model.family.token_grid(prompt)
    model = load("llava")
    prompt = model.family.encode(noise((48, 48)), "What is this?")
    model.family.parts.image_processor.resample = 0
    with pytest.raises(ModelError, match=r"settings of this checkpoint's CLIPImageProcessorPil"):
        model.family.token_grid(prompt)
