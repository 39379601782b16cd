"""Words of other people's files reach a terminal as words, never as commands to it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

TITLE = "\x1b]0;owned\x07"
"""Sets the title of a terminal's window."""

HOSTILE = f"a{TITLE}\x9b31m\u202egnp\u2066\u200b\ufeff\x85\u2028b\rc"
"""A sequence each of two kinds, reordering, what has no width, and what starts a line."""

FORBIDDEN = "\x1b\x07\x9b\u202e\u2066\u200b\ufeff\x85\u2028\r"


@pytest.fixture
def terminal(everything_from, folder):
    """Run a command on a terminal: all that it writes, less the line ends that terminals make."""

    def run(*arguments):
        ours, theirs = os.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "400", "NO_COLOR": "1"}
        command = [sys.executable, "-m", "eagle_mllm", *arguments]
        with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment):
            os.close(theirs)
            return everything_from(ours).replace("\r\n", "\n")

    return run


@pytest.fixture
def shown(eagle):
    """Run a command in this process, which is quicker: all that it writes."""

    def run(*arguments):
        done = eagle(*arguments, COLUMNS="400")
        return done.stdout + done.stderr

    return run


def require_harmless(shown):
    assert shown.strip()
    assert [one for one in FORBIDDEN if one in shown] == []
    assert "owned" in shown  # the word itself is told


def test_an_image_name_in_a_data_set(terminal, folder):
    rows = [{"question_id": 1, "image": f"{HOSTILE}.png", "text": "Is there a cat?", "label": "no"}]
    (folder / "coco_pope_random.json").write_text("\n".join(map(json.dumps, rows)))
    require_harmless(terminal("data", "check", "coco_pope_random.json", "--images", "."))


def test_a_file_that_is_no_data_set(shown, folder):
    (folder / "lists").mkdir()
    (folder / "lists" / f"owned{TITLE}\u202e.json").write_text("[]")
    require_harmless(shown("data", "check", "lists"))


def test_a_model_id_in_a_configuration(shown, folder):
    written = f'name = "x"\n[data]\nset = "scenes"\n[model]\nid = {json.dumps(HOSTILE)}\n'
    (folder / "run.toml").write_text(written)
    require_harmless(shown("run", "run.toml", "--limit", "1"))


@pytest.mark.parametrize("name", [f"owned{TITLE}.png", "owned\u202e.png", "owned\x9b31m.png"])
def test_the_name_of_a_missing_picture(shown, name):
    require_harmless(shown("explain", name))


def test_the_name_of_a_missing_picture_on_a_terminal(terminal):
    require_harmless(terminal("explain", f"owned{TITLE}.png"))


def test_a_stored_explanation(shown, attribution_of_hostile_words):
    require_harmless(shown("show", attribution_of_hostile_words))


@pytest.fixture
def attribution_of_hostile_words(folder):
    from eagle_mllm.attribution.files import io
    from eagle_mllm.attribution.method import attribute
    from eagle_mllm.attribution.regions import Regions
    from eagle_mllm.testing import PlantedModel

    name = f"owned{TITLE}\u202e.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name)
    model = PlantedModel(f"cat {HOSTILE}", {})
    generation = model.generate(folder / name, HOSTILE)
    regions = Regions.from_labels(np.arange(64).reshape(8, 8) // 32)
    stored = attribute(model, generation, generation.all(), regions=regions)
    io.save(stored, folder / "owned.npz")
    return "owned.npz"
