import pickle

import pytest

from eagle_mllm.attribution.method import Eagle
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.search.greedy import GreedySearch
from eagle_mllm.errors import SettingError
from eagle_mllm.runs.config import load_config, parse_setting

MINIMAL = """
name = "x"
data = { set = "scenes" }
model = { id = "demo" }
"""


@pytest.fixture
def load(tmp_path):
    def read(text="", **options):
        path = tmp_path / "run.toml"
        path.write_text(MINIMAL + text)
        return load_config(path, **options)

    return read


def test_every_default_is_written_out(load):
    assert load().model_dump(mode="json") == {
        "name": "x",
        "data": {"set": "scenes"},
        "model": {
            "id": "demo",
            "device": "auto",
            "dtype": "auto",
            "batch_size": "auto",
            "pixels": "auto",
            "revision": None,
            "template": {},
            "system": None,
            "server": None,
            "engine": "auto",
            "checkpoint": None,
            "agreement": True,
            "concurrency": "auto",
            "timeout": 120.0,
            "max_requests": None,
            "cache": "auto",
            "key_from": "EAGLE_API_KEY",
        },
        "method": {
            "name": "eagle",
            "search": Eagle().search.settings,
            "objective": {"insight": 1.0, "necessity": 1.0, "scale": "probability"},
            "fill": "black",
            "sensitive": None,
        },
        "regions": {"method": "slico", "count": 64},
        "run": {
            "limit": None,
            "offset": 0,
            "seed": None,
            "max_new_tokens": 128,
            "target": "answer",
            "match": None,
        },
        "paths": {},
    }


def test_what_a_prompt_is_written_with_is_loaded_with_and_part_of_what_a_run_is(load):
    plain = load()
    asked = load(settings={"model.template.enable_thinking": False, "model.system": "Be terse."})
    assert asked.model.settings.template == {"enable_thinking": False}
    assert asked.model.settings.system == "Be terse."
    assert {"template", "system"} <= set(asked.identity["model"])
    assert asked.identity != plain.identity
    # Runs of versions without these settings go on in their folder.
    assert set(plain.identity["model"]) == {
        "id", "device", "dtype", "batch_size", "pixels", "revision"
    }  # fmt: skip
    with pytest.raises(SettingError, match="system is for weights that are loaded here"):
        load(settings={"model.system": "Be terse.", "model.server": "http://a:1"})


def test_the_defaults_are_those_of_the_method(load):
    assert load().method.make() == Eagle()


