"""Sets of numbers as spans are sets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from shutterbus_archive.catalog import spans

numbers = st.sets(st.integers(0, 60), max_size=40)


@given(numbers, numbers)
def test_adding_to_spans_is_the_union(first: set[int], second: set[int]) -> None:
    merged = spans.add(spans.of(first), second)

    assert merged == spans.of(first | second)
    assert spans.count(merged) == len(first | second)
    assert all(spans.holds(merged, number) == (number in first | second) for number in range(62))


@given(numbers, numbers)
def test_taking_out_of_spans_is_the_difference(first: set[int], second: set[int]) -> None:
    assert spans.without(spans.of(first), second) == spans.of(first - second)


@given(st.lists(st.integers(0, 60), max_size=60))
def test_spans_are_sorted_disjoint_and_never_adjacent(given_numbers: list[int]) -> None:
    made = spans.of(given_numbers)
    assert all(first <= last for first, last in made)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(made))
