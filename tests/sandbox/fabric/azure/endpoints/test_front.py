"""The front of an endpoint over real sockets: who is let in, who answers, and what becomes of those
who wait too long, are too many, or meet an instance that ends."""

import asyncio
import socket
from collections import Counter
from ipaddress import IPv4Address

import pytest

from sandbox.control.azure import endpoint_credentials
from sandbox.control.kinds import Record
from sandbox.fabric.azure.endpoints.front import Deployment, Endpoint, Front, Notes
from sandbox.fabric.azure.endpoints.instances import Instances
from sandbox.fabric.contract import Machine
from sandbox.fabric.serving.exchange import Request

ENDPOINT = Record(
    id="/subscriptions/s/endpoints/flowers",
    type="azure-native:machinelearningservices:OnlineEndpoint",
    inputs={"properties": {"authMode": "Key"}},
    outputs={},
    incarnation="one",
)
NOTES = Notes({"online-endpoints/secret": "ab" * 32}.get)
KEY = endpoint_credentials.keys(NOTES, ENDPOINT).primary
OPEN = []
"""What a story has to close at its end."""


class Model:
    """An instance: answers on a port of this machine, as it is told to."""

    def __init__(self, name):
        self.name = name
        self.body = b'{"a":1}'
        self.status = "200 OK"
        self.delay = 0.0
        self.dies = self.closes = False
        self.requests = []
        self.most = self.now = 0
        self.ready = True
        self.server = None
        self.asked = asyncio.Event()

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        OPEN.append(self.server.close)
        self.port = self.server.sockets[0].getsockname()[1]
        self.machine = Machine(
            id=self.name, incarnation="1", group="g", name=self.name, hostname=self.name,
            network="n", port=f"{self.name}/port", address=IPv4Address("127.0.0.1"), image="",
            user_data=b"", vcpus=1, memory=1,
        )  # fmt: skip
        return self

    async def _serve(self, reader, writer):
        self.now += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                headers = dict(
                    line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line
                )
                self.requests.append((head.split(" ")[0], headers))
                self.asked.set()
                self.most = max(self.most, self.now)
                await reader.readexactly(int(headers.get("content-length", 0)))
                await asyncio.sleep(self.delay)
                if self.dies:
                    break
                writer.write(
                    f"HTTP/1.1 {self.status}\r\nContent-Type: text/json\r\nX-Own: yes\r\n"
                    f"Content-Length: {len(self.body)}\r\n\r\n".encode()
                    + self.body
                )
                await writer.drain()
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.now -= 1
            writer.close()


def connect(_):
    made = socket.socket()
    made.setblocking(False)
    return made


def deployment(*models, timeout=5.0, concurrent=1, port=None):
    return Deployment(
        path="/score",
        port=models[0].port if port is None else port,
        timeout=timeout,
        concurrent=concurrent,
        machines=tuple(each.machine for each in models),
    )


def front(models, deployments, traffic=None, mirror=None):
    ready = {each.machine.id: each for each in models}
    endpoint = Endpoint(
        record=ENDPOINT,
        notes=NOTES,
        deployments=deployments,
        traffic={"blue": 100} if traffic is None else traffic,
        mirror=mirror or {},
    )
    instances = Instances(connect)
    OPEN.append(instances.close)
    return Front(endpoint, instances, lambda machine: ready[machine.id].ready)


def ask(path="/score", key=KEY, **headers):
    given = {"content-type": "application/json", "cookie": "a=b"}
    if key is not None:
        given["authorization"] = f"Bearer {key}"
    return Request(
        method="POST",
        target=path,
        source=IPv4Address("203.0.113.10"),
        headers={**given, **{name.replace("_", "-"): value for name, value in headers.items()}},
        body=b"{}",
    )


def run(story):
    async def limited():
        async with asyncio.timeout(20):
            try:
                await story()
            finally:
                while OPEN:
                    OPEN.pop()()
                await asyncio.sleep(0.01)

    asyncio.run(limited())


def test_an_answer_comes_through_and_credentials_do_not():
    async def story():
        blue = await Model("blue").start()
        served = front([blue], {"blue": deployment(blue)})

        answer = await served.answer(ask())

        assert (answer.status, answer.body, answer.kind) == (200, b'{"a":1}', "text/json")
        assert answer.headers["azureml-model-deployment"] == "blue"
        assert answer.headers["x-own"] == "yes"
        ((method, headers),) = blue.requests
        assert method == "POST"
        assert not headers.keys() & {"authorization", "cookie"}

    run(story)


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1]])
def test_who_may_not_is_told_so_and_reaches_nobody(key):
    async def story():
        blue = await Model("blue").start()

        answer = await front([blue], {"blue": deployment(blue)}).answer(ask(key=key))

        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert blue.requests == []

    run(story)


def test_a_model_that_says_no_is_424_with_what_it_said():
    async def story():
        blue = await Model("blue").start()
        blue.status = "400 Bad Request"

        answer = await front([blue], {"blue": deployment(blue)}).answer(ask())

        assert (answer.status, answer.body) == (424, b'{"a":1}')
        assert answer.headers["ms-azureml-model-error-statuscode"] == "400"

    run(story)


