"""`eagle check`: what is tried, and that one failure does not hide the rest."""

import json

import numpy as np

from eagle_mllm import load_model

PICTURES = [
    np.random.default_rng(seed).integers(0, 256, (40, 30 + seed, 3), dtype=np.uint8)
    for seed in range(2)
]


def test_a_good_model_passes_every_step_and_the_result_is_json():
    from eagle_mllm.models.examination import examine

    model = load_model("demo/llava", device="cpu")
    steps = dict(examine(model, PICTURES))
    assert list(steps) == [
        "model",
        "answer",
        "self-check",
        "pixels",
        "repeated",
        "speed",
        "explanation",
    ]
    assert all(step["ok"] for step in steps.values()), steps
    assert [row["images"] for row in steps["speed"]["passes"]] == [1, 2, 4, 8]
    assert len(steps["pixels"]["grey_levels"]) == len(PICTURES)
    assert max(steps["pixels"]["grey_levels"]) < 1
    assert 1 <= len(steps["explanation"]["words"]) <= 5
    json.dumps(steps, allow_nan=False)


def test_a_step_that_fails_says_why_and_the_next_ones_go_on(monkeypatch):
    from eagle_mllm.models import examination

    def broken(*_):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(examination, "_speed", broken)
    steps = dict(examination.examine(load_model("demo/llava", device="cpu"), PICTURES))
    assert steps["speed"] == {"ok": False, "found": "RuntimeError: no such kernel"}
    assert steps["explanation"]["ok"]


def test_a_model_that_takes_one_picture_a_pass_is_said_to_and_timed_with_one(monkeypatch):
    from eagle_mllm.models.examination import examine
    from eagle_mllm.models.families.llava import Llava

    pixels = Llava.pixels

    def of_one(self, images, prompt):
        (image,) = images
        return pixels(self, [image], prompt)

    monkeypatch.setattr(Llava, "pixels", of_one)
    model = load_model("demo/llava", device="cpu", pixels="processor")
    steps = dict(examine(model, PICTURES[:1]))
    assert "one picture a pass: a pass of several pictures fails" in steps["self-check"]["found"]
    assert [row["images"] for row in steps["speed"]["passes"]] == [1]
    assert steps["explanation"]["ok"]
