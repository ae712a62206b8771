"""Files of private containers: given to who has the role, under the names that they have there."""

import pytest

from sandbox.fabric.azure.blobs import Blobs, account_of
from sandbox.fabric.downloads import Shelf
from sandbox.fabric.serving.exchange import Request
from tests.sandbox.fabric.azure.conftest import STRANGER
from tests.sandbox.fabric.azure.test_resolver import addresses, ask

READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
HOST = "installers1.blob.core.windows.net"


@pytest.fixture
def account(cloud):
    made = cloud.create(
        "storage:StorageAccount",
        "installers1",
        accountName="installers1",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    cloud.create(
        "storage:BlobContainer",
        "media",
        accountName="installers1",
        containerName="media",
    )
    return made


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "mlserver.tar").write_bytes(b"packages")
    made = Shelf(tmp_path / "downloads")
    made.store("installers1/media").add(tmp_path / "mlserver.tar")
    return made


@pytest.fixture
def blobs(cloud, account, shelf, directory):
    return Blobs(directory, lambda: cloud.world, lambda place, name: shelf.store(place).find(name))


@pytest.fixture
def principal(site):
    return site.web_identity.outputs["principalId"]


@pytest.fixture
def get(blobs, directory, principal):
    def get(path="/media/mlserver.tar", audience="https://storage.azure.com/", **changes):
        token, _ = directory.issue(principal, "client", directory.tenant, audience)
        headers = {
            "host": HOST,
            "authorization": f"Bearer {token}",
            "x-ms-version": "2019-12-12",
            **changes,
        }
        given = {key: value for key, value in headers.items() if value}
        found = blobs.find(Request(method="GET", target=path, source=STRANGER, headers=given))
        if hasattr(found, "status"):
            return found.status, found.headers["x-ms-error-code"]
        return found.read_bytes()

    return get


def test_who_has_the_role_reads_the_file(cloud, account, principal, get):
    cloud.assign(account.id, principal, READER)

    assert get() == b"packages"
    assert get(audience="https://storage.azure.com") == b"packages"


def test_who_has_another_role_or_none_does_not(cloud, account, principal, get):
    refused = (403, "AuthorizationPermissionMismatch")

    assert get() == refused
    contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    cloud.assign(account.id, principal, contributor)
    assert get() == refused
    assert get("/other/mlserver.tar") == refused


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"authorization": ""}, (409, "PublicAccessNotPermitted")),
        ({"authorization": "Bearer x.y.z"}, (401, "InvalidAuthenticationInfo")),
        ({"audience": "https://vault.azure.net"}, (401, "InvalidAuthenticationInfo")),
        ({"x-ms-version": ""}, (400, "InvalidHeaderValue")),
        ({"x-ms-version": "2015-04-05"}, (400, "InvalidHeaderValue")),
        ({"host": "nobody.blob.core.windows.net"}, (403, "AuthorizationFailure")),
        ({"path": "/other/mlserver.tar"}, (404, "ContainerNotFound")),
        ({"path": "/media/other.tar"}, (404, "BlobNotFound")),
        ({"path": "/media/..%2Fmlserver.tar"}, (404, "BlobNotFound")),
    ],
)
def test_what_is_refused_whoever_asks(cloud, account, principal, get, changes, refused):
    cloud.assign(account.id, principal, READER)

    assert get(**changes) == refused


@pytest.mark.parametrize(
    "closing",
    [
        {"publicNetworkAccess": "Disabled"},
        {"networkRuleSet": {"defaultAction": "Deny"}},
    ],
)
def test_an_account_that_is_closed_to_the_internet_is_closed_here(cloud, account, closing):
    assert account_of(cloud.world, HOST.upper()) == account
    cloud.update(account, **closing)

    assert account_of(cloud.world, HOST) is None


def test_the_resolver_knows_the_accounts_that_there_are(running, account):
    assert addresses(ask(running, HOST)) == ["198.18.0.2"]
    assert addresses(ask(running, "nobody.blob.core.windows.net")) == []
