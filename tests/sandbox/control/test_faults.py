"""Planned faults, over a real channel: what the engine would hear, and what the cloud then has."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.control import faults, wire
from sandbox.control.faults import Call, Effect, Fault, FaultError, Lost
from sandbox.control.store import Store
from tests.support.provider import GROUP, NOTHING, SUBSCRIPTION, serving, urn
from tests.support.waiting import until

NETWORK = "azure-native:network:VirtualNetwork"
ALICE = f"{SUBSCRIPTION}/resourceGroups/alice"


@pytest.fixture
def azure(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        yield client


def plan(azure, effect, call=Call.CREATE, pattern=GROUP, **more):
    return faults.plan(azure.store, Fault(effect=effect, pattern=pattern, call=call, **more))


def group(azure, name="alice", **more):
    return azure.create(GROUP, name, {"resourceGroupName": name, **more})


def refused(call, *arguments, **more):
    with pytest.raises(grpc.RpcError) as refusal:
        call(*arguments, **more)
    return refusal.value


def exists(azure, target=ALICE):
    return azure.store.read().get(target) is not None


def test_the_nth_call_is_refused_for_good_and_the_next_one_works(azure):
    plan(azure, Effect.FAIL, nth=2)
    group(azure, "first")

    error = refused(group, azure)

    assert error.details() == (
        'Code="AuthorizationFailed" Message="The client '
        "'5a9d0b0e-0000-4000-8000-000000000003' with object id "
        "'5a9d0b0e-0000-4000-8000-000000000003' does not have authorization to perform action "
        f"'Microsoft.Resources/resourceGroups/write' over scope '{ALICE}' or the scope is invalid. "
        'If access was recently granted, please refresh your credentials."'
    )
    assert not exists(azure)
    group(azure)
    assert exists(azure)


def test_a_refusal_may_have_a_code_and_words_of_its_own(azure):
    plan(azure, Effect.FAIL, code="Conflict", message="busy")
    assert refused(group, azure).details() == 'Code="Conflict" Message="busy"'


@pytest.mark.parametrize("call", [Call.READ, Call.UPDATE, Call.DELETE])
def test_each_call_of_the_cloud_can_be_refused(azure, call):
    target, _ = group(azure)
    plan(azure, Effect.FAIL, call)
    verbs = {
        Call.READ: lambda: azure.read(GROUP, target),
        Call.UPDATE: lambda: update(azure, target),
        Call.DELETE: lambda: azure.delete(GROUP, target),
    }

    assert "AuthorizationFailed" in refused(verbs[call]).details()
    assert exists(azure)
    verbs[call]()


def update(azure, target, **more):
    inputs = wire.encode({"resourceGroupName": "alice", "location": "westeurope", **more})
    request = provider_pb2.UpdateRequest(id=target, urn=urn(GROUP, "alice"), type=GROUP)
    request.news.CopyFrom(inputs)
    request.olds.CopyFrom(inputs)
    return azure.stub.Update(request)


def test_a_fault_waits_for_its_type_and_its_call_and_no_preview(azure):
    plan(azure, Effect.FAIL, Call.UPDATE)
    plan(azure, Effect.FAIL, pattern="*:VirtualNetwork")
    azure.create(GROUP, "alice", {"resourceGroupName": "alice"}, preview=True)
    group(azure)
    assert [each.met for each in faults.planned(azure.store.read())] == ["", ""]


def test_the_provider_hides_as_many_throttles_as_it_tries_again(azure):
    plan(azure, Effect.THROTTLE, times=3, seconds=0.01)
    group(azure)
    assert exists(azure)


def test_a_provider_gives_up_when_it_is_throttled_for_longer(azure):
    plan(azure, Effect.THROTTLE, times=4, seconds=0.01)
    assert refused(group, azure).details() == (
        'Code="TooManyRequests" Message="The server rejected the request because too many requests '
        'have been received for this subscription."'
    )
    assert not exists(azure)


def test_a_call_hangs_for_a_time_and_is_then_done(azure):
    plan(azure, Effect.HANG, seconds=0.05)
    group(azure)
    assert exists(azure)


def test_a_call_hangs_until_the_engine_gives_up(azure):
    plan(azure, Effect.HANG)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refused, group, azure)
        until(lambda: faults.planned(azure.store.read())[0].met, "the call hangs")
        azure.stub.Cancel(NOTHING)
        error = waiting.result(30)

    assert error.details() == "interrupted: the cloud had not answered the create"
    assert not exists(azure)


def test_a_call_hangs_for_no_longer_than_the_resource_allows(azure):
    plan(azure, Effect.HANG)
    inputs = azure.checked(GROUP, "alice", {"resourceGroupName": "alice"})
    request = provider_pb2.CreateRequest(urn=urn(GROUP, "alice"), type=GROUP, timeout=0.05)
    request.properties.CopyFrom(wire.encode(inputs))

    error = refused(azure.stub.Create, request)

    assert error.details() == (
        "the cloud did not answer the create within the 0.05 seconds of customTimeouts; "
        "nothing was done"
    )
    assert not exists(azure)


LOST = (
    "the connection broke before the answer came, so nobody knows whether the {} was done; "
    "run the command again"
)


def later(client):
    """The client as another update: what it makes up is different."""
    return replace(client, seed=b"later ")


def test_an_answer_that_is_lost_leaves_what_the_next_creation_takes_over(azure):
    plan(azure, Effect.LOSE)
    error = refused(azure.create, GROUP, "main", {"tags": {"a": "b"}})
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, LOST.format("create"))
    (lost,) = azure.store.read().of(GROUP)

    target, made = later(azure).create(GROUP, "main", {"tags": {"a": "c"}})

    assert target == lost.id, "a name that was made up is the same"
    assert made["tags"] == {"a": "c"}
    assert [each.id for each in azure.store.read().of(GROUP)] == [lost.id]
    azure.read(GROUP, target)
    assert later(azure).create(GROUP, "main", {})[0] != target, "from here on the engine has it"


def test_a_lost_creation_that_can_not_become_what_is_wanted_is_made_anew(azure):
    plan(azure, Effect.LOSE)
    refused(azure.create, GROUP, "main", {"location": "westeurope"})

    target, made = later(azure).create(GROUP, "main", {"location": "northeurope"})

    assert made["location"] == "northeurope"
    assert [each.id for each in azure.store.read().of(GROUP)] == [target]


def test_what_was_made_for_another_name_is_nobodys_to_take_over(azure):
    plan(azure, Effect.LOSE)
    refused(group, azure)
    with pytest.raises(grpc.RpcError) as refusal:
        azure.create(GROUP, "other", {"resourceGroupName": "alice"})
    assert refusal.value.details() == f'cannot create already existing resource "{ALICE}"'


def test_what_the_engine_has_heard_of_is_not_taken_over(azure):
    target, _ = group(azure)
    azure.read(GROUP, target)
    assert refused(group, azure).details().startswith("cannot create already existing resource")


@pytest.mark.parametrize("call", [Call.UPDATE, Call.DELETE])
def test_a_change_whose_answer_is_lost_was_made(azure, call):
    target, _ = group(azure)
    plan(azure, Effect.LOSE, call)
    if call is Call.DELETE:
        assert refused(azure.delete, GROUP, target).details() == LOST.format("delete")
        assert not exists(azure)
        azure.delete(GROUP, target)
    else:
        error = refused(update, azure, target, tags={"a": "b"})
        assert error.details() == LOST.format("update")
        found = azure.store.read().get(target)
        assert found is not None
        assert found.record.inputs["tags"] == {"a": "b"}


def test_a_connection_that_breaks_ends_all_that_is_under_way_over_it(azure):
    plan(azure, Effect.LOSE, lost=Lost.DISCONNECT)
    plan(azure, Effect.HANG, pattern=NETWORK)
    network = {"resourceGroupName": "old", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(refused, azure.create, NETWORK, "n", network)
        until(lambda: faults.planned(azure.store.read())[1].met, "the call hangs")
        error = refused(group, azure)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "answer" not in error.details(), "the connection broke, no answer came"
        assert hanging.result(30).code() is grpc.StatusCode.UNAVAILABLE
    assert exists(azure)
    until(
        lambda: refused(azure.check, GROUP, "x", {}).code() is grpc.StatusCode.FAILED_PRECONDITION,
        "a new connection, which has no configuration",
    )


def test_of_calls_at_once_one_meets_a_fault(azure):
    plan(azure, Effect.FAIL, nth=5)

    def attempt(number):
        try:
            return group(azure, f"g{number}")[0]
        except grpc.RpcError:
            return ""

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(attempt, range(20)))
    assert made.count("") == 1


def test_a_plan_outlives_the_daemon_and_says_what_met_it(tmp_path):
    with serving("azure-native", tmp_path) as client:
        first = plan(client, Effect.FAIL, nth=2, code="Conflict")
        second = plan(client, Effect.LOSE, lost=Lost.SILENCE)
    store = Store(tmp_path / "cloud.sqlite")
    assert faults.planned(store.read()) == [first, second]
    assert faults.take(store, Call.CREATE, GROUP, "it") == faults.planned(store.read())[1]
    assert [(each.nth, each.met) for each in faults.planned(store.read())] == [(1, ""), (1, "it")]
    assert faults.clear(store, second.number) == 1
    with pytest.raises(FaultError, match="no fault has the number 2"):
        faults.clear(store, 2)
    assert faults.clear(store) == 1
    assert faults.planned(store.read()) == []
    store.close()


def test_a_plan_has_an_end(azure):
    for _ in range(faults.MOST):
        plan(azure, Effect.FAIL)
    with pytest.raises(FaultError, match="100 faults are planned already"):
        plan(azure, Effect.FAIL)
