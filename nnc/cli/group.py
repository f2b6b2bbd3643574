"""The verbs as a click group: each is loaded when it is used; every way out has its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import click

from nnc import __version__
from nnc.cli import verbs
from nnc.cli.terminal import Unusable, say
from nnc.cli.verb import Verb, add_color

VERBS: Final[dict[str, Callable[[], Verb]]] = {
    "new": verbs.new,
    "check": verbs.check,
    "fmt": verbs.fmt,
    "compile": verbs.compile_,
    "export": verbs.export,
    "summary": verbs.summary,
    "plot": verbs.plot,
    "train": verbs.train,
    "evaluate": verbs.evaluate,
    "predict": verbs.predict,
    "runs": verbs.runs,
    "verify": verbs.verify,
    "bench": verbs.bench,
    "ops": verbs.ops,
    "schema": verbs.schema,
    "explain": verbs.explain,
    "completion": verbs.completion,
}
"""In the order in which a beginner meets them."""


class Nnc(click.Group):
    """The group; a verb's file is imported when the verb is named, or for the list of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        load = VERBS.get(cmd_name)
        return load() if load else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run and exit, as click's own `main` does in its standalone mode."""
        sys.exit(run(list(sys.argv[1:] if args is None else args)))


def _unknown(verb: str) -> str:
    from nnc.compiler.diagnostics import nearest

    if os.path.exists(verb):
        return f"`{verb}` is a file, not a verb. Is this meant: nnc check {verb}"
    near = nearest(verb, VERBS)
    return f"there is no verb `{verb}`" + (f". Is this meant: nnc {near}" if near else "")


@click.group(cls=Nnc, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nnc", message="%(prog)s %(version)s")
def group() -> None:
    """nnc compiles a neural network from one spec to PyTorch, Keras and ONNX.

    \b
    nnc new xor                              a spec to start from: xor.nn
    nnc check xor.nn                         what is wrong with it
    nnc compile xor.nn --backend torch       the same network as PyTorch code
    """


add_color(group)


def run(arguments: list[str]) -> int:
    """Run the command line; gives the exit code."""
    _complete()
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _broken_pipe()


def _invoke(arguments: list[str]) -> int:
    try:
        if not arguments:
            arguments = ["--help"]
        with group.make_context("nnc", list(arguments)) as context:
            group.invoke(context)
        return 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except Unusable as unusable:
        say(f"error: {unusable.format_message()}")
        return 2
    except click.ClickException as wrong:
        return _usage(wrong)
    except (KeyboardInterrupt, click.Abort):
        say("")
        return 130
    except BrokenPipeError:
        raise
    except OSError as error:
        say(f"error: {_system(error)}")
        return 2
    except MemoryError:
        say("error: there is not enough memory for this")
        return 2
    except Exception as fault:
        return _failed(fault)


def _usage(wrong: click.ClickException) -> int:
    if isinstance(wrong, click.UsageError) and wrong.ctx is not None:
        say(f"{wrong.ctx.get_usage()}\ntry: {wrong.ctx.command_path} --help\n")
    message = wrong.format_message()
    say(f"error: {message[:1].lower()}{message[1:]}")
    return 2


def _system(error: OSError) -> str:
    what = (error.strerror or str(error)).lower()
    return f"{error.filename}: {what}" if error.filename else what


def _failed(fault: Exception) -> int:
    """The user's spec is at fault, or nnc is."""
    from nnc.compiler.diagnostics import Failed

    if isinstance(fault, Failed):
        from nnc.cli.specs import show

        show(fault.diagnostics)
        return 1
    if os.environ.get("NNC_DEBUG"):
        import traceback

        traceback.print_exception(fault)
    what = " ".join(f"{type(fault).__name__}: {fault}".split())[:300]
    say(
        f"error: a fault of nnc's own, not of your spec: {what}\n"
        f"  = help: please report it with the spec and this line: nnc {__version__}, Python "
        f"{sys.version.split()[0]}, {sys.platform}; NNC_DEBUG=1 shows where it happened"
    )
    return 3


def _broken_pipe() -> int:
    """Whoever reads our output has enough of it: say nothing, nor let Python at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return 2


def _complete() -> None:
    """Answer a shell that asks for completions, and exit."""
    instruction = os.environ.get("_NNC_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(group, {}, "nnc", "_NNC_COMPLETE", instruction))
