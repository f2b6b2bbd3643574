"""Training on several backends as text: how far each was from the reference, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nnc.verify.paths import Departure, Path, Paths
from nnc.verify.tolerances import HORIZON, STEPS
from nnc.verify.verdict import place

MARKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
"""The steps whose distances are shown, as far as there are so many; and always the last one."""
WORST = 6
"""Weights that are listed of one path with `--details`."""


def render(paths: Paths, *, details: bool = False) -> str:
    """The findings in plain text. With `details` the weights that are furthest away."""
    lines = [_title(paths)]
    for precision in dict.fromkeys(path.precision for path in paths.paths):
        mine = [path for path in paths.paths if path.precision == precision]
        lines += ["", *_table(mine, _marks(len(paths.losses)))]
    lines += _notes(paths)
    for path in paths.paths:
        lines += _explained(path, details=details)
    lines += ["", _conclusion(paths)]
    return "\n".join(lines) + "\n"


def growth(path: Path, marks: Iterable[int]) -> Iterator[tuple[float, float]]:
    """Up to each of these steps: the furthest that the loss and any weight have been."""
    for mark in marks:
        part = path.steps[:mark]
        yield max(s.difference for s in part), max(s.worst for s in part)


def _marks(count: int) -> list[int]:
    return [mark for mark in MARKS if mark < count] + [count] * (count > 0)


def _title(paths: Paths) -> str:
    training = paths.program.training
    word = training.optimizer.word if training else ""
    return (
        f"{paths.program.name}: {len(paths.losses)} steps of {word} against the reference in "
        f"float64, {paths.examples}, batch {paths.batch}, seed {paths.program.seed}"
    )


def _table(paths: list[Path], marks: list[int]) -> Iterator[str]:
    rows = [(paths[0].precision, "by step", *map(str, marks), "")]
    for path in paths:
        if not path.steps:
            rows.append((path.title, "", *["-"] * len(marks), path.state))
            continue
        taken = [mark for mark in marks if mark <= len(path.steps)]
        columns = list(zip(*growth(path, taken), strict=True))
        blank = ["-"] * (len(marks) - len(taken))
        words = (_word(path), "")
        for kind, figures, word in zip(("loss", "weights"), columns, words, strict=True):
            name = path.title if kind == "loss" else ""
            rows.append((name, kind, *(f"{figure:.0e}" for figure in figures), *blank, word))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.ljust(width) if i in (0, 1, len(row) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _word(path: Path) -> str:
    if path.state != "compared":
        return path.state
    if not path.agrees:
        return "DIFFERS"
    return "agrees" if path.precision == "float64" else f"agrees for {path.promised} steps"


def _notes(paths: Paths) -> Iterator[str]:
    if paths.idle:
        yield ""
        count = sum(paths.idle.values())
        named = ", ".join(f"`{name}`" for name in list(paths.idle)[:3])
        more = f" and {len(paths.idle) - 3} more" if len(paths.idle) > 3 else ""
        yield (
            f"not compared: {count} numbers in {named}{more} whose true gradient is 0, as of a "
            "bias in front of BatchNorm: optimisers make steps of their rounding"
        )
    if len(paths.losses) < paths.asked:
        yield ""
        number = len(paths.losses)
        yield f"the reference itself has no finite numbers after step {number}: that is the end"
    if any(path.precision == "float32" and path.steps for path in paths.paths):
        yield ""
        yield (
            f"float32 promises {HORIZON} steps: later, rounding may decide a relu or a maximum "
            "otherwise, and then correct programs part"
        )


def _explained(path: Path, *, details: bool) -> Iterator[str]:
    named = f"{path.title} in {path.precision}"
    if path.message is not None:
        yield ""
        yield f"{named}: {path.state}: {path.message}"
        if path.help is not None:
            yield f"  help: {path.help}"
    if path.rounding:
        yield ""
        yield (
            f"{named}: further away than {STEPS['float32'].loss:.0e} (loss) or "
            f"{STEPS['float32'].weights:.0e} (weights), but rounding moves the exact path about "
            "as far, and in float64 the same program agrees"
        )
    if path.first is not None:
        yield ""
        yield from _located(named, path.first)
    if details and path.steps:
        yield ""
        last = sorted(path.steps[-1].weights.items(), key=lambda item: -item[1])
        for name, difference in last[:WORST]:
            yield f"{named}: `{name}` differs by {difference:.1e} of its norm at the end"


def _located(named: str, first: Departure) -> Iterator[str]:
    number = first.step + 1
    what = "the loss" if first.what == "loss" else f"weight `{first.what}`"
    yield f"{named}: {what} differs by {first.difference:.1e} from step {number} on"
    where = place(first.span)
    at = f" at {where}" if where else ""
    layer = f"`{first.layer}` ({first.word}){at}"
    match first.way:
        case "forward":
            yield f"  the first layer that differs in step {number}: {layer}"
        case "loss":
            yield f"  the layers agree, the loss `{first.word}` does not{at}"
        case "backward":
            yield f"  the layers' results agree; the gradient of layer {layer} differs"
        case "statistic":
            yield f"  a running statistic of layer {layer}"
        case "division":
            of = f", of layer {layer}" if first.layer else at
            yield f"  one process takes this step as the reference does{of}"
        case "update":
            yield f"  its gradient is right, what is made of it is not; layer {layer}"
    if first.hint is not None:
        yield f"  hint: {first.hint}"
    if first.note is not None:
        yield f"  the cause could not be sought: {first.note}"


def _conclusion(paths: Paths) -> str:
    compared = list(dict.fromkeys(p.title for p in paths.paths if p.state == "compared"))
    if paths.agrees:
        rest = "" if paths.complete else "; not everything was compared"
        return f"{', '.join(compared)}: the same training as the reference{rest}"
    return "not the same training" if compared else "nothing was compared"
