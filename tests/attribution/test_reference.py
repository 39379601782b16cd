import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eagle_mllm.attribution.files.reference import export_reference, import_reference
from eagle_mllm.attribution.generation import Generation, Span, Target
from eagle_mllm.attribution.objective import Objective
from eagle_mllm.attribution.regions import Regions
from eagle_mllm.attribution.reliance import modality_reliance_reference
from eagle_mllm.attribution.result import Attribution
from eagle_mllm.attribution.saliency import region_saliency, saliency_map
from eagle_mllm.attribution.trace import Trace
from eagle_mllm.errors import ResultError
from eagle_mllm.metrics.faithfulness import deletion_auc, insertion_auc

# Three regions of 3, 2 and 1 pixels, picked in the order 2, 0, 1.
LABELS = np.array([[0, 0, 0], [1, 1, 2]], dtype=np.int32)
ORDER = np.array([2, 0, 1])
INSERTION = np.array([[0.125, 0.25], [0.5, 0.25], [0.5, 0.75], [0.75, 0.875]], np.float32)
DELETION = np.array([[0.75, 0.875], [0.5, 0.5], [0.25, 0.25], [0.125, 0.25]], np.float32)
TARGET = Target(positions=(0, 1), ids=(5, 6), text="A cat")
GENERATION = Generation(
    image=np.zeros((2, 3, 3), np.uint8),
    prompt="What is it?",
    text="A cat",
    ids=(5, 6, 2),
    tokens=("A", " cat", ""),
    spans=(Span(0, 1), Span(1, 5), Span(5, 5)),
    special=(False, False, True),
)


def _attribution(
    *,
    insertion=INSERTION,
    deletion=DELETION,
    target=TARGET,
    **weights,
):
    regions, objective = Regions(labels=LABELS), Objective(**weights)
    trace = Trace(
        order=ORDER,
        insertion=insertion,
        deletion=deletion,
        area=np.concatenate([[0.0], np.cumsum(regions.areas[ORDER], dtype=np.float64)]),
        insertion_predicted=np.full(insertion.shape, 5),
        deletion_predicted=np.full(insertion.shape, 6),
        searched=3,
    )
    return Attribution(
        method="eagle",
        generation=GENERATION,
        target=target,
        regions=regions,
        trace=trace,
        saliency=saliency_map(region_saliency(trace, objective), regions),
        objective=objective,
        forward_passes=8,
        seconds=1.0,
        provenance={},
    )


def _exported(folder, *, other=None, **changes):
    json_path, npy_path = export_reference(_attribution(**changes), folder, "cat", other=other)
    return json.loads(json_path.read_text()), np.load(npy_path)


def _rewritten(folder, **changes):
    """Paths of an export whose JSON file was changed; a key with the value None is taken out."""
    json_path, npy_path = export_reference(_attribution(), folder, "cat")
    content = {**json.loads(json_path.read_text()), **changes}
    kept = {key: value for key, value in content.items() if value is not None}
    json_path.write_text(json.dumps(kept))
    return json_path, npy_path


def _trapezoid(x, y):
    return sum((x[i + 1] - x[i]) * (y[i + 1] + y[i]) / 2 for i in range(len(x) - 1))


def _published_aucs(content):
    """Insertion and deletion AUC as the reference's evaluation computes them from its files."""
    insertion_area = [0, *content["region_area"]]
    insertion = [content["deletion_score"][-1], *content["insertion_score"]]
    deletion_area = [1 - area for area in insertion_area]
    deletion = [content["insertion_score"][-1], *content["deletion_score"]]
    # Its area under a curve is positive in either direction of x.
    return _trapezoid(insertion_area, insertion), -_trapezoid(deletion_area, deletion)


def _ends(content):
    return content["org_score"], content["baseline_score"]


