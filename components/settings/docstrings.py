"""What the settings say of themselves: the docstring below each field, for the JSON Schema.

pydantic can read these when the models are made (`use_attribute_docstrings`), but then each
`pulumi preview` reads and parses all sources again, a tenth of a second for a text it never shows.
"""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise

from components.settings import endpoint, environment, nodes, server
from components.settings.model import Model


def models() -> dict[str, type[Model]]:
    """Return every model of the settings by its name."""
    return {
        name: value
        for module in (nodes, server, environment, endpoint)
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Model) and value is not Model
    }


def of_fields(model: type[Model]) -> dict[str, str]:
    """Return the docstring of each field of *model* that has one, by the key in a stack file."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Model) and base is not Model:
            found |= dict(_documented(base))
    fields = model.model_fields
    return {fields[name].alias or name: text for name, text in found.items() if name in fields}


def _documented(cls: type) -> Iterator[tuple[str, str]]:
    """Yield the annotated attributes that *cls* itself declares, with the text below each."""
    (body,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 -- the source of a class is one
    for field, text in pairwise(body.body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(docstring))),
            ):
                yield name, inspect.cleandoc(docstring)
