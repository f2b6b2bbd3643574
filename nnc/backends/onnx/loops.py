"""Loops over time: the operator Scan with its body, whose steps see values of the model around
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnc.backends.onnx import model
from nnc.backends.onnx.assembly import Handle, Scope
from nnc.backends.onnx.cells import Cell


@dataclass
class Body:
    """What is done at each step, under construction: values are names of the body's own, or handles
    of the model around it."""

    scope: Scope
    element: int
    """The number of the element type of states and of most inputs."""
    cell: Cell | None = None
    """What the loop is the forward part of, for its gradient."""
    inputs: list[tuple[str, int]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    states: int = 0
    _nodes: list[tuple[str, tuple[str | Handle, ...], tuple[str, ...], Mapping[str, Any]]] = field(
        default_factory=list
    )

    def input(self, name: str, element: int | None = None) -> str:
        """The next state or the next input of a step."""
        self.inputs.append((name, self.element if element is None else element))
        return name

    def add(self, operator: str, *inputs: str | Handle, **attributes: Any) -> str:
        """A node with one result."""
        return self.several(operator, *inputs, count=1, **attributes)[0]

    def several(
        self, operator: str, *inputs: str | Handle, count: int, **attributes: Any
    ) -> tuple[str, ...]:
        """A node with several results."""
        number = len(self._nodes)
        names = tuple(f"{self.scope.name}/step{number}.{i}" for i in range(count))
        self._nodes.append((operator, inputs, names, attributes))
        return names

    def output(self, name: str) -> None:
        """The next new state, or what is collected of each step; a node's result of its own, as
        ONNX wants it."""
        made = any(name in results for _, _, results, _ in self._nodes)
        is_free = made and name not in self.outputs
        self.outputs.append(name if is_free else self.add("Identity", name))

    @property
    def captured(self) -> tuple[Handle, ...]:
        """The values of the model around it that the steps use, each once."""
        taken = (x for _, inputs, _, _ in self._nodes for x in inputs if isinstance(x, Handle))
        return tuple(dict.fromkeys(taken))

    def written(self, names: Mapping[Handle, str]) -> bytes:
        """The body as the format has it, once the model's values have names."""
        nodes = (
            model.node(
                operator,
                f"{self.scope.name}/node{number}",
                [names[x] if isinstance(x, Handle) else x for x in inputs],
                outputs,
                attributes,
            )
            for number, (operator, inputs, outputs, attributes) in enumerate(self._nodes)
        )
        return model.body(f"{self.scope.name}/body", nodes, self.inputs, self._ends())

    def _ends(self) -> list[tuple[str, int]]:
        return [(name, self.element) for name in self.outputs]


def scan(
    body: Body, states: Sequence[Handle], steps: Sequence[Handle], *, backwards: bool
) -> tuple[Handle, ...]:
    """The last states, then what was collected. Time is the first axis, in front of the batch."""
    collected = len(body.outputs) - len(states)
    direction = int(backwards)
    names = [f"last{i}" for i in range(len(states))] + [f"all{i}" for i in range(collected)]
    return body.scope.several(
        "Scan",
        *states,
        *steps,
        results=names,
        captured=body.captured,
        body=body,
        num_scan_inputs=len(steps),
        scan_input_directions=[direction] * len(steps),
        scan_output_directions=[direction] * collected,
    )