def test_the_method_is_the_one_that_the_file_spells(load):
    config = load(
        '[method]\nsearch = {name = "greedy", max_regions = 3}\n'
        'objective = {insight = 2, necessity = 0.5}\nfill = "mean"\n'
    )
    assert config.method.make() == Eagle(
        search=GreedySearch(max_regions=3),
        objective=Objective(insight=2.0, necessity=0.5),
        fill="mean",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nlimt = 3", "unknown setting 'run.limt'; did you mean 'limit'?"),
        ("[methd]\nname = 'eagle'", "unknown setting 'methd'; did you mean 'method'?"),
        ("[method]\nobjective = {insigt = 1}", "did you mean 'insight'?"),
        ("[method]\nname = 'eagel'", "unknown method 'eagel'; did you mean 'eagle'?"),
        ("[method]\nsearch = {name = 'gredy'}", "unknown search 'gredy'; did you mean 'greedy'?"),
        ("[method]\nsearch = {name = 'greedy', max = 1}", "no setting 'max'"),
        ("[method]\nsearch = {max_regions = 1}", "a search needs a name"),
        ("[method]\nobjective = {insight = -1}", "must be in 0.."),
        ("[method]\nobjective = {scale = 'log'}", "'probability' or 'log-probability'"),
        ("[method]\nsensitive = 1.0", "sensitive must be from 0 to below 1"),
        ("[regions]\ncount = '32'", "regions.count is '32': input should be a valid integer"),
        ("[regions]\ncount = 1", "regions.count is 1"),
        ("[method]\nfill = 'red'", "'black', 'mean' or 'blur'"),
        ("[run]\nmatch = '('", 'run: match: "(" is not a regular expression'),
        ("[run]\nmatch = 'a'\ntarget = 'boxed'", "both choose; leave one out"),
        ("[run]\ntarget = 'box'", "'answer', 'boxed' or 'last-line'"),
        ("[", "is not a TOML file"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(load, text, message):
    with pytest.raises(SettingError) as caught:
        load(text)
    assert message in str(caught.value)
    assert "run.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(load, tmp_path):
    (tmp_path / "empty.toml").write_text('name = "x"\ndata = { set = "scenes" }\n')
    with pytest.raises(SettingError, match="model is missing; add it"):
        load_config(tmp_path / "empty.toml")
    with pytest.raises(SettingError, match=r"cannot read .*absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml")


def test_settings_replace_those_of_the_file(load):
    given = map(parse_setting, ["regions.count=9", "run.limit = 5", "model.id=demo/llava"])
    config = load("[regions]\ncount = 4", settings=dict(given))
    assert (config.regions.count, config.run.limit, config.model.id) == (9, 5, "demo/llava")


@pytest.mark.parametrize("text", ["regions.count", "=3", "a..b=3"])
def test_a_setting_without_name_or_value_is_refused(text):
    with pytest.raises(SettingError, match="write key=value"):
        parse_setting(text)


def test_a_value_is_no_table(load):
    with pytest.raises(SettingError, match="'name' is a value, not a table"):
        load(settings={"name.x": 1})


DATA = {"data.path": "${COCO}/captions.json", "data.sets": ["${COCO}", 3]}


def test_variables_come_from_the_environment_and_paths_win(load):
    there = {"COCO": "/there"}
    assert load(settings=DATA).resolved(there).data.settings == {
        "path": "/there/captions.json",
        "sets": ["/there", 3],
    }
    here = load(settings={**DATA, "paths.COCO": "/here"})
    assert here.resolved(there).data.settings["path"] == "/here/captions.json"


def test_a_variable_without_value_is_named_with_two_remedies(load):
    with pytest.raises(
        SettingError, match=r"data\.path needs \$\{COCO\}, .* export COCO=.* --set paths\.COCO="
    ):
        load(settings=DATA).resolved({})


def test_neither_selection_nor_places_of_files_belong_to_the_identity(load):
    config = load(settings=DATA)
    other = {"run.limit": 3, "run.offset": 1, "paths.COCO": "/x", "name": "y"}
    assert load(settings={**DATA, **other}).identity == config.identity
    for changed in ({"run.seed": 1}, {"regions.count": 5}, {"run.max_new_tokens": 5}):
        assert load(settings={**DATA, **changed}).identity != config.identity


def test_a_run_without_a_setting_that_came_later_is_the_run_that_it_was(load):
    assert set(load().identity["run"]) == {"seed", "max_new_tokens"}
    assert load("[run]\ntarget = 'boxed'").identity["run"]["target"] == "boxed"
    method = load().identity["method"]
    assert set(method) == {"name", "search", "objective", "fill"}
    assert set(method["objective"]) == {"insight", "necessity"}
    later = load("[method]\nsensitive = 0.2\nobjective = {scale = 'log-probability'}")
    assert later.identity["method"]["sensitive"] == 0.2
    assert later.identity["method"]["objective"]["scale"] == "log-probability"
    assert later.method.make() == Eagle(sensitive=0.2, objective=Objective(scale="log-probability"))


def test_a_configuration_can_be_sent_and_not_changed(load):
    config = load()
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(ValueError, match="frozen"):
        config.regions.count = 3


def test_a_method_on_the_command_line_and_in_a_file_are_one(load):
    from eagle_mllm.runs.methods import method_of_table

    table = {"search": {"name": "greedy", "max_regions": 3}, "fill": "mean"}
    in_file = load('[method]\nsearch = {name = "greedy", max_regions = 3}\nfill = "mean"\n')
    assert method_of_table(table) == in_file.method.make()
    with pytest.raises(SettingError, match="unknown method 'tan'; did you mean 'tam'"):
        method_of_table({"name": "tan"})


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("name = 'random'\nseed = 3", {"name": "random", "seed": 3, "ranking": "regions"}),
        ("name = 'centre'\nwidth = 1", {"name": "centre", "width": 1.0, "fill": "black"}),
        (
            "name = 'single-scan'\ndirection = 'insertion'\nranking = 'pixels'",
            {"name": "single-scan", "direction": "insertion", "ranking": "pixels"},
        ),
    ],
)
def test_a_baseline_is_spelled_by_its_fields(load, table, expected):
    config = load(f"[method]\n{table}")
    assert expected.items() <= config.model_dump()["method"].items()
    method = config.method.make()
    settings = {**method.settings, "name": method.name}
    assert expected.items() <= settings.items()
    assert type(config).model_validate(config.model_dump()).method == config.method


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("name = 'random'\nseed = -1", "seed must be a whole number"),
        ("name = 'random'\nseed = '1'", "valid integer"),
        ("name = 'centre'\nwidth = 0.0", "width must be a positive number"),
        ("name = 'random'\nsearch = {name = 'greedy'}", "unknown setting"),
        ("name = 'single-scan'\nranking = 'tokens'", "'regions' or 'pixels'"),
        ("name = 'single-scan'\ndirection = 'both'", "'deletion' or 'insertion'"),
    ],
)
def test_a_baseline_with_an_impossible_setting_is_refused_in_one_line(load, table, words):
    with pytest.raises(SettingError) as caught:
        load(f"[method]\n{table}")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


SERVED = {**DATA, "model.server": ["http://a:1", "http://b:2"], "model.concurrency": 4}


def test_a_served_model_is_known_by_its_engine_not_by_its_address(load):
    config = load(settings=SERVED)
    assert config.model.serving.urls == ("http://a:1", "http://b:2")
    assert config.model.serving.concurrency == 4
    assert load(settings={**DATA, "model.server": "http://c"}).identity == config.identity
    assert load(settings=DATA).identity == config.identity
    assert load(settings=DATA).model.serving is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({**SERVED, "model.device": "cuda"}, "device is for weights that are loaded here"),
        ({**DATA, "model.concurrency": 4}, "concurrency is for a server"),
        ({**DATA, "model.server": "nonsense"}, "is not the address of a server"),
        ({**DATA, "model.server": []}, "no server is given"),
    ],
)
def test_a_setting_of_a_server_or_of_loading_in_the_wrong_place_is_refused(load, changed, said):
    with pytest.raises(SettingError, match=said):
        load(settings=changed)
