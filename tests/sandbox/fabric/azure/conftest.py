"""A small environment in a real store, and the services of its network on loopback addresses."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.control import ids, wire, x509
from sandbox.control.kinds import Record
from sandbox.control.naming import Request
from sandbox.control.provider import Configuration, Provider
from sandbox.control.store import Store
from sandbox.control.world import SUBSCRIPTION, TENANT, StoreTransaction, StoreWorld
from sandbox.fabric.azure.services import Services
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import Blueprint, Machine, Network, Place, Port
from sandbox.fabric.notices import Notices
from tests.support.provider import package, urn

WEB, COMPUTE, STRANGER = (IPv4Address(f"127.0.0.{last}") for last in (21, 22, 23))
VAULT_ADDRESS = IPv4Address("10.20.64.4")
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
VALUE = "s3cret-of-the-web"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbCWpt+4s91nK1KuWJUPXNIQQi2qP+B0wqQ6UmcW5T3"


class Cloud:
    """What a stack deploys, through the provider's own verbs."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._azure = Provider(package("azure-native"), store, Configuration(location="westeurope"))

    def create(self, short: str, name: str, **inputs: object) -> Record:
        token = f"azure-native:{short}"
        if not short.startswith("authorization:"):
            inputs = {"resourceGroupName": "rg", **inputs}
        request = Request(
            logical_name=name, seed=name.encode(), old={}, new=inputs, location="westeurope"
        )
        checked, problems = self._azure.check(token, request)
        assert not problems, problems
        target, _ = self._azure.create(token, urn(token, name), checked)
        return self.find(target)

    def update(self, record: Record, **inputs: object) -> Record:
        given = {**record.inputs, **inputs}
        self._azure.update(record.type, record.id, given, record.outputs)
        return self.find(record.id)

    def delete(self, record: Record) -> None:
        self._azure.delete(record.type, record.id)

    def force(self, record: Record, *, at: str, value: object) -> None:
        """Write into a record what the control plane would never let through."""
        inputs = wire.known(record.inputs)
        inputs["properties"] = {**inputs["properties"], at: value}
        with self.store.change() as rows:
            StoreTransaction(rows, changes=rows).put(replace(record, inputs=inputs))

    @property
    def group(self) -> Record:
        return self.find(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg")

    def get(self, below: str) -> Record:
        """What has this id in the resource group."""
        return self.find(f"{self.group.id}/providers/{below}")

    def find(self, target: str) -> Record:
        found = self.world.find(target)
        assert found is not None
        return found

    @property
    def world(self) -> StoreWorld:
        return StoreWorld(self.store.read())

    def identity(self, name: str) -> Record:
        return self.create("managedidentity:UserAssignedIdentity", name, resourceName=name)

    def vault(self, name: str = "models-abc123") -> Record:
        properties = {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "publicNetworkAccess": "Disabled",
        }
        return self.create("keyvault:Vault", name, vaultName=name, properties=properties)

    def secret(self, name: str, value: str = VALUE, vault: str = "models-abc123", **more) -> Record:
        properties = {"value": value, **more}
        return self.create(
            "keyvault:Secret", name, vaultName=vault, secretName=name, properties=properties
        )

    def assign(self, scope: str, principal: object, role: str = SECRETS_USER) -> Record:
        return self.create(
            "authorization:RoleAssignment",
            f"{scope}{principal}{role}",
            scope=scope,
            principalId=principal,
            principalType="ServicePrincipal",
            roleDefinitionId=role if "/" in role else f"{ROLES}/{role}",
        )


@dataclass
class Site:
    """A network 127.0.0.0/8 with a web node and a compute node, and a vault."""

    cloud: Cloud
    network: Record
    web_identity: Record
    compute_identity: Record
    web: Machine
    compute: Machine
    vault: Record
    blueprint: Blueprint

    def machine_at(self, network: str, address: IPv4Address) -> Machine | None:
        machines = (self.web, self.compute)
        matching = [each for each in machines if (each.network, each.address) == (network, address)]
        return matching[0] if matching else None


def scale_set(cloud: Cloud, name: str, subnet: Record, identity: Record) -> Record:
    interface = {
        "name": "main",
        "primary": True,
        "ipConfigurations": [{"name": "main", "primary": True, "subnet": {"id": subnet.id}}],
    }
    linux = {
        "disablePasswordAuthentication": True,
        "ssh": {"publicKeys": [{"path": "/home/me/.ssh/authorized_keys", "keyData": SSH}]},
    }
    return cloud.create(
        "compute:VirtualMachineScaleSet",
        name,
        vmScaleSetName=name,
        sku={"name": "Standard_D2s_v5", "tier": "Standard", "capacity": 1},
        zones=["1"],
        orchestrationMode="Uniform",
        overprovision=False,
        upgradePolicy={"mode": "Manual"},
        tags={"role": "web", "owner": "data"},
        identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
        virtualMachineProfile={
            "osProfile": {
                "computerNamePrefix": "web",
                "adminUsername": "me",
                "customData": "I2Nsb3VkLWNvbmZpZwo=",
                "linuxConfiguration": linux,
            },
            "storageProfile": {
                "imageReference": {
                    "publisher": "Debian",
                    "offer": "debian-12",
                    "sku": "12-gen2",
                    "version": "0.20250210.2019",
                },
                "osDisk": {
                    "createOption": "FromImage",
                    "caching": "ReadWrite",
                    "diskSizeGB": 32,
                    "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
                },
            },
            "networkProfile": {"networkInterfaceConfigurations": [interface]},
        },
    )


def machine(group: Record, network: Record, address: IPv4Address, identity: Record) -> Machine:
    return Machine(
        id=ids.key(f"{group.id}/virtualMachines/0"),
        incarnation="11111111-2222-4333-8444-555555555555",
        group=ids.key(group.id),
        name=f"{ids.name_of(group.id)}_0",
        hostname=f"{ids.name_of(group.id)}000000",
        network=ids.key(network.id),
        port=f"{ids.key(group.id)}/virtualmachines/0/networkinterfaces/main",
        address=address,
        image="base",
        user_data=b"#cloud-config\n",
        vcpus=2,
        memory=8192,
        identities=(ids.key(identity.id),),
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of an environment and the key of a directory, made once."""
    folder = tmp_path_factory.mktemp("template")
    Tokens(folder)
    store = Store(folder / "cloud.sqlite")
    cloud = Cloud(store)
    cloud.create("resources:ResourceGroup", "g")
    cloud.create(
        "network:VirtualNetwork",
        "vnet",
        virtualNetworkName="vnet",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
    )
    ranges = {"web": "10.20.0.0/24", "endpoints": "10.20.64.0/24"}
    subnets = {
        name: cloud.create(
            "network:Subnet", name, virtualNetworkName="vnet", subnetName=name, addressPrefix=given
        )
        for name, given in ranges.items()
    }
    for name in ("web", "compute"):
        scale_set(cloud, name, subnets["web"], cloud.identity(f"{name}-id"))
    cloud.vault()
    store.close()
    return folder


@pytest.fixture(scope="session")
def directory(template: Path) -> Tokens:
    return Tokens(template)


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(template / "cloud.sqlite", tmp_path)
    made = Store(tmp_path / "cloud.sqlite")
    yield made
    made.close()


@pytest.fixture
def cloud(store: Store) -> Cloud:
    return Cloud(store)


@pytest.fixture
def site(cloud: Cloud) -> Site:
    network = cloud.get("Microsoft.Network/virtualNetworks/vnet")
    identities = [
        cloud.get(f"Microsoft.ManagedIdentity/userAssignedIdentities/{name}-id")
        for name in ("web", "compute")
    ]
    web, compute = (
        machine(
            cloud.get(f"Microsoft.Compute/virtualMachineScaleSets/{name}"), network, address, own
        )
        for name, address, own in zip(("web", "compute"), (WEB, COMPUTE), identities, strict=True)
    )
    vault = cloud.get("Microsoft.KeyVault/vaults/models-abc123")
    endpoint = Port(
        id="endpoint",
        place=Place.PLATFORM,
        owner=ids.key(vault.id),
        address=VAULT_ADDRESS,
        gateway=IPv4Address("10.20.64.1"),
    )
    made = Network(
        id=ids.key(network.id),
        name="vnet",
        ranges=(IPv4Network("10.20.0.0/16"),),
        ports=(endpoint,),
    )
    blueprint = Blueprint(networks=(made,), machines=(web, compute))
    return Site(cloud, network, *identities, web, compute, vault, blueprint)


class Authority:
    """A certificate authority, as the sandbox's own."""

    def __init__(self, folder: Path) -> None:
        self._key = x509.generate("ECDSA", 0, "P256")
        values = {
            "validityPeriodHours": 24,
            "isCaCertificate": True,
            "allowedUses": ["cert_signing"],
        }
        subject = x509.subject({"commonName": "test"})
        self._own = x509.certificate(
            values, subject, self._key.public_key(), (self._key, None), None
        )
        self.certificate = folder / "ca.pem"
        self.certificate.write_bytes(self._own.public_bytes(Encoding.PEM))
        self.issued: list[tuple[str, ...]] = []
        self.hours = 24

    def issue(self, names: Any) -> tuple[bytes, bytes]:
        self.issued.append(tuple(names))
        key = x509.generate("ECDSA", 0, "P256")
        values = {"validityPeriodHours": self.hours, "dnsNames": list(names)}
        made = x509.certificate(
            values,
            x509.subject({"commonName": names[0]}),
            key.public_key(),
            (self._key, self._own),
            x509.alternatives(values),
        )
        private = str(x509.key_outputs(key)["privateKeyPemPkcs8"]).encode()
        return made.public_bytes(Encoding.PEM), private


@dataclass
class Loopback:
    """Networks whose platform addresses are ports of 127.0.0.1."""

    opened: dict[tuple[str, str, int], int] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    sockets: list[socket.socket] = field(default_factory=list)

    def open(self, network, address, port, kind=socket.SOCK_STREAM) -> socket.socket:
        if port in self.refused:
            raise OSError("not yet")
        made = socket.socket(socket.AF_INET, kind)
        made.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        if port == 0:
            return made
        where = port if kind == socket.SOCK_STREAM else -port
        self.opened[network, str(address), where] = made.getsockname()[1]
        self.sockets.append(made)
        return made

    def port(self, address: str, port: int) -> int:
        (found,) = [
            at for (_, given, own), at in self.opened.items() if (given, own) == (address, port)
        ]
        return found


@dataclass
class Running:
    """The services of a site."""

    site: Site
    services: Services
    networks: Loopback
    notices: Notices
    tokens: Tokens
    authority: Authority
    upstream: list[tuple[str, int]]

    def metadata(self, path: str, source: IPv4Address = WEB, **more: Any) -> httpx.Response:
        """Ask the metadata service as the machine at *source*."""
        port = self.networks.port("169.254.169.254", 80)
        method, headers = more.pop("method", "GET"), more.pop("headers", {"Metadata": "true"})
        with httpx.Client(
            transport=httpx.HTTPTransport(local_address=str(source), verify=False)
        ) as client:
            url = f"http://127.0.0.1:{port}/metadata/{path}"
            return client.request(method, url, headers=headers, **more)

    def token(self, resource: str = "https://vault.azure.net", source: IPv4Address = WEB) -> str:
        path = f"identity/oauth2/token?api-version=2018-02-01&resource={resource}"
        answer = self.metadata(path, source)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def vault(self, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """Ask the vault, by its own name and trusting the sandbox's authority only."""
        port = self.networks.port(str(VAULT_ADDRESS), 443)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Host": "models-abc123.vault.azure.net", **more.pop("headers", {})}
        name = more.pop("sni", "models-abc123.vault.azure.net")
        method = more.pop("method", "GET")
        query = more.pop("query", "?api-version=7.4")

        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        with httpx.Client(verify=context) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{port}/{path}{query}",
                headers=headers,
                extensions={"sni_hostname": name},
                **more,
            )


@pytest.fixture
def running(site: Site, store: Store, directory: Tokens, tmp_path: Path) -> Iterator[Running]:
    networks, notices, upstream = Loopback(), Notices(), []
    tokens, authority = directory, Authority(tmp_path)
    services = Services(
        store=store,
        networks=networks,
        authority=authority,
        notices=notices,
        tokens=tokens,
        machines=site.machine_at,
        upstream=lambda: upstream,
        published={"downloads.sandbox.example": IPv4Address("198.18.0.2")},
    )
    try:
        services.settle(site.blueprint)
        yield Running(site, services, networks, notices, tokens, authority, upstream)
    finally:
        services.stop()
