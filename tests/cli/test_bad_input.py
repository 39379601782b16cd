"""Bad input: one clear line on stderr, exit code 2, and nothing left behind."""

import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eagle_mllm import report

GRID = ("--regions", "grid", "--n-regions", "4")


@dataclass(frozen=True)
class Case:
    """A command that cannot work, and what the error line must say."""

    name: str
    command: tuple[str, ...]
    says: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda folder: None
    model: str = "planted"


def explain(*options: str, image: str = "photo.png") -> tuple[str, ...]:
    return ("explain", image, *options)


def _truncated_image(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "whole.png")
    data = (folder / "whole.png").read_bytes()
    (folder / "whole.png").unlink()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])


def _animated(folder: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])


def _held(folder: Path) -> None:
    (folder / "held").mkdir()
    (folder / "held/explanation.npz").write_bytes(b"precious")


def _not_an_npz(folder: Path) -> None:
    (folder / "x.npz").write_bytes(b"PK\x03\x04 and nothing more")


def _foreign_npz(folder: Path) -> None:
    np.savez(folder / "x.npz", a=np.zeros(3))


def _float_map(folder: Path) -> None:
    np.save(folder / "map.npy", np.zeros((32, 48)))


def _small_map(folder: Path) -> None:
    np.save(folder / "map.npy", np.zeros((8, 8), int))


def _text(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text("hello") and None


def _text_model(folder: Path) -> None:
    (folder / "writer").mkdir()
    config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}
    (folder / "writer/config.json").write_text(json.dumps(config))


def _empty_folder(folder: Path) -> None:
    (folder / "checkpoint").mkdir()


IMAGES = [
    Case("a missing image", explain(image="nowhere.png"), ("nowhere.png",)),
    Case("text for an image", explain(image="n.png"), ("n.png",), _text("n.png")),
    Case(
        "an empty image file",
        explain(image="empty.png"),
        ("empty.png",),
        lambda folder: (folder / "empty.png").touch(),
    ),
    Case("a truncated image", explain(image="cut.png"), ("cut.png",), _truncated_image),
    Case("an animation", explain(image="moving.gif"), ("moving.gif",), _animated),
    Case("a folder for an image", explain(image="."), ()),
    Case("no image at all", ("explain",), ("IMAGE",)),
]

TARGETS = [
    Case(
        "a misspelt word",
        explain("--word", "trea", *GRID),
        ("'trea'", "did you mean 'tree'"),
    ),
    Case("a span that was not said", explain("--span", "two dogs", *GRID), ("two dogs",)),
    Case("a token beyond the answer", explain("--token", "99", *GRID), ("99",)),
    Case("a token that is no number", explain("--token", "last", *GRID), ("--token", "'last'")),
    Case("an empty token range", explain("--token", "3:3", *GRID), ("--token", "'3:3'")),
    Case("a prompt that is not UTF-8", explain("--prompt", "caf\udce9", *GRID), ("'\\udce9'",)),
    Case("an answer that is not UTF-8", explain("--answer", "caf\udce9", *GRID), ("'\\udce9'",)),
    Case("a word that is not UTF-8", explain("--word", "caf\udce9", *GRID), ("'\\udce9'",)),
    Case("a piece that is not UTF-8", explain("--span", "caf\udce9", *GRID), ("'\\udce9'",)),
    Case(
        "another answer that is not UTF-8",
        explain("--counterfactual", "caf\udce9", *GRID),
        ("'\\udce9'",),
    ),
    Case("an occurrence too many", explain("--word", "cat#2", *GRID), ("no #2", "[cat]")),
    Case("an empty word", explain("--word", " ", *GRID), ("--word",)),
    Case("an empty counterfactual", explain("--counterfactual", "", *GRID), ("--counterfactual",)),
    Case(
        "all words and one word",
        explain("--all-words", "--word", "cat", *GRID),
        ("--all-words",),
    ),
    Case(
        "a counterfactual of a span",
        explain("--counterfactual", "dog", "--span", "a tree", *GRID),
        ("--counterfactual",),
    ),
    Case("an empty given answer", explain("--answer", "  ", *GRID), ("answer", "empty")),
    Case("a silent model", explain(*GRID), ("answer", "empty"), model="silent"),
]

