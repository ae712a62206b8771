"""What is compared of the machine: all but what belongs to a sandbox or to another test."""

import pytest

from sandbox.fabric.network import names
from sandbox.home import Home
from tests.sandbox.fabric.network.town import new_prefix
from tests.support.traces import is_a_sandboxs

SHOWN = (
    " {link}@if3",
    "91: {link}    inet 192.0.2.7/32 scope global {link}\\       ",
    "198.51.100.0/20 via 192.0.2.7 dev {link}",
    "multicast ff00::/8 dev {link} table local proto kernel metric 256 pref medium",
)
"""As `ip` has a link, its addresses and its routes, of which a test of the fabric once saw
another's."""


@pytest.mark.parametrize("shown", SHOWN)
def test_links_of_sandboxes_and_of_tests_are_not_the_machines(tmp_path, shown):
    for prefix in (Home(tmp_path).prefix, new_prefix(), "opc1f2e3d", "ophost4711"):
        assert is_a_sandboxs(shown.format(link=names.user(prefix)))


@pytest.mark.parametrize(
    "mount",
    [
        "/dev/vda /run/netns ext4 rw,relatime 0 0",
        "nsfs /run/netns/opt1f2e3d-internet nsfs rw 0 0",
        "/dev/loop0 /tmp/pytest-of-root/pytest-0/housekeeping0/sandbox ext4 rw,relatime 0 0",
        "/dev/loop0 /scratch/pytest-of-root/pytest-0/housekeeping0/sandbox ext4 rw,relatime 0 0",
        "overlay /var/lib/machines/opE1f2e3d-web overlay rw 0 0",
    ],
)
def test_mounts_of_sandboxes_and_of_tests_are_not_the_machines(mount):
    assert is_a_sandboxs(mount)


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("link", ["eth0", "ifb0", "trial", "other", "p0123456789ab", "op0", "stop"])
def test_what_is_left_over_under_another_name_is(link, shown):
    assert not is_a_sandboxs(shown.format(link=link))


@pytest.mark.parametrize("place", ["/opt", "/opt/runtime", "/var/lib/op", "/sys/fs/cgroup"])
def test_a_mount_elsewhere_is(place):
    assert not is_a_sandboxs(f"overlay {place} overlay rw,relatime 0 0")
