"""The product's own tests, against stand-ins of three versions: raw report, traced execution."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from operations.client import Client
from operations.diagnosis import front
from operations.diagnosis.node import ground, serving
from operations.errors import OperationError
from operations.product import Expected, Product
from operations.stack import Environment
from tests.stand_ins.conftest import installed as installed
from tests.stand_ins.conftest import node as node
from tests.stand_ins.test_web import world as world
from tests.support.stand_ins import PASSWORD


def environment(world: Any, password: str = PASSWORD) -> Environment:
    client, machine, _ = world
    version = machine.version
    return Environment(
        stack="family",
        endpoint=str(client.base_url).rstrip("/"),
        addresses=("127.0.0.1",),
        authority="",
        username="admin",
        password=password,
        product=Product(
            name=version.product,
            version=version.version,
            r_version="3.3.2",
            account="admin",
            status_words=(version.good,),
            authentication="local",
            compute=Expected(),
            web=1,
        ),
    )


def test_code_is_executed_in_a_session_that_ends_with_it(world: Any) -> None:
    client, _, compute = world
    with Client(environment(world)) as ours:
        answer = ours.execute(front.CODE)

    assert answer["success"] is True
    (shell,) = compute.pool.made
    assert (shell.objects, shell.closed) == ([front.CODE], True)
    assert client.get("/sessions").json() == []


def test_code_that_fails_is_an_error(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(environment(world)) as ours:
        call = ours._call

        def failing(method: str, path: str, *rest: Any) -> Any:
            reply = call(method, path, *rest)
            if path.endswith("/execute"):
                return replace(reply, body={"success": False, "errorMessage": "no such object"})
            return reply

        monkeypatch.setattr(ours, "_call", failing)
        with pytest.raises(OperationError, match="no such object"):
            ours.execute("y")

    assert world[0].get("/sessions").json() == []


def test_the_trace_of_the_product_ends_with_an_execution(world: Any) -> None:
    found = front.look(environment(world), 1)

    names = [step.name for step in found.steps]
    assert names == ["log in", "raw status", "list services", "execute code"]
    assert [step.failed for step in found.steps] == [""] * 4
    assert found.certificates == {}
    assert len(found.reports) == front.CONNECTIONS


def probed(world: Any, folder: Path, password: str) -> dict[str, Any]:
    client, _, _ = world
    secret = folder / "admin-password"
    secret.write_text(f"{password}\n")
    return serving.status(
        {
            "role": "web",
            "product": "mlserver",
            "secrets": [{"name": "admin-password", "path": str(secret)}],
            "web": {
                "login": {"account": "admin", "secret": "admin-password"},
                "listen": {"web": {"own": client.base_url.port, "port": 12800, "https": True}},
            },
        }
    )


def test_the_probe_reads_the_raw_report_on_the_node_itself(world: Any, tmp_path: Path) -> None:
    good = world[1].version.good

    found = probed(world, tmp_path, PASSWORD)

    assert found["code"] == 200
    assert set(found["parts"].values()) == {good}
    assert list(found["backends"].values()) == [good]


def test_a_password_that_is_another_one_is_told_and_not_shown(world: Any, tmp_path: Path) -> None:
    found = probed(world, tmp_path, "Wr0ng-and.secret")

    assert (found["code"], found["step"]) == (401, "login")
    assert "Wr0ng" not in str(found)


def test_the_installer_is_the_one_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "KEPT", str(tmp_path))
    wanted = {"role": "web", "web": {"install": {"files": {"server": {"sha256": "ab12"}}}}}
    assert serving.installed(wanted) is None

    (tmp_path / "installed").write_text("ab12\n")
    assert serving.installed(wanted) is True
    (tmp_path / "installed").write_text("cd34\n")
    assert serving.installed(wanted) is False
