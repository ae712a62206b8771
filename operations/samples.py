"""The request that is known of a deployed model: that of the folder it was made from."""

from model_folders import reading
from model_folders.problems import FolderError
from model_folders.reading import ModelFolder
from operations.endpoint import Deployment, asset_name
from operations.stack import PROJECT

MODELS = PROJECT / "models"


def folder_of(deployment: Deployment) -> ModelFolder | None:
    """Return the folder of this repository that a deployment's model is from."""
    for path in sorted(MODELS.iterdir()):
        if not (path / "service.json").is_file():
            continue
        try:
            found = reading.read(path)
        except FolderError:
            continue
        if (asset_name(found.service.name), found.service.version) == (
            deployment.model,
            deployment.version,
        ):
            return found
    return None
