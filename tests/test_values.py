import copy
import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest


@pytest.fixture
def new():
    return lambda array, **others: Curve(array=array, **others)


def value_class():
    from eagle_mllm.values import ArrayValue

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Curve(ArrayValue):
        array: np.ndarray
        name: str = "a"
        note: str = field(default="", compare=False)

        def __post_init__(self):
            self._freeze_arrays()

    # Pickle finds classes by their name in a module.
    Curve.__qualname__ = "Curve"
    return Curve


Curve = value_class()


def test_equal_arrays_make_equal_values(new):
    assert new(np.arange(3)) == new(np.arange(3))


@pytest.mark.parametrize(
    "other",
    [np.array([0, 1, 3]), np.arange(4), np.arange(3.0), np.arange(3)[np.newaxis]],
    ids=["values", "length", "dtype", "axes"],
)
def test_other_arrays_make_other_values(new, other):
    assert new(np.arange(3)) != new(other)


def test_other_fields_count_unless_they_are_left_out(new):
    array = np.arange(3)
    assert new(array, name="b") != new(array)
    assert new(array, note="by hand") == new(array)


def test_nan_equals_nan_at_the_same_place(new):
    assert new(np.array([0.5, np.nan])) == new(np.array([0.5, np.nan]))
    assert new(np.array([0.5, np.nan])) != new(np.array([np.nan, 0.5]))


def test_text_arrays_compare_too(new):
    assert new(np.array(["a", "b"])) == new(np.array(["a", "b"]))
    assert new(np.array(["a", "b"])) != new(np.array(["a", "c"]))


def test_a_value_equals_nothing_of_another_class(new):
    assert new(np.arange(3)) != "curve"
    assert new(np.arange(3)) != value_class()(array=np.arange(3))


def test_arrays_cannot_be_written_to(new):
    with pytest.raises(ValueError, match="read-only"):
        new(np.arange(3)).array[0] = 1


def test_the_array_of_the_caller_stays_writeable_and_separate(new):
    array = np.arange(3)
    value = new(array)
    array[0] = 9
    assert value.array[0] == 0


def test_a_read_only_view_of_a_writeable_array_is_copied(new):
    array = np.arange(3)
    view = array.view()
    view.flags.writeable = False
    value = new(view)
    array[0] = 9
    assert value.array[0] == 0


def test_an_array_that_is_frozen_already_is_shared(new):
    first = new(np.arange(3))
    assert new(first.array).array is first.array


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "pickle"],
)
def test_copies_are_equal_and_read_only(new, copied):
    value = new(np.arange(3), name="b")
    again = copied(value)
    assert again == value
    assert not again.array.flags.writeable


def test_values_with_arrays_have_no_hash(new):
    with pytest.raises(TypeError, match="unhashable"):
        hash(new(np.arange(3)))
