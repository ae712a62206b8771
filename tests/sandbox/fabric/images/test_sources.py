from pathlib import Path

import pytest

from sandbox.fabric.images import sources


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "lists").mkdir()
    return tmp_path / "apt"


def found(apt: Path) -> str:
    return sources.text("bookworm", apt, apt.parent / "lists")


def test_the_lines_of_a_debian_machine_are_taken(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "# by hand\n"
        "deb http://mirror.test/debian bookworm main contrib  # ours\n"
        "deb-src http://mirror.test/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        "http://mirror.test/security bookworm-security main\n"
    )

    assert found(apt) == (
        "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\n"
        "Components: main contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Types: deb\nURIs: http://mirror.test/security\nSuites: bookworm-security\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def test_paragraphs_are_taken_with_the_suites_that_images_use(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(
        "Types: deb deb-src\n# here\nURIs: http://mirror.test/debian\n"
        "Suites: bookworm bookworm-updates\n bookworm-backports\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )

    assert "Suites: bookworm bookworm-updates\n" in found(apt)


@pytest.mark.parametrize(
    "line",
    [
        "deb https://vendor.test/linux/debian bookworm stable",
        "deb [signed-by=/usr/share/keyrings/vendor.gpg] https://vendor.test/prod bookworm main",
        "deb https://vendor.test/apt bookworm-pgdg main",
        "deb http://mirror.test/debian trixie main",
        "deb cdrom:[Debian 12]/ bookworm main",
        "#deb http://mirror.test/debian bookworm main",
    ],
)
def test_sources_of_others_stay_out(apt: Path, line: str) -> None:
    (apt / "sources.list.d/other.list").write_text(f"{line}\n")

    assert found(apt) == ""


def test_a_vendor_who_calls_his_suite_as_debian_does_is_told_by_his_release_file(
    apt: Path,
) -> None:
    (apt / "sources.list").write_text(
        "deb https://vendor.test/prod/ bookworm main\ndeb http://mirror.test/debian bookworm main\n"
    )
    lists = apt.parent / "lists"
    (lists / "vendor.test_prod_dists_bookworm_InRelease").write_text("Origin: Vendor\n")
    (lists / "mirror.test_debian_dists_bookworm_InRelease").write_text("Origin: Debian\n")

    assert "mirror.test" in found(apt)
    assert "vendor.test" not in found(apt)


def test_a_disabled_paragraph_stays_out(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(
        "Enabled: no\nTypes: deb\nURIs: http://mirror.test/debian\n"
        "Suites: bookworm\nComponents: main\n"
    )

    assert found(apt) == ""


def test_the_mirror_list_of_debians_cloud_images_is_read(apt: Path) -> None:
    (apt / "mirrors").mkdir()
    (apt / "mirrors/debian.list").write_text("# nearest\nhttp://near.test/debian\n")
    (apt / "sources.list.d/debian.sources").write_text(
        "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\n"
        "Suites: bookworm\nComponents: main\n"
    )

    assert "URIs: http://near.test/debian\n" in found(apt)


def test_a_machine_without_sources_leaves_it_to_mmdebstrap(apt: Path) -> None:
    assert found(apt) == ""
