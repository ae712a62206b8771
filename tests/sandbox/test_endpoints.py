"""The commands for callers of endpoints, without a daemon."""

import pytest

from sandbox import home as homes
from sandbox.command import main
from sandbox.control.azure import endpoint_credentials as credentials
from sandbox.control.kinds import Record
from sandbox.control.store import Store
from sandbox.control.world import StoreWorld
from sandbox.fabric.images import digests

KIND = "azure-native:machinelearningservices:OnlineEndpoint"
ID = (
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w"
    "/onlineEndpoints/iris"
)


@pytest.fixture
def run(tmp_path, capsys):
    def run(*arguments):
        status = main(["--home", str(tmp_path), *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def endpoint(folder, mode):
    """An endpoint that exists, and what is judged with."""
    store = Store(folder / "cloud.sqlite")
    inputs = {"properties": {"authMode": mode}}
    made = Record(id=ID, type=KIND, inputs=inputs, outputs=inputs, incarnation="i")
    with store.change() as rows:
        rows.put(made, {})
        rows.remember("online-endpoints/secret", "00" * 32)
    return StoreWorld(store.read()), made


@pytest.mark.parametrize("mode", credentials.MODES)
def test_the_deployer_is_let_in(run, tmp_path, mode):
    world, made = endpoint(tmp_path, mode)

    status, printed, words = run("token", ID)
    assert (status, words) == (0, "")
    assert credentials.refusal(world, made, f"Bearer {printed.strip()}") is None
    assert credentials.refusal(world, made, "Bearer something") is not None


def test_there_is_no_token_of_what_is_not_there(run, tmp_path):
    endpoint(tmp_path, "Key")

    assert run("token", "/subscriptions/s/none") == (
        1,
        "",
        f"sandbox: there is no online endpoint /subscriptions/s/none; there are: {ID}\n",
    )


def test_the_authority_is_shown(run, monkeypatch, tmp_path):
    folder = digests.authority(tmp_path / ".cache" / "images")
    folder.mkdir(parents=True)
    (folder / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    monkeypatch.setattr(homes, "PROJECT", tmp_path)

    assert run("certificate") == (0, "-----BEGIN CERTIFICATE-----\n", "")


def test_an_authority_that_was_never_made(run, monkeypatch, tmp_path):
    monkeypatch.setattr(homes, "PROJECT", tmp_path)

    status, printed, words = run("certificate")
    assert (status, printed) == (1, "")
    assert words.endswith("scripts/setup makes it with the images of nodes\n")