def test_the_scores_are_those_after_one_region_to_all(tmp_path):
    content, _ = _exported(tmp_path)
    assert content["insertion_word_score"] == [[0.5, 0.25], [0.5, 0.75], [0.75, 0.875]]
    assert content["deletion_word_score"] == [[0.5, 0.5], [0.25, 0.25], [0.125, 0.25]]
    assert content["insertion_score"] == [0.375, 0.625, 0.8125]
    assert content["deletion_score"] == [0.5, 0.25, 0.1875]
    assert content["smdl_score"] == [0.875, 1.375, 1.625]
    assert content["region_area"] == pytest.approx([1 / 6, 4 / 6, 1])
    assert content["org_score"] == [0.75, 0.875]
    assert content["baseline_score"] == [0.125, 0.25]
    assert content["sub-region_number"] == 3


def test_the_masks_are_in_search_order(tmp_path):
    _, masks = _exported(tmp_path)
    assert masks.dtype == np.int64
    assert masks.shape == (3, 2, 3, 1)
    assert masks[..., 0].tolist() == [
        [[0, 0, 0], [0, 0, 1]],
        [[1, 1, 1], [0, 0, 0]],
        [[0, 0, 0], [1, 1, 0]],
    ]


def test_the_target_and_the_answer_are_named_as_in_the_sample_lists(tmp_path):
    content, _ = _exported(tmp_path)
    assert content["selected_interpretation_token_id"] == [0, 1]
    assert content["selected_interpretation_token_word_id"] == [5, 6]
    assert content["words"] == ["A", " cat"]
    assert content["output_word_id"] == [5, 6, 2]
    assert content["output_words"] == ["A", " cat", ""]
    assert "counter_word_id" not in content


def test_a_counterfactual_target_is_a_counter_word(tmp_path):
    content, _ = _exported(
        tmp_path,
        target=Target(positions=(1,), ids=(9,), text="dog", is_counterfactual=True),
        insertion=INSERTION[:, :1],
        deletion=DELETION[:, :1],
    )
    assert content["counter_word_id"] == [9]
    assert content["selected_interpretation_token_id"] == [1]
    assert content["words"] == [" cat"]
    back = import_reference(tmp_path / "json" / "cat.json", tmp_path / "npy" / "cat.npy")
    # What the model wrote stands in `words`; the counter word is only an id.
    assert back.target == Target(positions=(1,), ids=(9,), text=" cat", is_counterfactual=True)


def test_the_weights_of_the_objective_are_lambdas(tmp_path):
    content, _ = _exported(tmp_path, insight=2.0, necessity=0.5)
    assert (content["lambda1"], content["lambda2"]) == (2.0, 0.5)
    assert content["smdl_score"][0] == 2.0 * 0.375 + 0.5 * 0.5


def test_the_json_file_stands_in_the_folders_of_the_reference(tmp_path):
    paths = export_reference(_attribution(), tmp_path / "interpretation_results", "000000001")
    folder = tmp_path / "interpretation_results"
    assert paths == (folder / "json" / "000000001.json", folder / "npy" / "000000001.npy")


def test_keys_of_a_task_are_added_and_come_back(tmp_path):
    other = {"label": "no", "location": [1, 2, 3, 4], "revised_answering": ["Nö", "Yes", "No"]}
    content, _ = _exported(tmp_path, other=other)
    assert {key: content[key] for key in other} == other
    back = import_reference(tmp_path / "json" / "cat.json", tmp_path / "npy" / "cat.npy")
    assert {key: back.other[key] for key in other} == other


def test_keys_that_the_attribution_gives_cannot_be_replaced(tmp_path):
    with pytest.raises(ResultError, match="other repeats 'words'"):
        export_reference(_attribution(), tmp_path, "cat", other={"words": []})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [{1, 2}, "\ud800"])
def test_other_keys_must_be_json(tmp_path, value):
    with pytest.raises(ResultError, match=r"cannot write cat\.json"):
        export_reference(_attribution(), tmp_path, "cat", other={"label": value})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "json").write_text("a file")
    with pytest.raises(ResultError, match="cannot make the folder"):
        export_reference(_attribution(), tmp_path, "cat")


