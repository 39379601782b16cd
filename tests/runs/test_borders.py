"""Whatever a file of a run or a setting holds, it is used or refused in one line."""

import json
import random
import sys
from pathlib import Path

import pytest

from eagle_mllm.errors import ResultError, SettingError
from eagle_mllm.runs.config import load_config, parse_setting
from eagle_mllm.runs.record import Failure, decode, encode, record_of
from eagle_mllm.runs.store import RecordStore, load_run

sys.path.insert(0, str(Path(__file__).parent))
from mutations import SETTINGS, mutated, setting_mutated

# The check of shapes would refuse some values before our own checks can.
pytestmark = pytest.mark.usefixtures("as_users_run_it")

TIMES = [
    pytest.param(500, id="500"),
    pytest.param(20_000, id="20000", marks=pytest.mark.slow),
]

TOML = """
name = "tiny"
[data]
set = "scenes"
task = "caption"
[model]
id = "${HOME}/model"
batch_size = 2
[method]
name = "eagle"
search = { name = "multilevel", budget = 64, seed = 1, least_gain = 0.1 }
objective = { insight = 1.0, necessity = 1.0 }
fill = "black"
[regions]
method = "grid"
count = 4
[run]
limit = 3
seed = 1
[paths]
A = "b"
"""


@pytest.fixture
def record(attribution):
    return record_of(
        "s-1",
        attribution,
        task="object",
        image_name="cat.png",
        image_digest="0" * 32,
        measures={"insertion_auc": 0.1, "pointing_box": float("nan")},
    )


