"""Every kind speaks of properties that the SDK has, and of types that the sandbox knows."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.control import azure, ids
from sandbox.control.kinds import Kind
from sandbox.control.schema import Package
from tests.support.shapes import expected_of_unknowns, leading_nowhere, values_of

SDK = Package("azure-native")


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
def test_a_kind_names_properties_that_the_sdk_has(kind: Kind) -> None:
    inputs = SDK.resource(kind.type).inputs
    patterns = [
        *ids.parameters(kind.id_template),
        *kind.replace_on,
        *kind.references,
        *kind.weak,
        *kind.unchecked,
        *kind.parts,
        *kind.write_only,
    ]

    assert leading_nowhere(inputs, patterns) == []


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
def test_a_kind_computes_properties_that_the_sdk_has(kind: Kind) -> None:
    outputs = SDK.resource(kind.type).outputs

    assert set(kind.secrets) <= outputs


@pytest.mark.parametrize("function", azure.FUNCTIONS, ids=lambda function: function.name)
def test_a_function_is_one_of_the_sdk(function) -> None:
    assert SDK.arguments(function.name).properties is not None


def test_types_are_declared_once() -> None:
    names = [kind.type for kind in azure.KINDS]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
def test_rules_expect_nothing_of_what_is_unknown(kind: Kind) -> None:
    assert expected_of_unknowns(kind, SDK) == []


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rules_stand_whatever_the_schema_lets_through(kind: Kind, data: st.DataObject) -> None:
    values = data.draw(values_of(SDK.resource(kind.type).inputs))

    for problem in kind.rules(values):
        assert problem.reason
