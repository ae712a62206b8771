"""An R Server environment comes to a newer version beside its nodes, and back, and nobody notices.

ML Server 9.3.0 and 9.4.7 keep the compute nodes' addresses in the database: the new set's is a copy
of the old one's, with the old set's addresses in it.
"""

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
import yaml

from operations.patience import until
from operations.upgrade.environment import Published
from tests.support.deployed import ENVIRONMENT
from tests.support.family import Case
from tests.support.load import Load, Loss, Question, under_load
from tests.support.upgrading import SERVICE, Upgraded, environment, upgrade

pytestmark = [pytest.mark.engine, pytest.mark.root]

QUESTION = Question(path="/api/cars/1.0", inputs={"hp": 120, "wt": 2.5}, outputs={"answer": 242.5})
FROZEN = "publishing is frozen while a new version takes over: try again later"
FROZEN_FROM = 3
"""Steps that have begun when publishing is frozen: the second one notes the moment."""

PATIENCE = 300.0
"""Seconds: the deployment before the first step is checked while other tests boot their nodes."""


class Steps:
    """What scripts/upgrade is about, and since when."""

    def __init__(self) -> None:
        self.begun: list[tuple[datetime, str]] = []

    def at(self, moment: datetime) -> str:
        """The step that ran at *moment*."""
        earlier = [step for began, step in self.begun if began <= moment]
        return earlier[-1] if earlier else "before the first step"

    def lost(self, losses: Sequence[Loss]) -> str:
        """All requests that were lost, each with the step that ran when it began."""
        return "\n".join(f"{loss}\n    at {self.at(loss.began)}" for loss in losses)


@contextmanager
def followed(made: Upgraded, steps: Steps, *arguments: str) -> Iterator[None]:
    """Run scripts/upgrade to its end, which the context waits for; it must succeed."""
    said: list[str] = []
    with made.start("upgrade", "--beside", *arguments, "--yes") as process:
        assert process.stdout is not None

        def read() -> None:
            for line in process.stdout or ():
                said.append(line)
                if re.match(r"  \d+/\d+ ", line):
                    steps.begun.append((datetime.now(UTC), line.strip()))

        reader = Thread(target=read)
        reader.start()
        try:
            yield
            assert process.wait(900) == 0, "".join(said)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            reader.join()
    made.forget()
    print("".join(said))


def refused(made: Upgraded) -> bool:
    """Whether publishing is refused, in words that say why."""
    reply = made.asked("POST", "/services/late/1.0", SERVICE)
    return (reply.status, reply.message) == (503, FROZEN)


def published(made: Upgraded) -> tuple[str, ...]:
    return Published(made.environment()).published()


@pytest.mark.timeout(1200)
def test_no_request_is_lost_on_the_way_to_9_4_7_and_back(tmp_path: Path) -> None:
    steps = Steps()
    with environment(tmp_path, Case(cloud="azure", version="9.3.0", web=1)) as made:
        old = {role: made.nodes(role) for role in ("web", "compute")}
        with under_load(made, QUESTION, clients=2, rate=4.0) as load:
            with followed(made, steps, *upgrade(made, "mlserver", "9.4.7")):
                assert until(lambda: len(steps.begun), FROZEN_FROM.__le__, PATIENCE) >= FROZEN_FROM
                assert refused(made)
            new = {role: [n for n in made.nodes(role) if n not in old[role]] for role in old}
            assert [made.version(node) for node in new["web"]] == ["mlserver 9.4.7"]
            # The copied database had the old set's.
            assert made.compute_nodes() == made.addresses(new["compute"])
            assert published(made) == ("cars 1.0",)
            assert made.asked("POST", "/services/late/1.0", SERVICE).status == 201
            assert served(made, load) == {"mlserver 9.4.7"}

            # What was published on the new set is lost on the way back.
            with followed(made, steps, "--take-back"):
                pass
            assert (made.nodes("web"), made.nodes("compute")) == (old["web"], old["compute"])
            assert served(made, load) == {"mlserver 9.3.0"}
            assert published(made) == ("cars 1.0",)
            assert made.asked("POST", "/services/late/1.0", SERVICE).status == 201
        for began, step in steps.begun:
            print(f"{began:%T} {step}")  # pytest shows it where the test fails
        assert not load.losses, steps.lost(load.losses)
        grown(made)


def grown(made: Upgraded) -> None:
    """Compute nodes that come are known to web nodes that were there before."""
    document = yaml.safe_load(made.file.read_text())
    document["config"][ENVIRONMENT]["compute"]["count"] = 2
    made.file.write_text(yaml.safe_dump(document, sort_keys=False))
    said = made.script("up", "--no-sample")
    (web,) = made.nodes("web")
    assert f"{web}: made from other settings than these" in said
    assert len(made.compute_nodes()) == 1

    said = made.script("upgrade", "--configure", "--yes")

    assert f"get the settings that were deployed last: {web}" in said
    assert made.compute_nodes() == made.addresses(made.nodes("compute"))
    assert len(made.compute_nodes()) == 2
    assert made.scored() == {"answer": 242.5}
    assert "made from other settings" not in made.script("up", "--no-sample")


def served(made: Upgraded, load: Load) -> set[str]:
    """Who answers, of several calls."""
    load.await_served(4)
    return {made.whose() for _ in range(4)}