def _require_one_line(error, *places):
    assert len(str(error).splitlines()) == 1
    assert not places or any(place in str(error) for place in places)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_spoilt_record_is_refused_or_can_be_written_again(record, times, is_sealed):
    rng, data = random.Random(12), encode(record)
    if not is_sealed:  # as the first versions wrote it, where only the values can tell
        values = json.loads(data)
        data = json.dumps({key: values[key] for key in values.keys() - {"checksum"}}).encode()
    n_accepted = 0
    for _ in range(times // 2):
        if (spoilt := mutated(data, rng)) == data:
            continue
        try:
            outcome = decode(spoilt)
        except ResultError as error:
            _require_one_line(error)
        else:
            assert decode(encode(outcome)) == outcome
            n_accepted += b'"checksum"' in spoilt or not is_sealed
    # Without a checksum other values pass where they are possible ones.
    assert n_accepted == 0 if is_sealed else 0 < n_accepted < times / 5


@pytest.mark.parametrize("times", TIMES)
def test_a_spoilt_description_or_plan_is_refused_or_used(tmp_path, times):
    rng, store = random.Random(12), RecordStore(tmp_path / "x-1")
    (tmp_path / "run.toml").write_text(TOML)
    config = load_config(tmp_path / "run.toml").model_dump(mode="json")
    store.describe(
        {
            "config": config,
            "data": {"name": "scenes", "fingerprint": "f"},
            "made_with": {"git": None, "packages": {"numpy": "2"}},
        },
        ["a", "b"],
    )
    store.write(Failure(sample_id="a", task="vqa", error="ImageError", reason="is empty"))
    (plan,) = (store.folder / "plans").iterdir()
    whole = {path: path.read_bytes() for path in (store.folder / "run.json", plan)}
    for time in range(times):
        path = rng.choice(list(whole))
        path.write_bytes(mutated(whole[path], rng))
        try:
            run = load_run(store.folder)
            json.dumps([run.config.identity, dict(run.data)], allow_nan=False)
            assert all(
                (store.folder / f"{sample}.json").parent == store.folder for sample in run.planned
            )
        except ResultError as error:
            _require_one_line(error, str(path))
        path.write_bytes(whole[path])
        if time % 100 == 0:
            assert len(load_run(store.folder).failures) == 1


def _require_usable(config):
    for one in (config, config.resolved({"HOME": "/home/me"})):
        json.dumps(one.model_dump(mode="json"), allow_nan=False).encode()
        one.method.make()


@pytest.mark.parametrize("times", TIMES)
def test_a_spoilt_settings_file_is_refused_or_used(tmp_path, times):
    rng, path = random.Random(12), tmp_path / "run.toml"
    n_accepted = 0
    for _ in range(times):
        path.write_bytes(setting_mutated(TOML, rng).encode("utf-8", "surrogatepass"))
        try:
            _require_usable(load_config(path))
            n_accepted += 1
        except SettingError as error:
            _require_one_line(error, "run.toml", "run 'tiny'", "needs ${")
    assert 0 < n_accepted < times / 2


NAMES = ("run.limit", "regions.count", "model.id", "method.search", "method.name", "data.x", "name")
ODD = ("", "a..b", "x." * 500 + "y", "\ud800", "data.\0", "paths.A", "data", "method")


@pytest.mark.parametrize("times", TIMES)
def test_a_setting_of_the_command_line_is_refused_or_used(tmp_path, times):
    rng, path = random.Random(12), tmp_path / "run.toml"
    path.write_text(TOML)
    for _ in range(times):
        name = rng.choice(NAMES if rng.random() < 0.8 else ODD)
        text = f"{name}={rng.choice(SETTINGS)}"
        if rng.random() < 0.4:
            text = setting_mutated(text, rng)
        try:
            _require_usable(load_config(path, settings=dict([parse_setting(text)])))
        except SettingError as error:
            _require_one_line(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run.limit=" + "9" * 5000, "cannot set 'run.limit': Exceeds the limit"),
        ("run.limit=0x" + "f" * 5000, r"run\.limit is beyond 64 bits"),
        ("data.x=nan", r"data\.x is nan; expected a number"),
        ("data.x=[1, [inf]]", r"data\.x is inf; expected a number"),
        ("data.x=" + "[" * 2000, "cannot set 'data.x': it nests too deeply"),
        ("data." + "a." * 400 + "b=1", "nests more than 16 deep"),
        ("model.id=caf\udce9", r"model\.id is 'caf\\udce9'; expected text in Unicode"),
        (r'model.id="a\u0000"', r"model\.id is 'a\\x00'; expected text in Unicode, no zero byte"),
        ("method.search={name='multilevel', budget=nan}", r"search\.budget is nan"),
        ("method.search={name='multilevel', budget=1.5}", "budget must be a whole number"),
        ("method.name=[]", r"unknown method \[\]; choose one of"),
    ],
)
def test_what_no_setting_can_be_is_named(tmp_path, text, message):
    path = tmp_path / "run.toml"
    path.write_text(TOML)
    with pytest.raises(SettingError, match=message) as caught:
        load_config(path, settings=dict([parse_setting(text)]))
    _require_one_line(caught.value)
    assert len(str(caught.value)) < 400


def test_the_lines_after_a_value_are_not_taken_for_settings_and_lost():
    assert parse_setting("data.prompt=1\nlimit = 3") == ("data.prompt", "1\nlimit = 3")


@pytest.mark.parametrize("value", ["caf\udce9", "a\0"])
def test_a_variable_with_a_value_that_no_setting_can_have_is_refused(tmp_path, value):
    path = tmp_path / "run.toml"
    path.write_text(TOML)
    with pytest.raises(
        SettingError, match=r"run 'tiny': model\.id is .*; expected text in Unicode"
    ):
        load_config(path).resolved({"HOME": value})


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("/dev/zero", "it is a device"),
        ("folder", "it is a folder"),
        ("x" * 5000, "File name too long"),
        ("large", "more than 1,048,576 bytes"),
    ],
)
def test_what_is_not_a_settings_file_is_not_read(tmp_path, place, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(SettingError, match=f"cannot read .*: .*{message}.*; give a TOML file"):
        load_config(tmp_path / place)
