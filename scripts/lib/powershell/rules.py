"""What a PowerShell script of ours must hold to. Each rule yields what breaks it."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from scripts.lib.powershell.tree import (
    Function,
    Node,
    Problem,
    Script,
    bare,
    enclosing,
    inside,
    text,
)
from scripts.lib.powershell.vocabulary import CMDLETS, OBJECTS, STATIC, VERBS

NATIVE: Final = "Invoke-Native"
"""The one function that starts programs: it looks at their exit codes."""

WAITING: Final = ("Wait-Until", "Invoke-Again")
"""The functions that sleep, between two looks at a condition or two tries."""

STARTS: Final = ("process", "processstartinfo", "powershell", "runspace")
"""Types that programs and scripts are started with, without what stands before the last dot."""

SECRET: Final = re.compile(
    r"secret|password|token|bearer|credential|connection|pem$", re.IGNORECASE
)
"""Names of what no log shows."""

SAYS: Final = ("Write-Log", "Write-Output", "Write-Verbose", "Write-Warning", "Write-Error")
"""Commands whose text ends in a log."""

NEWER: Final = ("class_statement", "enum_statement", "pipeline_chain_tail", "workflow_statement")
"""What came after version 4.0, or is none of ours."""

LONGEST_LINE: Final = 120

LIBRARY: Final = "library.ps1"
"""What every script of a node has taken in before it."""

AUTOMATIC: Final = frozenset(
    {"_", "args", "error", "errorview", "false", "host", "input", "lastexitcode", "matches"}
    | {"null", "pid", "psboundparameters", "pscommandpath", "psitem", "psscriptroot"}
    | {"progresspreference", "psversiontable", "true", "erroractionpreference"}
)
"""Variables that are there without being set."""

Rule = Callable[[Script], Iterator[Problem]]


def it_parses(script: Script) -> Iterator[Problem]:
    """The whole script is PowerShell."""
    for node, _ in script.nodes:
        if node.is_error or node.is_missing:
            yield script.problem(node, f"is no PowerShell: {text(node)[:60]!r}")


def it_is_plain_text(script: Script) -> Iterator[Problem]:
    """PowerShell 4 reads a file without a mark in the machine's own code page: ASCII fits all."""
    for number, each in enumerate(script.source.split(b"\n"), start=1):
        if not each.isascii() or b"\r" in each or b"\t" in each:
            yield Problem(script.path, number, "has a character that is not plain ASCII")
        if len(each) > LONGEST_LINE:
            yield Problem(script.path, number, f"is longer than {LONGEST_LINE} characters")
        if each.endswith(b" "):
            yield Problem(script.path, number, "ends with a blank")
    if not script.source.endswith(b"\n"):
        yield Problem(script.path, number, "ends without a line end")


def it_is_strict_from_the_start(script: Script) -> Iterator[Problem]:
    """An unset variable or a failed cmdlet ends the script, from its first statement on."""
    first = [" ".join(text(each).split()) for each in script.statements[:2]]
    wanted = ["Set-StrictMode -Version 2.0", "$ErrorActionPreference = 'Stop'"]
    if first != wanted:
        yield Problem(script.path, 1, f"must begin with {wanted[0]} and {wanted[1]}")


