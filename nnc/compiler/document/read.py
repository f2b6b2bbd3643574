"""A JSON spec -> the surface tree, which walks the same passes as `.nn` text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from nnc.compiler import syntax
from nnc.compiler.diagnostics import Failed, Report, did_you_mean
from nnc.compiler.document import outputs
from nnc.compiler.document.access import Access
from nnc.compiler.document.positions import Value, parse
from nnc.compiler.document.sections import Sections
from nnc.compiler.document.words import Words
from nnc.compiler.source import Source, Span
from nnc.compiler.vocabulary import base

VERSION: Final = 1
_REQUIRED: Final = ("nnc", "name", "inputs", "nodes", "outputs")
_OPTIONAL: Final = ("layout", "parameters", "data", "train", "search")


def read(source: Source) -> syntax.File:
    """The tree of a JSON spec; its source is the same text with JSON pointers.

    Raises Failed with every mistake found in the form; what the parts mean, the passes say.
    """
    report = Report()
    located, root = parse(source, report)
    file = _Reader(Access(located, report)).file(root)
    report.raise_errors()
    return file


class _Reader:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._words = Words(access)
        self._layers: set[str] = set()
        """Names of the nodes so far that stand for a layer of their own."""
        self._names: set[str] = set()
        """Names of all values so far."""

    def file(self, root: Value) -> syntax.File:
        self._check_version(root)
        top = self._access.object(root, "the document", _REQUIRED, _OPTIONAL)
        sections = Sections(self._access, self._words)
        declarations: list[syntax.Declaration] = [*sections.parameters(top.get("parameters"))]
        for keyword in ("data", "train", "search"):
            if keyword == "train":
                declarations += self._model(top)
            declarations += sections.section(keyword, top.get(keyword))
        return syntax.File(self._access.source, tuple(declarations))

    def _check_version(self, root: Value) -> None:
        content = root.content
        version = content.get("nnc") if isinstance(content, dict) else None
        if version is None or (version.content == VERSION and version.content is not True):
            return
        newer = isinstance(version.content, int) and version.content > VERSION
        self._access.report.error(
            "E028",
            f"this document is not of version {VERSION} of the spec",
            self._access.place(version),
            f"nnc reads version {VERSION}",
            help="a newer nnc may read it" if newer else f'write `"nnc": {VERSION}`',
        )
        raise Failed(self._access.report)

    # ---- the model ------------------------------------------------------------------------

    def _model(self, top: Mapping[str, Value]) -> Iterator[syntax.Model]:
        name = self._access.name(top.get("name"), "the name of a model")
        body = [
            *self._layout(top.get("layout")),
            *self._inputs(top.get("inputs")),
            *self._nodes(top.get("nodes")),
            *self._outputs(top.get("outputs")),
        ]
        if name is not None:
            yield syntax.Model(name, tuple(body), name.span)

    def _layout(self, value: Value | None) -> Iterator[syntax.Layout]:
        if value is not None and self._access.text(value, "`layout`") is not None:
            span = self._access.inside(value)
            yield syntax.Layout(syntax.Name(str(value.content), span), span)

    def _inputs(self, value: Value | None) -> Iterator[syntax.Input]:
        for item in self._access.items(value, "`inputs`"):
            members = self._access.object(item, "an input", ("name", "type"))
            name = self._access.name(members.get("name"), "the name of an input")
            type_ = self._access.type(members.get("type"), "the type of an input")
            if name and type_:
                self._names.add(name.text)
                yield syntax.Input(name, type_, self._access.span(item))

    def _outputs(self, value: Value | None) -> Iterator[syntax.Statement]:
        pairs: list[tuple[syntax.Name, syntax.Reference]] = []
        for item in self._access.items(value, "`outputs`"):
            members = self._access.object(item, "an output", ("name", "value"))
            name = self._access.name(members.get("name"), "the name of an output")
            made = self._reference(members.get("value"))
            if name and made:
                pairs.append((name, made))
        yield from outputs.in_order(pairs, self._names)

    # ---- nodes ----------------------------------------------------------------------------

    def _nodes(self, value: Value | None) -> Iterator[syntax.Run]:
        for item in self._access.items(value, "`nodes`"):
            node = self._node(item)
            if node is not None:
                yield node

    def _node(self, item: Value) -> syntax.Run | None:
        again = isinstance(item.content, dict) and "layer" in item.content
        if again:
            members = self._access.object(
                item, "a node with a `layer`", ("name", "layer", "inputs")
            )
        else:
            required, optional = ("name", "op", "inputs"), ("attributes",)
            members = self._access.object(item, "a node", required, optional)
        name = self._access.path(members.get("name"), "the name of a node")
        source = self._source(members.get("inputs"))
        call = self._shared(members.get("layer")) if again else self._op(members)
        if name is None:
            return None
        self._names.add(name.text)
        if not again:
            self._layers.add(name.text)
        if call is None or source is None:
            return None
        stage = syntax.Apply(call, name, call.span)
        return syntax.Run(syntax.Chain(source, (stage,), call.span), call.span)

    def _op(self, members: Mapping[str, Value]) -> syntax.Call | None:
        op = members.get("op")
        attributes = members.get("attributes")
        if self._access.text(op, "`op`") is None or op is None:
            return None
        if str(op.content) in self._layers and base.find("op", str(op.content)) is None:
            self._unknown(
                op, "there is no op", f'to apply that node again write `"layer": "{op.content}"`'
            )
            return None
        if attributes is None:
            return self._words.call(op, "op", ())
        if not isinstance(attributes.content, dict):
            self._access.wrong(attributes, "`attributes`", "an object")
            return None
        return self._words.call(op, "op", attributes.content.items())

    def _shared(self, value: Value | None) -> syntax.Call | None:
        """A second use of the layer that an earlier node has made."""
        if self._access.text(value, "`layer`") is None or value is None:
            return None
        name = str(value.content)
        if name not in self._layers:
            self._unknown(
                value, "no node before this one is called", did_you_mean(name, self._layers)
            )
            return None
        if base.find("op", name) is not None:
            self._access.report.error(
                "E029",
                f"the layer `{name}` has the name of an op and can't be used twice",
                self._access.inside(value),
                "also the name of an op",
                help="give the layer another name",
            )
            return None
        return self._words.call(value, "op", ())

    def _unknown(self, value: Value, message: str, cure: str | None) -> None:
        self._access.report.error(
            "E101", f"{message} `{value.content}`", self._access.inside(value), "unknown", help=cure
        )

    def _source(self, value: Value | None) -> syntax.Expression | None:
        """Where a node's inputs come from."""
        if value is None:
            return None
        items = self._access.items(value, "`inputs` of a node")
        if value.content == []:
            self._access.wrong(value, "`inputs` of a node", "a list of one name or more")
        made = [self._reference(item) for item in items]
        names = tuple(item for item in made if item is not None)
        if not names or len(names) < len(made):
            return None
        return names[0] if len(names) == 1 else syntax.Tuple(names, self._place(names))

    def _place(self, names: tuple[syntax.Reference, ...]) -> Span:
        return names[0].span.to(names[-1].span)

    def _reference(self, value: Value | None) -> syntax.Reference | None:
        """The name of a value: an input, a node, or a result of a node."""
        name = self._access.path(value, "the name of a value")
        return syntax.Reference(name.text, name.span) if name else None
