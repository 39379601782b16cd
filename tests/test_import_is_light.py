"""`import eagle_mllm` costs nothing until something is used."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "matplotlib",
    "skimage",
    "scipy",
    "cv2",
    "PIL",
    "numpy",
    "jaxtyping",
    "rich",
    "typer",
    "jinja2",
    "pydantic",
)

PROBE = f"""
import sys, time
before = set(sys.modules)
start = time.perf_counter()
import eagle_mllm
seconds = time.perf_counter() - start
loaded = set(sys.modules) - before
print(seconds)
print(",".join(name for name in {HEAVY!r} if name in loaded))
print(len(loaded))
"""


def _fresh_python(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.split("\n")


@pytest.fixture(scope="module")
def probe() -> list[str]:
    return _fresh_python(PROBE)


def test_importing_the_package_loads_no_heavy_library(probe):
    assert probe[1] == ""


def test_importing_the_package_is_quick(probe):
    seconds, n_modules = float(probe[0]), int(probe[2])
    assert n_modules < 60  # what decides the time; numpy alone would load more
    assert seconds < 5  # 0.02 on an idle core: a bound that holds on a busy machine


def test_listing_the_names_of_the_door_imports_none_of_them():
    lines = _fresh_python(
        "import sys, eagle_mllm; dir(eagle_mllm); "
        "print([name for name in sys.modules if name.startswith('eagle_mllm.')])"
    )
    assert lines[0] == "[]"


def test_the_method_itself_needs_neither_torch_nor_matplotlib():
    lines = _fresh_python(
        "import sys, eagle_mllm as eagle\n"
        "eagle.attribute, eagle.segment, eagle.load, eagle.metrics, eagle.modality_reliance\n"
        "heavy = ('torch', 'transformers', 'matplotlib', 'skimage', 'cv2')\n"
        "print(','.join(name for name in heavy if name in sys.modules))"
    )
    assert lines[0] == ""


def test_the_command_answers_help_without_loading_torch():
    lines = _fresh_python(
        "import sys\n"
        "from eagle_mllm.cli.main import app\n"
        "try:\n"
        "    app(['explain', '--help'])\n"
        "except SystemExit as end:\n"
        "    code = end.code\n"
        "heavy = ('torch', 'transformers', 'matplotlib', 'skimage', 'cv2')\n"
        "print()\n"
        "print(code, ','.join(name for name in heavy if name in sys.modules), sep='|')"
    )
    assert lines[-2] == "0|"


def test_the_list_of_commands_imports_none_of_them():
    lines = _fresh_python(
        "import sys\n"
        "from eagle_mllm.cli.commands import COMMANDS\n"
        "from eagle_mllm.cli.main import app\n"
        "try:\n"
        "    app(['--help'])\n"
        "except SystemExit as end:\n"
        "    code = end.code\n"
        "found = [name for name in COMMANDS if f'eagle_mllm.cli.{name}' in sys.modules]\n"
        "heavy = [name for name in ('numpy', 'PIL', 'pydantic') if name in sys.modules]\n"
        "print()\n"
        "print(code, found, heavy, sep='|')"
    )
    assert lines[-2] == "0|[]|[]"