def commands_are_known(
    script: Script, functions: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Each command is a function of ours or a cmdlet that version 4.0 has; parameters, too."""
    for command in script.commands:
        own = functions.get(command.name)
        known = CMDLETS.get(command.name)
        if own is None and known is None:
            yield script.problem(
                command.node, f"{command.name} is no function of ours and no cmdlet of version 4.0"
            )
            continue
        allowed = {each.lower() for each in (own if own is not None else known or ())}
        for given in command.parameters:
            if given.lower() not in allowed:
                yield script.problem(command.node, f"{command.name} has no parameter -{given}")


def nothing_is_run_as_text(script: Script) -> Iterator[Problem]:
    """No text becomes code, and no program starts but through the one function that checks."""
    for node in script.all("command_invokation_operator"):
        name = text(node.parent or node)
        if text(node) == "&":
            if not _is_given_block(node):
                yield script.problem(node, f"& starts what nobody checks: use {NATIVE}")
        elif not re.fullmatch(r'\. "\$(PSScriptRoot|ProgramFolder)\\[a-z-]+\.ps1"', name):
            yield script.problem(node, "only a script beside this one is taken in")


def programs_are_checked(script: Script) -> Iterator[Problem]:
    """Whatever starts a program, or looks at how it ended, is in one function."""
    for node in script.all("type_identifier", "generic_token"):
        kind = text(node).lower().rpartition(".")[2]
        if kind == "scriptblock" and enclosing(node, "script_parameter") is None:
            yield script.problem(node, "[scriptblock] is the type of a parameter, and nothing else")
        if kind in STARTS and _function_of(node) != NATIVE:
            yield script.problem(node, f"a {text(node)} starts what nobody checks")
    for node in script.all("variable"):
        if text(node).lower() == "$lastexitcode":
            yield script.problem(node, f"exit codes are looked at by {NATIVE} alone")
    for node in script.all("simple_name"):
        if text(node).lower() in ("invokescript", "newscriptblock", "invokecommand"):
            yield script.problem(node, f"{text(node)} runs a text as code")


def _is_given_block(operator: Node) -> bool:
    """Whether the operator runs a block that a caller has passed: that is no text, no program."""
    function = enclosing(operator, "function_statement")
    command = operator.parent
    if function is None or command is None:
        return False
    called = {text(each) for each in inside(command, "variable")}
    blocks = {
        text(variable)
        for parameter in inside(function, "script_parameter")
        if "scriptblock" in text(parameter).lower()
        for variable in inside(parameter, "variable")
    }
    return bool(called) and called <= blocks


def types_are_known(script: Script) -> Iterator[Problem]:
    """Static members and classes are ones that .NET Framework 4.5 has."""
    for node in script.all("invokation_expression", "member_access"):
        found = re.match(r"\[([\w.]+)\]::(\w+)", text(node))
        if found and found[2] not in STATIC.get(found[1], ()):
            yield script.problem(node, f"{found[0]} is not known of .NET Framework 4.5")
    for command in script.commands:
        if command.name == "New-Object":
            made = re.search(r"-TypeName\s+'?([\w.\[\]]+)", text(command.node))
            if made is None or made[1] not in OBJECTS:
                name = made[1] if made else "New-Object without -TypeName"
                yield script.problem(
                    command.node, f"{name} is no class that is known of .NET Framework 4.5"
                )


def no_secret_is_said(script: Script) -> Iterator[Problem]:
    """Neither a log nor an error shows a variable that holds a secret."""
    for said in _said(script):
        for node in inside(said, "variable", "member_name"):
            if SECRET.search(text(node)):
                yield script.problem(
                    node, f"{text(node)} may hold a secret, and a log would show it"
                )


def _said(script: Script) -> Iterator[Node]:
    yield from (each.node for each in script.commands if each.name in SAYS)
    for node in script.all("flow_control_statement"):
        if text(node).lower().startswith("throw"):
            yield node


def nothing_travels_in_clear(script: Script) -> Iterator[Problem]:
    """Plain HTTP goes to this machine and to the cloud's metadata service, and nowhere else."""
    for node in script.all("string_literal", "generic_token"):
        for found in re.finditer(r"http://([^/'\":]*)", text(node), re.IGNORECASE):
            if found[1] not in ("169.254.169.254", "localhost", "127.0.0.1"):
                yield script.problem(node, f"{found[0]} is plain HTTP")


def functions_have_approved_verbs(script: Script) -> Iterator[Problem]:
    """A function's name says what it does in the words that PowerShell has for it."""
    for function in script.functions:
        verb, _, noun = function.name.partition("-")
        if verb not in VERBS or not re.fullmatch(r"[A-Z][A-Za-z0-9]+", noun):
            yield script.problem(function.node, f"{function.name} is no approved verb and a noun")


def syntax_is_of_version_4(script: Script) -> Iterator[Problem]:
    """Windows Server 2012 R2 has PowerShell 4.0."""
    for node in script.all(*NEWER):
        yield script.problem(node, f"{text(node)[:20]!r} is newer than PowerShell 4.0")
    for node in script.all("invokation_expression", "member_access"):
        if re.search(r"::\s*new\b", text(node), re.IGNORECASE):
            yield script.problem(node, "::new() is newer than PowerShell 4.0: use New-Object")
    for command in script.commands:
        if command.name.lower() == "using":
            yield script.problem(command.node, "using is newer than PowerShell 4.0")


def only_one_function_sleeps(script: Script) -> Iterator[Problem]:
    """A pause is part of waiting for a condition."""
    for command in script.commands:
        if command.name == "Start-Sleep" and _function_of(command.node) not in WAITING:
            yield script.problem(command.node, f"wait for a condition: use {WAITING[0]}")
    for node in script.all("simple_name"):
        if text(node) == "Sleep":
            yield script.problem(node, f"wait for a condition: use {WAITING[0]}")


def parameters_are_not_forgotten(script: Script) -> Iterator[Problem]:
    """What has a default that hurts is said: two levels of JSON, Internet Explorer, for ever."""
    needed = {
        "ConvertTo-Json": ("Depth",),
        "Invoke-RestMethod": ("UseBasicParsing", "TimeoutSec"),
        "Invoke-WebRequest": ("UseBasicParsing", "TimeoutSec"),
        "Get-Content": ("Encoding",),
    }
    for command in script.commands:
        for name in needed.get(command.name, ()):
            if name.lower() not in (each.lower() for each in command.parameters):
                yield script.problem(command.node, f"{command.name} needs -{name}")


def calls_in_arguments_stand_apart(script: Script) -> Iterator[Problem]:
    """A method's result as a command's argument is in parentheses, so that all read it alike."""
    for node in script.all("command_elements"):
        for each in node.children:
            if each.type == "argument_list":
                yield script.problem(each, "put the call of a method into parentheses")


def errors_are_not_swallowed(script: Script) -> Iterator[Problem]:
    """A catch does something; nothing goes on in silence."""
    for node in script.all("catch_clause"):
        blocks = [each for each in node.children if each.type == "statement_block"]
        if not any(each.type == "statement_list" for block in blocks for each in block.children):
            yield script.problem(node, "an empty catch hides what went wrong")
    for command in script.commands:
        given = text(command.node)
        if re.search(r"-ErrorAction:?\s+(Ignore|Silent\w*)", given, re.IGNORECASE) and not re.match(
            r"(Get|Test)-", command.name
        ):
            yield script.problem(command.node, f"{command.name} must not fail in silence")


def null_stands_on_the_left(script: Script) -> Iterator[Problem]:
    """`$list -eq $null` filters a list; `$null -eq $list` compares."""
    for node in script.all("comparison_expression"):
        for operator, right in pairwise(node.children):
            if text(operator).lower() in ("-eq", "-ne") and text(right).lower() == "$null":
                yield script.problem(node, "write $null on the left of a comparison")


def variables_are_set(script: Script, shared: frozenset[str]) -> Iterator[Problem]:
    """Under strict mode an unset variable ends the script: each is set where it is read."""
    known = AUTOMATIC | shared | script.names_set[None]
    for node in script.all("variable"):
        if _runs_into_colon(script, node):
            yield script.problem(node, f"{text(node)}: is no variable: write ${{{bare(node)}}}:")
        name = text(node).strip("${}@").lower()
        scope, colon, rest = name.partition(":")
        if colon:
            if scope not in ("env", "script", "global"):
                yield script.problem(node, f"{text(node)} is read as a drive: write ${{{scope}}}")
            if scope != "script":
                continue
            name = rest
        around = enclosing(node, "function_statement")
        own: frozenset[str] = frozenset()
        while around is not None:
            own |= script.names_set.get(around.id, frozenset())
            around = enclosing(around, "function_statement")
        if name not in known | own:
            yield script.problem(node, f"${name} is read, and nobody sets it")


def _runs_into_colon(script: Script, variable: Node) -> bool:
    """Whether a text has a colon right behind the variable, which PowerShell takes for a scope."""
    around = variable.parent
    return (
        around is not None
        and around.type.startswith("expandable")
        and not text(variable).startswith("${")
        and script.source[variable.end_byte : variable.end_byte + 1] == b":"
    )


def _function_of(node: Node) -> str:
    around = enclosing(node, "function_statement")
    name = (each for each in (around.children if around else ()) if each.type == "function_name")
    found = next(name, None)
    return text(found) if found else ""


def declared(scripts: Mapping[str, Script], path: str) -> dict[str, tuple[str, ...]]:
    """Return the parameters of every function that the script at *path* may call, by its name.

    Those of its own part of the repository: parts know nothing of each other (design.md section 2).
    """
    part = path.partition("/")[0]
    functions: list[Function] = [
        each
        for other, script in scripts.items()
        if other.partition("/")[0] == part
        for each in script.functions
    ]
    return {each.name: each.parameters for each in functions}


def shared_names(script: Script, scripts: Mapping[str, Script]) -> frozenset[str]:
    """Return the variables that are set by what this script is always taken in with.

    A script may be part of several: what is not in each of them, it may not count on.
    """
    by_name = {path.rpartition("/")[2]: each for path, each in scripts.items()}
    own = script.path.rpartition("/")[2]
    around = [
        reached
        for name in by_name
        if own in (reached := _taken_in(name, by_name)) and not _is_taken_in(name, by_name)
    ]
    found = [
        frozenset(
            each
            for name in {*reached, LIBRARY} & by_name.keys()
            for each in by_name[name].names_set[None]
        )
        for reached in around or [_taken_in(own, by_name)]
    ]
    return frozenset.intersection(*found)


def _taken_in(name: str, scripts: Mapping[str, Script]) -> frozenset[str]:
    """Return the names of a script and of all that it takes in, and that these take in."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(scripts[each].sourced if each in scripts else ())
    return frozenset(found)


def _is_taken_in(name: str, scripts: Mapping[str, Script]) -> bool:
    """Return whether another script takes this one in."""
    return any(name in each.sourced for other, each in scripts.items() if other != name)


ALONE: Final[tuple[Rule, ...]] = (
    it_parses,
    it_is_plain_text,
    it_is_strict_from_the_start,
    nothing_is_run_as_text,
    programs_are_checked,
    types_are_known,
    no_secret_is_said,
    nothing_travels_in_clear,
    functions_have_approved_verbs,
    syntax_is_of_version_4,
    only_one_function_sleeps,
    parameters_are_not_forgotten,
    calls_in_arguments_stand_apart,
    errors_are_not_swallowed,
    null_stands_on_the_left,
)
"""Rules that look at one script."""


def problems(scripts: Mapping[str, Script]) -> list[Problem]:
    """Return all that is wrong with *scripts*, which may call each other, in their order."""
    found = [
        problem
        for path, script in scripts.items()
        for problem in (
            *(each for rule in ALONE for each in rule(script)),
            *commands_are_known(script, declared(scripts, path)),
            *variables_are_set(script, shared_names(script, scripts)),
        )
    ]
    return sorted(set(found))


__all__ = ["problems"]