def test_an_imported_export_is_the_same_up_to_the_numbering_of_regions(tmp_path):
    attribution = _attribution(insight=2.0, necessity=0.5)
    back = import_reference(*export_reference(attribution, tmp_path, "cat"))
    assert back.trace.order.tolist() == [0, 1, 2]
    assert np.array_equal(ORDER[back.regions.labels], LABELS)
    for name in ("insertion", "deletion"):
        assert np.array_equal(getattr(back.trace, name), getattr(attribution.trace, name))
        assert getattr(back.trace, name).dtype == np.float32
    assert back.trace.area == pytest.approx(attribution.trace.area)
    assert back.target == attribution.target
    assert back.objective == attribution.objective
    assert back.regions.method == "masks"


def test_predicted_tokens_are_unknown_after_an_import(tmp_path):
    trace = import_reference(*export_reference(_attribution(), tmp_path, "cat")).trace
    assert (trace.insertion_predicted == -1).all()
    assert (trace.deletion_predicted == -1).all()


def test_an_imported_result_gives_the_same_saliency(tmp_path):
    attribution = _attribution()
    back = import_reference(*export_reference(attribution, tmp_path, "cat"))
    saliency = saliency_map(region_saliency(back.trace, back.objective), back.regions)
    assert np.array_equal(saliency, attribution.saliency)


probabilities = hnp.arrays(np.float32, (4, 2), elements=st.floats(0, 1, width=32))


@given(scores=probabilities, hidden=probabilities)
@settings(max_examples=30, deadline=None)
def test_the_published_aucs_are_ours(tmp_path_factory, scores, hidden):
    # The same subsets are asked at both ends: V∖V shown is nothing shown.
    hidden[0], hidden[-1] = scores[-1], scores[0]
    folder = tmp_path_factory.getbasetemp() / "export"
    attribution = _attribution(insertion=scores, deletion=hidden)
    content = json.loads(export_reference(attribution, folder, "cat")[0].read_text())
    published = _published_aucs(content)
    trace = attribution.trace
    assert published[0] == pytest.approx(insertion_auc(trace), abs=1e-6)
    assert published[1] == pytest.approx(deletion_auc(trace), abs=1e-6)


def test_the_published_saliency_map_is_ours(tmp_path):
    content, masks = _exported(tmp_path)
    gaps = [1 - org + base for org, base in zip(*_ends(content), strict=True)]
    values = [sum(gaps) / len(gaps), *content["smdl_score"]]
    level, drawn = 0.0, np.zeros(masks.shape[1:3])
    for mask, before, after in zip(masks, values, values[1:], strict=False):
        level -= abs(after - before)
        drawn[mask[..., 0] == 1] = level
    drawn = (drawn - drawn.min()) / (drawn - drawn.min()).max()
    assert drawn == pytest.approx(_attribution().saliency, abs=1e-6)


def test_the_published_word_saliency_is_the_reference_reliance(tmp_path):
    content, _ = _exported(tmp_path)
    areas = [0, *content["region_area"]]
    curves = zip(content["baseline_score"], *content["insertion_word_score"], strict=True)
    published = [_trapezoid(areas, curve) - min(curve) for curve in curves]
    ours = modality_reliance_reference(_attribution().trace).evidence
    assert published == pytest.approx(ours, abs=1e-6)


def test_the_word_of_a_single_object_is_the_target_text(tmp_path):
    # As the reference writes it for COCO objects: the vocabulary's own spelling.
    paths = _rewritten(tmp_path, words="▁fork")
    assert import_reference(*paths).target.text == "▁fork"


def test_weights_are_one_where_the_reference_did_not_write_them(tmp_path):
    paths = _rewritten(tmp_path, lambda1=None, lambda2=None)
    assert import_reference(*paths).objective == Objective()


