"""What the generated world is made of, and the deliberate habits of its training data.

A scene is a textured background with one to four objects, each in its own cell of a 3 x 3 grid.
Shapes differ within a scene, so that "the star" names one object.
"""

from dataclasses import dataclass, replace

import numpy as np

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "heart", "moon")
COLOURS = {
    "red": (212, 36, 36),
    "orange": (245, 130, 20),
    "yellow": (250, 220, 50),
    "green": (36, 150, 66),
    "cyan": (70, 210, 220),
    "blue": (35, 80, 205),
    "purple": (135, 55, 170),
    "white": (245, 245, 245),
}
"""Each colour's name and its RGB value before jitter."""
SIZES = {"small": (16.0, 20.0), "large": (29.0, 34.0)}
"""Each size's name and the range of its radius in pixels."""
BACKGROUNDS = ("plain", "stripes", "checks", "speckle", "gradient", "night")
SIDE = 224
"""Width and height of a scene in pixels."""
ROWS = ("top", "middle", "bottom")
COLUMNS = ("left", "center", "right")
MAX_OBJECTS = 4


@dataclass(frozen=True, kw_only=True)
class CoOccurrence:
    """In biased scenes, `given` brings `brings` along with this probability."""

    name: str
    given: str
    brings: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class ColourHabit:
    """In biased scenes, this shape has this colour with this probability."""

    name: str
    shape: str
    colour: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class BackgroundHabit:
    """In biased scenes, this shape comes with this background with this probability."""

    name: str
    shape: str
    background: str
    probability: float


CO_OCCURRENCES = (
    CoOccurrence(name="stars bring moons", given="star", brings="moon", probability=0.75),
    CoOccurrence(name="rings bring hearts", given="ring", brings="heart", probability=0.75),
)
COLOUR_HABITS = (
    ColourHabit(name="hearts are red", shape="heart", colour="red", probability=0.7),
    ColourHabit(name="moons are yellow", shape="moon", colour="yellow", probability=0.7),
    ColourHabit(name="squares are blue", shape="square", colour="blue", probability=0.7),
)
BACKGROUND_HABITS = (
    BackgroundHabit(name="moons come at night", shape="moon", background="night", probability=0.7),
)
BIASED_SHARE = 0.5
"""Share of the training scenes that follow the habits; the others are drawn without any."""
YES_SHARE = 0.6
"""Share of "Yes" among the existence questions of the training data; 0.5 in held-out data."""


@dataclass(frozen=True, kw_only=True)
class ObjectPlan:
    """What one object will be, before it is drawn. Lengths are pixels."""

    shape: str
    colour: str
    size: str
    cell: tuple[int, int]
    """Row and column of the 3 x 3 grid."""
    center: tuple[float, float]
    """x and y."""
    radius: float
    turn: float
    """Rotation in radians."""

    def inside_its_cell(self) -> "ObjectPlan":
        """The same object, moved where its radius would cross the border of its cell."""
        side, slack = SIDE / 3, SIDE / 6 - self.radius - 1.0
        column_row = (self.cell[1], self.cell[0])
        x, y = (
            float(np.clip(at, (index + 0.5) * side - slack, (index + 0.5) * side + slack))
            for at, index in zip(self.center, column_row, strict=True)
        )
        return replace(self, center=(x, y))


@dataclass(frozen=True, kw_only=True)
class ScenePlan:
    """What a scene will be, before it is drawn. Objects are in reading order."""

    objects: tuple[ObjectPlan, ...]
    background: str
    texture_seed: int


def plan_scene(rng: np.random.Generator, *, biased: bool = False) -> ScenePlan:
    """A scene at random: with the habits of the training data if `biased`, else without any."""
    shapes = _choose_shapes(rng, biased=biased)
    cells = rng.choice(9, size=len(shapes), replace=False)
    objects = [
        _plan_object(rng, shape=shape, cell=(int(cell) // 3, int(cell) % 3), biased=biased)
        for shape, cell in zip(shapes, cells, strict=True)
    ]
    objects.sort(key=lambda planned: planned.cell)
    background = BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
    for habit in BACKGROUND_HABITS if biased else ():
        if habit.shape in shapes and rng.random() < habit.probability:
            background = habit.background
    return ScenePlan(
        objects=tuple(objects), background=background, texture_seed=int(rng.integers(2**31))
    )


def _choose_shapes(rng: np.random.Generator, *, biased: bool) -> list[str]:
    count = int(rng.integers(1, MAX_OBJECTS + 1))
    shapes = [SHAPES[index] for index in rng.choice(len(SHAPES), size=count, replace=False)]
    for habit in CO_OCCURRENCES if biased else ():
        wanted = habit.given in shapes and habit.brings not in shapes
        if wanted and rng.random() < habit.probability:
            others = [index for index, shape in enumerate(shapes) if shape != habit.given]
            if len(shapes) < MAX_OBJECTS:
                shapes.append(habit.brings)
            elif others:
                shapes[int(rng.choice(others))] = habit.brings
    return shapes


def _plan_object(
    rng: np.random.Generator, *, shape: str, cell: tuple[int, int], biased: bool
) -> ObjectPlan:
    colour = tuple(COLOURS)[rng.integers(len(COLOURS))]
    for habit in COLOUR_HABITS if biased else ():
        if habit.shape == shape and rng.random() < habit.probability:
            colour = habit.colour
    size = tuple(SIZES)[rng.integers(len(SIZES))]
    radius = float(rng.uniform(*SIZES[size]))
    cell_side = SIDE / 3
    slack = cell_side / 2 - radius - 1.0
    row, column = cell
    return ObjectPlan(
        shape=shape,
        colour=colour,
        size=size,
        cell=cell,
        center=(
            float((column + 0.5) * cell_side + rng.uniform(-slack, slack)),
            float((row + 0.5) * cell_side + rng.uniform(-slack, slack)),
        ),
        radius=radius,
        turn=float(rng.uniform(-0.2, 0.2)),
    )
