"""What is installed, and from what, is what the project says."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "eagle_mllm"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FAMILIES = ("llava", "qwen2_5_vl", "internvl")
EXTRAS = {"models", "report", "superpixels", "scale", "web", "engines", "dev"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(_read(wheel, "METADATA"))


def _read(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def _pins() -> dict[str, str]:
    """Distribution -> exact version, read from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "each line of constraints.txt is name==version"
    return {canonicalize_name(name): version for name, version in pairs}


# --- the wheel -----------------------------------------------------------------------------------


def test_the_wheel_holds_every_file_of_the_package(wheel):
    files = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".DS_Store"
    }
    packed = {name for name in wheel.namelist() if name.startswith("eagle_mllm/")}
    assert packed == files


def test_every_folder_with_code_is_a_package():
    # A folder without __init__.py imports all the same, but import-linter never looks into it.
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_wheel_ships_the_demo_model_of_each_family(wheel, family):
    folder = f"eagle_mllm/scenes/checkpoints/{family}/"
    shipped = {name.removeprefix(folder) for name in wheel.namelist() if name.startswith(folder)}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= shipped


def test_the_wheel_ships_templates_and_the_marker_of_typed_packages(wheel):
    assert "eagle_mllm/py.typed" in wheel.namelist()
    assert any(name.startswith("eagle_mllm/report/pages/templates/") for name in wheel.namelist())


def test_the_wheel_puts_nothing_beside_the_package(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"eagle_mllm", f"eagle_mllm-{PROJECT['version']}.dist-info"}


# --- metadata ------------------------------------------------------------------------------------


def test_the_metadata_names_the_package_its_version_python_and_licence(metadata):
    assert metadata["Name"] == "eagle-mllm"
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"


def test_the_extras_are_those_that_the_documentation_names(metadata):
    assert set(metadata.get_all("Provides-Extra")) == EXTRAS


def test_the_commands_lead_to_their_functions(wheel):
    lines = _read(wheel, "entry_points.txt").split("\n")
    assert "eagle = eagle_mllm.cli.main:main" in lines
    assert "eagle-scenes = eagle_mllm.scenes.cli:main" in lines


@pytest.mark.parametrize("name", ["eagle", "eagle-scenes"])
def test_a_command_can_be_loaded(name):
    (entry,) = distribution("eagle-mllm").entry_points.select(group="console_scripts", name=name)
    assert callable(entry.load())


def test_the_default_install_has_what_the_demo_needs_and_no_torchvision():
    core = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert {"numpy", "pillow", "scikit-image", "torch", "transformers", "matplotlib"} <= core
    extras = PROJECT["optional-dependencies"]
    with_it = [name for name, lines in extras.items() if "torchvision" in " ".join(lines)]
    assert "torchvision" not in core
    assert with_it == ["models"]  # asked for by the processors of some hub models


def test_the_newest_entry_of_the_changelog_is_the_version():
    versions = re.findall(r"^## \[(.+?)\] - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == PROJECT["version"]


# --- pins ----------------------------------------------------------------------------------------


def test_torch_is_pinned_without_a_build_tag_and_torchvision_is_not_there():
    pins = _pins()
    assert pins["torch"] == "2.13.0"
    assert "torchvision" not in pins
    assert not [name for name, version in pins.items() if "+" in version]


def test_every_pin_lies_in_the_range_that_users_get():
    pins = _pins()
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]:
        requirement = Requirement(line)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, line


def test_everything_that_the_development_environment_pulls_in_is_pinned():
    assert _closure("eagle-mllm", extras={"dev"}) - {"eagle-mllm"} <= _pins().keys()


def _closure(name: str, *, extras: set[str]) -> set[str]:
    """Names of all installed distributions that `name` needs, itself included."""
    seen: set[str] = set()
    todo = [(name, frozenset(extras))]
    while todo:
        name, asked = todo.pop()
        if name in seen:
            continue
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        seen.add(name)
        if name == "torch":  # a CUDA build names dozens of its own exact pins
            continue
        for requirement in map(Requirement, lines):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in (*asked, "")):
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return seen


# --- set-up --------------------------------------------------------------------------------------


def test_make_demo_installs_by_the_constraints_and_then_runs_the_demo(tmp_path):
    done = subprocess.run(
        ["make", "--dry-run", "demo", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    install = done.stdout.index("install -c constraints.txt -e .")
    assert done.stdout.index("-m venv") < install < done.stdout.index("bin/eagle demo")


def test_every_skip_is_explained_in_quarantines():
    skips = re.compile(r"mark\.(skip|skipif|xfail)\b|pytest\.(skip|xfail|importorskip)\(")
    here = Path(__file__)
    skipping = {
        path.relative_to(here.parent).as_posix()
        for path in here.parent.rglob("*.py")
        if path != here and skips.search(path.read_text())
    }
    page = (here.parent / "QUARANTINES.md").read_text()
    listed = set(re.findall(r"^\| `(.+?\.py)` \|", page, re.MULTILINE))
    assert listed == skipping
