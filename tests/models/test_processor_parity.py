"""Our adapters make the inputs that the full processors of transformers make, without torchvision.

The full processors of Qwen-VL and InternVL cannot be built without torchvision, which is no
dependency of ours: they run in another process, with torchvision from a folder of its own. Both
sides use the Pillow image processor, so the inputs are equal to the last bit.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

KINDS = ["llava", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "internvl"]
SIZES = {"upright": (40, 28), "wide": (28, 43), "strip": (16, 90), "small": (9, 11)}
PROMPTS = ["Describe the image.", "Ist das ein Hündchen?\nJa oder nein – 答え?"]
TORCHVISION = Path(sys.prefix) / "parity"
INSTALL = f"pip install --no-deps --target {TORCHVISION} torchvision==0.28.0"


@pytest.fixture(scope="module")
def images(tiny):
    generator = np.random.default_rng(5)
    return {
        name: generator.integers(0, 256, size=(*size, 3), dtype=np.uint8)
        for name, size in SIZES.items()
    }


@pytest.fixture(scope="module")
def expected(checkpoint, images, tmp_path_factory):
    """Inputs of the full processors, by "kind/image/prompt/name"."""
    if not (TORCHVISION / "torchvision").is_dir():
        pytest.fail(f"this test compares with torchvision in a folder of its own: {INSTALL}")
    folder = tmp_path_factory.mktemp("parity")
    asked = {"folders": {kind: str(checkpoint(kind)) for kind in KINDS}, "prompts": PROMPTS}
    np.savez(folder / "request.npz", asked=json.dumps(asked), **images)
    script = Path(__file__).with_name("full_processors.py")
    arguments = [TORCHVISION, folder / "request.npz", folder / "answer.npz"]
    done = subprocess.run(
        [sys.executable, script, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "answer.npz"))


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_equal_those_of_the_full_processor(expected, load, images, kind):
    family = load(kind).family
    compared = set()
    for name, image in images.items():
        for number, prompt in enumerate(PROMPTS):
            ours = family.generation_inputs(family.encode(image, prompt))
            prefix = f"{kind}/{name}/{number}/"
            theirs = {
                key.removeprefix(prefix): value
                for key, value in expected.items()
                if key.startswith(prefix)
            }
            assert set(ours) == set(theirs) - {"num_patches"}
            for key, value in ours.items():
                np.testing.assert_array_equal(value.numpy(), theirs[key], err_msg=prefix + key)
                compared.add(key)
    assert {"input_ids", "pixel_values"} <= compared


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_holds_what_single_images_hold(load, images, kind):
    family = load(kind).family
    image = images["wide"]
    other = np.ascontiguousarray(image[:, ::-1])
    prompt = family.encode(image, PROMPTS[0])
    together = family.pixels([image, other], prompt)
    single = [family.pixels([one], prompt) for one in (image, other)]
    for key, value in together.items():
        np.testing.assert_array_equal(
            value.numpy(), np.concatenate([inputs[key].numpy() for inputs in single])
        )
