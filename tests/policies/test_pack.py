"""What the engine is told: levels, messages, what is not known; and what the pack forgets."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi_policy as sdk
import pytest
from pulumi.runtime import config as runtime
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies import pack
from policies.ground import Ground, read
from policies.pack import Session, plain, plain_type
from policies.reading import UNKNOWN, Resource, at, items
from policies.rule import Finding, Rule, Severity, Stance, must
from tests.support import policies, stacks

KIND = "azure-native:keyvault:Vault"


def rule(**changes: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "vault-shut",
        "why": "It is shut",
        "severity": Severity.HIGH,
        "stance": Stance.REFUSES,
        "fix": "shut it",
        "checks": {KIND: must("shut", lambda value: value is True, "it is open")},
    }
    return Rule(**{**values, **changes})


def vault(**inputs: Any) -> Resource:
    return policies.resource(KIND, "dev-vault", inputs)


def said(found: Session, one: Rule, resource: Resource, held_to: Ground) -> list[str]:
    return [note.text for note in found.violations(one, one.look(resource, held_to), resource)]


def test_a_message_says_what_where_and_how_to_mend_it() -> None:
    held_to = policies.ground("dev")
    one = rule()
    (policy, *_) = Session(held_to, [one]).policies()

    assert policy.description == "vault-shut: It is shut"
    assert said(Session(held_to, [one]), one, vault(shut=False), held_to) == [
        (
            "dev-vault (azure-native:keyvault:Vault): it is open\n"
            "fix: shut it\n"
            "or exempt it with a reason: docs/policies.md#vault-shut"
        )
    ]
    assert said(Session(held_to, [one]), one, vault(shut=True), held_to) == []


@pytest.mark.parametrize(
    ("stance", "protected", "other"),
    [
        (Stance.REFUSES, "mandatory", "mandatory"),
        (Stance.PROTECTS, "mandatory", "advisory"),
        (Stance.KEEPS, "mandatory", None),
        (Stance.ADVISES, "advisory", "advisory"),
    ],
)
def test_protected_stacks_are_held_to_more(
    stance: Stance, protected: str, other: str | None
) -> None:
    levels = {}
    for stack in ("azure-production", "dev"):
        made = Session(policies.ground(stack), [rule(stance=stance)]).policies()
        levels[stack] = {each.name: each.enforcement_level.value for each in made}

    assert levels["azure-production"]["vault-shut"] == protected
    assert levels["dev"].get("vault-shut") == other
    assert {levels["dev"][name] for name in ("exempted", "exemption-stale", "undecided")} == {
        "advisory"
    }


@pytest.mark.parametrize(("dry_run", "violations"), [(True, 0), (False, 1)])
def test_what_is_not_known_is_no_violation_of_a_preview(dry_run: bool, violations: int) -> None:
    held_to = Ground("dev", policies.ground("dev").environment, dry_run)
    one = rule()
    session = Session(held_to, [one])

    assert len(said(session, one, vault(shut=UNKNOWN), held_to)) == violations
    assert [note.text for note in session._open()] == (
        ["vault-shut on dev-vault: shut is not known before the deployment"] if dry_run else []
    )


def test_what_is_not_grave_is_left_to_the_update() -> None:
    held_to = Ground("dev", policies.ground("dev").environment, dry_run=True)
    one = rule(severity=Severity.LOW)
    session = Session(held_to, [one])

    assert said(session, one, vault(shut=UNKNOWN), held_to) == []
    assert list(session._open()) == []


def test_the_engine_gets_the_rules_as_policies() -> None:
    held_to = policies.ground("azure-production")
    made = Session(held_to, pack.RULES).policies()

    assert [each.name for each in made[-3:]] == ["exempted", "exemption-stale", "undecided"]
    assert len({each.name for each in made}) == len(made) == len(pack.RULES) + 3
    assert all(each.description.startswith(f"{each.name}: ") for each in made)
    assert {type(each) for each in made} == {
        sdk.ResourceValidationPolicy,
        sdk.StackValidationPolicy,
    }


def test_what_an_update_deletes_is_no_part_of_the_stack_any_more() -> None:
    """The engine tells of it with the others: it goes when all else is done."""

    def asked(name: str) -> dict[str, Any]:
        options = SimpleNamespace(protect=False)
        urn = f"urn:pulumi:dev::operationalization::{KIND}::{name}"
        return {"resource_type": KIND, "name": name, "urn": urn, "props": {}, "opts": options}

    counted = rule(
        id="vault-counted",
        checks={},
        world=lambda world, _: (Finding("it is there", each) for each in world.resources),
    )
    looks, survey, *_ = Session(policies.ground("azure-production"), [rule(), counted]).policies()
    told: list[str] = []
    both = [SimpleNamespace(**asked(name), property_dependencies={}) for name in ("kept", "gone")]

    run(looks, SimpleNamespace(**asked("kept")), told)
    told.clear()
    run(survey, SimpleNamespace(resources=both), told)

    assert [text.splitlines()[0] for text in told] == [f"kept ({KIND}): it is there"]


def run(policy: Any, args: SimpleNamespace, told: list[str]) -> None:
    policy.validate(args, lambda text, _urn=None: told.append(text))


def test_what_the_sdk_hands_over_becomes_plain_values() -> None:
    found = plain(
        unknown_checking_proxy(
            {
                "a": {"b": [1.0, UNKNOWN_STRING_VALUE]},
                "c": UNKNOWN_STRING_VALUE,
                "d": "text",
                "__defaults": [],
            }
        )
    )

    assert found == {"a": {"b": [1.0, UNKNOWN]}, "c": UNKNOWN, "d": "text"}
    assert at(found, "c.d.e") is UNKNOWN
    assert items(at(found, "a.b")) == ([1.0], False)
    assert items(at(found, "nowhere")) == ([], True)


def test_types_have_no_versions_of_an_api() -> None:
    assert plain_type("azure-native:network/v20240501:Subnet") == "azure-native:network:Subnet"
    assert plain_type("azure-native:network:Subnet") == "azure-native:network:Subnet"
    assert plain_type("aws:ec2/vpc:Vpc") == "aws:ec2/vpc:Vpc"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    config = stacks.config("dev") | {"operationalization:adminPassword": "hunter2-hunter2"}
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    monkeypatch.setenv("PULUMI_STACK", "dev")
    monkeypatch.setenv("PULUMI_DRY_RUN", "true")
    before = dict(runtime.CONFIG.get())
    runtime.set_all_config(texts)
    yield
    runtime.set_all_config(before)


@pytest.mark.usefixtures("configured")
def test_the_pack_forgets_what_is_not_for_it() -> None:
    found = pack._ground()

    assert found.environment == policies.ground("dev").environment
    assert found.dry_run
    assert runtime.get_config("operationalization:adminPassword") is None
    assert "hunter2" not in json.dumps(dict(os.environ))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project of a template, whose stack has its base and keys of its own."""
    (tmp_path / "stacks").mkdir()
    source = Path(__file__).parents[2] / "templates/azure-one-box/stacks/bases"
    shutil.copytree(source, tmp_path / "stacks/bases")
    keys = {"base": "development", "location": "northeurope", "access.clients": "203.0.113.0/24"}
    texts = {f"operationalization:{key}": value for key, value in keys.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    monkeypatch.setenv("PULUMI_PROJECT", "scoring")
    monkeypatch.setenv("PULUMI_STACK", "dev")
    return tmp_path


def test_a_stack_of_a_project_elsewhere_is_held_to_its_own_settings(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATIONALIZATION_PROJECT", str(elsewhere))
    found = pack._ground()

    assert found.environment is not None
    assert (found.environment.topology, found.environment.location) == ("one-box", "northeurope")
    assert not found.protected


@pytest.mark.usefixtures("elsewhere")
def test_nobody_takes_the_bases_of_this_project_for_those_of_another() -> None:
    found = pack._ground()

    assert found.environment is None
    assert found.protected


@pytest.mark.parametrize(
    "config", [{}, {"operationalization:environment": "{"}, {"operationalization:environment": "7"}]
)
def test_a_stack_whose_settings_are_wrong_is_held_to_all_rules(config: dict[str, str]) -> None:
    found = read(config, "dev", dry_run=True)

    assert found.environment is None
    assert found.protected
    assert list(policies.findings(pack.RULES, policies.world("azure-production"), found)) == []


def test_what_cannot_be_judged_is_not_let_through() -> None:
    held_to = policies.ground("azure-production")
    one = next(each for each in pack.RULES if each.id == "database-firewall")
    wrong = policies.resource(
        "azure-native:sql:FirewallRule", "all", {"startIpAddress": "*", "endIpAddress": [1]}
    )

    (told,) = said(Session(held_to, [one]), one, wrong, held_to)
    assert told.splitlines()[0] == (
        "all (azure-native:sql:FirewallRule): it cannot be judged, its inputs are of another form "
        "(AddressValueError)"
    )


def test_a_finding_about_the_whole_stack_names_no_resource() -> None:
    held_to = policies.ground("dev")
    one = rule(checks={}, world=lambda _world, _ground: iter([Finding("all of it")]))
    (note,) = Session(held_to, [one]).violations(one, [Finding("all of it")])

    assert note.urn is None
    assert note.text.startswith("all of it\n")
