"""A script as a syntax tree, and the questions that rules ask of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import tree_sitter
import tree_sitter_powershell

_PARSER: Final = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))

Node = tree_sitter.Node


class Problem(NamedTuple):
    """What is wrong, and where."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def text(node: Node) -> str:
    """Return what the node is in the script."""
    return (node.text or b"").decode("utf-8", "replace")


def line(node: Node) -> int:
    """Return the line that the node begins on, counted from 1."""
    return node.start_point.row + 1


def bare(variable: Node) -> str:
    """Return the name of a variable, without what stands around it."""
    return text(variable).strip("${}@").lower().removeprefix("script:")


def walk(node: Node) -> Iterator[Node]:
    """Yield *node* and all that is inside it, in the order of the script."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.children))


def inside(node: Node, *kinds: str) -> Iterator[Node]:
    """Yield what is of one of the *kinds* inside *node*."""
    return (each for each in walk(node) if each.type in kinds)


def enclosing(node: Node, kind: str) -> Node | None:
    """Return the nearest node of *kind* around *node*."""
    found = node.parent
    while found is not None and found.type != kind:
        found = found.parent
    return found


class Command(NamedTuple):
    """One call of a command by name."""

    node: Node
    name: str
    parameters: tuple[str, ...]
    """Names without the hyphen."""


class Function(NamedTuple):
    """One function."""

    node: Node
    name: str
    parameters: tuple[str, ...]
    """Names without the dollar sign."""


@dataclass(frozen=True)
class Script:
    """One script, parsed."""

    path: str
    source: bytes

    @classmethod
    def read(cls, root: Path, name: str) -> "Script":
        """Return the script *name* of folder *root*."""
        return cls(name, (root / name).read_bytes())

    @cached_property
    def root(self) -> Node:
        """The whole tree."""
        return _PARSER.parse(self.source).root_node

    def problem(self, node: Node, reason: str) -> Problem:
        """Return a problem of *node*."""
        return Problem(self.path, line(node), reason)

    @cached_property
    def nodes(self) -> tuple[tuple[Node, str], ...]:
        """Every node with its type: who asks for all of the tree asks here."""
        return tuple((each, each.type) for each in walk(self.root))

    def all(self, *kinds: str) -> Iterator[Node]:
        """Yield what is of one of the *kinds* in the script."""
        return (node for node, kind in self.nodes if kind in kinds)

    @cached_property
    def statements(self) -> tuple[Node, ...]:
        """The script's own statements, without its parameters."""
        return tuple(
            statement
            for each in self.root.named_children
            if each.type == "statement_list"
            for statement in each.named_children
            if statement.type not in ("comment", "empty_statement")
        )

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Every call of a command by its name."""
        return tuple(self._commands())

    def _commands(self) -> Iterator[Command]:
        for node in self.all("command"):
            name = next((each for each in node.children if each.type == "command_name"), None)
            if name is None:
                continue
            elements = [each for each in node.children if each.type == "command_elements"]
            given = tuple(
                text(each).lstrip("-").rstrip(":")
                for group in elements
                for each in group.children
                if each.type == "command_parameter"
            )
            yield Command(node, text(name), given)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function."""
        return tuple(
            Function(node, text(name), tuple(_parameters(node)))
            for node in self.all("function_statement")
            for name in node.children
            if name.type == "function_name"
        )

    @cached_property
    def names_set(self) -> Mapping[int | None, frozenset[str]]:
        """Names that are set, by the id of the function that sets them; None for the script."""
        found: dict[int | None, set[str]] = {None: set()}
        for node in self.all("left_assignment_expression", "script_parameter", "foreach_statement"):
            function = enclosing(node, "function_statement")
            names = found.setdefault(function.id if function else None, set())
            if node.type == "left_assignment_expression":
                names |= {bare(each) for each in inside(node, "variable")}
            else:
                names |= {bare(each) for each in node.children if each.type == "variable"}
        return {place: frozenset(names) for place, names in found.items()}

    @cached_property
    def sourced(self) -> tuple[str, ...]:
        """File names of the scripts that this one takes in."""
        return tuple(
            text(name).strip("\"'").replace("\\", "/").rpartition("/")[2]
            for node in self.all("command")
            for operator, name in zip(node.children, node.children[1:], strict=False)
            if operator.type == "command_invokation_operator" and text(operator) == "."
        )


def _parameters(function: Node) -> Iterator[str]:
    for node in inside(function, "script_parameter"):
        if enclosing(node, "function_statement") != function:
            continue
        for each in node.children:
            if each.type == "variable":
                yield text(each).lstrip("$")
