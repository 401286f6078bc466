"""Sets of frame numbers, as spans: what was archived stays known when its row has gone.

A span is ``(first, last)``, both in it. Spans of one set are sorted, disjoint and never adjacent, so a set has one form only.
"""

import bisect
from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def add(spans: Sequence[Span], numbers: Iterable[int]) -> list[Span]:
    """Return *spans* with *numbers* in them."""
    merged = list(spans)
    for low, high in of(numbers):
        first, last = low, high
        begin = bisect.bisect_left(merged, first - 1, key=lambda span: span[1])
        end = begin
        while end < len(merged) and merged[end][0] <= last + 1:
            first, last = min(first, merged[end][0]), max(last, merged[end][1])
            end += 1
        merged[begin:end] = [(first, last)]
    return merged


def without(spans: Sequence[Span], numbers: Iterable[int]) -> list[Span]:
    """Return *spans* with *numbers* taken out of them."""
    left = list(spans)
    for low, high in of(numbers):
        begin = bisect.bisect_left(left, low, key=lambda span: span[1])
        end = bisect.bisect_right(left, high, key=lambda span: span[0])
        touched = left[begin:end]
        before = [(first, low - 1) for first, _ in touched[:1] if first < low]
        behind = [(high + 1, last) for _, last in touched[-1:] if last > high]
        left[begin:end] = before + behind
    return left


def of(numbers: Iterable[int]) -> list[Span]:
    """Return the spans of *numbers*."""
    spans: list[Span] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] + 1 == number:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans


def holds(spans: Sequence[Span], number: int) -> bool:
    """Whether *number* is in *spans*."""
    at = bisect.bisect_left(spans, number, key=lambda span: span[1])
    return at < len(spans) and spans[at][0] <= number


def count(spans: Iterable[Span]) -> int:
    """Return how many numbers are in *spans*."""
    return sum(last - first + 1 for first, last in spans)
