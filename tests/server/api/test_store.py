"""What the API may count on, whichever engine keeps its services."""

import asyncio
from datetime import UTC, datetime, timedelta

from server.api.definitions import Definition, Parameter

WIDTH = Parameter("width", "numeric")


def definition(model=b"model", description=""):
    return Definition(description, "iris", (WIDTH,), (WIDTH,), model)


def run(make_store, work):
    async def within():
        store = make_store()
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(within())


def test_what_is_added_is_found_as_it_was(store):
    async def work(store):
        assert await store.add_service("iris", "1", definition(b"\0\xff" * 70_000), "ann")
        return (
            await store.find_service("iris", "1"),
            await store.find_model("iris", "1"),
            await store.list_services(),
        )

    found, model, listed = run(store, work)

    assert (found.name, found.version, found.published_by) == ("iris", "1", "ann")
    assert (found.inputs, found.outputs) == ((WIDTH,), (WIDTH,))
    assert (found.sha256, model) == (definition(model).sha256, b"\0\xff" * 70_000)
    assert listed == [found]
    assert abs(datetime.now(UTC) - found.created_at) < timedelta(minutes=1)


def test_of_many_who_publish_a_version_at_once_one_does(store):
    async def work(store):
        models = [f"model {number}".encode() for number in range(8)]
        added = await asyncio.gather(
            *(store.add_service("iris", "1", definition(model), "ann") for model in models)
        )
        return added, models, await store.find_model("iris", "1")

    added, models, kept = run(store, work)

    assert sorted(added) == [False] * 7 + [True]
    assert kept == models[added.index(True)]


def test_what_is_not_there_is_neither_changed_nor_removed(store):
    async def work(store):
        return (
            await store.find_service("iris", "1"),
            await store.find_model("iris", "1"),
            await store.change_service("iris", "1", definition()),
            await store.remove_service("iris", "1"),
        )

    assert run(store, work) == (None, None, False, False)


def test_a_change_replaces_what_a_version_is_and_not_who_published_it(store):
    async def work(store):
        await store.add_service("iris", "1", definition(), "ann")
        before = await store.find_service("iris", "1")
        assert await store.change_service("iris", "1", definition(b"other", "better"))
        return before, await store.find_service("iris", "1"), await store.find_model("iris", "1")

    before, after, model = run(store, work)

    assert (after.description, after.sha256, model) == (
        "better",
        definition(b"other").sha256,
        b"other",
    )
    assert (after.published_by, after.created_at) == (before.published_by, before.created_at)


def test_versions_are_listed_by_name_and_age(store):
    async def work(store):
        for name, version in (("b", "1"), ("a", "9"), ("a", "1"), ("a", "5")):
            await store.add_service(name, version, definition(), "ann")
        return await store.list_services(), await store.list_services("a")

    everything, one = run(store, work)

    assert [(s.name, s.version) for s in everything] == [
        ("a", "9"),
        ("a", "1"),
        ("a", "5"),
        ("b", "1"),
    ]
    assert everything[:3] == one


def test_another_process_finds_what_was_published(store):
    run(store, lambda opened: opened.add_service("iris", "1", definition(), "ann"))

    assert run(store, lambda opened: opened.find_model("iris", "1")) == b"model"


def test_a_refresh_token_is_taken_once_and_not_after_its_end(store):
    now = datetime.now(UTC)

    async def work(store):
        await store.add_refresh_token(b"good", "ann", "Owner", now, now + timedelta(minutes=1))
        await store.add_refresh_token(b"late", "ann", "Owner", now, now - timedelta(minutes=1))
        return [await store.take_refresh_token(digest) for digest in (b"good", b"good", b"late")]

    assert run(store, work) == [("ann", "Owner", now), None, None]


def test_of_many_who_take_a_refresh_token_at_once_one_gets_it(store):
    now = datetime.now(UTC)

    async def work(store):
        await store.add_refresh_token(b"good", "ann", "Owner", now, now + timedelta(minutes=1))
        return await asyncio.gather(*(store.take_refresh_token(b"good") for _ in range(8)))

    assert sorted(found is not None for found in run(store, work)) == [False] * 7 + [True]


def test_nobody_waits_for_nodes_that_there_are_not(store):
    async def work(store):
        await store.add_service("iris", "1", definition(), "ann")
        await asyncio.wait_for(store.wait_until_everywhere(60), 10)
        return await store.compute_nodes()

    assert run(store, work) == []