PROMPTS = [
    Case("an empty prompt", explain("--prompt", "", *GRID), ("--prompt", "no text")),
    Case("a blank prompt", explain("--prompt", " \n\t", *GRID), ("--prompt", "no text")),
]

SETTINGS = [
    Case("one region", explain("--n-regions", "1"), ("2",)),
    Case("no region", explain("--n-regions", "0"), ("2",)),
    Case("more regions than pixels", explain("--n-regions", "2000"), ("1536",)),
    Case("an unknown way to cut", explain("--regions", "hexagons"), ("'hexagons'", "slico")),
    Case("a missing label map", explain("--regions", "map.npy"), ("map.npy",)),
    Case(
        "text for a label map",
        explain("--regions", "map.png"),
        ("map.png",),
        _text("map.png"),
    ),
    Case("a label map of floats", explain("--regions", "map.npy"), ("float64",), _float_map),
    Case(
        "a label map of another size",
        explain("--regions", "map.npy"),
        ("(8, 8)", "(32, 48)"),
        _small_map,
    ),
    Case("an unknown fill", explain("--fill", "green"), ("--fill", "green", "black")),
    Case("an unknown search", explain("--search", "magic"), ("--search", "greedy")),
    Case("a budget of nothing", explain("--budget", "0"), ("--budget",)),
    Case("a negative weight", explain("--insight", "-1"), ("--insight",)),
    Case(
        "two weights of zero",
        explain("--insight", "0", "--necessity", "0"),
        ("--insight", "both 0"),
    ),
    Case("a weight that is no number", explain("--insight", "nan"), ("--insight",)),
    Case("a batch of zero", explain("--batch-size", "0"), ("--batch-size", "auto")),
    Case("an unknown number format", explain("--dtype", "int3"), ("--dtype",)),
    Case("no new token", explain("--max-new-tokens", "0"), ("--max-new-tokens",)),
    Case("an unknown option", explain("--heatmap"), ("--heatmap",)),
    Case("an unknown command", ("expalin",), ("expalin", "explain")),
]

MODELS = [
    Case("an unknown demo", explain("--model", "demo/lava"), ("demo/lava", "demo/llava"), model=""),
    Case(
        "a folder without a checkpoint",
        explain("--model", "checkpoint"),
        ("checkpoint", "config.json"),
        _empty_folder,
        model="",
    ),
    Case("a model name that cannot be", explain("--model", "a b"), ("a b",), model=""),
    Case(
        "a model that reads no images",
        explain("--model", "writer"),
        ("writer", "image"),
        _text_model,
        model="",
    ),
    Case(
        "a hub model that cannot be reached",
        explain("--model", "nobody/no-such-model"),
        ("nobody/no-such-model",),
        model="",
    ),
    Case("a model that returns NaN", explain(*GRID), ("nan",), model="broken"),
]

OUTPUTS = [
    Case(
        "a folder under a file",
        explain("--out", "n.txt/deep", *GRID),
        ("n.txt/deep",),
        _text("n.txt"),
        model="never loaded",
    ),
    Case(
        "a folder where none can be made",
        explain("--out", "/proc/eagle", *GRID),
        ("/proc/eagle",),
        model="never loaded",
    ),
    Case(
        "a folder that holds results",
        explain("--out", "held", *GRID),
        ("held", "--force"),
        _held,
        model="never loaded",
    ),
    Case(
        "a file name for a folder",
        explain("--out", "cat.npz", *GRID),
        ("cat.npz", "folder"),
        model="never loaded",
    ),
]

STORED = [
    Case("no stored file", ("show", "nowhere.npz"), ("nowhere.npz",)),
    Case("text for a stored file", ("show", "x.npz"), ("x.npz",), _text("x.npz")),
    Case("a damaged file", ("show", "x.npz"), ("x.npz",), _not_an_npz),
    Case("another program's file", ("show", "x.npz"), ("x.npz",), _foreign_npz),
    Case("a negative seed", ("scene", "-1"), ()),
    Case(
        "a scene under a file", ("scene", "1", "--out", "n.txt/s.png"), ("n.txt",), _text("n.txt")
    ),
    Case("a scene that exists", ("scene", "1", "--out", "n.txt"), ("--force",), _text("n.txt")),
    Case("a demo among results", ("demo", "--out", "held"), ("held", "--force"), _held),
    Case("a demo under a file", ("demo", "--out", "n.txt/d"), ("n.txt",), _text("n.txt")),
]


