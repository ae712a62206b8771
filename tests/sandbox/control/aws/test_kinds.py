"""Every kind speaks of properties that the SDK has, and of types that the sandbox knows."""

import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.control import aws
from sandbox.control.kinds import ApiError, Kind
from sandbox.control.schema import Package
from tests.support.shapes import expected_of_unknowns, leading_nowhere, values_of
from tests.support.world import RefusedError

SDK = Package("aws")


@pytest.mark.parametrize("kind", aws.KINDS, ids=lambda kind: kind.type)
def test_a_kind_names_properties_that_the_sdk_has(kind: Kind) -> None:
    resource = SDK.resource(kind.type)
    patterns = [
        *kind.replace_on,
        *kind.references,
        *kind.weak,
        *kind.unchecked,
        *kind.write_only,
        *kind.unordered,
        *filter(None, (kind.name_property, kind.parent)),
    ]

    assert leading_nowhere(resource.inputs, patterns) == []
    assert set(kind.secrets) <= resource.outputs
    assert not kind.parent or kind.parent in kind.references


@pytest.mark.parametrize("kind", aws.KINDS, ids=lambda kind: kind.type)
def test_a_kind_can_be_called(kind: Kind) -> None:
    assert kind.identity is not None
    assert not kind.id_template
    assert kind.make_id is None


@pytest.mark.parametrize("kind", aws.KINDS, ids=lambda kind: kind.type)
def test_what_has_a_name_names_a_rule_for_it(kind: Kind) -> None:
    has_name = "name" in SDK.resource(kind.type).inputs.properties

    assert bool(kind.name_property) == (kind.name is not None)
    assert not has_name or kind.name_property


@pytest.mark.parametrize("function", aws.FUNCTIONS, ids=lambda function: function.name)
def test_a_function_is_one_of_the_sdk(function) -> None:
    assert SDK.arguments(function.name).properties is not None


def test_types_are_declared_once() -> None:
    names = [kind.type for kind in aws.KINDS]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("kind", aws.KINDS, ids=lambda kind: kind.type)
def test_rules_expect_nothing_of_what_is_unknown(kind: Kind) -> None:
    assert expected_of_unknowns(kind, SDK) == []


@pytest.mark.parametrize("kind", aws.KINDS, ids=lambda kind: kind.type)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rules_stand_whatever_the_schema_lets_through(kind: Kind, data: st.DataObject) -> None:
    values = data.draw(values_of(SDK.resource(kind.type).inputs))

    for problem in kind.rules(values):
        assert problem.reason


def referring(kind: Kind, values: Mapping[str, Any], site) -> dict[str, Any]:
    """*values* whose references at the top name something that exists, where there is any."""
    found = dict(values)
    for pattern, types in kind.references.items():
        name, is_list, below = pattern.partition("[*]")
        existing = [each.short for token in types for each in site.aws.world.of(token)]
        if existing and "." not in name and not below:
            found[name] = existing[:2] if is_list else existing[0]
    return found


@pytest.mark.parametrize("kind", aws.KINDS, ids=lambda kind: kind.type)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_asked_for_is_made_or_refused(site, kind: Kind, data: st.DataObject) -> None:
    drawn = data.draw(values_of(SDK.resource(kind.type).inputs))

    with contextlib.suppress(RefusedError, ApiError):
        site.aws.create(kind.type, **referring(kind, drawn, site))
