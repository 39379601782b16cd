"""One diagnosis a family for docs/hallucination.md: the first wrong yes of some held-out scenes.

python experiments/hallucination_figures.py llava qwen2_5_vl internvl
"""

import sys

import numpy as np
from hallucination_lines import ROOT

import eagle_mllm as eagle
from eagle_mllm.scenes import scene
from hallucination import load, questions_of


def main(name: str) -> None:
    """Draw it into docs/images."""
    model = load(name)
    method = eagle.Eagle(search=eagle.MultilevelSearch(budget=500))
    for seed in range(3000, 3200):
        example = scene(seed)
        for question in questions_of(example):
            if question.answer != "No.":
                continue
            generation = model.generate(np.asarray(example.image), question.text)
            if generation.text.startswith("Yes"):
                found = eagle.diagnose(model, generation, "no", method=method)
                path = ROOT / "docs" / "images" / f"diagnosis-{name}.png"
                eagle.report.save_diagnosis_figure(found, path, dpi=70)
                told = (name, seed, question.text, found.outcome, found.passes)
                sys.stdout.write(f"{told}\n")
                return


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        main(chosen)
