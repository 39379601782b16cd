"""The README tells the truth: its code runs, and its figures are those of the committed results."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_results() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "pages.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_the_quick_start_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import eagle_mllm as eagle

    monkeypatch.chdir(tmp_path)
    eagle.scenes.scene(0).image.save("photo.jpg", quality=95)
    first, second = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    # Another model, its words, and few regions, so that it takes seconds.
    for said, meant in {
        '"Qwen/Qwen2.5-VL-3B-Instruct", device="cuda"': '"demo", device="cpu"',
        "Describe the image in one sentence.": "Describe the image.",
        'find("cat")': "at(0)",
        "eagle.attribute(model, generation, target)": (
            "eagle.attribute(model, generation, target, n_regions=9)"
        ),
        "n_regions=64": "n_regions=9",
        "budget=350": "budget=40",
    }.items():
        assert said in first + second
        first, second = first.replace(said, meant), second.replace(said, meant)
    names: dict[str, object] = {}
    exec(first, names)
    assert eagle.load("cat.npz") == names["attribution"]
    assert Path("cat.png").stat().st_size > 10_000
    exec(second, names)
    assert names["attribution"].forward_passes <= 40


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert len(links) >= 4
    assert [link for link in links if not (ROOT / link).exists()] == []
