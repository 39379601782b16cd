import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from eagle_mllm.attribution import provenance as module
from eagle_mllm.attribution.model import ModelInfo
from eagle_mllm.attribution.provenance import as_json, provenance
from eagle_mllm.attribution.regions import Regions


def _provenance(**settings):
    return provenance(
        model=ModelInfo(
            id="planted", revision=None, family="none", dtype="float32", device="cpu",
            details={"attention": "eager"},
        ),
        regions=Regions(labels=np.array([[0, 1, 1]]), method="grid", asked=4),
        settings=settings,
    )  # fmt: skip


def _repository(folder: Path) -> Path:
    def git(*arguments):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *arguments],
            check=True,
            capture_output=True,
        )

    package = folder / "src" / "eagle_mllm" / "attribution"
    package.mkdir(parents=True)
    (package / "provenance.py").write_text("1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    return package / "provenance.py"


def test_it_holds_the_model_the_regions_and_the_settings():
    record = _provenance(fill="black", seed=7)
    assert record["model"] == {
        "id": "planted",
        "revision": None,
        "family": "none",
        "dtype": "float32",
        "device": "cpu",
        "details": {"attention": "eager"},
    }
    assert record["regions"] == {"method": "grid", "asked": 4, "got": 2, "shape": [1, 3]}
    assert record["settings"] == {"fill": "black", "seed": 7}


def test_versions_are_those_of_the_installed_packages():
    record = _provenance()
    assert record["packages"]["numpy"] == np.__version__
    assert record["python"] == ".".join(map(str, sys.version_info[:3]))
    assert record["packages"].keys() == {
        "numpy", "pillow", "scikit-image", "torch", "transformers",
    }  # fmt: skip


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(module, "_PACKAGES", ("no-such-package",))
    assert _provenance()["packages"] == {"no-such-package": None}


def test_equal_runs_have_equal_records_that_survive_json():
    record = _provenance(window=(10, 8, 5))
    assert record == _provenance(window=(10, 8, 5))
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_the_record_of_one_run_does_not_change_with_another(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(_repository(tmp_path)))
    _provenance()["git"]["dirty"] = "changed"
    assert _provenance()["git"]["dirty"] is False


def test_the_commit_of_a_clean_and_of_a_changed_checkout(tmp_path, monkeypatch):
    file = _repository(tmp_path)
    monkeypatch.setattr(module, "__file__", str(file))
    clean = _provenance()["git"]
    assert len(clean["commit"]) == 40
    assert not clean["dirty"]
    file.write_text("2\n")
    module._commit_and_changes.cache_clear()
    assert _provenance()["git"] == {"commit": clean["commit"], "dirty": True}


def test_there_is_no_commit_outside_our_own_checkout(tmp_path, monkeypatch):
    # An environment inside somebody else's repository.
    installed = tmp_path / ".venv" / "lib" / "eagle_mllm" / "attribution" / "provenance.py"
    _repository(tmp_path)
    monkeypatch.setattr(module, "__file__", str(installed))
    assert _provenance()["git"] is None


def test_a_checkout_that_git_cannot_read_has_no_commit(tmp_path, monkeypatch):
    file = tmp_path / "src" / "eagle_mllm" / "attribution" / "provenance.py"
    file.parent.mkdir(parents=True)
    (tmp_path / ".git").write_text("broken")
    monkeypatch.setattr(module, "__file__", str(file))
    assert _provenance()["git"] is None


def test_a_machine_without_git_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(_repository(tmp_path)))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _provenance()["git"] is None


@dataclass(frozen=True)
class _Window:
    width: int
    share: float


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("a", "a"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ((1, (2, 3)), [1, [2, 3]]),
        ({1: np.float32(0.5)}, {"1": 0.5}),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.bool_(True), True),
        (_Window(10, 0.5), {"width": 10, "share": 0.5}),
        (Path("a/b"), "a/b"),
    ],
)
def test_any_setting_becomes_plain_json(value, expected):
    assert as_json(value) == expected
    assert type(as_json(value)) is type(expected)


def test_writing_it_imports_no_heavy_package():
    code = (
        "import sys, eagle_mllm.attribution.provenance as p; p._installed('torch'); "
        "print([name for name in ('torch', 'transformers', 'skimage') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
