"""Draws docs/images/compare-<model>.png: the caption of one held-out scene by several methods.

python benchmarks/figures.py            the three demo models
python benchmarks/figures.py llava      one of them
"""

import sys
from collections.abc import Sequence

from store import ROOT

import eagle_mllm as eagle
from eagle_mllm.loading import DEMO_TITLES
from eagle_mllm.scenes.language import CAPTION_PROMPT

_SEED = 910003

METHODS = (
    eagle.Eagle(),
    eagle.baselines.IgosPlusPlus(),
    eagle.baselines.Tam(),
    eagle.baselines.LlavaCam(),
    eagle.baselines.RawAttention(),
    eagle.baselines.SingleScan(),
)


def main(names: Sequence[str]) -> None:
    """Draw the figure of each model."""
    image = eagle.scenes.scene(_SEED).image
    regions = eagle.segment(image)
    for name in names or DEMO_TITLES:
        model = eagle.load_model(f"demo/{name}", device="cpu", dtype="float32")
        generation = model.generate(image, CAPTION_PROMPT)
        target = generation.all()
        found = [
            eagle.attribute(model, generation, target, method=method, regions=regions)
            for method in METHODS
        ]
        place = ROOT / "docs" / "images" / f"compare-{name}.png"
        # No name of a program in the file: the same results give the same bytes.
        eagle.report.comparison(found).savefig(place, dpi=110, metadata={"Software": None})
        print(place.relative_to(ROOT), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
