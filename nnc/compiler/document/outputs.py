"""The outputs of a flat model as statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nnc.compiler import syntax


def in_order(
    outputs: Sequence[tuple[syntax.Name, syntax.Reference]], taken: Iterable[str]
) -> Iterator[syntax.Statement]:
    """`output name = value` for each pair.

    An output hides a value that has its name. When a later output is that value, it gets another
    name (none of `taken`) before the first output.
    """
    names = {name.text for name, _ in outputs} | set(taken)
    hidden: set[str] = set()
    aliases: dict[str, str] = {}
    for name, value in outputs:
        if value.name in hidden and value.name not in aliases:
            aliases[value.name] = fresh(f"{value.name}_value", names)
            spoken = syntax.Name(aliases[value.name], value.span)
            yield syntax.Bind((spoken,), value, value.span)
        if name.text != value.name:
            hidden.add(name.text)
    for name, value in outputs:
        again = syntax.Reference(aliases.get(value.name, value.name), value.span)
        yield syntax.Output(name, again, name.span)


def fresh(wanted: str, taken: set[str]) -> str:
    """The wanted name, or one with a number behind it, without dots; it is added to `taken`."""
    plain = wanted.replace(".", "_")
    plain = f"_{plain}" if plain[0].isdecimal() else plain
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    return name
