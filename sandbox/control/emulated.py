"""What the sandbox's control plane knows, as a chapter of docs/sandbox.md: read off the kinds.

For each module of kinds: the types and functions in it, the properties that it refuses by name, and
the documentation that its rules are from, which is what they were checked against.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sandbox.control.kinds import Function, Kind
from sandbox.control.packages import PACKAGES, Package

BEGIN = "<!-- begin: written by scripts/docs -->"
END = "<!-- end: written by scripts/docs -->"
TESTS = Path(__file__).parents[2] / "tests" / "sandbox" / "control"

_HOOKS = ("rules", "outputs", "make_id", "replaces", "verify", "created", "updated", "deleting")
"""Functions of a kind; first those that the module which knows the type has itself."""

_SOURCES = re.compile(
    r"^(?:Sources?|Rules, defaults and formats|Rules and defaults)[^:]*:(.*)",
    re.DOTALL | re.MULTILINE,
)

TITLES: Mapping[str, str] = {
    "aws": "AWS (`pulumi-aws`)",
    "azure-native": "Azure (`pulumi-azure-native`)",
    "random": "`pulumi-random`",
    "tls": "`pulumi-tls`",
}


@dataclass(frozen=True)
class Chapter:
    """One module, and what it knows."""

    module: ModuleType
    kinds: tuple[str, ...]
    functions: tuple[str, ...]

    @property
    def title(self) -> str:
        """The first sentence of the module's docstring."""
        words = " ".join((self.module.__doc__ or "").split("\n\n")[0].split())
        return words.rstrip(".:")

    @property
    def sources(self) -> str:
        """What the module's docstring says its knowledge is from."""
        found = _SOURCES.search(self.module.__doc__ or "")
        return " ".join(found[1].split()).rstrip(".") if found else ""

    @property
    def refused(self) -> tuple[str, ...]:
        """Properties that the module refuses, because the sandbox does not emulate them."""
        rules = [
            found
            for found in vars(self.module).values()
            if isinstance(found, ModuleType) and found.__name__.endswith("_rules")
        ]
        return tuple(
            sorted({each for module in (self.module, *rules) for each in _refused(module)})
        )

    @property
    def tests(self) -> str:
        """The file of tests that is the module's own, when it has one."""
        folder, name = (
            self.module.__name__.split(".")[2:-1],
            self.module.__name__.rpartition(".")[2],
        )
        path = TESTS.joinpath(*folder, f"test_{name}.py")
        return str(path.relative_to(TESTS.parents[2])) if path.exists() else ""


def chapters(package: Package) -> list[Chapter]:
    """Return what the package knows, module by module."""
    kinds: dict[str, list[str]] = {}
    functions: dict[str, list[str]] = {}
    for token, kind in package.kinds.items():
        kinds.setdefault(_home(kind, package), []).append(token)
    for name, function in package.functions.items():
        functions.setdefault(_home(function, package), []).append(name)
    return [
        Chapter(
            importlib.import_module(name),
            tuple(sorted(kinds.get(name, ()))),
            tuple(sorted(functions.get(name, ()))),
        )
        for name in sorted({*kinds, *functions})
    ]


def render() -> str:
    """Return the chapter's text."""
    parts = [BEGIN, ""]
    for package in PACKAGES:
        found = chapters(package)
        counted = f"{len(package.kinds)} types"
        if package.functions:
            counted += f", {len(package.functions)} functions"
        parts += [f"### {TITLES[package.name]}: {counted}", ""]
        for chapter in found:
            parts += [*_lines(chapter), ""]
    return "\n".join([*parts, END])


def page(text: str) -> str:
    """Return the page *text* with this chapter in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + render() + after


def _lines(chapter: Chapter) -> Iterator[str]:
    yield f"**{chapter.title}**"
    yield ""
    names = [f"`{name}`" for name in (*chapter.kinds, *(f"{each}()" for each in chapter.functions))]
    yield f"- {', '.join(names)}"
    if chapter.refused:
        yield f"- refused: {', '.join(f'`{name}`' for name in chapter.refused)}"
    if chapter.sources:
        yield f"- from: {chapter.sources}"
    if chapter.tests:
        yield f"- held to it by `{chapter.tests}`"


def _home(known: Kind | Function, package: Package) -> str:
    """Return the name of the module that knows *known*: of its first function of the package."""
    hooks = [getattr(known, name, None) for name in (*_HOOKS, "run")]
    modules = [hook.__module__ for hook in hooks if hook is not None]
    return next((name for name in modules if name.startswith(package.module)), package.module)


def _refused(module: ModuleType) -> Iterator[str]:
    """Yield the properties in the module's calls of `not_emulated`."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="not_emulated"), args=[_, ast.Dict(keys=keys)]):
                for key in keys:
                    if isinstance(key, ast.Constant):
                        yield str(key.value)
            case ast.Call(func=ast.Name(id="not_emulated"), args=[_, ast.Name(id=name)]):
                yield from map(str, getattr(module, name))


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1]).read_text()))
