import threading
import time
from ipaddress import IPv4Address

import pytest

from sandbox.fabric.contract import Machine
from sandbox.fabric.notices import Notices


def machine(name="web_0", group="web", incarnation="1"):
    return Machine(
        id=f"/sets/{group}/virtualMachines/{name}",
        incarnation=incarnation,
        group=f"/sets/{group}",
        name=name,
        hostname=name,
        network="vnet",
        port="port",
        address=IPv4Address("10.0.0.4"),
        image="base",
        user_data=b"",
        vcpus=1,
        memory=512,
    )


@pytest.fixture
def notices():
    return Notices()


def test_a_machine_that_agrees_ends_the_wait(notices):
    notice = notices.post(machine(), 60)
    threading.Timer(0.05, notices.acknowledge, [notice.id.lower()]).start()

    assert notice.wait(threading.Event(), 10)
    assert notice.is_acknowledged


def test_one_that_says_nothing_is_waited_for_no_longer_than_its_notice(notices):
    started = time.monotonic()

    assert not notices.post(machine(), 0.2).wait(threading.Event(), 60)
    assert 0.15 < time.monotonic() - started < 2


def test_nor_longer_than_who_waits_has_time(notices):
    assert not notices.post(machine(), 60).wait(threading.Event(), 0.05)


@pytest.mark.parametrize("ending", ["cancelled", "withdrawn"])
def test_a_wait_ends_soon_when_nobody_needs_it(notices, ending):
    cancelled = threading.Event()
    notice = notices.post(machine(), 60)
    end = cancelled.set if ending == "cancelled" else lambda: notices.withdraw(machine().id)
    threading.Timer(0.05, end).start()
    started = time.monotonic()

    assert not notice.wait(cancelled, 60)
    assert time.monotonic() - started < 2


def test_a_machine_is_told_once(notices):
    first, second = notices.post(machine(), 60), notices.post(machine(), 5)

    assert first is second
    assert notices.pending(machine().id.upper()) == (first,)


def test_another_machine_of_the_same_id_is_told_anew(notices):
    first = notices.post(machine(), 60)
    second = notices.post(machine(incarnation="2"), 60)

    assert first.id != second.id
    assert not first.wait(threading.Event(), 60)


def test_what_was_withdrawn_can_not_be_acknowledged(notices):
    notice = notices.post(machine(), 60)
    notices.withdraw(machine().id)

    assert not notices.acknowledge(notice.id)
    assert notices.pending(machine().id) == ()


def test_the_document_of_a_group_is_numbered_anew_with_each_change_and_no_other(notices):
    numbers = [notices.document("/sets/web")[0]]
    notice = notices.post(machine(), 60)
    numbers.append(notices.document("/sets/WEB")[0])
    notices.post(machine("compute_0", "compute"), 60)
    assert notices.document("/sets/web")[0] == numbers[-1]
    notices.acknowledge(notice.id)
    numbers.append(notices.document("/sets/web")[0])
    notices.acknowledge(notice.id)
    assert notices.document("/sets/web") == (numbers[-1], (notice,))
    notices.withdraw(machine().id)
    numbers.append(notices.document("/sets/web")[0])

    assert numbers == sorted(set(numbers))


def test_it_is_known_who_asks_for_notices(notices):
    assert not notices.is_read(machine().id)
    notices.note_reader(machine().id)
    assert notices.is_read(machine().id.upper())
