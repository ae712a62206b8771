"""One environment: what `operationalization` deploys of the settings in stacks/."""

from pathlib import Path

from operationalization import deploy

deploy(Path(__file__).parent)
