"""What is lost for good, and what only looks like it."""

from typing import Any

import pytest

from operations.preview import losses
from operations.preview.changes import changes
from operations.preview.escaping import said
from operations.preview.losses import CREDENTIALS, HOLDERS, SERVERS, Loss
from operations.preview.plan import Plan
from tests.support import golden_states, previews, states


def found(plan: Plan) -> tuple[Loss, ...]:
    return losses.losses(plan, changes(plan))


def one(kind: str, **inputs: Any) -> Any:
    return states.resource(kind, "it", "id-1", inputs)


@pytest.mark.parametrize("op", ["delete", "replace"])
@pytest.mark.parametrize("kind", sorted(HOLDERS))
def test_whatever_holds_something_is_told_when_it_goes(kind: str, op: str) -> None:
    holder = one(kind)
    (loss,) = found(previews.made(previews.step(op, holder, holder)))

    assert (loss.name, loss.op) == ("it", op)
    assert loss.loud == (HOLDERS[kind][0] != CREDENTIALS)
    assert HOLDERS[kind][1] in said(loss.words)


@pytest.mark.parametrize("op", ["create", "update", "same"])
@pytest.mark.parametrize("kind", sorted(HOLDERS))
def test_what_stays_is_no_loss(kind: str, op: str) -> None:
    holder = one(kind)
    old = None if op == "create" else holder
    assert found(previews.made(previews.step(op, old, holder))) == ()


def test_nodes_of_a_group_hold_nothing() -> None:
    group = one("azure-native:compute:VirtualMachineScaleSet")
    assert found(previews.made(previews.step("replace", group, group))) == ()


@pytest.mark.parametrize("kind", losses.MACHINES)
def test_a_machine_holds_the_database_where_no_server_does(kind: str) -> None:
    machine = one(kind)
    (loss,) = found(previews.made(previews.step("replace", machine, machine)))
    assert said(loss.words) == (
        "the machine with the SQLite database it is replaced by an empty one; "
        "lost: every published service"
    )

    server = states.resource(next(iter(SERVERS)), "server", "id-2", {})
    kept = previews.made(
        previews.step("replace", machine, machine), previews.step("same", server, server)
    )
    assert found(kept) == ()


def test_what_the_engine_leaves_where_it_is_is_not_lost() -> None:
    kept = {**one("azure-native:keyvault:Secret"), "retainOnDelete": True}
    assert found(previews.made(previews.step("delete", kept))) == ()


@pytest.mark.parametrize(
    ("kind", "inputs", "left"),
    [
        (
            "aws:rds/instance:Instance",
            {"skipFinalSnapshot": False, "deleteAutomatedBackups": False},
            "a last snapshot is made of it; its automated backups stay until they expire",
        ),
        ("aws:rds/instance:Instance", {"skipFinalSnapshot": True}, ""),
        (
            "azure-native:keyvault:Vault",
            {"properties": {"softDeleteRetentionInDays": 7}},
            "it can be recovered for 7 days",
        ),
        ("azure-native:keyvault:Vault", {"properties": {"enableSoftDelete": False}}, ""),
        (
            "aws:secretsmanager/secret:Secret",
            {"recoveryWindowInDays": 30},
            "it can be restored for 30 days",
        ),
        ("aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 0}, ""),
        (
            "aws:kms/key:Key",
            {"deletionWindowInDays": 30},
            "its deletion can be cancelled for 30 days",
        ),
    ],
)
def test_what_a_cloud_keeps_for_a_while_is_said(kind: str, inputs: Any, left: str) -> None:
    (loss,) = found(previews.made(previews.step("delete", one(kind, **inputs))))
    assert loss.left == left


@pytest.mark.parametrize("stack", golden_states.NAMES)
def test_each_of_our_environments_loses_its_database_with_all_it_has(stack: str) -> None:
    gone = found(previews.of_golden(stack, lambda resources: resources.clear()))
    kinds = {each.type for each in gone}

    if "endpoint" in stack:
        assert "azure-native:machinelearningservices:Workspace" in kinds
        return
    assert said(gone[0].words).startswith(("the database server", "the machine with the SQLite"))
    vaults = {"azure-native:keyvault:Vault", "aws:secretsmanager/secret:Secret"}
    assert kinds & vaults


def test_the_worst_comes_first() -> None:
    kinds = ["azure-native:operationalinsights:Workspace", "aws:s3/bucket:Bucket"]
    kinds += ["azure-native:keyvault:Vault", "azure-native:dbforpostgresql:Database"]
    steps = [
        previews.step("delete", states.resource(kind, f"r{index}", f"id-{index}", {}))
        for index, kind in enumerate([*kinds, "azure-native:dbforpostgresql:Server"])
    ]
    assert [each.name for each in found(previews.made(*steps))] == ["r4", "r3", "r2", "r1", "r0"]
