"""`nnc explain`: a message at length."""

from __future__ import annotations

import sys

import click
from click.shell_completion import CompletionItem

from nnc.cli.terminal import Unusable, colored, give, is_terminal
from nnc.cli.verb import Verb


def _codes(
    context: click.Context, option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from nnc.compiler.explain import codes, title

    fitting = [code for code in codes() if code.startswith(incomplete.upper())]
    return [CompletionItem(code, help=title(code)) for code in fitting]


@click.command(
    "explain",
    cls=Verb,
    example="nnc explain E301\nnnc explain",
    short_help="a message at length, with an example and the cure",
)
@click.argument("code", required=False, shell_complete=_codes)
def command(code: str | None) -> None:
    """Explain the CODE of a message: what it means, an example, the cure.

    Without CODE, list all codes.
    """
    from nnc.compiler.explain import codes, explanation, title

    if code is None:
        give("\n".join(f"{known}  {title(known)}" for known in codes()))
        return
    page = explanation(code.upper())
    if page is None:
        from nnc.compiler.diagnostics import did_you_mean

        known = did_you_mean(code.upper(), codes())
        raise Unusable(
            f"there is no message with the code `{code}`", known or "`nnc explain` lists them all"
        )
    if is_terminal() and colored(sys.stdout):
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page))
    else:
        give(page, end="")
