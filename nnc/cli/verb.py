"""What verbs share as click commands: the help begins with an example, each has `--color`."""

from __future__ import annotations

from typing import Any

import click


class Verb(click.Command):
    """A verb. Its help begins with an example."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kwargs)
        self.example = example
        add_color(self)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example"):
            for line in self.example.strip().splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line.strip()}\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)


class FileName(click.Path):
    """The name of a file, or `-`; shells complete it."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(allow_dash=True, path_type=str)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value or "\0" in value:
            self.fail("this is not the name of a file", param, ctx)
        return super().convert(value, param, ctx)


FILE = FileName()


def add_color(command: click.Command) -> None:
    """Give a command the option `--color`."""
    command.params.append(
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            callback=_remember,
            expose_value=False,
            help="colours; `auto`: on a terminal, unless NO_COLOR is set",
        )
    )


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.find_root().meta["nnc.color"] = value