def test_the_header_asks_for_a_deployment_whatever_the_traffic():
    async def story():
        blue, green = await Model("blue").start(), await Model("green").start()
        served = front([blue, green], {"blue": deployment(blue), "green": deployment(green)})

        chosen = await served.answer(ask(azureml_model_deployment="Green"))
        absent = await served.answer(ask(azureml_model_deployment="red"))

        assert chosen.headers["azureml-model-deployment"] == "green"
        assert absent.status == 404

    run(story)


def test_the_unready_get_nothing_while_others_serve_and_503_when_nobody_does():
    async def story():
        blue, green = await Model("blue").start(), await Model("green").start()
        parts = {"blue": deployment(blue), "green": deployment(green)}
        served = front([blue, green], parts, {"blue": 50, "green": 50})

        green.ready = False
        seen = [await served.answer(ask()) for _ in range(20)]
        assert Counter(each.headers["azureml-model-deployment"] for each in seen) == {"blue": 20}
        blue.ready = False
        assert (await served.answer(ask())).status == 503

    run(story)


def test_without_traffic_or_another_route_there_is_nothing():
    async def story():
        blue = await Model("blue").start()

        assert (await front([blue], {"blue": deployment(blue)}, {}).answer(ask())).status == 404
        other = await front([blue], {"blue": deployment(blue)}).answer(ask("/other?a=b"))
        assert other.status == 404

    run(story)


def test_a_copy_goes_to_the_mirror_and_its_troubles_to_nobody():
    async def story():
        blue, green = await Model("blue").start(), await Model("green").start()
        green.dies = True
        served = front(
            [blue, green],
            {"blue": deployment(blue), "green": deployment(green)},
            mirror={"green": 100},
        )

        answer = await served.answer(ask())
        await green.asked.wait()
        direct = await served.answer(ask(azureml_model_deployment="blue"))

        assert (answer.status, direct.status) == (200, 200)
        await asyncio.sleep(0.05)
        assert len(green.requests) == 1, "who asks for a deployment is not mirrored"

    run(story)


def test_an_instance_answers_as_many_at_once_as_it_may_and_the_rest_wait():
    async def story():
        blue = await Model("blue").start()
        blue.delay = 0.1
        served = front([blue], {"blue": deployment(blue, concurrent=2)})

        statuses = Counter(
            each.status for each in await asyncio.gather(*(served.answer(ask()) for _ in range(6)))
        )

        assert statuses == {200: 4, 429: 2}
        assert blue.most == 2

    run(story)


def test_who_waits_too_long_is_told_so_and_the_place_is_free_again():
    async def story():
        blue = await Model("blue").start()
        blue.delay = 1.0
        served = front([blue], {"blue": deployment(blue, timeout=0.2)})

        assert (await served.answer(ask())).status == 408
        blue.delay = 0.0
        assert (await served.answer(ask())).status == 200

    run(story)


def test_requests_are_spread_over_the_instances():
    async def story():
        one = await Model("one").start()
        two = await Model("two").start()
        # Both answer at one port in the real world, each at an address of its own.
        two.server.close()
        two.server = await asyncio.start_server(two._serve, "127.0.0.2", one.port)
        OPEN.append(two.server.close)
        two.machine = Machine(
            **{
                name: getattr(two.machine, name)
                for name in two.machine.__dataclass_fields__
                if name != "address"
            },
            address=IPv4Address("127.0.0.2"),
        )
        one.delay = two.delay = 0.05
        served = front([one, two], {"blue": deployment(one, two)})

        answers = await asyncio.gather(*(served.answer(ask()) for _ in range(4)))

        assert {each.status for each in answers} == {200}
        assert len(one.requests) == len(two.requests) == 2

    run(story)


def test_an_instance_that_ends_without_an_answer_is_502():
    async def story():
        blue = await Model("blue").start()
        blue.dies = True

        assert (await front([blue], {"blue": deployment(blue)}).answer(ask())).status == 502

    run(story)


def test_nobody_at_the_port_is_502_after_some_tries():
    async def story():
        blue = await Model("blue").start()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            served = front([blue], {"blue": deployment(blue, port=free.getsockname()[1])})

            assert (await served.answer(ask())).status == 502

    run(story)


def test_a_connection_that_was_closed_meanwhile_loses_no_request():
    async def story():
        blue = await Model("blue").start()
        blue.closes = True
        served = front([blue], {"blue": deployment(blue)})

        for _ in range(5):
            assert (await served.answer(ask())).status == 200

    run(story)


def test_a_change_of_the_endpoint_holds_at_once():
    async def story():
        blue, green = await Model("blue").start(), await Model("green").start()
        served = front([blue, green], {"blue": deployment(blue)})
        assert (await served.answer(ask())).headers["azureml-model-deployment"] == "blue"

        served.endpoint = Endpoint(
            record=ENDPOINT,
            notes=NOTES,
            deployments={"green": deployment(green)},
            traffic={"green": 100},
        )

        assert (await served.answer(ask())).headers["azureml-model-deployment"] == "green"

    run(story)
