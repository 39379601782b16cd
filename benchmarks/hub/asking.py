"""Uses one checkpoint as a user would, and compares its numbers with the reference."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from reference import Reference, masked
from vocabularies import ANSWER, PROMPT

import eagle_mllm as eagle

TALL, WIDE = (60, 44), (30, 100)
CASES = {
    "tall": (TALL, ANSWER, 4),
    "wide": (WIDE, ANSWER, 4),
    # Longer than the sliding windows of these models.
    "long": (TALL, " ".join([ANSWER] * 20), 2),
}
"""Size of a picture, an answer about it, and how many subsets of it are scored."""
HEAVY = {"aria", "got_ocr2", "gemma3n"}
"""Checkpoints that cannot be made small: one picture and four regions have to do."""


def picture(size):
    """A picture with smooth colours and noise."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(height).integers(0, 60, size=(height, width, 3))
    smooth = np.stack([120 + 90 * np.sin(x / 7), 120 + 90 * np.cos(y / 9), 3 * ((x + y) % 60)], -1)
    return Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))


class Asked:
    """What came of one checkpoint in one environment.

    Args:
        name: of the checkpoint
        folder: where it is
        scores: a file for its scores, so that the other environment can be compared
    """

    def __init__(self, name, folder, scores):
        self.name, self.folder, self.scores = name, folder, scores
        self.row = {"checkpoint": name, "steps": {}}

    def use(self, *, compare):
        """Load, answer, explain, save, score; then compare.

        Args:
            compare: whether the reference can be asked here; else scores of `scores` are the judge
        """
        started = time.monotonic()
        model = self._step("load", lambda: eagle.load_model(self.folder, device="cpu"))
        if model is None:
            return self.row
        self.row |= {"path": model.info.family, "image": model.info.details["image_processor"]}
        self.row["pixels"] = model.info.details["pixels"]
        self._answers(model)
        scored = self._step("score", lambda: self._scored(model)) or {}
        if (why := model.info.details.get("batch_reason")) is not None:
            self.row["batch_reason"] = why
        self.row["seconds"] = round(time.monotonic() - started, 1)
        if compare:
            self._step("reference", lambda: self._compare(scored))
        elif scored and self.scores.is_file():
            judge = np.load(self.scores)
            differ = [
                float(np.abs(np.log(scored[key]) - np.log(judge[key])).max())
                for key in scored
                if key.endswith("probability")
            ]
            self.row["logp_other"] = max(differ)
        return self.row

    def _step(self, label, run):
        try:
            value = run()
        except Exception as error:  # whatever a user would meet
            text = " ".join(str(error).split()).replace(str(self.folder), self.name)
            self.row["steps"][label] = f"{type(error).__name__}: {text[:400]}"
            self.row.setdefault("worded", isinstance(error, eagle.errors.EagleError))
            return None
        self.row["steps"][label] = "ok"
        return value

    def _answers(self, model):
        photo = picture(TALL)
        self.free = self._step("generate", lambda: model.generate(photo, PROMPT, max_new_tokens=4))
        answer = self._step("with_answer", lambda: model.with_answer(photo, PROMPT, ANSWER))
        if self.free is None or answer is None:
            return
        regions = eagle.segment(photo, method="grid", n_regions=4)
        made = self._step(
            "attribute",
            lambda: eagle.attribute(
                model,
                self.free,
                self.free.all(include_eos=True),
                regions=regions,
                method=eagle.Eagle(search=eagle.GreedySearch()),
            ),
        )
        if made is not None:
            self._step("save and load", lambda: self._saved(made))

    def _saved(self, attribution):
        with tempfile.TemporaryDirectory() as folder:
            eagle.save(attribution, Path(folder, "one.npz"))
            again = eagle.load(Path(folder, "one.npz"))
        assert np.array_equal(again.saliency, attribution.saliency)

    def _scored(self, model):
        found = {}
        for label, (size, text, n_subsets) in CASES.items():
            if self.name in HEAVY and label != "tall":
                continue
            photo = picture(size)
            answer = model.with_answer(photo, PROMPT, text)
            cut = eagle.segment(photo, method="grid", n_regions=4)
            shown = np.random.default_rng(3).random((n_subsets, len(cut))) < 0.6
            shown[0] = True
            target = answer.all()
            scorer = model.scorer(answer, target, cut)
            scores = scorer(shown)
            self.row["images_a_pass"] = scorer.preferred_batch_size
            found |= {
                f"{label} probability": scores.probability,
                f"{label} labels": cut.labels,
                f"{label} shown": shown,
                f"{label} ids": np.array(answer.ids),
                f"{label} positions": np.array(target.positions),
                f"{label} rendered": np.array(answer.rendered),
            }
        return found

    def _compare(self, scored):
        backend = "pil" if self.row["image"].endswith("Pil") else "torchvision"
        reference = Reference(self.name, self.folder, backend=backend)
        rows = []
        for label, (size, _, _) in CASES.items():
            if f"{label} shown" not in scored:
                continue
            photo, ids = picture(size), scored[f"{label} ids"].tolist()
            positions = scored[f"{label} positions"]
            kept = ids[: int(positions.max()) + 1]
            # A given answer comes after the end of a thought that the template opens.
            closing = reference.closing(str(scored[f"{label} rendered"]))
            theirs = np.array(
                [
                    reference.log_probability(
                        masked(photo, scored[f"{label} labels"], row), [*closing, *kept]
                    )[len(closing) :]
                    for row in scored[f"{label} shown"]
                ]
            )[:, positions]
            ours = np.log(scored[f"{label} probability"].astype(float))
            rows.append(
                {
                    "p": float(np.abs(np.exp(theirs) - np.exp(ours)).max()),
                    "logp": float(np.abs(theirs - ours).max()),
                    "spread": float(np.ptp(theirs, axis=0).max()),
                }
            )
        self.row |= {key: max(row[key] for row in rows) for key in rows[0]}
        np.savez(self.scores, **scored)
        if self.free is not None:
            own = reference.answer(picture(TALL), n_tokens=4)
            self.row["same_answer"] = own[: len(self.free.ids)] == list(self.free.ids)


def write(path, row):
    """One row as JSON."""
    path.write_text(json.dumps(row))
