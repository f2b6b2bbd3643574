"""The sections of a report that tell of answers, estimates and time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnc.plot import png, scatter
from nnc.plot.lines import number, text
from nnc.training.data.dataset import Array
from nnc.training.report.page import table
from nnc.training.report.predictions import Answers, Estimates
from nnc.training.spent import Spent

_CELLS = 25
"""Up to so many classes the matrix has numbers; of more it is a picture."""
_CONFUSIONS = 12


def answers(found: Answers) -> Iterator[str]:
    """The confusion matrix, what each class is like in it, and what is confused most often."""
    counts = found.matrix
    right = int(np.trace(counts))
    total = int(counts.sum())
    yield f"<p>{right:,} of {total:,} right: {right / max(total, 1):.2%}</p>"
    yield '<div class="grid">'
    yield confusion("true (rows) and predicted (columns)", found.names, counts)
    classes = table(
        ("class", "examples", "precision", "recall"), _classes(found.names, counts), numbers=3
    )
    yield f'<div class="card"><h3>by class</h3>{classes}</div>'
    confused = list(_confusions(found.names, counts))
    if confused:
        wrong = table(("true", "predicted", "times"), confused, numbers=1)
        yield f'<div class="card"><h3>confused most often</h3>{wrong}</div>'
    yield "</div>"


def confusion(title: str, names: list[str], counts: Array) -> str:
    """A card with a confusion matrix."""
    matrix = _matrix(names, counts) if len(names) <= _CELLS else _heat(counts)
    return f'<div class="card"><h3>{text(title)}</h3>{matrix}</div>'


def _matrix(names: list[str], counts: Array) -> str:
    heads = "".join(f'<th title="{text(n)}">{text(n)}</th>' for n in names)
    rows = []
    for name, row in zip(names, counts, strict=True):
        shares = row / max(int(row.sum()), 1)
        cells = "".join(_cell(int(n), float(s)) for n, s in zip(row, shares, strict=True))
        rows.append(f'<tr><th title="{text(name)}">{text(name)}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="matrix">\n<thead><tr><th></th>{heads}</tr></thead>\n'
        "<tbody>\n" + "\n".join(rows) + "\n</tbody></table></div>"
    )


def _cell(count: int, share: float) -> str:
    color = ";color:#fff" if share > 0.45 else ""
    shade = 0.06 + 0.86 * share if count else 0.02
    return f'<td style="background:rgba(var(--hot),{shade:.2f}){color}">{count or ""}</td>'


def _heat(counts: Array) -> str:
    """Many classes as a picture: the darker, the larger the share of the true class."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    pixels = np.asarray(255 - np.rint(255 * np.sqrt(shares)), np.uint8)
    size = f'style="width:min(100%,{max(420, len(counts))}px);image-rendering:pixelated"'
    return f'<img src="{png.url(pixels)}" alt="confusion matrix" {size}>'


def _classes(names: list[str], counts: Array) -> Iterator[tuple[str, ...]]:
    for i, name in enumerate(names[:100]):
        hit, told, there = (int(x) for x in (counts[i, i], counts[:, i].sum(), counts[i].sum()))
        precision = f"{hit / told:.1%}" if told else "–"
        recall = f"{hit / there:.1%}" if there else "–"
        yield name, f"{there:,}", precision, recall


def _confusions(names: list[str], counts: Array) -> Iterator[tuple[str, ...]]:
    wrong = counts - np.diag(np.diag(counts))
    for place in np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS].tolist():
        truth, answer = divmod(place, len(names))
        if wrong[truth, answer]:
            yield names[truth], names[answer], f"{wrong[truth, answer]:,}"


def estimates(found: Estimates, output: str) -> Iterator[str]:
    """Residuals over predictions, and how large they are."""
    residual = (found.truth - found.prediction).reshape(-1)
    truth = found.truth.reshape(-1)
    spread = float(np.square(truth - truth.mean()).sum())
    error = float(np.square(residual).sum())
    told = {
        "root mean square": float(np.sqrt(np.square(residual).mean())),
        "mean of the residuals": float(residual.mean()),
        "largest": float(np.abs(residual).max()),
    }
    if spread > 0:
        told["share of the variance explained"] = 1 - error / spread
    words = ", ".join(f"{name} {number(float(f'{value:.4g}'))}" for name, value in told.items())
    yield f"<p>{text(words)}</p>"
    predicted = found.prediction.reshape(-1).tolist()
    apart = list(zip(predicted, residual.tolist(), strict=True))
    both = list(zip(predicted, truth.tolist(), strict=True))
    across = f"predicted {output}"
    residuals = scatter.svg("residuals: truth − prediction", apart, across)
    against = scatter.svg("truth against prediction", both, across, diagonal=True)
    yield f'<div class="grid"><div class="card">{residuals}</div>'
    yield f'<div class="card">{against}</div></div>'


def time(spent: Spent) -> str:
    """What the time was spent on."""
    parts = {
        "opening the data": spent.opening,
        "reading batches": spent.reading,
        "updates": spent.steps,
        "evaluation": spent.evaluation,
    }
    rows = [
        (name, f"{seconds:.2f} s", f"{seconds / spent.total:.1%}" if spent.total else "–")
        for name, seconds in parts.items()
    ]
    told = f"{spent.on_data:.1%} of this time went into reading data."
    return f"<p>{told}</p>" + table(("", "time", "share"), rows, numbers=2)
