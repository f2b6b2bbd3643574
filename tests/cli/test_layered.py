"""The laws of a layout: arrows lead down, nothing overlaps, what can be straight is straight."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nnc.plot.layered import Layout, arranged

GAP = 10.0


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, int]]]:
    """Widths of boxes, and arrows from lower to higher numbers."""
    count = draw(st.integers(1, 14))
    widths = draw(st.lists(st.floats(1, 200), min_size=count, max_size=count))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    arrows = draw(st.lists(st.sampled_from(pairs), max_size=20, unique=True)) if pairs else []
    return widths, arrows


def sizes(layout: Layout, widths: list[float]) -> list[float]:
    return widths + [0.0] * (len(layout.x) - len(widths))


@given(graphs())
def test_arrows_lead_down_a_rank_at_a_time(
    graph: tuple[list[float], list[tuple[int, int]]],
) -> None:
    widths, arrows = graph
    layout = arranged(widths, arrows, GAP)
    assert [(route[0], route[-1]) for route in layout.routes] == arrows
    for route in layout.routes:
        for one, other in pairwise(route):
            assert layout.rank_of[other] == layout.rank_of[one] + 1


@given(graphs())
def test_nothing_overlaps(graph: tuple[list[float], list[tuple[int, int]]]) -> None:
    widths, arrows = graph
    layout = arranged(widths, arrows, GAP)
    size = sizes(layout, widths)
    for rank in set(layout.rank_of):
        row = sorted(
            (m for m, r in enumerate(layout.rank_of) if r == rank), key=layout.x.__getitem__
        )
        for one, other in pairwise(row):
            between = layout.x[other] - size[other] / 2 - layout.x[one] - size[one] / 2
            assert between >= GAP / 2 - 1e-6


@given(st.lists(st.floats(1, 200), min_size=1, max_size=20))
def test_a_chain_is_a_column(widths: list[float]) -> None:
    layout = arranged(widths, [(i, i + 1) for i in range(len(widths) - 1)], GAP)
    assert layout.ranks == tuple(range(len(widths)))
    assert max(layout.x) - min(layout.x) < 1e-6


def test_a_skip_runs_straight_beside_the_boxes_it_skips() -> None:
    layout = arranged([50.0, 80.0, 60.0, 50.0], [(0, 1), (1, 2), (2, 3), (0, 3)], GAP)
    bends = {layout.x[bend] for bend in layout.routes[3][1:-1]}
    assert len(bends) == 1
    assert abs(bends.pop() - layout.x[1]) >= 40 + GAP / 2


def test_arrows_that_need_not_cross_do_not() -> None:
    # Two chains whose members are given in opposite orders.
    layout = arranged([10.0] * 4, [(0, 3), (1, 2)], GAP)
    assert (layout.x[0] < layout.x[1]) == (layout.x[3] < layout.x[2])
