"""From a plan to pixels: textured backgrounds and shaded shapes, with a mask for each object."""

import math

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageDraw

from eagle_mllm.arrays import RGBImage
from eagle_mllm.scenes.world import COLOURS, SIDE, ObjectPlan, ScenePlan

_ZOOM = 2
"""Shapes are drawn this much larger and reduced, for smooth edges."""

Points = list[tuple[float, float]]


def draw(plan: ScenePlan) -> tuple[RGBImage, list[Bool[np.ndarray, "h w"]]]:
    """The picture of a plan and the mask of each of its objects, in the plan's order."""
    rng = np.random.default_rng(plan.texture_seed)
    canvas = _background(plan.background, rng)
    masks = []
    for planned in plan.objects:
        alpha = _alpha(planned)
        masks.append(alpha >= 0.5)
        _paint(canvas, alpha, planned, rng)
    canvas += rng.normal(0.0, 3.0, size=(SIDE, SIDE, 1)).astype(np.float32)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), masks


def _background(kind: str, rng: np.random.Generator) -> np.ndarray:
    gray = rng.uniform(70, 165)
    colour = np.clip(gray + rng.uniform(-25, 25, size=3), 40, 180)
    if kind == "night":
        colour = np.array([18.0, 22.0, 52.0]) + rng.uniform(0, 14)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    pattern = np.zeros((SIDE, SIDE), np.float32)
    period, angle = rng.uniform(14, 34), rng.uniform(0, math.pi)
    along = rows * math.sin(angle) + columns * math.cos(angle)
    if kind == "stripes":
        pattern = 14.0 * np.sign(np.sin(2 * math.pi * along / period))
    elif kind == "checks":
        pattern = 12.0 * np.sign(
            np.sin(2 * math.pi * rows / period) * np.sin(2 * math.pi * columns / period)
        )
    elif kind == "gradient":
        pattern = 60.0 * (along - along.mean()) / np.ptp(along)
    elif kind in ("speckle", "night"):
        share, height = (0.08, 30.0) if kind == "speckle" else (0.01, 90.0)
        coarse = (rng.random((SIDE // 2, SIDE // 2)) < share).astype(np.float32) * height
        pattern = coarse.repeat(2, axis=0).repeat(2, axis=1)
    return np.asarray(colour[None, None, :] + pattern[:, :, None], dtype=np.float32)


def _paint(
    canvas: np.ndarray, alpha: np.ndarray, planned: ObjectPlan, rng: np.random.Generator
) -> None:
    colour = np.array(COLOURS[planned.colour], np.float32) + rng.uniform(-10, 10, size=3)
    top = planned.center[1] - planned.radius
    height = (np.arange(SIDE, dtype=np.float32) - top) / (2 * planned.radius)
    shade = 1.06 - 0.16 * np.clip(height, 0, 1)
    painted = np.clip(colour[None, None, :] * shade[:, None, None], 0, 255)
    canvas += alpha[:, :, None] * (painted - canvas)


def _alpha(planned: ObjectPlan) -> np.ndarray:
    """Coverage of each pixel by the object, in [0, 1]."""
    stencil = Image.new("L", (SIDE * _ZOOM, SIDE * _ZOOM), 0)
    pen = ImageDraw.Draw(stencil)
    outline, hole = _OUTLINES[planned.shape]
    pen.polygon(_place(outline, planned), fill=255)
    if hole:
        pen.polygon(_place(hole, planned), fill=0)
    return np.asarray(stencil.reduce(_ZOOM), dtype=np.float32) / 255.0


def _place(points: Points, planned: ObjectPlan) -> Points:
    cosine, sine = math.cos(planned.turn), math.sin(planned.turn)
    x0, y0 = planned.center
    scale = planned.radius * _ZOOM
    return [
        (x0 * _ZOOM + scale * (cosine * x - sine * y), y0 * _ZOOM + scale * (sine * x + cosine * y))
        for x, y in points
    ]


def _circle(radius: float = 1.0, x: float = 0.0, y: float = 0.0) -> Points:
    angles = [2 * math.pi * step / 64 for step in range(64)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def _polygon(corners: int, *, inner: float | None = None) -> Points:
    """A regular polygon with a corner at the top, or a star whose inner corners are at `inner`."""
    radii = [1.0] if inner is None else [1.0, inner]
    count = corners * len(radii)
    angles = [2 * math.pi * step / count - math.pi / 2 for step in range(count)]
    return [
        (radii[step % len(radii)] * math.cos(angle), radii[step % len(radii)] * math.sin(angle))
        for step, angle in enumerate(angles)
    ]


def _heart() -> Points:
    points = []
    for step in range(64):
        t = 2 * math.pi * step / 64
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x / 17.0, -(y + 2.0) / 17.0))
    return points


_ARM = 0.3
_OUTLINES: dict[str, tuple[Points, Points | None]] = {
    "circle": (_circle(0.95), None),
    "square": ([(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)], None),
    "triangle": (_polygon(3), None),
    "star": (_polygon(5, inner=0.42), None),
    "cross": (
        [
            (-_ARM, -1.0),
            (_ARM, -1.0),
            (_ARM, -_ARM),
            (1.0, -_ARM),
            (1.0, _ARM),
            (_ARM, _ARM),
            (_ARM, 1.0),
            (-_ARM, 1.0),
            (-_ARM, _ARM),
            (-1.0, _ARM),
            (-1.0, -_ARM),
            (-_ARM, -_ARM),
        ],
        None,
    ),
    "ring": (_circle(0.98), _circle(0.56)),
    "heart": (_heart(), None),
    "moon": (_circle(0.98), _circle(0.86, x=0.48)),
}
