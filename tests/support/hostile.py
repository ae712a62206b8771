"""A model that does whatever it is told: what arbitrary R code may do in a worker."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model_folders import reading
from operations.client import Answer, Client
from operations.publish import publish
from operations.score import score
from operations.stack import Environment
from tests.support.live import Live
from tests.support.r import rscript

NAME = "hostile"
SECONDS = 60.0

TRAIN = """
model <- function(code) toString(eval(parse(text = code)))
environment(model) <- baseenv()
saveRDS(model, "model.rds")
"""
SERVICE = {
    "name": NAME,
    "version": "1.0",
    "description": "Does what it is told, and answers the value as text.",
    "inputs": [{"name": "code", "type": "character"}],
    "outputs": [{"name": "value", "type": "character"}],
}


@dataclass(frozen=True)
class Done:
    """A program that the model ran."""

    stdout: str


class Hostile:
    """The model, published; each question is one request to one of the workers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def r(self, code: str) -> str:
        """The value of R code in a worker. An error of R's is an AssertionError."""
        answer = score(self._client, NAME, None, {"code": code}, SECONDS)
        assert isinstance(answer, Answer)
        return str(answer.outputs["value"])

    def run(self, *command: str) -> Done:
        """What a program prints that a worker starts."""
        return Done(self.r(running(*command)))


def running(*command: str) -> str:
    """R code whose value is what a program prints."""
    text = json.dumps(shlex.join(command))
    return f'paste(suppressWarnings(system({text}, intern = TRUE)), collapse = "\\n")'


def connecting(address: str, port: int) -> str:
    """R code that is TRUE when R itself can connect there."""
    return (
        f'tryCatch({{ close(socketConnection("{address}", {port}, open = "r+b", blocking = TRUE, '
        "timeout = 3)); TRUE }, error = function(problem) FALSE)"
    )


@contextmanager
def hostile(dev: Live, folder: Path) -> Iterator[Hostile]:
    """Make the model in *folder* with the image's R, and publish it as anybody would."""
    outputs = dev.outputs()
    environment = Environment(
        stack=dev.stack,
        endpoint=outputs["endpoint"],
        addresses=tuple(outputs["loadBalancerAddresses"]),
        authority=outputs["certificateAuthority"],
        password=outputs["adminPassword"],
    )
    _make(folder)
    with Client(environment) as client:
        publish(client, reading.read(folder))
        yield Hostile(client)


def _make(folder: Path) -> None:
    parts = {
        "train.R": TRAIN,
        "service.json": json.dumps(SERVICE),
        "request.json": json.dumps({"code": "1 + 1"}),
        "answer.json": json.dumps({"value": "2"}),
        "README.md": "A model that does what it is told.\n",
    }
    for name, text in parts.items():
        (folder / name).write_text(text)
    done = rscript(folder, "train.R")
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
