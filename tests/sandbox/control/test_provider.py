# ruff: noqa: E501 -- the full text of an error is one string
"""The verbs as the engine uses them: over a real channel, against a state of their own."""

import os
import shutil
import subprocess
import sys

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from sandbox.control import wire
from sandbox.control.wire import UNKNOWN, Secret
from sandbox.home import PROJECT
from tests.support.provider import GROUP, NOTHING, SUBSCRIPTION, package, serving, urn

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
PASSWORD = "random:index/randomPassword:RandomPassword"


@pytest.fixture
def azure(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        yield client


@pytest.fixture
def random(tmp_path):
    with serving("random", tmp_path) as client:
        client.configure()
        yield client


def network(group, **more):
    return {"resourceGroupName": group, "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, **more}  # fmt: skip


def message(refusal):
    return refusal.value.details()


def test_the_version_is_the_installed_sdks(azure):
    assert azure.stub.GetPluginInfo(NOTHING).version == package("azure-native").schema.version


def test_a_missing_name_is_the_logical_name_and_eight_characters_and_stays(azure):
    first = azure.checked(GROUP, "main", {})
    assert first["resourceGroupName"].startswith("main")
    assert len(first["resourceGroupName"]) == len("main") + 8
    assert first["__createBeforeDelete"] is True
    assert azure.checked(GROUP, "main", {"tags": {"a": "b"}}, first) == {
        **first,
        "tags": {"a": "b"},
    }


def test_a_child_is_named_as_the_program_names_it(azure):
    news = {"resourceGroupName": "g", "virtualNetworkName": "vnet", "addressPrefix": "10.0.0.0/24"}
    checked = azure.checked(SUBNET, "web", news)
    assert checked["subnetName"] == "web"
    assert "__createBeforeDelete" not in checked


def test_the_location_comes_from_the_providers_configuration(azure):
    assert azure.checked(GROUP, "main", {})["location"] == "westeurope"


def test_the_location_comes_from_the_group_without_configuration(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure()
        client.create(GROUP, "g", {"resourceGroupName": "g", "location": "northeurope"})
        assert client.checked(NETWORK, "n", network("g"))["location"] == "northeurope"
        unknown = client.check(NETWORK, "n", network(UNKNOWN))
        assert wire.decode(unknown.inputs)["location"] is UNKNOWN


def test_a_connection_without_configuration_is_refused(tmp_path):
    with serving("azure-native", tmp_path) as client, pytest.raises(grpc.RpcError) as refusal:
        client.check(GROUP, "main", {})
    assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert message(refusal) == (
        "the connection to the sandbox was lost, and the provider's configuration with it; "
        "run the command again"
    )


def test_a_configuration_belongs_to_its_connection(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        target = client.stub.Check._channel.target().decode()
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(target, options=options) as channel:
            other = type(client)(type(client.stub)(channel), client.store, client.port)
            other.configure(location="northeurope")
            assert other.checked(GROUP, "main", {})["location"] == "northeurope"
        assert client.checked(GROUP, "main", {})["location"] == "westeurope"


@pytest.mark.parametrize(("location", "differs"), [("westeurope", False), ("northeurope", True)])
def test_the_engine_hears_that_a_configuration_has_changed(azure, location, differs):
    request = provider_pb2.DiffRequest(
        old_inputs=wire.encode({"location": "westeurope"}), news=wire.encode({"location": location})
    )
    answer = azure.stub.DiffConfig(request)
    changes = (
        provider_pb2.DiffResponse.DIFF_SOME if differs else provider_pb2.DiffResponse.DIFF_NONE
    )
    assert answer.changes == changes
    assert not answer.replaces


def test_a_name_that_the_cloud_refuses_is_refused_at_check(azure):
    assert azure.refused(GROUP, {"resourceGroupName": "ends.with."}) == [
        'resourceGroupName: must be letters, digits and _ ( ) - . but no period at the end, got "ends.with."'
    ]


def test_a_configured_location_that_azure_does_not_have_is_refused(azure):
    request = provider_pb2.CheckRequest(news=wire.encode({"location": "westeurop"}))
    (failure,) = azure.stub.CheckConfig(request).failures
    assert failure.property == "location"
    assert failure.reason == '"westeurop" is no location of Azure; did you mean "westeurope"?'
    with pytest.raises(grpc.RpcError) as refusal:
        azure.configure(location="atlantis")
    assert message(refusal) == (
        'location: "atlantis" is no location of Azure; use one such as westeurope'
    )


def test_a_type_without_kind_is_refused_by_name_and_says_what_to_do(azure):
    kinds = len(package("azure-native").kinds)
    news = {"resourceGroupName": "g", "sku": {"name": "Standard_Microsoft"}}
    assert azure.refused("azure-native:cdn:Profile", news) == [
        f": azure-native:cdn:Profile is not emulated by the sandbox, so nothing was created. The sandbox knows {kinds} types of azure-native: scripts/sandbox types lists them. Deploy this one to the real cloud, or describe it in sandbox/control/azure"
    ]


def test_a_preview_creates_nothing_and_leaves_outputs_unknown(azure):
    target, outputs = azure.create(GROUP, "main", {"tags": {"a": "b"}}, preview=True)
    assert target == ""
    assert outputs["tags"] == {"a": "b"}
    assert outputs["name"] is UNKNOWN
    assert list(azure.store.read().all()) == []


def test_what_was_created_is_read_back(azure):
    target, outputs = azure.create(GROUP, "main", {"resourceGroupName": "main"})
    assert target == f"{SUBSCRIPTION}/resourceGroups/main"
    found = azure.read(GROUP, target.upper())
    assert (found.id, wire.decode(found.properties)) == (target, outputs)


def test_what_is_gone_reads_as_nothing(azure):
    assert azure.read(GROUP, f"{SUBSCRIPTION}/resourceGroups/none").id == ""


def test_a_second_resource_of_the_same_id_is_refused(azure):
    azure.create(GROUP, "main", {"resourceGroupName": "main"})
    with pytest.raises(grpc.RpcError) as refusal:
        azure.create(GROUP, "other", {"resourceGroupName": "MAIN"})
    other = f"{SUBSCRIPTION}/resourceGroups/MAIN"
    assert message(refusal) == f'cannot create already existing resource "{other}"'


def test_a_resource_needs_its_group(azure):
    with pytest.raises(grpc.RpcError) as refusal:
        azure.create(NETWORK, "n", network("none", location="westeurope"))
    assert message(refusal) == (
        'Code="ResourceGroupNotFound" Message="resourceGroupName: '
        "Resource group 'none' could not be found.\""
    )


def test_a_resource_needs_its_parent(azure):
    azure.create(GROUP, "g", {"resourceGroupName": "g"})
    news = {"resourceGroupName": "g", "virtualNetworkName": "vnet", "addressPrefix": "10.0.0.0/24"}
    with pytest.raises(grpc.RpcError) as refusal:
        azure.create(SUBNET, "s", news)
    parent = f"{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/vnet"
    assert message(refusal) == (
        'Code="ParentResourceNotFound" Message="virtualNetworkName: Failed to perform \'write\' on '
        "resource(s) of type 'Microsoft.Network/virtualNetworks/subnets', because the parent "
        f"resource '{parent}' could not be found.\""
    )


def nested(azure):
    azure.create(GROUP, "g", {"resourceGroupName": "g"})
    parent, _ = azure.create(NETWORK, "v", network("g", virtualNetworkName="vnet"))
    news = {"resourceGroupName": "g", "virtualNetworkName": "vnet", "addressPrefix": "10.0.0.0/24"}
    child, _ = azure.create(SUBNET, "s", news)
    return parent, child


def test_a_reference_must_name_something(azure):
    parent, _ = nested(azure)
    missing = parent.replace("virtualNetworks/vnet", "networkSecurityGroups/none")
    news = {"resourceGroupName": "g", "virtualNetworkName": "vnet", "addressPrefix": "10.0.1.0/24", "networkSecurityGroup": {"id": missing}}  # fmt: skip
    with pytest.raises(grpc.RpcError) as refusal:
        azure.create(SUBNET, "t", news)
    assert message(refusal) == (
        'Code="InvalidResourceReference" Message="networkSecurityGroup.id: Resource '
        f"{missing} referenced by resource {parent}/subnets/t was not found. "
        'Please make sure that the referenced resource exists."'
    )
    assert azure.read(SUBNET, f"{parent}/subnets/t").id == "", "a refused create leaves nothing"


def test_a_group_takes_all_along(azure):
    nested(azure)
    azure.delete(GROUP, f"{SUBSCRIPTION}/resourceGroups/g")
    assert list(azure.store.read().all()) == []


def test_deleting_what_is_gone_is_no_error(azure):
    azure.delete(GROUP, f"{SUBSCRIPTION}/resourceGroups/none")


def diff(client, kind, old, new, ignored=()):
    return client.stub.Diff(
        provider_pb2.DiffRequest(
            id="x",
            urn=urn(kind, "x"),
            type=kind,
            old_inputs=wire.encode(old),
            news=wire.encode(new),
            ignoreChanges=ignored,
        )
    )


def test_a_changed_tag_updates_in_place(azure):
    old = azure.checked(GROUP, "main", {"tags": {"a": "b"}})
    found = diff(azure, GROUP, old, {**old, "tags": {"a": "c"}})
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.replaces) == []
    assert set(found.detailedDiff) == {"tags.a"}
    assert found.detailedDiff["tags.a"].kind == provider_pb2.PropertyDiff.UPDATE


def test_the_same_inputs_do_not_differ(azure):
    old = azure.checked(GROUP, "main", {"tags": {"a": "b"}})
    found = diff(azure, GROUP, old, {**old, "tags": Secret({"a": "b"})})
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_location_is_compared_as_azure_does(azure):
    old = azure.checked(GROUP, "main", {"location": "westeurope"})
    found = diff(azure, GROUP, old, {**old, "location": "West Europe"})
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(("news", "first"), [({}, False), ({"resourceGroupName": "g"}, True)])
def test_only_a_made_up_name_is_replaced_create_before_delete(azure, news, first):
    old = azure.checked(GROUP, "main", news)
    found = diff(azure, GROUP, old, {**old, "location": "northeurope"})
    assert list(found.replaces) == ["location"]
    assert found.deleteBeforeReplace is first


def test_ignored_changes_do_not_count(azure):
    old = azure.checked(GROUP, "main", {"tags": {"a": "b"}})
    found = diff(azure, GROUP, old, {**old, "tags": {"a": "c"}}, ["tags"])
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_secret_result_is_marked(random):
    _, outputs = random.create(PASSWORD, "p", {"length": 20})
    assert isinstance(outputs["result"], Secret)
    assert len(outputs["result"].value) == 20


def test_a_secret_input_is_secret_in_outputs_and_in_the_state(azure):
    target, outputs = azure.create(GROUP, "main", {"tags": {"a": Secret("hidden")}})
    assert outputs["tags"] == {"a": Secret("hidden")}
    found = azure.read(GROUP, target)
    assert wire.decode(found.properties)["tags"] == {"a": Secret("hidden")}
    assert wire.decode(found.inputs)["tags"] == {"a": Secret("hidden")}


def test_a_function_that_is_not_emulated_is_refused(azure):
    token = "azure-native:cdn:getProfile"
    request = provider_pb2.InvokeRequest(tok=token, args=wire.encode({}))
    (failure,) = azure.stub.Invoke(request).failures
    assert failure.reason.startswith(f"{token} is not emulated by the sandbox")


@pytest.mark.parametrize("verb", ["Construct", "Call"])
def test_components_are_refused(azure, verb):
    request = getattr(provider_pb2, f"{verb}Request")()
    with pytest.raises(grpc.RpcError) as refusal:
        getattr(azure.stub, verb)(request)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert message(refusal).endswith("component resource; azure-native has none")


def test_a_deep_call_gets_an_error_and_the_next_call_an_answer(azure):
    inputs = struct_pb2.Struct()
    value = inputs.fields["tags"]
    for _ in range(90):
        value = value.list_value.values.add()
    request = provider_pb2.CheckRequest(type=GROUP, urn=urn(GROUP, "x"), news=inputs)
    with pytest.raises(grpc.RpcError) as refusal:
        azure.stub.Check(request)
    assert refusal.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)
    assert azure.checked(GROUP, "main", {})


def test_another_user_is_refused(tmp_path):
    with serving("random", tmp_path, allowed=frozenset({os.getuid() + 1})) as client:
        with pytest.raises(grpc.RpcError) as refusal:
            client.stub.GetPluginInfo(NOTHING)
        assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert message(refusal) == (
            "this sandbox belongs to another user: only the one who started it, and root, "
            "may use it; start your own with scripts/sandbox start"
        )


CALL = """
import sys, grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc
stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(sys.argv[1]))
try:
    stub.GetPluginInfo(empty_pb2.Empty())
except grpc.RpcError as error:
    print(error.code().name)
else:
    print("OK")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is missing")
@pytest.mark.parametrize(("uid", "answer"), [("0", "OK"), ("65534", "PERMISSION_DENIED")])
def test_the_kernel_tells_who_calls(tmp_path, uid, answer):
    if uid != "0" and not os.access(sys.executable, os.X_OK):
        pytest.skip("the Python of the virtual environment can't be run by others")
    with serving("random", tmp_path, allowed=frozenset({0})) as client:
        target = client.stub.Check._channel.target().decode()
        python = ["setpriv", f"--reuid={uid}", "--clear-groups", sys.executable]
        done = subprocess.run(
            [*python, "-c", CALL, target], cwd=PROJECT, capture_output=True, text=True, check=False
        )
    if "Permission denied" in done.stderr:
        pytest.skip("the virtual environment can't be read by others")
    assert (done.stdout.strip(), done.stderr) == (answer, "")
