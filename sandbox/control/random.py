"""The `random` package: values made once and kept in the stack's state.

Rules and defaults: Terraform provider random, "Resources", which Pulumi's package bridges. Nothing
is kept here: these resources exist in the stack's state only, so every change replaces.
"""

import base64
import random
import secrets
import string
import uuid
import warnings
from collections.abc import Callable, Iterator

from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.words import ADJECTIVES, ADVERBS, ANIMALS

with warnings.catch_warnings():
    # Deprecated without a successor; the only bcrypt in the standard library of Python 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""Special characters when `overrideSpecial` names none."""
_BCRYPT_BYTES = 72
"""Bytes of a password that bcrypt looks at."""


def _integer(values: Values, name: str, default: int = 0) -> int:
    value = values.get(name, default)
    return value if isinstance(value, int) else default


def _text(values: Values, name: str, default: str = "") -> str:
    value = values.get(name, default)
    return value if isinstance(value, str) else default


def _at_least(name: str, minimum: int) -> Callable[[Values], Iterator[Problem]]:
    def rule(values: Values) -> Iterator[Problem]:
        if name in values and _integer(values, name) < minimum:
            yield Problem(name, f"must be at least {minimum}, got {values[name]}")

    return rule


_CLASSES = (
    ("upper", "minUpper", string.ascii_uppercase),
    ("lower", "minLower", string.ascii_lowercase),
    ("numeric", "minNumeric", string.digits),
    ("special", "minSpecial", SPECIAL),
)


def _classes(values: Values) -> Iterator[tuple[int, str]]:
    """Minimum count and characters of each class that is on."""
    for name, minimum, characters in _CLASSES:
        chosen = values.get(name, values.get("number", True) if name == "numeric" else True)
        override = _text(values, "overrideSpecial") if name == "special" else ""
        if chosen:
            yield _integer(values, minimum), override or characters


def _string_rules(values: Values) -> Iterator[Problem]:
    yield from _at_least("length", 1)(values)
    least = sum(_integer(values, minimum) for _, minimum, _ in _CLASSES)
    if "length" in values and 1 <= _integer(values, "length") < least:
        yield Problem(
            "length",
            f"must be at least the sum of minUpper, minLower, minNumeric and minSpecial ({least}), "
            f"got {values['length']}",
        )
    if not any(True for _ in _classes(values)):
        yield Problem("", "at least one of upper, lower, numeric and special must be true")


def _characters(context: Context) -> str:
    values, classes = context.inputs, list(_classes(context.inputs))
    picked = [secrets.choice(characters) for count, characters in classes for _ in range(count)]
    every = "".join(characters for _, characters in classes)
    missing = _integer(values, "length") - len(picked)
    picked += [secrets.choice(every) for _ in range(missing)]
    secrets.SystemRandom().shuffle(picked)
    return "".join(picked)


def _string_outputs(context: Context) -> Outputs:
    numeric = context.inputs.get("numeric", context.inputs.get("number", True))
    defaults: Outputs = {name: True for name, _, _ in _CLASSES}
    defaults |= {minimum: 0 for _, minimum, _ in _CLASSES}
    defaults |= {**context.inputs, "numeric": numeric, "number": numeric}
    return {**defaults, "result": _characters(context)}


def _password_outputs(context: Context) -> Outputs:
    outputs = _string_outputs(context)
    password = str(outputs["result"]).encode()[:_BCRYPT_BYTES].decode(errors="ignore")
    salt = crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**10)  # noqa: S324 -- bcrypt is none
    return {**outputs, "bcryptHash": crypt.crypt(password, salt)}


def _id_outputs(context: Context) -> Outputs:
    data = secrets.token_bytes(_integer(context.inputs, "byteLength"))
    prefix = _text(context.inputs, "prefix")
    forms = {
        "hex": data.hex(),
        "dec": str(int.from_bytes(data, "big")),
        "b64Std": base64.b64encode(data).decode(),
        "b64Url": base64.urlsafe_b64encode(data).decode().rstrip("="),
    }
    return {name: prefix + form for name, form in forms.items()}


def _bytes_outputs(context: Context) -> Outputs:
    data = secrets.token_bytes(_integer(context.inputs, "length"))
    return {"hex": data.hex(), "base64": base64.b64encode(data).decode()}


def _generator(context: Context) -> random.Random:
    seed = _text(context.inputs, "seed")
    return random.Random(seed) if seed else secrets.SystemRandom()  # noqa: S311 -- asked for


def _integer_rules(values: Values) -> Iterator[Problem]:
    if {"min", "max"} <= values.keys() and _integer(values, "min") > _integer(values, "max"):
        yield Problem("min", f"must be at most max ({values['max']}), got {values['min']}")


def _integer_outputs(context: Context) -> Outputs:
    low, high = _integer(context.inputs, "min"), _integer(context.inputs, "max")
    return {"result": _generator(context).randint(low, high)}


def _shuffle_outputs(context: Context) -> Outputs:
    given = context.inputs.get("inputs")
    pool = list(given) if isinstance(given, list) else []
    generator, wanted = _generator(context), _integer(context.inputs, "resultCount", len(pool))
    results: list[object] = []
    while pool and len(results) < wanted:
        results += generator.sample(pool, len(pool))
    return {"results": results[:wanted]}


def _pet_outputs(context: Context) -> Outputs:
    length = _integer(context.inputs, "length", 2)
    return {"length": length, "separator": _text(context.inputs, "separator", "-")}


def _pet_id(context: Context, outputs: Outputs) -> str:
    """One word is an animal, two have an adjective before it, more have adverbs before that."""
    length, prefix = _integer(outputs, "length"), _text(context.inputs, "prefix")
    words = [prefix] if prefix else []
    words += [secrets.choice(ADVERBS) for _ in range(length - 2)]
    words += [secrets.choice(ADJECTIVES)] if length > 1 else []
    words.append(secrets.choice(ANIMALS))
    return _text(outputs, "separator").join(words)


def _result(_: Context, outputs: Outputs) -> str:
    return str(outputs["result"])


def _none(_: Context, __: Outputs) -> str:
    return "none"


def _kind(
    name: str,
    outputs: Callable[[Context], Outputs],
    make_id: Callable[[Context, Outputs], str],
    rules: Callable[[Values], Iterator[Problem]],
    secret: tuple[str, ...] = (),
) -> Kind:
    return Kind(
        type=f"random:index/random{name}:Random{name}",
        make_id=make_id,
        kept=False,
        replace_on=("*",),
        outputs=outputs,
        rules=rules,
        secrets=secret,
    )


def _short_id(context: Context, outputs: Outputs) -> str:
    prefix = _text(context.inputs, "prefix")
    return str(outputs["b64Url"]).removeprefix(prefix)


KINDS = (
    _kind("Bytes", _bytes_outputs, _none, _at_least("length", 1), ("base64", "hex")),
    _kind("Id", _id_outputs, _short_id, _at_least("byteLength", 1)),
    _kind("Integer", _integer_outputs, _result, _integer_rules),
    _kind("Password", _password_outputs, _none, _string_rules, ("result", "bcryptHash")),
    _kind("Pet", _pet_outputs, _pet_id, _at_least("length", 1)),
    _kind("Shuffle", _shuffle_outputs, lambda _, __: "-", _at_least("resultCount", 0)),
    _kind("String", _string_outputs, _result, _string_rules),
    _kind("Uuid", lambda _: {"result": str(uuid.uuid4())}, _result, lambda _: iter(())),
)
