"""Code that comes with a checkpoint never runs, and nobody is asked whether it should."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from eagle_mllm.errors import ModelError
from eagle_mllm.loading import CHECKPOINTS, load_model

PACKAGE = Path(__file__).parents[2] / "src" / "eagle_mllm"
DOOR = PACKAGE / "models" / "pretrained.py"
READERS = {"from_pretrained", "cached_file", "get_config_dict", "from_config"}

EVIL = """
from pathlib import Path
Path(__file__).with_name("it_ran").touch()
Path("{marker}").touch()
class Evil:
    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        return cls()
"""


def test_transformers_reads_checkpoints_at_one_place_only():
    readers = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", None))
            if name in READERS:
                readers.setdefault(path, []).append((name, node))
    assert set(readers) == {DOOR}
    (call,) = (node for name, node in readers[DOOR] if name == "from_pretrained")
    trusted = {keyword.arg: keyword.value for keyword in call.keywords}["trust_remote_code"]
    assert trusted.attr == "trusts_code"


def test_no_call_of_the_package_trusts_foreign_code_unless_the_user_said_so():
    said = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "trusts_code"}:
                said.add(ast.unparse(node.value))
    passed_on = {one for one in said if one.split(".")[-1] in {"trust_remote_code", "trusts_code"}}
    assert said == {"False", *passed_on}


def test_nobody_trusts_foreign_code_by_default():
    import inspect

    from eagle_mllm.loading import load_model
    from eagle_mllm.models.settings import ModelSettings

    for made in (load_model, ModelSettings):
        assert inspect.signature(made).parameters["trust_remote_code"].default is False


def evil_folder(source, folder, marker, *, file, changes):
    """A copy of a checkpoint whose one JSON file names code in `evil.py`."""
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "evil.py").write_text(EVIL.format(marker=marker))
    target = folder / file
    content = json.loads(target.read_text()) if target.exists() else {}
    target.unlink(missing_ok=True)
    target.write_text(json.dumps(content | changes))
    return folder


def mapped(*names):
    """Every form in which an `auto_map` may name a class."""
    return {"auto_map": dict.fromkeys(names, "evil.Evil")}


PLACES = {
    "config": ("config.json", mapped("AutoConfig", "AutoModelForImageTextToText", "AutoModel")),
    "config of an unknown type": ("config.json", {"model_type": "evil", **mapped("AutoConfig")}),
    "image processor": (
        "preprocessor_config.json",
        {"image_processor_type": "Evil", **mapped("AutoImageProcessor")},
    ),
    "image processor inside the processor": (
        "processor_config.json",
        {"image_processor": {"image_processor_type": "Evil", **mapped("AutoImageProcessor")}},
    ),
    "processor": ("processor_config.json", {"processor_class": "Evil", **mapped("AutoProcessor")}),
    "processor by its image processor": (
        "preprocessor_config.json",
        {"processor_class": "Evil", **mapped("AutoProcessor", "AutoImageProcessor")},
    ),
    "tokenizer": (
        "tokenizer_config.json",
        {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}},
    ),
    "tokenizer of the config": (
        "config.json",
        {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}},
    ),
    "video processor": (
        "video_preprocessor_config.json",
        {"video_processor_type": "Evil", **mapped("AutoVideoProcessor")},
    ),
    "feature extractor": (
        "preprocessor_config.json",
        {"feature_extractor_type": "Evil", **mapped("AutoFeatureExtractor")},
    ),
    "generation": ("generation_config.json", {"custom_generate": "evil.py"}),
}

SCRIPT = """
import sys
from eagle_mllm.errors import EagleError
from eagle_mllm.loading import load_model
for folder in sys.argv[1:]:
    try:
        load_model(folder, device="cpu")
        print("loaded")
    except EagleError as error:
        print(error)
"""


@pytest.fixture(scope="module")
def sources(checkpoint):
    """A family with a path of its own, and one that goes through its whole processor."""
    return {"own": CHECKPOINTS / "llava", "generic": checkpoint("llava_next")}


@pytest.mark.parametrize("family", ["own", "generic"])
def test_no_code_of_a_folder_runs_although_stdin_says_yes(sources, tmp_path, family):
    marker = tmp_path / "it_ran"
    folders = [
        evil_folder(sources[family], tmp_path / name, marker, file=file, changes=changes)
        for name, (file, changes) in PLACES.items()
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *folders],
        input="y\n" * 100,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = done.stdout.splitlines()
    assert len(outcomes) == len(PLACES)
    assert not marker.exists()
    assert not list(tmp_path.rglob("it_ran"))
    assert "[y/N]" not in done.stdout + done.stderr
    said = dict(zip(PLACES, outcomes, strict=True))
    asking = {"own": "image processor", "generic": "image processor inside the processor"}
    assert "its own code, which is not run" in said[asking[family]]
    assert "needs code of its own, which is never run" in said["config of an unknown type"]


@pytest.mark.parametrize("place", [(), ("text_config",), ("vision_config",)])
def test_attention_from_a_hub_repository_is_refused(sources, tmp_path, place):
    config = json.loads((CHECKPOINTS / "llava" / "config.json").read_text())
    part = config
    for key in place:
        part = part[key]
    part["attn_implementation"] = "somebody/kernels"
    changes = {key: config[key] for key in config}
    folder = evil_folder(
        sources["own"],
        tmp_path / "kernels",
        tmp_path / "it_ran",
        file="config.json",
        changes=changes,
    )
    with pytest.raises(ModelError, match="wants 'somebody/kernels' to compute its attn, foreign"):
        load_model(folder, device="cpu")


def test_the_shipped_models_need_no_code_of_theirs():
    for folder in CHECKPOINTS.iterdir():
        assert not list(folder.glob("*.py"))
        assert "auto_map" not in (folder / "config.json").read_text()
