"""Diagrams of deployments: what GitHub draws, whatever things are called.

The golden files were read by Mermaid's own parser (11.17); they show a change of what is drawn.
"""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.diagram import mermaid
from operations.diagram.text import quoted
from tests.support import golden_states
from tests.support.engine import ROOT
from tests.support.golden_states import Resources, changed, deployment, planned

GOLDEN = ROOT / "tests" / "golden" / "diagrams"

LINE = re.compile(
    r"""flowchart\ LR
    | \ +subgraph\ \w+\ \[(?P<a>"[^"]*")\]
    | \ +end
    | \ +\w+(\(\[|\{\{|\[\(|\[\[|\[/|\(|\[|>)"[^"]*"(\]\)|\}\}|\)\]|\]\]|/\]|\)|\])
    | \ +\w+\ (-->|==>|-\.->)\|"[^"]*"\|\ \w+
    | \ +linkStyle\ \d+\ stroke:\#\w+(,stroke-width:\d+px)?""",
    re.VERBOSE,
)


def opened(resources: Resources) -> None:
    """Compute nodes are open to the internet, and web nodes reach them no more."""
    for each in resources:
        if "securityRules" in each.get("inputs", {}) and each["urn"].endswith("-compute"):
            for rule in each["inputs"]["securityRules"]:
                if rule["name"] == "allow-web-to-compute-12805":
                    rule |= {"sourceAddressPrefix": "Internet"}


CASES = {
    **{stack: (stack, None) for stack in ("azure-production", "aws-production", "dev-endpoint")},
    "azure-endpoint-production": ("azure-endpoint-production", None),
    "opened": ("azure-production", opened),
}


@pytest.mark.parametrize("name", CASES)
def test_a_diagram_is_the_golden_one(name: str) -> None:
    stack, change = CASES[name]
    path = GOLDEN / f"{name}.mmd"
    before = deployment(stack)
    found = mermaid(changed(stack, change), before) if change else mermaid(before)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found)
    assert found == path.read_text()


@pytest.mark.parametrize("stack", golden_states.NAMES)
def test_every_line_is_one_that_mermaid_knows(stack: str) -> None:
    found = mermaid(deployment(stack))

    assert all(LINE.fullmatch(line) for line in found.splitlines()), found
    assert found.count("subgraph") == len(re.findall(r"^ +end$", found, re.MULTILINE))
    assert found == mermaid(planned(stack))


def test_a_new_way_is_drawn_thick_and_one_that_is_gone_dotted() -> None:
    found = mermaid(changed("azure-production", opened), deployment("azure-production"))
    (internet,) = re.findall(r"(place\d+)\(\[\"the internet \(0\.0\.0\.0/0\)\"\]\)", found)
    (compute,) = re.findall(r"(place\d+)\[\"compute nodes", found)
    (web,) = re.findall(r"(place\d+)\[\"web nodes", found)
    lines = found.splitlines()

    assert f'  {internet} ==>|"NEW: TCP 12805"| {compute}' in lines
    assert f'  {web} -.->|"GONE: TCP 12805"| {compute}' in lines
    assert "  linkStyle 0 stroke:#d1242f,stroke-width:3px" in lines


def test_without_a_change_nothing_is_marked() -> None:
    found = mermaid(deployment("dev"), deployment("dev"))
    assert "NEW" not in found
    assert found.splitlines()[1:] != []
    assert sorted(found.splitlines()) == sorted(mermaid(deployment("dev")).splitlines())


@pytest.mark.parametrize("limit", [300, 600, 700, 847, 8000])
def test_it_has_no_more_characters_than_may_be(limit: int) -> None:
    whole = mermaid(deployment("azure-production"))
    found = mermaid(deployment("azure-production"), limit=limit)

    assert len(found) <= limit
    assert all(LINE.fullmatch(line) for line in found.splitlines())
    if limit >= len(whole):
        assert found == whole
    else:
        assert "too" in found  # it says that it is not whole


def test_what_is_new_stays_when_there_is_no_room_for_all() -> None:
    found = mermaid(changed("azure-production", opened), deployment("azure-production"), limit=900)
    assert "NEW: TCP 12805" in found
    assert "more arrows are not drawn here" in found


@given(st.text())
def test_whatever_a_label_says_it_is_text(said: str) -> None:
    label = quoted(said, "x")

    assert re.fullmatch(r'"([A-Za-z0-9 .,:/()+_-]|#\d+;|<br/>)*"', label)
    assert label.count("<") == (1 if said else 0)


def test_a_hostile_name_stays_a_name() -> None:
    hostile = (
        '"]; click a "javascript:alert(1)" end subgraph <img src=x onerror=alert(1)> `%%{init}'
    )

    def change(resources: Resources) -> None:
        for each in resources:
            if each["type"].endswith(":NodeGroup") and each["urn"].endswith("-compute-nodes"):
                each["urn"] = each["urn"].replace("azure-production-compute-nodes", hostile)
            elif each["type"].endswith("VirtualMachineScaleSet") and "compute" in each["urn"]:
                each["parent"] = ""
                each["urn"] = each["urn"].replace("azure-production-compute-nodes", hostile)

    found = mermaid(changed("azure-production", change))

    assert "#34;#93;#59; click a" in found
    assert all(LINE.fullmatch(line) for line in found.splitlines())
    assert "<img" not in found
    assert "javascript:alert" in found  # as text


def test_a_stack_with_nothing_is_an_empty_diagram() -> None:
    assert mermaid(changed("dev", lambda resources: resources.clear())) == "flowchart LR\n"
