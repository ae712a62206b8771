"""Expressions of the language: what has a value by itself."""

import re
from functools import cache
from typing import Any

from scripts.lib.powershell.tree import Node, text
from tests.support.powershell import dotnet, members
from tests.support.powershell import values as of
from tests.support.powershell.values import VOID, Block, Scope, Table, collapsed, truth


class Expressions:
    """Gives expressions their values; commands inside of them are the interpreter's."""

    environment: dict[str, str]
    statics: dict[str, Any]
    top: Scope

    def statements(self, node: Node, scope: Scope, out: list[Any]) -> None:
        """Do the statements of a list."""
        raise NotImplementedError

    def value(self, node: Node, scope: Scope) -> Any:
        """Return the value of a pipeline."""
        raise NotImplementedError

    def expression(self, node: Node, scope: Scope) -> Any:
        node = single(node)
        kind = node.type
        handler = getattr(self, f"_of_{kind}", None)
        if handler is not None:
            return handler(node, scope)
        if kind.endswith("_expression") and len(node.children) == 3:
            return self._binary(node, scope)
        raise NotImplementedError(f"{kind}: {text(node)[:80]}")

    def _binary(self, node: Node, scope: Scope) -> Any:
        left, middle, right = node.children
        operator = text(middle).lower()
        first = self.expression(left, scope)
        if operator in ("-and", "-or"):
            if truth(first) == (operator == "-or"):
                return operator == "-or"
            return truth(self.expression(right, scope))
        if operator == "-is":
            return of.compared(operator, first, text(right).strip("[]"))
        second = self.expression(right, scope)
        if operator == "-f":
            return of.formatted(first, second)
        if operator in ("+", "-", "*", "/"):
            return dotnet.calculated(operator, first, second)
        return of.compared(operator, first, second)

    def _of_variable(self, node: Node, scope: Scope) -> Any:
        raw = text(node).strip("${}")
        if raw.lower().startswith("env:"):
            return self.environment.get(raw[4:].lower(), f"C:\\{raw[4:]}")
        if raw.lower().startswith("script:"):
            return self.top.get(name_of(node))
        return scope.get(name_of(node))

    def _of_string_literal(self, node: Node, scope: Scope) -> str:
        inner = node.named_children[0]
        raw = text(inner)
        if inner.type == "verbatim_string_characters":
            return raw[1:-1].replace("''", "'")
        if inner.type == "verbatim_here_string_characters":
            return raw.partition("\n")[2].rpartition("\n")[0]
        return self._expanded(inner, scope)

    def _expanded(self, node: Node, scope: Scope) -> str:
        source = node.text or b""
        made, at = "", 1
        for each in node.named_children:
            start = each.start_byte - node.start_byte
            made += dotnet.unescaped(source[at:start].decode())
            if each.type == "sub_expression":
                out: list[Any] = []
                self.statements(each.named_children[0], scope, out)
                made += of.text(collapsed(out))
            else:
                made += of.text(self._of_variable(each, scope))
            at = each.end_byte - node.start_byte
        return made + dotnet.unescaped(source[at:-1].decode())

    def _of_integer_literal(self, node: Node, _: Scope) -> int:
        return int(text(node), 0)

    def _of_decimal_integer_literal(self, node: Node, _: Scope) -> int:
        return int(text(node))

    def _of_hexadecimal_integer_literal(self, node: Node, _: Scope) -> int:
        return int(text(node), 16)

    def _of_real_literal(self, node: Node, _: Scope) -> float:
        return float(text(node))

    def _of_array_literal_expression(self, node: Node, scope: Scope) -> list[Any]:
        return [self.expression(each, scope) for each in node.named_children]

    def _of_array_expression(self, node: Node, scope: Scope) -> list[Any]:
        out: list[Any] = []
        for each in node.named_children:
            self.statements(each, scope, out)
        return out

    def _of_parenthesized_expression(self, node: Node, scope: Scope) -> Any:
        return self.value(node.named_children[0], scope)

    def _of_script_block_expression(self, node: Node, _: Scope) -> Block:
        return Block(node.named_children[0])

    def _of_hash_literal_expression(self, node: Node, scope: Scope) -> Table:
        made = Table()
        for body in node.named_children:
            for entry in body.named_children:
                key, value = entry.named_children[:2]
                found = single(key.named_children[0])
                plain = found.type == "simple_name"
                name = text(found) if plain else self.expression(found, scope)
                made[name] = self.value(value, scope)
        return made

    def _of_expression_with_unary_operator(self, node: Node, scope: Scope) -> Any:
        operator, inner = node.children
        value = self.expression(inner, scope)
        return [value] if text(operator) == "," else not truth(value)

    def _of_cast_expression(self, node: Node, scope: Scope) -> Any:
        kind, inner = node.named_children
        return of.cast(text(kind)[1:-1], self.expression(inner, scope))

    def _of_post_increment_expression(self, node: Node, scope: Scope) -> Any:
        name = name_of(node.named_children[0])
        scope.names[name] = scope.get(name) + 1
        return VOID

    def _of_element_access(self, node: Node, scope: Scope) -> Any:
        owner, index = (self.expression(each, scope) for each in node.named_children)
        return members.item(owner, index)

    def _of_member_access(self, node: Node, scope: Scope) -> Any:
        owner, member = node.named_children
        if text(node.children[1]) == "::":
            return self.statics[f"{text(owner)[1:-1]}::{text(member)}"]()
        return members.member(self.expression(owner, scope), text(member))

    def _of_invokation_expression(self, node: Node, scope: Scope) -> Any:
        owner, member, listed = node.named_children
        given = [
            self.expression(each.named_children[0], scope)
            for group in listed.named_children
            for each in group.named_children
        ]
        if text(node.children[1]) == "::":
            made = self.statics[f"{text(owner)[1:-1]}::{text(member)}"](*given)
            return VOID if made is None else made
        target = dotnet.Type(text(owner)[1:-1]) if owner.type == "type_literal" else None
        value = target if target is not None else self.expression(owner, scope)
        return members.invoked(value, text(member), given)


_LEVEL = re.compile(r"_expression$|_with_unary_operator$")


def single(node: Node) -> Node:
    """Go down as long as there is only one way."""
    while node.child_count == 1 and _is_level(node.type):
        only = node.child(0)
        assert only is not None
        node = only
    return node


@cache
def _is_level(kind: str) -> bool:
    return _LEVEL.search(kind) is not None


def name_of(variable: Node) -> str:
    return _name(text(variable))


@cache
def _name(written: str) -> str:
    return re.sub(r"^(script|global):", "", written.strip("${}@").lower())


def child_of(node: Node, kind: str) -> str:
    return next(text(each) for each in node.children if each.type == kind)
