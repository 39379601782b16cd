"""IGOS++ against plain numpy."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from eagle_mllm.baselines.blurring import blurred
from eagle_mllm.baselines.igos import IgosPlusPlus, Integrals, keywords
from eagle_mllm.baselines.igos_mask import Edges, Grid, Nesterov, Penalty

QUIET = IgosPlusPlus(noise=0.0, size=4, samples=5)


def up(mask, shape=(16, 24)):
    """Bilinear interpolation with half-pixel centres, one axis after the other."""

    def stretched(line, length):
        places = (np.arange(length) + 0.5) * len(line) / length - 0.5
        return np.interp(places, np.arange(len(line)), line)

    tall = np.apply_along_axis(stretched, 0, mask, shape[0])
    return np.apply_along_axis(stretched, 1, tall, shape[1])


def integral(question, mask, *, kept, put, samples=5):
    """The mean of log p along the path, by the formula of the written model."""
    evidence = np.zeros((16, 24, 1))
    evidence[8:, 8:16] = 1 / 64
    at_pixels = up(mask)[..., np.newaxis]
    total = 0.0
    for step in range(1, samples + 1):
        share = step / samples * at_pixels
        blend = share * kept + (1 - share) * put
        total += -0.5 * (evidence * (blend / 255 - 1) ** 2).sum()
    return total / samples


@pytest.fixture
def mask():
    return np.random.default_rng(0).uniform(0.2, 0.9, (4, 4))


@pytest.mark.parametrize("kind", ["deletion", "insertion"])
def test_an_integral_and_its_gradient_are_those_of_plain_numpy(question, mask, kind):
    asked = question()
    image = asked.generation.image.astype(float)
    ends = {"kept": image, "put": blurred(asked.generation.image)}
    if kind == "insertion":
        ends = {"kept": ends["put"], "put": ends["kept"]}
    found = getattr(Integrals(QUIET, asked), kind)(mask)
    assert found.value == pytest.approx(integral(asked, mask, **ends), rel=1e-5)
    for cell in [(0, 0), (2, 1), (3, 2)]:
        step = np.zeros((4, 4))
        step[cell] = 1e-3
        rise = integral(asked, mask + step, **ends) - integral(asked, mask - step, **ends)
        assert found.gradient[cell] == pytest.approx(rise / 2e-3, abs=1e-6, rel=1e-4)


def test_the_variant_of_the_tables_inserts_as_it_deletes(question, mask):
    integrals = Integrals(replace(QUIET, variant="eagle"), question())
    assert integrals.insertion(mask).value == integrals.deletion(mask).value


def test_the_convex_term_is_annealed_away():
    weights = [IgosPlusPlus().convexity_at(step) for step in range(3)]
    np.testing.assert_allclose(weights, [0.1, 0.1 * exp(-1), 0.1 * exp(-2)])
    compound = [IgosPlusPlus(variant="eagle").convexity_at(step) for step in range(3)]
    np.testing.assert_allclose(compound, [0.1, 0.1 * exp(-1), 0.1 * exp(-3)])


def test_a_nesterov_step_by_hand():
    both = np.array([[1.0, 1.0], [-1.0, -1.0]])
    moving = Nesterov(0.5 + 0.4 * both, rate=0.5, momentum=1.0)
    moving.step(0.4 * both)  # c_0 = 0.7 and 0.3, no momentum yet
    np.testing.assert_allclose(moving.mask, 0.5 + 0.2 * both)
    moving.step(0.2 * both)  # c_1 = 0.6 and 0.4, and half of c_1 − c_0 on top
    np.testing.assert_allclose(moving.mask, 0.5 + 0.05 * both)
    moving.step(9 * both)
    assert moving.mask.tolist() == [[0, 0], [1, 1]]


def penalty_value(mask, image, *, sparsity, smoothness, convexity):
    values = image / 64.0
    wide = up(mask)
    down = np.exp(-(np.diff(values, axis=0).mean(-1) ** 2) / 0.01)
    across = np.exp(-(np.diff(values, axis=1) ** 2) / 0.01).mean(-1)
    rough = (np.diff(mask, axis=0) ** 2).mean() + (np.diff(mask, axis=1) ** 2).mean()
    rough += (down * np.diff(wide, axis=0) ** 2).mean()
    rough += (across * np.diff(wide, axis=1) ** 2).mean()
    return (
        sparsity * np.abs(1 - mask).mean()
        + smoothness * rough / 2
        + convexity * ((1 - mask) ** 2).sum()
    )


def test_the_gradient_of_the_penalty_is_a_finite_difference(mask):
    image = np.random.default_rng(1).integers(100, 110, (16, 24, 3), dtype=np.uint8)
    gradient = Penalty(sparsity=1.0, smoothness=10.0).gradient(
        mask,
        grid=Grid(4, (16, 24)),
        edges=Edges.of(image, grey_level=1 / 64),
        convexity=0.1,
    )
    weights = {"sparsity": 1.0, "smoothness": 10.0, "convexity": 0.1}
    for cell in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[cell] = 1e-5
        rise = penalty_value(mask + step, image, **weights)
        rise -= penalty_value(mask - step, image, **weights)
        assert gradient[cell] == pytest.approx(rise / 2e-5, rel=1e-3, abs=1e-5)


def test_one_step_of_two_masks_is_that_of_the_formula(question):
    asked = question()
    method = replace(QUIET, iterations=1, rate=0.3, sparsity=0.0, smoothness=0.0, convexity=0.0)
    integrals = Integrals(method, asked)
    ones = np.ones((4, 4))
    d, n = integrals.deletion(ones).gradient, integrals.insertion(ones).gradient
    # X moves by ½(∂D + ∂D − ∂N) and Y by ½(−∂N + ∂D − ∂N), from 1; the products' factors are 1.
    x = np.clip(ones - 0.3 * (d + d - n) / 2, 0, 1)
    y = np.clip(ones - 0.3 * (d - n - n) / 2, 0, 1)
    np.testing.assert_allclose(method._two_masks(integrals), x * y, atol=1e-9)
    single = np.clip(ones - 0.3 * (d - n), 0, 1)
    np.testing.assert_allclose(method._one_mask(integrals), single, atol=1e-9)


def test_noise_is_fresh_for_every_image_and_the_same_for_a_seed(open_model, question):
    def seeds(method):
        asked = question()
        look = open_model.white_box(asked.generation, asked.target)
        integrals = Integrals(method, asked)
        integrals._look = look
        integrals.deletion(np.ones((4, 4)))
        integrals.insertion(np.ones((4, 4)))
        return [seed for call in look.asked for seed in call["noise"].seeds]

    noisy = replace(QUIET, noise=0.2)
    assert len(set(seeds(noisy))) == 10
    assert seeds(noisy) == seeds(replace(noisy, at_once=2))
    assert seeds(noisy) != seeds(replace(noisy, seed=1))


def test_keywords_lose_more_than_a_factor_e():
    text = np.array([True, True, True, False])
    seen, unseen = np.array([-0.1, -0.2, -0.1, -0.1]), np.array([-1.2, -1.1, -0.2, -9.0])
    assert keywords(seen, unseen, is_text=text) == [0]
    # Where none does: the one that loses most probability.
    assert keywords(seen, np.array([-0.2, -0.9, -0.1, -0.1]), is_text=text) == [1]


def test_keywords_are_sought_where_the_whole_answer_is_explained(question, bright):
    assert list(Integrals(QUIET, question(bright.all()))._tokens) == [0]
    everything = Integrals(replace(QUIET, keywords=False), question(bright.all()))
    assert list(everything._tokens) == [0, 1]
    assert list(Integrals(QUIET, question(bright.find("cat")))._tokens) == [0]


@pytest.mark.parametrize(("shape", "length"), [((60, 80, 3), 101), ((70, 520, 3), 201)])
def test_the_blur_is_a_gaussian_cut_at_half_its_width(shape, length):
    from scipy.ndimage import gaussian_filter

    image = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    expected = gaussian_filter(
        image.astype(np.float64), length - 1, radius=length // 2, axes=(0, 1), mode="mirror"
    )
    np.testing.assert_allclose(blurred(image), expected, atol=1e-2)
    assert blurred(np.full((1, 1, 3), 7, np.uint8)) == pytest.approx(7)
