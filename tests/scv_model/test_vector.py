"""A model's input: one call for trainer and scorer, whatever the columns are kept in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from scv.errors import CerebroError, UnknownName
from scv.events.country import Country
from scv.features import derived
from scv.features.derived import Minus, Over, Plus
from scv.features.fetcher import all_features
from scv.features.program import Program
from scv.model import vector
from scv.model.column import Column


def everything(rows: int, seed: int = 3) -> dict[str, list]:
    """Values of every feature, some missing, in plain lists."""
    random = np.random.default_rng(seed)
    words = {"lifecycle__state": ["started", "paused", "cancelled"]}
    found: dict[str, list] = {}
    for name, feature in all_features().items():
        if feature.dtype == "str":
            values = random.choice(words.get(name, ["a", "b", "c"]), rows).tolist()
        elif feature.dtype == "int":
            values = random.integers(0, 40, rows).tolist()
        else:
            values = random.gamma(2, 5, rows).tolist()
        found[name] = [None if gone else value for gone, value in zip(random.random(rows) < 0.1, values, strict=True)]
    return found


def test_lists_arrays_and_arrow_give_the_same_bits(us: Country) -> None:
    given = everything(200)
    columns = vector.candidates(given, us)
    expected = vector.matrix(given, columns)
    assert expected.shape == (200, len(columns)) and expected.flags.c_contiguous
    arrow = {name: pa.array(values) for name, values in given.items()}
    chunked = {name: pa.chunked_array([values[:77], values[77:]]) for name, values in arrow.items()}
    for other in (arrow, chunked):
        np.testing.assert_array_equal(vector.matrix(other, columns), expected)
    for i in (0, 100, 199):
        one = {name: values[i : i + 1] for name, values in given.items()}
        np.testing.assert_array_equal(vector.matrix(one, columns)[0], expected[i])


NAMES = ("a", "b", "c")
LEAVES = st.sampled_from([*NAMES, 0, 1, 28])
TERMS = st.recursive(
    LEAVES,
    lambda parts: st.builds(
        lambda form, some: form(*some), st.sampled_from([Over, Minus, Plus]), st.lists(parts, min_size=2, max_size=4)
    ),
    max_leaves=12,
)
VALUES = st.lists(st.floats(allow_subnormal=True, width=64), min_size=5, max_size=5)


@drawn(parts=st.lists(TERMS, min_size=1, max_size=6), values=st.tuples(VALUES, VALUES, VALUES))
def test_a_program_gives_the_bits_of_its_terms(parts: list[Any], values: tuple[list[float], ...]) -> None:
    """Whatever is nested and shared, and for every number there is."""
    inputs = np.array(values)
    program = Program(NAMES, parts)
    with np.errstate(all="ignore"):
        found = program.run(inputs)[program.places]
        for part, mine in zip(parts, found, strict=True):
            theirs = derived.evaluate(part, dict(zip(NAMES, inputs, strict=True)))
            np.testing.assert_array_equal(mine, np.broadcast_to(theirs, mine.shape))


def test_candidates_are_numbers_words_derived_and_the_phase(us: Country) -> None:
    columns = {one.name: one for one in vector.candidates(everything(400), us)}
    assert set(derived.collect()) <= set(columns)
    assert columns["phase"].levels == ("new", "established", "paused", "dormant", "left")
    assert columns["payments__method"].levels == ("a", "b", "c")
    assert not any(name.startswith("profile__") for name in columns), "age and sex are the country's switch"


def test_of_columns_that_say_the_same_a_model_sees_the_first(us: Country) -> None:
    """Where nothing ever came back, what was kept of the money spent is all of it."""
    given = everything(400)
    given |= {name: [0] * 400 for name in given if name.startswith("orders__given_back")}
    columns = {one.name for one in vector.candidates(given, us)}
    assert {"orders__spend_91d", "orders__spend_ever"} <= columns
    assert not {"derived__net_spend_91d", "derived__net_spend_ever"} & columns


def test_words_become_their_level_and_unknown_ones_are_missing() -> None:
    column = Column(name="phone__brand", dtype="str", fingerprint="", levels=("Apple", "Samsung"))
    found = vector.matrix({"phone__brand": ["Samsung", "Nokia", None, "Apple"]}, [column])
    np.testing.assert_array_equal(found[:, 0], [1, np.nan, np.nan, 0])


@pytest.mark.parametrize("name", sorted(derived.collect()))
def test_missing_in_missing_out_and_no_division_by_zero(name: str) -> None:
    one = derived.collect()[name]
    assert one.doc and set(one.inputs) <= set(all_features())
    for missing in one.inputs:
        inputs = {name: np.array([np.nan if name == missing else 3.0]) for name in one.inputs}
        assert np.isnan(one.values(inputs)).all()
    assert not np.isinf(one.values(dict.fromkeys(one.inputs, np.zeros(1)))).any()


def test_a_missing_column_is_an_error_and_never_missing() -> None:
    column = Column(name="orders__days_since", dtype="int", fingerprint="")
    with pytest.raises(UnknownName, match="orders__days_since"):
        vector.matrix({"orders__tenure": [1]}, [column])


def test_infinity_is_refused() -> None:
    column = Column(name="rhythm__gap_mean", dtype="float", fingerprint="")
    with pytest.raises(CerebroError, match="rhythm__gap_mean"):
        vector.matrix({"rhythm__gap_mean": [float("inf")]}, [column])


def test_inputs_are_all_that_is_read(us: Country) -> None:
    given = everything(50)
    columns = vector.candidates(given, us)
    needed = vector.inputs(columns)
    vector.matrix({name: given[name] for name in needed}, columns)
