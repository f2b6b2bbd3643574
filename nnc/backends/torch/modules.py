"""The modules of a class by their paths: how `__init__` makes them and how `forward` reaches them.

The path of a module is the path of its weights in the state dict, letter for letter. Children named
0, 1, … become an nn.ModuleList, other children an nn.ModuleDict; a name that Python or nn.Module
keeps for itself is entered in `_modules` directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nnc.backends import pysource as py
from nnc.backends.pysource.names import is_usable

KEPT = frozenset(
    {
        "T_destination",
        "activate",
        "add_module",
        "append",
        "apply",
        "bfloat16",
        "bind",
        "buffers",
        "call_super_init",
        "children",
        "clear",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extend",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "insert",
        "ipu",
        "items",
        "keys",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "pop",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "scores",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "update",
        "values",
        "xpu",
        "zero_grad",
    }
)
"""Names that nn.Module, nn.ModuleDict and the generated classes use themselves."""


@dataclass
class Branch:
    """A module of its own, or a name under which modules stand, or both."""

    constructor: py.Expr | None = None
    children: dict[str, Branch] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether the children are numbered from 0 on without a gap."""
        first = next(iter(self.children), "0")
        return first == "0" and all(n == str(i) for i, n in enumerate(self.children))

    def add(self, path: tuple[str, ...], constructor: py.Expr) -> None:
        """Enter a module under its path."""
        branch = self
        for part in path:
            branch = branch.children.setdefault(part, Branch())
        branch.constructor = constructor

    @property
    def base(self) -> str:
        """The class that a class with these modules derives from."""
        return "nn.ModuleList" if self.is_list and self.children else "nn.Module"

    def sort(self) -> None:
        """Put numbered children in the order of their numbers."""
        names = list(self.children)
        if sorted(names) == sorted(str(i) for i in range(len(names))):
            self.children = {str(i): self.children[str(i)] for i in range(len(names))}
        for child in self.children.values():
            child.sort()


def _attribute(owner: py.Expr, name: str) -> py.Expr:
    if is_usable(name) and name not in KEPT and not name.startswith("_"):
        return py.attribute(owner, name)
    return py.subscript(py.attribute(owner, "_modules"), name)


def _is_list(branch: Branch) -> bool:
    return branch.constructor is None and branch.is_list


def access(root: Branch, path: tuple[str, ...]) -> py.Expr:
    """The expression that reaches a module: `self.layer1[0].conv1`."""
    made: py.Expr = py.name("self")
    branch = root
    for part in path:
        is_list = _is_list(branch)
        made = py.subscript(made, int(part)) if is_list else _attribute(made, part)
        branch = branch.children[part]
    return made


def statements(root: Branch) -> Iterator[py.Statement]:
    """The body of `__init__`, which makes all modules. A class whose modules are numbered is a list
    of them."""
    if root.is_list and root.children:
        yield py.Expression(py.method(py.call("super"), "__init__", _items(root)))
        yield from _later(py.name("self"), root)
        return
    yield py.Expression(py.method(py.call("super"), "__init__"))
    for name, branch in root.children.items():
        yield from _made(_attribute(py.name("self"), name), branch)


def _made(target: py.Expr, branch: Branch) -> Iterator[py.Statement]:
    if branch.constructor is not None:
        yield py.Assign((target,), branch.constructor)
        for name, child in branch.children.items():
            yield from _made(_attribute(target, name), child)
        return
    yield py.Assign((target,), _container(branch))
    yield from _later(target, branch)


def _container(branch: Branch) -> py.Expr:
    if branch.is_list:
        return py.call("nn.ModuleList", _items(branch))
    named = {n: _value(c) for n, c in branch.children.items() if not _is_late(n)}
    return py.call("nn.ModuleDict", *([named] if named else []))


def _items(branch: Branch) -> list[py.Expr]:
    return [_value(child) for child in branch.children.values()]


def _value(branch: Branch) -> py.Expr:
    return _container(branch) if branch.constructor is None else branch.constructor


def _is_late(name: str) -> bool:
    """Whether nn.ModuleDict refuses the name."""
    return name in KEPT or name.startswith("_")


def _later(target: py.Expr, branch: Branch) -> Iterator[py.Statement]:
    """What can't stand inside the container's constructor."""
    is_list = branch.is_list
    for name, child in branch.children.items():
        inner = py.subscript(target, int(name)) if is_list else _attribute(target, name)
        if not is_list and _is_late(name):
            yield from _made(inner, child)
        elif child.constructor is None:
            yield from _later(inner, child)
        else:
            for part, grandchild in child.children.items():
                yield from _made(_attribute(inner, part), grandchild)