def _install(model, load):
    from eagle_mllm.testing import PlantedModel

    if model == "planted":
        load(PlantedModel("A cat sits on a tree.", {}))
    elif model == "broken":
        load(PlantedModel("a cat", {}, returns_nan=True))
    elif model == "silent":
        load(PlantedModel("", {}))
    elif model == "never loaded":
        load(AssertionError("the model was loaded before the output folder was tried"))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing is asked of any hub. The switch is read when its library is imported: set both."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if "huggingface_hub" in sys.modules:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def _everything(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def _require_one_clear_line(result, *says):
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("eagle: error: ")
    assert "Traceback" not in line
    for fragment in says:
        assert fragment in line


@pytest.mark.parametrize(
    "case",
    [*IMAGES, *TARGETS, *PROMPTS, *SETTINGS, *MODELS, *OUTPUTS, *STORED],
    ids=lambda case: case.name,
)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(eagle, picture, folder, load, case):
    _install(case.model, load)
    case.prepare(folder)
    before = _everything(folder)
    result = eagle(*case.command)
    _require_one_clear_line(result, *case.says)
    assert _everything(folder) == before


@pytest.fixture
def stored(eagle, picture, planted, monkeypatch):
    command = ("explain", picture, "--word", "cat", *GRID, "--out", "kept", "-q")
    with monkeypatch.context() as sketching:
        sketching.setattr(report, "save_figure", lambda attribution, path, **options: path.touch())
        assert eagle(*command).exit_code == 0
    return Path("kept/explanation.npz")


def _rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, change(name, data))


def test_a_file_of_a_newer_version_is_refused(eagle, stored):
    with np.load(stored) as arrays:
        header = bytes(arrays["header"])
    newer = header.replace(b'"schema_version": 1', b'"schema_version": 9')
    newer = newer.replace(b'"schema_version":1', b'"schema_version":9')
    assert newer != header
    _rewritten(stored, lambda name, data: data.replace(header, newer))
    _require_one_clear_line(eagle("show", stored), "version 9", "upgrade")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_result_is_refused(eagle, stored, share):
    data = stored.read_bytes()
    stored.write_bytes(data[: int(len(data) * share)])
    _require_one_clear_line(eagle("show", stored), "explanation.npz")


@pytest.mark.parametrize("option", ["--html", "--figure"])
def test_show_neither_replaces_a_file_unasked_nor_writes_where_it_cannot(
    eagle, stored, folder, option
):
    (folder / "mine.png").write_bytes(b"precious")
    _require_one_clear_line(eagle("show", stored, option, "mine.png"), "--force")
    assert (folder / "mine.png").read_bytes() == b"precious"
    _require_one_clear_line(eagle("show", stored, option, "nowhere/x.png"), "nowhere")
    assert not (folder / "nowhere").exists()


def test_show_draws_only_kinds_of_figures_it_knows(eagle, stored, folder):
    _require_one_clear_line(eagle("show", stored, "--figure", "cat.doc"), "cat.doc", "svg")
    assert not (folder / "cat.doc").exists()


def test_an_error_of_ours_is_one_line_even_when_its_message_is_not(eagle, picture, load):
    from eagle_mllm.errors import ModelError

    load(ModelError("first\n  second"))
    result = eagle("explain", picture, *GRID)
    assert result.stderr == "eagle: error: first second\n"
    assert result.exit_code == 2


def test_a_bug_keeps_its_traceback_and_leaves_nothing_behind(eagle, picture, folder, load):
    load(ZeroDivisionError("a bug"))
    before = _everything(folder)
    with pytest.raises(ZeroDivisionError):
        eagle("explain", picture, *GRID)
    assert _everything(folder) == before


def test_an_interruption_exits_with_130_and_leaves_nothing_behind(eagle, picture, folder, load):
    load(KeyboardInterrupt())
    before = _everything(folder)
    result = eagle("explain", picture, *GRID)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")
    assert _everything(folder) == before