def test_areas_summed_in_single_precision_are_accepted(tmp_path):
    paths = _rewritten(tmp_path, region_area=[0.16666667, 0.6666667, 0.99999994])
    assert import_reference(*paths).trace.area[-1] == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"org_score": None}, "no 'org_score'"),
        ({"insertion_word_score": [[0.5, 0.25]]}, "insertion_word_score has shape"),
        ({"insertion_word_score": [[0.5], [0.5, 0.75], [1.0]]}, "cannot import"),
        ({"insertion_word_score": [["a", 0], [0, 0], [0, 0]]}, "cannot import"),
        ({"insertion_word_score": [[2.0, 0], [0, 0], [0, 0]]}, "cannot import"),
        ({"deletion_word_score": []}, "deletion_word_score has shape"),
        ({"baseline_score": [0.5]}, "need 2 numbers each"),
        ({"region_area": [0.5, 0.7, 1.0]}, "are the two files of one sample"),
        ({"region_area": [1.0]}, "are the two files of one sample"),
        ({"selected_interpretation_token_id": 3}, "cannot import"),
        ({"selected_interpretation_token_id": ["a", "b"]}, "cannot import"),
        ({"lambda1": -1.0}, "cannot import"),
        ({"words": [1, 2]}, "cannot import"),
    ],
)
def test_scores_that_do_not_fit_are_refused_in_one_line(tmp_path, changes, message):
    paths = _rewritten(tmp_path, **changes)
    with pytest.raises(ResultError, match=message) as caught:
        import_reference(*paths)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected the scores in JSON"),
        ("[]", "expected an object"),
        ("[" * 100_000, "expected the scores in JSON"),
    ],
)
def test_a_damaged_json_file_is_refused(tmp_path, text, message):
    json_path, npy_path = export_reference(_attribution(), tmp_path, "cat")
    json_path.write_text(text)
    with pytest.raises(ResultError, match=message):
        import_reference(json_path, npy_path)


def _masks(*labels):
    return np.stack([np.array([[label == 0, label == 1]]) for label in labels])[..., None]


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((2, 3), np.float32), "a baseline's dense map has no search order"),
        (np.zeros((0, 2, 3, 1), np.int64), "expected masks of zeros and ones"),
        (np.full((1, 2, 3, 1), 2), "expected masks of zeros and ones"),
        (np.full((1, 2, 3, 1), "a"), "expected masks of zeros and ones"),
        (np.array([0, 1, 0]).reshape(1, 1, 3, 1), r"33\.3% of the pixels are covered"),
        (np.ones((2, 1, 3, 1), np.int64), "expected each pixel in one region"),
    ],
)
def test_masks_that_are_no_complete_order_are_refused(tmp_path, masks, message):
    json_path, npy_path = export_reference(_attribution(), tmp_path, "cat")
    np.save(npy_path, masks)
    with pytest.raises(ResultError, match=message):
        import_reference(json_path, npy_path)


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\x93NUMPY\x01\x00"])
def test_a_damaged_npy_file_is_refused(tmp_path, damage):
    json_path, npy_path = export_reference(_attribution(), tmp_path, "cat")
    npy_path.write_bytes(damage)
    with pytest.raises(ResultError, match="cannot read"):
        import_reference(json_path, npy_path)


def test_pickled_masks_are_never_loaded(tmp_path):
    json_path, npy_path = export_reference(_attribution(), tmp_path, "cat")
    np.save(npy_path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ResultError, match="it holds Python objects"):
        import_reference(json_path, npy_path)


def test_missing_files_are_named(tmp_path):
    json_path, npy_path = export_reference(_attribution(), tmp_path, "cat")
    with pytest.raises(ResultError, match=r"absent\.json"):
        import_reference(Path("absent.json"), npy_path)
    with pytest.raises(ResultError, match=r"absent\.npy"):
        import_reference(json_path, Path("absent.npy"))
