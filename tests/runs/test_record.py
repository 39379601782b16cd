import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from eagle_mllm.errors import ResultError
from eagle_mllm.runs.record import Failure, NotApplicable, decode, encode, record_of


@pytest.fixture
def record(attribution):
    measures = {"insertion_auc": 0.1, "pointing_box": math.nan, "hit": True}
    return record_of("s-1", attribution, task="object", image_name="cat.png", measures=measures)


def test_a_record_reads_back_as_it_was_to_the_byte(record):
    again = decode(encode(record))
    assert again == record
    assert encode(again) == encode(record)


def test_its_trace_is_the_one_that_was_found(record, attribution):
    assert decode(encode(record)).trace == attribution.trace


def test_the_file_says_what_was_found(record, attribution):
    values = json.loads(encode(record))
    assert list(values) == sorted(values)
    assert values["outcome"] == "done"
    assert values["answer"] == "a cat on a tree"
    assert values["target_text"] == "cat"
    assert values["target_positions"] == [1]
    assert values["image_size"] == [16, 24]
    assert values["measures"] == {"hit": 1.0, "insertion_auc": 0.1, "pointing_box": None}
    assert values["order"] == attribution.trace.order.tolist()
    # 0.1 in float32 is 0.10000000149: the shortest digits that mean it are written.
    assert values["insertion"][0] == [0.1]


def test_nothing_in_it_tells_the_time(record):
    assert not {"seconds", "time", "host", "worker"} & set(json.loads(encode(record)))


def test_an_infinite_measure_is_refused(attribution):
    with pytest.raises(ResultError, match="'ratio' is inf"):
        record_of("s", attribution, task="vqa", image_name="", measures={"ratio": math.inf})


@given(value=some.floats(0, 1, width=32))
def test_the_shortest_digits_mean_the_same_number(value):
    from eagle_mllm.runs.record import _shortest

    (written,) = json.loads(json.dumps(_shortest(np.array([value], dtype=np.float32))))
    assert np.float32(written) == np.float32(value)
    assert len(str(written)) <= len("1.17549435e-38")  # nine digits tell any two float32 apart


@pytest.mark.parametrize(
    "outcome",
    [
        Failure(sample_id="s", task="vqa", error="ImageError", reason="cat.png: is empty"),
        NotApplicable(sample_id="s", task="existence", answer="Yes ", reason="answered rightly"),
    ],
)
def test_what_is_no_record_reads_back_too(outcome):
    assert decode(encode(outcome)) == outcome


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"outcome": "done"}', b'{"outcome": "x"}'])
def test_anything_else_is_no_outcome(data):
    with pytest.raises(ResultError, match="does not hold the outcome of a sample"):
        decode(data)


@pytest.mark.parametrize(
    "damage", [{"order": [0, 0, 1, 2, 3, 4]}, {"insertion": [[0.5]]}, {"searched": 7}]
)
def test_a_trace_that_cannot_be_is_no_outcome(record, damage):
    values = unsealed(record) | damage
    with pytest.raises(ResultError, match="does not hold the outcome of a sample"):
        decode(json.dumps(values).encode())


def unsealed(outcome):
    """The values of a file as the first versions wrote it: without checksum and digest."""
    values = json.loads(encode(outcome))
    return {key: values[key] for key in values.keys() - {"checksum", "image_digest"}}


def test_a_file_without_checksum_and_digest_still_loads(record):
    assert decode(json.dumps(unsealed(record)).encode()) == record
    failure = Failure(sample_id="s", task="vqa", error="ImageError", reason="is empty")
    assert decode(json.dumps(unsealed(failure)).encode()) == failure


def test_every_changed_byte_is_noticed(record, rng):
    data = encode(record)
    for place in rng.choice(len(data), size=200, replace=False):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(ResultError, match="does not hold the outcome of a sample"):
            decode(bytes(changed))


@pytest.mark.parametrize("written", [" ", "\n"])
def test_a_checksum_that_was_written_anew_by_another_program_is_noticed(record, written):
    data = encode(record).replace(b'"checksum":', b'"checksum":' + written.encode())
    with pytest.raises(ResultError, match="its checksum does not fit"):
        decode(data)


def test_a_text_that_looks_like_a_checksum_is_left_alone():
    answer = '"checksum":"' + "a" * 32 + '",'
    outcome = NotApplicable(sample_id="s", task="vqa", answer=answer, reason="")
    assert decode(encode(outcome)) == outcome


def test_half_a_character_of_a_file_name_is_replaced():
    failure = Failure(sample_id="s", task="vqa", error="ImageError", reason="caf\udce9.png: empty")
    assert decode(encode(failure)).reason == "caf?.png: empty"


def test_a_target_that_does_not_fit_its_trace_is_refused(record):
    with pytest.raises(ResultError, match=r"as many positions as ids .*; got \(2, 1, 1\)"):
        replace(record, target_positions=(0, 1))


@pytest.mark.parametrize("sample_id", ["../x", "", ".", "..", "a/b", "a\0", "x" * 251, "é"])
def test_an_id_that_cannot_name_a_file_is_refused(sample_id):
    values = unsealed(NotApplicable(sample_id="s", task="vqa", answer="", reason=""))
    with pytest.raises(ResultError, match=r"sample_id: .*names a file"):
        decode(json.dumps(values | {"sample_id": sample_id}).encode())
