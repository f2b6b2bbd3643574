"""Turns nn.lark into tables.json: `python -m nnc.grammar.generate`.

Lark reads the grammar and makes the LALR(1) tables here, when nnc is built, so that a run of nnc
neither imports Lark nor computes tables. The numbering is nnc's own, so the same grammar gives the
same bytes.
"""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from pathlib import Path
from typing import Any

from lark import Lark, logger
from lark.grammar import Rule, Terminal
from lark.lexer import TerminalDef
from lark.parsers.lalr_analysis import Reduce

GRAMMAR = Path(__file__).with_name("nn.lark")
TABLES = Path(__file__).with_name("tables.json")
START = "file"


class Ambiguous(Exception):
    """The grammar has a conflict, which Lark would settle silently."""


def load_grammar() -> Lark:
    """Lark's own parser of nn.lark. Raises `Ambiguous` where LALR(1) can't decide."""
    conflicts: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: conflicts.append(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    try:
        text = GRAMMAR.read_text(encoding="utf-8")
        lark = Lark(text, parser="lalr", start=START, debug=True, maybe_placeholders=True)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    found = [message for message in conflicts if "conflict" in message]
    if found:
        raise Ambiguous("\n".join(found))
    return lark


def tables(lark: Lark) -> dict[str, Any]:
    """What parse.py and terminals.py need, as plain data."""
    rules = sorted(lark.rules, key=_rule_key)
    numbers = {_rule_key(rule): number for number, rule in enumerate(rules)}
    states = _states(lark.parser.parser._parse_table, numbers)
    path = next(t.pattern.to_regexp() for t in lark.terminals if t.name == "PATH")
    keywords = {_word(t): t.name for t in lark.terminals if _is_keyword(t)}
    return {
        "pattern": _pattern(list(lark.terminals)),
        "keywords": dict(sorted(keywords.items())),
        "names": sorted(word for word in keywords if re.fullmatch(path, word)),
        "literals": _literals(list(lark.terminals)),
        "rules": [_rule(rule) for rule in rules],
        "states": states,
    }


def _rule_key(rule: Rule) -> tuple[str, tuple[str, ...]]:
    return rule.origin.name, tuple(symbol.name for symbol in rule.expansion)


def _rule(rule: Rule) -> list[Any]:
    """[what it makes, how many parts, which are kept (null: left out by the writer), method]."""
    kept: list[int | None] = [
        index
        for index, symbol in enumerate(rule.expansion)
        if not (isinstance(symbol, Terminal) and symbol.filter_out)
    ]
    position = 0
    for empty in rule.options.empty_indices:
        if empty:
            kept.insert(_place(kept, position), None)
        else:
            position += 1
    passes = rule.options.expand1 and rule.alias is None and len(kept) == 1
    method = None if passes else rule.alias or re.sub(r"\{.*", "", rule.origin.name)
    return [rule.origin.name, len(rule.expansion), kept, method]


def _place(kept: list[int | None], position: int) -> int:
    """Where among the kept parts one goes that would stand before the part at `position`."""
    places = [i for i, part in enumerate(kept) if part is not None and part < position]
    return max(places, default=-1) + 1 + (kept[max(places, default=-1) + 1 :].count(None))


def _states(table: Any, numbers: dict[Any, int]) -> list[dict[str, int]]:
    """A dictionary for each state: symbol -> next state (0 and up), or -1 - rule to be reduced.

    The end of the text is shifted too, where a file is complete.
    """
    order = {table.start_states[START]: 0}
    queue = deque(order)
    found = []
    while queue:
        state = queue.popleft()
        row = {"$END": 0} if state == table.end_states[START] else {}
        for symbol, (action, goal) in sorted(table.states[state].items()):
            if action is Reduce:
                row[symbol] = -1 - numbers[_rule_key(goal)]
                continue
            if goal not in order:
                order[goal] = len(order)
                queue.append(goal)
            row[symbol] = order[goal]
        found.append(row)
    return found


def _is_keyword(terminal: TerminalDef) -> bool:
    pattern = terminal.pattern.to_regexp()
    return terminal.priority > 0 and bool(re.fullmatch(pattern, _word(terminal)))


def _word(terminal: TerminalDef) -> str:
    return terminal.name.strip("_").lower()


def _pattern(terminals: list[TerminalDef]) -> str:
    """One expression for the whole lexer, a named group a terminal; words after PATH."""

    def order(terminal: TerminalDef) -> tuple[object, ...]:
        fixed = terminal.pattern.type == "str"
        return (_is_keyword(terminal), fixed, -terminal.priority, -len(terminal.pattern.value))

    ordered = sorted(terminals, key=lambda terminal: (*order(terminal), terminal.name))
    return "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in ordered)


def _literals(terminals: list[TerminalDef]) -> dict[str, str]:
    """How each fixed terminal is written, for messages."""
    fixed = {t.name: t.pattern.value for t in terminals if t.pattern.type == "str"}
    return dict(sorted(fixed.items()))


def to_json(data: dict[str, Any]) -> str:
    """The tables with one rule and one state a line, so that a change can be read."""
    parts = []
    for key, value in data.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in value)
            parts.append(f"{json.dumps(key)}: [\n{rows}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TABLES.write_text(to_json(tables(load_grammar())), encoding="utf-8")
