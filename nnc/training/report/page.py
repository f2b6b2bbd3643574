"""The frame of a page that stands alone: it loads nothing, runs nothing, and is readable by day, by
night and on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nnc.plot import lines
from nnc.plot.lines import Chart, text
from nnc.plot.svg import FONT

_STYLE = """\
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--edge:#e3e6ea;--ink:#1f2937;
--soft:#5b6472;--good:#047857;--bad:#b91c1c;--hot:37,99,235}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--card:#161b22;--edge:#2b323c;--ink:#e5e7eb;
--soft:#a3adbb;--good:#34d399;--bad:#f87171;--hot:110,168,254}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 FONT}
main{max-width:1180px;margin:0 auto;padding:28px 18px 60px}
h1{font-size:27px;line-height:1.2;margin:0 0 4px}
h2{font-size:18px;margin:34px 0 12px}
h3{font-size:14px;margin:0 0 10px}
p{margin:0 0 10px}.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:16px;
margin:0 0 14px;min-width:0}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:14px}
.grid .card{margin:0}.grid>.card:has(>svg.chart){padding:10px}
svg.chart{display:block;width:100%;height:auto}
.scroll{overflow:auto;max-width:100%}
table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top;white-space:nowrap}
th{color:var(--soft);font-weight:500}tr+tr td,thead+tbody td{border-top:1px solid var(--edge)}
td.n,th.n{text-align:right}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 16px;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
pre,code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{margin:0;overflow:auto;max-height:640px}
.status{display:inline-block;padding:1px 10px;border-radius:99px;font-size:13px;font-weight:600;
color:var(--good);border:1px solid currentColor;vertical-align:4px;margin-left:8px}
.status.bad{color:var(--bad)}
.figures{display:flex;flex-wrap:wrap;gap:10px 34px;margin:16px 0 0}
.figures b{display:block;font-size:23px;line-height:1.25;font-weight:600}
.matrix td,.matrix th{text-align:center;padding:4px 6px;border:0;min-width:34px}
.matrix th{max-width:150px;overflow:hidden;text-overflow:ellipsis}
.matrix tbody th{text-align:right}
.matrix td{border:1px solid var(--card)}
.wrong{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,170px),1fr));gap:12px}
.wrong figure{margin:0;background:var(--card);border:1px solid var(--edge);border-radius:10px;
padding:10px;min-width:0;font-size:13px;overflow-wrap:anywhere}
.wrong img{width:100%;max-height:190px;object-fit:contain;image-rendering:pixelated;display:block;
background:#7773;border-radius:6px;margin-bottom:8px}
.model{max-height:760px}.model svg{display:block;margin:auto;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.model svg{filter:invert(.91) hue-rotate(180deg)}}
@media (max-width:520px){main{padding:18px 10px 40px}.card{padding:12px}h1{font-size:23px}}"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser is told: nothing comes from elsewhere, nothing runs."""


def page(title: str, parts: Iterable[str]) -> str:
    """A page of parts that are HTML already."""
    body = "\n".join(parts)
    style = _STYLE.replace("FONT", FONT)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}\n{lines.STYLE}\n</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def charts(found: Sequence[Chart]) -> str:
    """Charts beside one another, as many as there is room for."""
    cards = "\n".join(f'<div class="card">{lines.svg(one)}</div>' for one in found)
    return f'<div class="grid">\n{cards}\n</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """A table; its last `numbers` columns hold numbers."""
    first = len(head) - numbers

    def cells(row: Sequence[str], kind: str) -> str:
        looks = [""] * first + [' class="n"'] * numbers
        pairs = zip(row, looks, strict=True)
        return "".join(f"<{kind}{look}>{text(cell)}</{kind}>" for cell, look in pairs)

    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table>\n<thead><tr>{cells(head, "th")}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def facts(found: Iterable[tuple[str, str]]) -> str:
    """What is known, by name; what is empty is left out."""
    pairs = (f"<dt>{text(name)}</dt><dd>{text(what)}</dd>" for name, what in found if what)
    shown = "\n".join(pairs)
    return f"<dl>\n{shown}\n</dl>"
