"""A stack file comes to another version of its product, and keeps all else that is in it."""

import pytest
import yaml

from components.settings import SettingsError
from components.settings.newer import Archive, Installers, newer
from components.settings.stack_file import NAMESPACE
from tests.support.environments import AZURE, changed, of_family

SUM = "a" * 64
TAR = Archive(url="https://downloads.example.com/mlserver-9.4.7.tar", sha256=SUM)
TO = ("mlserver", "9.4.7")

BLOCK = """\
# What this stack is for.
config:
  operationalization:environment:
    topology: enterprise
    cloud: azure
    location: westeurope
    runtime:
      product: rserver # bought in 2017
      version: 9.1.0
      operatingSystem: ubuntu-16.04
      imageId: {image}
      server:
        licenseAccepted: true
        installers: # from our own mirror
          server:
            url: https://downloads.example.com/rserver-9.1.0.tar
            sha256: {sum}
          r: {{ url: https://downloads.example.com/r.tar, sha256: {sum} }}
        cors: {{ origins: ["https://app.example.com"] }}
    web: {{ nodes: fixed, count: 2 }} # two are enough
    compute: {{ nodes: fixed, count: 1 }}
    database: {{ engine: postgresql }}
    access: {{ clients: [203.0.113.0/24] }}
""".format(image=of_family(AZURE)["runtime"]["imageId"], sum="b" * 64)


def written(folder, text):
    path = folder / "Pulumi.shop.yaml"
    path.write_text(text)
    return path


def document(environment):
    return yaml.safe_dump({"config": {f"{NAMESPACE}:environment": environment}}, sort_keys=False)


def test_only_version_and_media_change_and_comments_stay(tmp_path):
    text, environment = newer(written(tmp_path, BLOCK), TO, Installers(server=TAR))

    before, after = BLOCK.splitlines(), text.splitlines()
    gone, come = [x for x in before if x not in after], [x for x in after if x not in before]
    assert come == [
        "      product: mlserver # bought in 2017",
        "      version: 9.4.7",
        f'          {{ server: {{ url: "{TAR.url}", sha256: {SUM} }} }}',
    ]
    assert len(gone) == 6
    assert environment.runtime.version == "9.4.7"
    assert environment.runtime.server.installers.r is None


def test_other_archives_come_along_and_a_private_store_stays(tmp_path):
    store = (
        "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/media/providers/"
        "Microsoft.Storage/storageAccounts/media"
    )
    old = changed(of_family(AZURE), {"runtime.server.installers.store": store})
    old["runtime"]["server"]["installers"]["server"]["url"] = (
        "https://media.blob.core.windows.net/rserver/9.1.0.tar"
    )
    new = Archive(url="https://media.blob.core.windows.net/rserver/9.3.0.tar", sha256=SUM)
    text, environment = newer(
        written(tmp_path, document(old)), ("mlserver", "9.3.0"), Installers(server=new)
    )

    assert environment.runtime.server.installers.store == store
    assert yaml.safe_load(text)["config"][f"{NAMESPACE}:environment"]["runtime"]["server"][
        "installers"
    ] == {"server": {"url": new.url, "sha256": SUM}, "store": store}


def test_the_repository_of_r_packages_stays_with_what_is_installed_from_it(tmp_path):
    """It has packages for both versions of R, or the stack file says another one afterwards."""
    url = "https://downloads.example.com/packages.tar.gz"
    repository = f"          packages: {{ url: {url}, sha256: {'c' * 64} }}\n"
    server = "        cors:"
    old = BLOCK.replace(server, f"{repository}        packages: [forecast]\n{server}")

    text, environment = newer(written(tmp_path, old), TO, Installers(server=TAR))

    found = environment.runtime.server
    assert found.packages == ("forecast",)
    assert (found.installers.packages.url, found.installers.packages.sha256) == (url, "c" * 64)
    assert found.installers.r is None
    assert "        packages: [forecast]\n" in text


@pytest.mark.parametrize("flow", [True, False], ids=["flow", "block"])
def test_a_bind_filter_which_9_0_alone_knows_goes(tmp_path, flow):
    directory = {
        "host": "10.1.0.4",
        "queryUserDn": "CN=lookup,DC=example,DC=com",
        "bindFilter": "CN={0},DC=example,DC=com",
        "searchBase": "DC=example,DC=com",
        "searchFilter": "cn={0}",
    }
    old = changed(
        of_family(AZURE, "9.0.1"),
        {"runtime.server.authentication": {"method": "ldap", "ldap": directory}},
    )
    text = document(old)
    if flow:
        text = yaml.safe_dump(yaml.safe_load(text), default_flow_style=None, width=1000)
    archive = Archive(url="https://downloads.example.com/rserver-9.1.0.tar", sha256=SUM)
    _, environment = newer(
        written(tmp_path, text), ("rserver", "9.1.0"), Installers(server=archive)
    )

    assert environment.runtime.server.authentication.ldap.bind_filter is None
    assert environment.runtime.server.authentication.ldap.search_filter == "cn={0}"


def test_what_the_new_version_refuses_is_said_and_nothing_is_written(tmp_path):
    path = written(tmp_path, BLOCK)
    with pytest.raises(SettingsError) as error:
        newer(path, TO, Installers(server=Archive(url="ftp://x/y.tar", sha256=SUM)))

    assert "runtime.server.installers.server.url" in str(error.value)
    assert path.read_text() == BLOCK


def test_a_runtime_that_is_in_the_base_is_left_to_a_person(tmp_path):
    whole = of_family(AZURE)
    runtime = whole.pop("runtime")
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases" / "family.yaml").write_text(
        yaml.safe_dump({"environment": {"runtime": runtime}})
    )
    text = yaml.safe_dump(
        {"config": {f"{NAMESPACE}:base": "family", f"{NAMESPACE}:environment": whole}}
    )
    with pytest.raises(SettingsError, match="in the stack's own file"):
        newer(written(tmp_path, text), TO, Installers(server=TAR))
