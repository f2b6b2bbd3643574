"""Layers of boxes, top to bottom, with few crossings and short, straight arrows.

The method of Sugiyama, Tagawa and Toda (1981): ranks by the longest path, an arrow over several
ranks bends at a point in each, the order within a rank by the mean place of the neighbours, and
places by least squares under that order.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_ORDER_SWEEPS = 12
_BALANCING, _STRAIGHTENING = 12, 16
"""Sweeps of the two parts of placing."""
_HEAVY, _LIGHT = 8.0, 0.01
"""How much a bend's place counts beside a box's, in the one part and the other."""


@dataclass(frozen=True)
class Layout:
    """`ranks` of the boxes; `x` of the centre of every box and bend; `routes`: what each arrow
    passes, from box to box."""

    ranks: tuple[int, ...]
    x: tuple[float, ...]
    routes: tuple[tuple[int, ...], ...]
    rank_of: tuple[int, ...]
    """The rank of boxes and bends."""


def arranged(widths: Sequence[float], arrows: Sequence[tuple[int, int]], gap: float) -> Layout:
    """Places for boxes of some widths. Arrows lead from a lower to a higher number."""
    ranks = _ranks(len(widths), arrows)
    rank_of, sizes, routes = list(ranks), list(widths), []
    for start, end in arrows:
        bends = range(len(rank_of), len(rank_of) + ranks[end] - ranks[start] - 1)
        rank_of += range(ranks[start] + 1, ranks[end])
        sizes += [0.0] * len(bends)
        routes.append((start, *bends, end))
    neighbours = _Neighbours(len(rank_of), routes)
    rows = _ordered(rank_of, neighbours)
    x = _placed(rows, sizes, neighbours, gap, len(widths))
    _straighten(rows, sizes, routes, gap, x)
    return Layout(tuple(ranks), tuple(x), tuple(routes), tuple(rank_of))


class _Neighbours:
    """What stands above and below each box and bend, one rank away."""

    def __init__(self, count: int, routes: Iterable[Sequence[int]]) -> None:
        self.above: list[list[int]] = [[] for _ in range(count)]
        self.below: list[list[int]] = [[] for _ in range(count)]
        for route in routes:
            for start, end in pairwise(route):
                self.below[start].append(end)
                self.above[end].append(start)


def _ranks(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The longest way to each box; what nothing leads to stands right above its first use."""
    ranks = [0] * count
    reached = [False] * count
    for start, end in sorted(arrows, key=lambda arrow: arrow[1]):
        ranks[end] = max(ranks[end], ranks[start] + 1)
        reached[end] = True
    uses = _first_uses(count, arrows, ranks)
    return [ranks[box] if reached[box] else uses[box] - 1 for box in range(count)]


def _first_uses(count: int, arrows: Sequence[tuple[int, int]], ranks: Sequence[int]) -> list[int]:
    uses = [1 << 60] * count
    for start, end in arrows:
        uses[start] = min(uses[start], ranks[end])
    return [use if use < 1 << 60 else 1 for use in uses]


# ---- order -----------------------------------------------------------------------------------


