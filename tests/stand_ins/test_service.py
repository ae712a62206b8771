"""The thin path of each version: set up, sign in, publish code, consume it on the compute node."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from components.runtimes.rserver.versions import VERSIONS as DESCRIBED
from model_folders import reading
from operations import moving
from operations.client import Client
from operations.errors import OperationError
from operations.product import Expected, Product
from operations.prove import prove, same
from operations.publish import Outcome, publish
from operations.score import score
from operations.stack import Environment
from stand_ins.product.passwords import hashed
from stand_ins.product.web.signing import new_key
from stand_ins.versions import VERSIONS
from tests.support.r import require_r
from tests.support.stand_ins import (
    PASSWORD,
    free_ports,
    machine,
    signed_in,
    wait_for,
    wait_until_good,
)

pytestmark = pytest.mark.root

FOLDER = Path(__file__).parents[2] / "models" / "iris"

SERVICE = {
    "code": "answer <- predict(model, data.frame(hp = hp, wt = wt), type = 'response'); cat(1)",
    "initCode": "model <- glm(am ~ hp + wt, data = mtcars, family = binomial)",
    "inputParameterDefinitions": [
        {"name": "hp", "type": "numeric"},
        {"name": "wt", "type": "numeric"},
    ],
    "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
}


def set_up(node, uri):
    """Set one machine up as both nodes, the way its version has."""
    if node.version.tool == "menus":
        node.change("compute", configured="configured")
        digest = hashed(PASSWORD)
        node.change(
            "web",
            configured="configured",
            Authentication__AdminPassword=digest,
            AdminPassword=digest,
            BackEndConfiguration__Uris__Values=[uri],
        )
        return
    words = {
        "switches": ["-silentoneboxinstall", PASSWORD],
        "cli": ["node", "setup", "--onebox", "--admin-password", PASSWORD, "--confirm-password"],
    }
    if node.version.tool == "switches":
        done = node.admin(*words["switches"])
    else:
        done = node.admin(node.version.tool, "admin", *words["cli"], PASSWORD)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", VERSIONS, ids=" ".join)
def test_a_service_is_published_and_consumed(key, tmp_path):
    require_r()
    node = machine(tmp_path / "node", *key)
    node.with_r()
    web, compute, rserve = free_ports(3)
    node.change("web", Kestrel__Port=web)
    node.change("compute", Kestrel__Port=compute, RServePort=str(rserve), Pool__InitialSize=1)
    for link in node.version.links:
        folder = node.root / "usr/lib/x86_64-linux-gnu"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to("nowhere")
    set_up(node, f"http://localhost:{compute}")
    if node.version.tool == "menus":
        node.change("web", Authentication__JWTKey=new_key())

    with ExitStack() as stack:
        for name, port in (("rserve", rserve), ("compute", compute), ("web", web)):
            wait_for(port, stack.enter_context(node.running(name)))
        client = stack.enter_context(signed_in(web, node.version.account))
        report = wait_until_good(client, node.version.good)
        assert list(report["components"]["backends"]["components"]) == [
            f"http://localhost:{compute}/"
        ]

        published = client.post("/services/transmission/1.0", json=SERVICE)
        assert published.status_code == 201, published.text
        assert published.headers["X-Stand-In"] == " ".join(key)
        answer = client.post("/api/transmission/1.0", json={"hp": 120, "wt": 2.8}).json()

        assert answer["success"], answer
        assert answer["outputParameters"]["answer"] == pytest.approx(0.6418125)
        assert answer["consoleOutput"] == "1"
        again = client.post("/services/transmission/1.0", json=SERVICE)
        assert again.status_code == 403
        described = client.get("/api/transmission/1.0/swagger.json").json()
        assert described["info"] == {"title": "transmission", "description": "", "version": "1.0"}
        assert client.delete("/services/transmission/1.0").status_code == 200

        operate(environment_of(node, web, compute), tmp_path)


def environment_of(node, web, compute):
    """The machine as the project's own commands see it."""
    version = node.version
    described = DESCRIBED[version.product, version.version]
    return Environment(
        stack="test",
        endpoint=f"http://127.0.0.1:{web}",
        authority="",
        username=version.account,
        password=PASSWORD,
        product=Product(
            name=version.product,
            version=version.version,
            r_version=described.r_version,
            account=version.account,
            status_words=described.status_words,
            authentication="local",
            compute=Expected(addresses=(f"localhost:{compute}",)),
            web=1,
        ),
    )


def operate(environment, tmp_path):
    """Publish, score and prove a folder, and move its service away and back."""
    folder = reading.read(FOLDER)
    with Client(environment) as client:
        said = prove(client, folder)
        assert said.startswith(f"{environment.product.title} says that it is well, with 1 compute")
        assert f"iris 1.0 {Outcome.PUBLISHED} at {environment.endpoint}" in said
        assert publish(client, folder) is Outcome.SAME
        changed = replace(
            folder, request={}, service=folder.service.model_copy(update={"description": "another"})
        )
        with pytest.raises(OperationError, match="what differs: description"):
            publish(client, changed)
        assert publish(client, changed, update=True) is Outcome.UPDATED

        saved = tmp_path / "saved"
        (kept,) = moving.save(client, saved)
        assert client._call("DELETE", "/services/iris/1.0").status == 200
        (line,) = moving.restore(client, saved)
        assert line == "iris 1.0 is published, and its model's sum is the same"
        (again,) = moving.published(client)
        assert (again.description, again.sha256) == ("another", kept.sha256)
        answer = score(client, "iris", None, folder.request, 30)
        assert same(answer.outputs, folder.answer)
