"""The environment of a stack, as its file in stacks/ and the base that it names say."""

from pathlib import Path

from operationalization import deploy

deploy(Path(__file__).parent)
