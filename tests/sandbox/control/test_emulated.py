"""The list of what is emulated: whole, in step with the code, and with its sources."""

from pathlib import Path

import pytest

from sandbox.control import emulated
from sandbox.control.packages import PACKAGES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sandbox.md"
LOOK_UPS = "sandbox.control.azure.functions"
"""Tells what other modules know; its sources are theirs."""


def test_the_page_is_in_step_with_the_code() -> None:
    text = PAGE.read_text()
    assert emulated.page(text) == text, "run scripts/docs and commit docs/sandbox.md"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_type_and_function_is_listed_once(package) -> None:
    found = emulated.chapters(package)
    assert sorted(kind for each in found for kind in each.kinds) == sorted(package.kinds)
    assert sorted(name for each in found for name in each.functions) == sorted(package.functions)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_module_says_what_its_rules_are_from(package) -> None:
    silent = [each.module.__name__ for each in emulated.chapters(package) if not each.sources]
    assert [name for name in silent if name != LOOK_UPS] == []


def test_refused_properties_are_read_off_the_rules() -> None:
    chapters = {each.module.__name__: each for p in PACKAGES for each in emulated.chapters(p)}
    assert "vpcId" not in chapters["sandbox.control.aws.vpcs"].refused
    assert "mfa" in chapters["sandbox.control.aws.bucket_settings"].refused
    assert chapters["sandbox.control.aws.databases"].refused
    assert chapters["sandbox.control.azure.load_balancers"].kinds == (
        "azure-native:network:LoadBalancer",
    )


def test_only_the_list_of_a_page_is_written() -> None:
    text = f"# Mine\n{emulated.BEGIN}\nwhat was there\n{emulated.END}\nafter\n"
    made = emulated.page(text)
    assert made.startswith("# Mine\n")
    assert made.endswith("\nafter\n")
    assert "what was there" not in made
    assert emulated.page(made) == made
