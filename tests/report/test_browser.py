"""The page in a real browser, where there is one."""

import re
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")


@pytest.fixture
def loaded(tmp_path):
    """The document after a page was loaded and its scripts have run."""

    def load(text):
        (tmp_path / "report.html").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--enable-logging=stderr",
                "--virtual-time-budget=2000",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--dump-dom",
                (tmp_path / "report.html").as_uri(),
            ],
            capture_output=True,
            timeout=90,
            check=True,
        )
        said = done.stderr.decode(errors="replace")
        assert [line for line in said.splitlines() if "CONSOLE" in line] == []
        return done.stdout.decode("utf-8")

    return load


def test_the_script_wakes_up_and_breaks_nothing(loaded, every_word):
    from eagle_mllm import report

    document = loaded(report.html(every_word))
    assert re.search(r'<output class="eg-readout">5 of 6 regions shown \(83 %', document)
    assert re.search(r'<input class="eg-range"[^>]* max="6"', document)
    assert 'class="eg-cursor" visibility="visible"' in document
    assert '<canvas class="eg-layer eg-in-live" width="432" height="288"></canvas>' in document


def test_hostile_text_runs_nowhere(loaded, cases):
    from eagle_mllm import report

    document = loaded(report.html(cases("hostile")))
    assert "regions shown" in document  # our own script ran, nothing else complained
    assert document.count("<script") == 2
    assert "49" not in re.findall(r'data-token="\d+"[^>]*>([^<]*)', document)
