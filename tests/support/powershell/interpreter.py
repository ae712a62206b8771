"""Walks the tree of a script and does what it says."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from scripts.lib.powershell.tree import Node, Script, text
from tests.support.powershell import dotnet, members
from tests.support.powershell import values as of
from tests.support.powershell.cmdlets import CHOOSING, PIPELINE, Cmdlet
from tests.support.powershell.expressions import Expressions, child_of, name_of, single
from tests.support.powershell.values import (
    VOID,
    Block,
    ErrorRecord,
    Scope,
    ScriptExit,
    Thing,
    Thrown,
    collapsed,
    stream,
    truth,
)


class _Return(Exception):  # noqa: N818 - flow, no error
    def __init__(self, outputs: list[Any]) -> None:
        super().__init__()
        self.outputs = outputs


class _Break(Exception):  # noqa: N818 - flow, no error
    pass


class _Continue(Exception):  # noqa: N818 - flow, no error
    pass


@cache
def _parsed(name: str, source: bytes) -> Script:
    """A script is read once, however many machines take it in."""
    return Script(name, source)


class Interpreter(Expressions):
    """Runs scripts; *cmdlets* are what the machine around them would do."""

    def __init__(
        self,
        cmdlets: Mapping[str, Cmdlet],
        variables: Mapping[str, Any] | None = None,
        statics: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.cmdlets: dict[str, Cmdlet] = {**PIPELINE, **CHOOSING, **cmdlets}
        self.functions: dict[str, Node] = {}
        self.statics = {**dotnet.STATICS, **(statics or {})}
        self.top = Scope()
        self.top.names |= {"true": True, "false": False, "null": None, "env": {}}
        self.environment: dict[str, str] = {}
        self.folder: dict[str, Path] = {}
        self.top.names |= {key.lower(): value for key, value in (variables or {}).items()}

    def load(self, path: Path) -> None:
        """Run a script at the top: its functions and variables are there from then on."""
        self.run(path.read_bytes(), path.name)

    def run(self, source: bytes, name: str = "text") -> list[Any]:
        """Run a text at the top; return what it puts out."""
        script = _parsed(name, source)
        outputs: list[Any] = []
        for each in script.root.named_children:
            if each.type == "statement_list":
                self.statements(each, self.top, outputs)
        return outputs

    def call(self, name: str, /, **given: Any) -> Any:
        """Call a function of the scripts."""
        return collapsed(self._function(self.functions[name.lower()], given, [], self.top))

    def sourced(self, path: Callable[[], str]) -> list[Any]:
        """Take a script in: none, because a test loads what it wants."""
        del path
        return []

    # Statements.

    def statements(self, node: Node, scope: Scope, out: list[Any]) -> None:
        for each in node.named_children:
            if each.type not in ("comment", "empty_statement"):
                self._statement(each, scope, out)

    def _block(self, node: Node, scope: Scope, out: list[Any]) -> None:
        for each in node.named_children:
            if each.type == "statement_list":
                self.statements(each, scope, out)
            elif each.type in ("script_block_body", "script_block"):
                self._block(each, scope, out)

    def _statement(self, node: Node, scope: Scope, out: list[Any]) -> None:
        match node.type:
            case "pipeline":
                out.extend(self._pipeline(node, scope))
            case "function_statement":
                self.functions[child_of(node, "function_name").lower()] = node
            case "if_statement":
                self._if(node, scope, out)
            case "foreach_statement":
                self._foreach(node, scope, out)
            case "while_statement" | "for_statement":
                self._loop(node, scope, out)
            case "flow_control_statement":
                self._flow(node, scope)
            case "try_statement":
                self._try(node, scope, out)
            case "switch_statement":
                self._switch(node, scope, out)
            case kind:
                raise NotImplementedError(f"{kind}: {text(node)[:60]}")

    def _if(self, node: Node, scope: Scope, out: list[Any]) -> None:
        pipeline, block, *rest = node.named_children
        if truth(self.value(pipeline, scope)):
            self._block(block, scope, out)
            return
        for each in rest:
            if each.type == "elseif_clauses":
                for clause in each.named_children:
                    condition, body = clause.named_children
                    if truth(self.value(condition, scope)):
                        self._block(body, scope, out)
                        return
            if each.type == "else_clause":
                self._block(each.named_children[0], scope, out)

    def _foreach(self, node: Node, scope: Scope, out: list[Any]) -> None:
        variable, pipeline, body = node.named_children
        for value in stream(self.value(pipeline, scope)):
            if value is None:
                continue
            scope.names[name_of(variable)] = value
            if not self._round(body, scope, out):
                return

    def _loop(self, node: Node, scope: Scope, out: list[Any]) -> None:
        parts = {each.type: each for each in node.named_children}
        first, condition, after = (
            parts.get(kind) for kind in ("for_initializer", "for_condition", "for_iterator")
        )
        condition = condition or parts["while_condition"]
        if first is not None:
            self.value(first.named_children[0], scope)
        while truth(self.value(condition.named_children[0], scope)):
            if not self._round(parts["statement_block"], scope, out):
                return
            if after is not None:
                self.value(after.named_children[0], scope)

    def _round(self, body: Node, scope: Scope, out: list[Any]) -> bool:
        try:
            self._block(body, scope, out)
        except _Break:
            return False
        except _Continue:
            return True
        return True

    def _flow(self, node: Node, scope: Scope) -> None:
        word = text(node.children[0]).lower()
        pipelines = node.named_children
        match word:
            case "return":
                raise _Return(self._pipeline(pipelines[0], scope) if pipelines else [])
            case "throw":
                if pipelines:
                    raise Thrown(of.text(self.value(pipelines[0], scope)))
                raise scope.get("_").Exception
            case "continue":
                raise _Continue
            case "break":
                raise _Break
        raise ScriptExit(int(self.value(pipelines[0], scope)))

    def _try(self, node: Node, scope: Scope, out: list[Any]) -> None:
        parts = {each.type: each for each in node.named_children}
        try:
            self._block(parts["statement_block"], scope, out)
        except Thrown as error:
            for clause in parts["catch_clauses"].named_children if "catch_clauses" in parts else ():
                kinds = [text(e) for e in clause.named_children if e.type == "catch_type_list"]
                if not kinds or kinds[0].strip("[]") == error.kind:
                    record = ErrorRecord(error, Thing(PositionMessage="at its place"))
                    scope.names["_"] = record
                    self._block(clause.named_children[-1], scope, out)
                    break
            else:
                raise
        finally:
            if "finally_clause" in parts:
                self._block(parts["finally_clause"].named_children[0], scope, [])

    def _switch(self, node: Node, scope: Scope, out: list[Any]) -> None:
        condition, body = node.named_children
        value = self.value(condition.named_children[0], scope)
        matched = False
        for clause in body.named_children[0].named_children:
            if clause.type == "comment":
                continue
            if text(clause.named_children[0]).lower() == "default":
                if not matched:
                    self._block(clause.named_children[1], scope, out)
                continue
            wanted = self.expression(clause.named_children[0].named_children[0], scope)
            if of.same(value, wanted):
                matched = True
                self._block(clause.named_children[1], scope, out)

    # Pipelines and commands.

    def value(self, node: Node, scope: Scope) -> Any:
        """A pipeline's value: that of its only expression as it is, or what commands put out."""
        chain = node.named_children[0]
        single = chain.type == "pipeline_chain" and len(chain.named_children) == 1
        if single and chain.named_children[0].type != "command":
            value = self.expression(chain.named_children[0], scope)
            return None if value is VOID else value
        return collapsed(self._pipeline(node, scope))

    def _pipeline(self, node: Node, scope: Scope) -> list[Any]:
        chain = node.named_children[0]
        if chain.type == "assignment_expression":
            self._assign(chain, scope)
            return []
        first, *rest = chain.named_children
        if first.type == "command":
            outputs = self._command(first, scope, None)
        else:
            outputs = stream(self.expression(first, scope))
        for each in rest:
            outputs = self._command(each, scope, outputs)
        return outputs

    def _command(self, node: Node, scope: Scope, given: list[Any] | None) -> list[Any]:
        if node.named_children[0].type == "command_invokation_operator":
            return self._invoked(node, scope)
        name = text(node.named_children[0])
        named, positional = self._arguments(node, scope)
        if name.lower() in self.functions:
            return self._function(self.functions[name.lower()], named, positional, scope)
        cmdlet = self.cmdlets.get(name)
        if cmdlet is None:
            raise Thrown(f"The term '{name}' is not recognized as the name of a cmdlet")
        if given is not None:
            named["input"] = given
        if name in PIPELINE:
            named["run"] = lambda block, value: self._each(block, value, scope)
        return stream(cmdlet(*positional, **{key.lower(): each for key, each in named.items()}))

    def _each(self, block: Block, value: Any, scope: Scope) -> list[Any]:
        before = scope.names.get("_", VOID)
        scope.names["_"] = value
        out: list[Any] = []
        self._block(block.node, scope, out)
        if before is VOID:
            del scope.names["_"]
        else:
            scope.names["_"] = before
        return out

    def _invoked(self, node: Node, scope: Scope) -> list[Any]:
        operator, called = node.named_children[0], node.named_children[1]
        if text(operator) == ".":
            return self.sourced(lambda: self.expression(called.named_children[0], scope))
        block = self.expression(called.named_children[0].named_children[0], scope)
        inner = Scope(scope)
        out: list[Any] = []
        try:
            self._block(block.node, inner, out)
        except _Return as end:
            out.extend(end.outputs)
        return out

    def _arguments(self, node: Node, scope: Scope) -> tuple[dict[str, Any], list[Any]]:
        elements = [
            each
            for group in node.named_children
            if group.type == "command_elements"
            for each in group.named_children
            if each.type != "command_argument_sep"
        ]
        named: dict[str, Any] = {}
        positional: list[Any] = []
        waiting: str | None = None
        declared = self.functions.get(text(node.named_children[0]).lower())
        switches = _switches(declared) if declared else frozenset()
        for each in elements:
            if each.type == "command_parameter":
                word = text(each).lstrip("-")
                waiting = word.rstrip(":")
                named[waiting] = True
                if waiting.lower() in switches and not word.endswith(":"):
                    waiting = None
                continue
            value = text(each) if each.type == "generic_token" else self.expression(each, scope)
            if waiting is None:
                positional.append(value)
            else:
                named[waiting], waiting = value, None
        return named, positional

    def _function(
        self, node: Node, named: Mapping[str, Any], positional: list[Any], scope: Scope
    ) -> list[Any]:
        inner = Scope(scope)
        given = {key.lower(): value for key, value in named.items()}
        rest = list(positional)
        body = next(each for each in node.named_children if each.type == "script_block")
        for kind, name, default in _parameters(body):
            if name in given:
                value = given.pop(name)
            elif rest:
                value = rest.pop(0)
            else:
                value = self.expression(default, scope) if default is not None else None
            inner.names[name] = of.cast(kind, value)
        if given or rest:
            raise Thrown(f"{child_of(node, 'function_name')} does not take {[*given, *rest]}")
        out: list[Any] = []
        try:
            for each in body.named_children:
                if each.type == "script_block_body":
                    self._block(each, inner, out)
        except _Return as end:
            out.extend(end.outputs)
        return out

    # Assignments.

    def _assign(self, node: Node, scope: Scope) -> None:
        left, operator, right = node.named_children
        value = self.value(right, scope)
        target = single(left.named_children[0])
        if target.type == "array_literal_expression":
            for each, part in zip(target.named_children, stream(value), strict=True):
                scope.names[name_of(single(each))] = part
            return
        if text(operator) == "+=":
            value = dotnet.added(self.expression(target, scope), value)
        match target.type:
            case "variable":
                place = self.top if text(target).lower().startswith("$script:") else scope
                place.names[name_of(target)] = value
            case "member_access" if text(target.children[1]) == "::":
                pass  # a setting of the process that runs it
            case "member_access":
                owner, member = target.named_children[0], target.named_children[-1]
                members.set_member(self.expression(owner, scope), text(member), value)
            case "element_access":
                owner, index = target.named_children
                members.set_item(
                    self.expression(owner, scope), self.expression(index, scope), value
                )
            case kind:
                raise NotImplementedError(f"assignment to {kind}")


def _parameters(body: Node) -> list[tuple[str, str, Node | None]]:
    """Type, name and default of each parameter."""
    found = []
    for block in body.named_children:
        if block.type != "param_block":
            continue
        for listed in block.named_children:
            for each in listed.named_children:
                parts = {part.type: part for part in each.named_children}
                default = parts.get("script_parameter_default")
                found.append(
                    (
                        text(parts["attribute_list"]).strip()[1:-1],
                        name_of(parts["variable"]),
                        default.named_children[0] if default is not None else None,
                    )
                )
    return found


def _switches(function: Node) -> frozenset[str]:
    body = next(each for each in function.named_children if each.type == "script_block")
    return frozenset(name for kind, name, _ in _parameters(body) if kind.lower() == "switch")
