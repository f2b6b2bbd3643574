"""`nnc completion`: how a shell learns to complete verbs, options, codes and layers."""

from __future__ import annotations

import click

from nnc.cli.terminal import give
from nnc.cli.verb import Verb


@click.command(
    "completion",
    cls=Verb,
    example=(
        'eval "$(nnc completion bash)"\nnnc completion fish > ~/.config/fish/completions/nnc.fish'
    ),
    short_help="completion for bash, zsh or fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Write the script that teaches SHELL to complete `nnc`."""
    from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

    scripts: dict[str, type[ShellComplete]] = {
        "bash": BashComplete,
        "zsh": ZshComplete,
        "fish": FishComplete,
    }
    maker = scripts[shell](context.find_root().command, {}, "nnc", "_NNC_COMPLETE")
    # click's own `source` starts the shell to ask for its version; the script needs no more.
    give(maker.source_template % maker.source_vars())