def _ordered(rank_of: Sequence[int], neighbours: _Neighbours) -> list[list[int]]:
    """The members of each rank from left to right: the order met that crosses least."""
    rows: list[list[int]] = [[] for _ in range(max(rank_of, default=0) + 1)]
    for member, rank in enumerate(rank_of):
        rows[rank].append(member)
    best, fewest = [list(row) for row in rows], _crossings(rows, neighbours)
    for sweep in range(_ORDER_SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        for row in rows[1:] if down else reversed(rows[:-1]):
            _sort(row, rows, rank_of, neighbours.above if down else neighbours.below)
        count = _crossings(rows, neighbours)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def _sort(
    row: list[int], rows: Sequence[list[int]], rank_of: Sequence[int], sides: Sequence[list[int]]
) -> None:
    """Sort a rank by the mean place of the neighbours; a member without any stays where it is."""
    beside = {rank_of[n] for member in row for n in sides[member]}
    places = {n: place for rank in beside for place, n in enumerate(rows[rank])}
    wish = {
        member: sum(places[n] for n in sides[member]) / len(sides[member])
        if sides[member]
        else float(place)
        for place, member in enumerate(row)
    }
    row.sort(key=wish.__getitem__)


def _crossings(rows: Sequence[list[int]], neighbours: _Neighbours) -> int:
    """Pairs of arrows between neighbouring ranks that cross."""
    total = 0
    for upper, lower in pairwise(rows):
        places = {member: place for place, member in enumerate(lower)}
        seen: list[int] = []
        for member in upper:
            ends = sorted(places[n] for n in neighbours.below[member])
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


# ---- places ----------------------------------------------------------------------------------


def _placed(
    rows: Sequence[Sequence[int]],
    sizes: Sequence[float],
    neighbours: _Neighbours,
    gap: float,
    boxes: int,
) -> list[float]:
    """The x of every centre. First each rank as near to its neighbours as its order allows, then
    every box below the box that leads to it, while bends make room."""
    x = [0.0] * len(sizes)
    for sweep in range(_BALANCING + _STRAIGHTENING):
        straight = sweep >= _BALANCING
        for row in rows if straight or sweep % 2 == 0 else reversed(rows):
            wish = _below_main if straight else _between
            wishes = [wish(member, neighbours, x, boxes) for member in row]
            weights = [1.0 if m < boxes else _LIGHT if straight else _HEAVY for m in row]
            _squeeze(row, wishes, weights, _distances(row, sizes, gap), x)
    left = min((x[m] - sizes[m] / 2 for row in rows for m in row), default=0.0)
    return [place - left for place in x]


def _straighten(
    rows: Sequence[Sequence[int]],
    sizes: Sequence[float],
    routes: Sequence[Sequence[int]],
    gap: float,
    x: list[float],
) -> None:
    """Let every long arrow run straight down where there is room for it, on its own side."""
    left = {other: one for row in rows for one, other in pairwise(row)}
    right = {one: other for row in rows for one, other in pairwise(row)}

    def fits(bend: int, place: float) -> bool:
        before, after = left.get(bend), right.get(bend)
        return (before is None or x[before] + sizes[before] / 2 + gap / 2 <= place) and (
            after is None or place <= x[after] - sizes[after] / 2 - gap / 2
        )

    for route in routes:
        bends = [x[bend] for bend in route[1:-1]]
        if not bends:
            continue
        ends = (x[route[0]] + x[route[-1]]) / 2
        place = max(bends) if sum(bends) / len(bends) >= ends else min(bends)
        if all(fits(bend, place) for bend in route[1:-1]):
            for bend in route[1:-1]:
                x[bend] = place


def _between(member: int, neighbours: _Neighbours, x: Sequence[float], boxes: int) -> float:
    return _mean([*neighbours.above[member], *neighbours.below[member]], x, x[member])


def _below_main(member: int, neighbours: _Neighbours, x: Sequence[float], boxes: int) -> float:
    """A box stands below the boxes that lead to it; all else between its neighbours."""
    above = neighbours.above[member]
    if member >= boxes or not above:
        return _between(member, neighbours, x, boxes)
    return _mean([n for n in above if n < boxes] or above, x, x[member])


def _mean(members: Sequence[int], x: Sequence[float], otherwise: float) -> float:
    return sum(x[member] for member in members) / len(members) if members else otherwise


def _distances(row: Sequence[int], sizes: Sequence[float], gap: float) -> list[float]:
    """How far from the first of a rank each centre stands when all are as close as they may be."""
    offsets = [0.0]
    for one, other in pairwise(row):
        offsets.append(offsets[-1] + (sizes[one] + sizes[other]) / 2 + gap)
    return offsets


def _squeeze(
    row: Sequence[int],
    wishes: Sequence[float],
    weights: Sequence[float],
    offsets: Sequence[float],
    x: list[float],
) -> None:
    """Place a rank so that Σ weight·(x - wish)² is least and nothing overlaps.

    With the distances taken off, that is isotonic regression: neighbours that pull past each other
    are pooled at their mean.
    """
    pools: list[tuple[float, float, int]] = []
    for wish, weight, offset in zip(wishes, weights, offsets, strict=False):
        mean, count = wish - offset, 1
        while pools and pools[-1][0] >= mean:
            other, more, members = pools.pop()
            mean = (mean * weight + other * more) / (weight + more)
            weight, count = weight + more, count + members
        pools.append((mean, weight, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    for member, mean, offset in zip(row, means, offsets, strict=False):
        x[member] = mean + offset
