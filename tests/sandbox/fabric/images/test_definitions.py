from components.bootstrap.user_data import CLOUD_PACKAGES
from components.runtimes.plumber.versions import VERSIONS
from sandbox.fabric.images.definitions import ALL, COMPLETE


def test_the_complete_image_has_what_every_plumber_node_installs_on_any_cloud() -> None:
    wanted = {
        package
        for version in VERSIONS.values()
        for packages in version.packages.values()
        for package in packages
    }
    wanted |= {package for packages in CLOUD_PACKAGES.values() for package in packages}
    have = {package for image in (COMPLETE, ALL[0]) for package in image.packages}

    assert wanted <= have


def test_a_parent_comes_before_its_layers() -> None:
    names = [image.name for image in ALL]

    assert all(
        image.parent is None or image.parent in names[: names.index(image.name)] for image in ALL
    )
