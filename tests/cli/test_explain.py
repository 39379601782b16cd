"""`eagle explain` on a model whose evidence was planted."""

import json

import numpy as np
import pytest
from PIL import Image

import eagle_mllm
from eagle_mllm.cli.explain import file_endings

pytestmark = pytest.mark.usefixtures("sketches")


def _files(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".png"
    )


def _explained(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_one_word_gives_one_explanation_one_figure_and_a_report(eagle, picture, folder, planted):
    result = eagle("explain", picture, "--word", "cat", "--regions", "grid", "--n-regions", 8)
    assert result.exit_code == 0
    assert result.stderr == ""
    written = sorted(path.name for path in (folder / "eagle-out/photo").iterdir())
    assert written == ["explanation.npz", "figure.png", "report.html"]
    assert "A cat sits on a tree." in result.stdout
    for name in written:
        assert f"eagle-out/photo/{name}" in result.stdout


def test_the_most_decisive_regions_are_those_of_the_planted_evidence(eagle, picture, planted):
    values = _explained(
        eagle("explain", picture, "--word", "cat", "--regions", "grid", "--n-regions", 8, "--json")
    )
    attribution = eagle_mllm.load("eagle-out/photo/explanation.npz")
    left = attribution.regions.labels[:, :24]
    (explanation,) = values["explanations"]
    assert explanation["target"] == "cat"
    assert explanation["positions"] == [1]
    assert explanation["regions"][0]["region"] in left
    assert attribution.target.text == "cat"
    assert attribution.generation.image_path == "photo.png"


def test_the_json_numbers_are_those_of_the_stored_result(eagle, picture, planted):
    values = _explained(
        eagle("explain", picture, "--word", "cat", "--regions", "grid", "--n-regions", 8, "--json")
    )
    attribution = eagle_mllm.load(values["files"]["explanation"])
    (explanation,) = values["explanations"]
    trace = attribution.trace
    assert explanation["insertion_auc"] == pytest.approx(
        eagle_mllm.metrics.insertion_auc(trace), abs=1e-6
    )
    assert explanation["deletion_auc"] == pytest.approx(
        eagle_mllm.metrics.deletion_auc(trace), abs=1e-6
    )
    assert [region["region"] for region in explanation["regions"]] == trace.order[:5].tolist()
    assert explanation["tokens"][0]["evidence"] == pytest.approx(
        float(attribution.reliance.evidence[0]), abs=1e-6
    )
    assert values["forward_passes"] == attribution.forward_passes
    shape = {"count": 8, "unseen": 0, "shape": [32, 48]}
    assert values["regions"] == {"method": "grid", "asked": 8, **shape}
    assert values["model"]["id"] == "planted"
    assert values["version"] == eagle_mllm.__version__


def test_without_a_target_the_whole_answer_is_explained(eagle, picture, planted):
    values = _explained(eagle("explain", picture, "--regions", "grid", "--n-regions", 4, "--json"))
    (explanation,) = values["explanations"]
    tokens = [token["token"].strip() for token in explanation["tokens"]]
    assert tokens == ["A", "cat", "sits", "on", "a", "tree", "."]


def test_tokens_and_spans_are_explained_as_asked(eagle, picture, planted):
    values = _explained(
        eagle(
            *("explain", picture, "--span", "on a tree", "--token", "1", "--token", "2:4"),
            *("--regions", "grid", "--n-regions", 4, "--json"),
        )
    )
    positions = [explanation["positions"] for explanation in values["explanations"]]
    assert positions == [[3, 4, 5], [1], [2, 3]]


def test_every_word_gets_its_own_files_and_one_report_holds_them_all(
    eagle, picture, folder, planted
):
    values = _explained(
        eagle("explain", picture, "--all-words", "--regions", "grid", "--n-regions", 2, "--json")
    )
    targets = [explanation["target"] for explanation in values["explanations"]]
    assert targets == ["A", "cat", "sits", "on", "a", "tree"]
    assert _files(folder / "eagle-out/photo") == [
        "explanation-0-a.npz",
        "explanation-1-cat.npz",
        "explanation-2-sits.npz",
        "explanation-3-on.npz",
        "explanation-4-a.npz",
        "explanation-5-tree.npz",
        "report.html",
    ]
    assert [eagle_mllm.load(path).target.text for path in values["files"]["explanation"]] == targets
    assert len(values["files"]["figure"]) == 6


@pytest.mark.parametrize(
    ("word", "positions"),
    [("a#1", [[4]]), ("A", [[0]]), ("sits#1", [[2]]), ("tree#all", [[5]])],
)
def test_a_word_is_explained_where_it_is_asked_for(eagle, picture, planted, word, positions):
    values = _explained(
        eagle("explain", picture, "--word", word, "--regions", "grid", "--n-regions", 2, "--json")
    )
    assert [explanation["positions"] for explanation in values["explanations"]] == positions


def test_a_counterfactual_asks_about_the_word_that_was_not_said(eagle, picture, planted):
    values = _explained(
        eagle(
            *("explain", picture, "--word", "cat", "--counterfactual", "dog"),
            *("--regions", "grid", "--n-regions", 4, "--json"),
        )
    )
    (explanation,) = values["explanations"]
    assert explanation["counterfactual"] is True
    assert explanation["positions"] == [1]
    assert explanation["tokens"][0]["token"] != "cat"


def test_a_given_answer_is_explained_instead_of_the_models_own(eagle, picture, planted):
    values = _explained(
        eagle(
            *("explain", picture, "--answer", "A dog on a tree", "--word", "dog"),
            *("--regions", "grid", "--n-regions", 4, "--json"),
        )
    )
    assert values["answer"] == "A dog on a tree"


def test_the_options_reach_the_model_and_the_method(eagle, picture, planted):
    values = _explained(
        eagle(
            *("explain", picture, "--prompt", "What is this?", "--word", "cat"),
            *("--model", "some/model", "--revision", "v2", "--device", "cpu"),
            *("--dtype", "float32", "--batch-size", "4", "--fill", "blur"),
            *("--pixels", "processor"),
            *("--search", "greedy", "--budget", "40", "--insight", "0.5", "--necessity", "2"),
            *("--regions", "grid", "--n-regions", 8, "--json"),
        )
    )
    assert planted == [
        {
            "name": "some/model",
            "revision": "v2",
            "device": "cpu",
            "dtype": "float32",
            "batch_size": 4,
            "pixels": "processor",
            "compile": False,
            "template": {},
            "system": None,
            "device_map": None,
            "trust_remote_code": False,
        }
    ]
    attribution = eagle_mllm.load(values["files"]["explanation"])
    assert attribution.generation.prompt == "What is this?"
    assert attribution.objective == eagle_mllm.Objective(insight=0.5, necessity=2.0)
    assert attribution.trace.searched == values["explanations"][0]["searched"] == 2
    assert attribution.provenance["settings"]["fill"] == "blur"


def test_the_longest_answer_can_be_chosen(eagle, picture, planted):
    values = _explained(
        eagle(
            *("explain", picture, "--max-new-tokens", "2", "--json"),
            *("--regions", "grid", "--n-regions", 2),
        )
    )
    assert values["answer"] == "A cat"


@pytest.mark.parametrize("ending", [".npy", ".png"])
def test_a_label_map_from_a_file_is_the_partition(eagle, picture, folder, planted, ending):
    labels = np.repeat(np.arange(6) * 40, 8)[None, :].repeat(32, axis=0).astype(np.uint8)
    if ending == ".npy":
        np.save("map.npy", labels)
    else:
        Image.fromarray(labels).save("map.png")
    values = _explained(
        eagle("explain", picture, "--word", "cat", "--regions", f"map{ending}", "--json")
    )
    attribution = eagle_mllm.load(values["files"]["explanation"])
    assert values["regions"]["count"] == 6
    assert np.array_equal(attribution.regions.labels, labels // 40)


def test_in_a_coloured_label_map_each_colour_is_a_region(eagle, picture, planted):
    colours = np.zeros((32, 48, 3), np.uint8)
    colours[:, :24] = (255, 0, 0)
    colours[16:, 24:] = (0, 255, 0)
    Image.fromarray(colours).save("map.png")
    values = _explained(eagle("explain", picture, "--regions", "map.png", "--json"))
    assert values["regions"]["count"] == 3


def test_quiet_prints_nothing_and_still_writes(eagle, picture, folder, planted):
    result = eagle("explain", picture, "-q", "--regions", "grid", "--n-regions", 2)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert (folder / "eagle-out/photo/explanation.npz").exists()


def test_what_libraries_print_does_not_reach_the_json(eagle, picture, load, monkeypatch):
    from eagle_mllm import loading
    from eagle_mllm.testing import PlantedModel

    def noisy(name, **options):
        print("Loading checkpoint shards")  # noqa: T201
        return PlantedModel("a cat", {})

    monkeypatch.setattr(loading, "load_model", noisy)
    result = eagle("explain", picture, "--json", "--regions", "grid", "--n-regions", 2)
    assert json.loads(result.stdout)["answer"] == "a cat"
    assert result.stderr == "Loading checkpoint shards\n"


def test_a_second_run_goes_to_a_fresh_folder(eagle, picture, folder, planted):
    for _ in range(3):
        assert eagle("explain", picture, "--regions", "grid", "--n-regions", 2).exit_code == 0
    assert sorted(path.name for path in (folder / "eagle-out").iterdir()) == [
        "photo",
        "photo-2",
        "photo-3",
    ]


def test_force_replaces_the_results_of_an_earlier_run_and_nothing_else(
    eagle, picture, folder, planted
):
    grid = ("--regions", "grid", "--n-regions", 2, "--out", "kept")
    assert eagle("explain", picture, "--all-words", *grid).exit_code == 0
    (folder / "kept/notes.txt").write_text("mine")
    assert eagle("explain", picture, "--word", "cat", *grid, "--force").exit_code == 0
    assert _files(folder / "kept") == ["explanation.npz", "notes.txt", "report.html"]
    assert (folder / "kept/figure.png").exists()


def test_a_failed_replacement_leaves_the_earlier_results(eagle, picture, folder, planted):
    grid = ("--regions", "grid", "--n-regions", 2, "--out", "kept")
    assert eagle("explain", picture, *grid).exit_code == 0
    before = (folder / "kept/explanation.npz").read_bytes()
    assert eagle("explain", picture, "--word", "dinosaur", *grid, "--force").exit_code == 2
    assert (folder / "kept/explanation.npz").read_bytes() == before
    assert len(list((folder / "kept").iterdir())) == 3


def test_an_answer_with_markup_and_control_characters_is_printed_as_it_is(eagle, picture, load):
    from eagle_mllm.testing import PlantedModel

    load(PlantedModel("a [red] cat", {}))
    result = eagle("explain", picture, "--regions", "grid", "--n-regions", 2)
    assert "a [red] cat" in result.stdout


def test_file_names_tell_targets_apart_and_are_safe():
    assert file_endings(["cat"]) == [""]
    assert file_endings(["a/b", "…", "größe"]) == ["-0-a-b", "-1-token", "-2-größe"]
    assert file_endings(["x"] * 11)[0] == "-00-x"
    assert file_endings(["x"] * 11)[10] == "-10-x"


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: image.convert("L"),
        lambda image: image.convert("CMYK"),
        lambda image: image.convert("RGBA"),
        lambda image: image.convert("LA"),
        lambda image: image.convert("P"),
        lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257),
    ],
    ids=["gray", "cmyk", "alpha", "gray-alpha", "palette", "16-bit"],
)
def test_unusual_pictures_are_explained(eagle, picture, folder, planted, convert):
    with Image.open(picture) as image:
        convert(image).save("unusual.tif")
    result = eagle("explain", "unusual.tif", "--json", "--regions", "grid", "--n-regions", 4)
    attribution = eagle_mllm.load(_explained(result)["files"]["explanation"])
    assert attribution.generation.image.shape == (32, 48, 3)
    assert attribution.generation.image[0, 0].mean() > attribution.generation.image[0, 40].mean()


def test_a_picture_taken_sideways_is_explained_upright(eagle, folder, load):
    from eagle_mllm.testing import PlantedModel

    load(PlantedModel("a cat", {}))
    image = Image.new("RGB", (48, 32), "gray")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save("sideways.jpg", exif=exif)
    result = eagle("explain", "sideways.jpg", "--json", "--regions", "grid", "--n-regions", 4)
    assert _explained(result)["regions"]["shape"] == [48, 32]
