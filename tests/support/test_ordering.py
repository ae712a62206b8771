"""The order of tests: those that boot nodes are spread among the others."""

from itertools import pairwise

from tests.support.ordering import in_order

SECONDS = {"bootlong": 300, "boot": 90, "long": 30, "short": 1}


def ordered(*found):
    numbered = [f"{kind}{index}" for index, kind in enumerate(found)]
    return in_order(
        numbered,
        lambda each: each.startswith("boot"),
        lambda each: SECONDS[each.rstrip("0123456789")],
    )


def kinds(found):
    return [each.rstrip("0123456789") for each in found]


def test_what_boots_is_spread_evenly_by_what_the_others_take():
    found = kinds(ordered(*["short"] * 60, *["long"] * 6, *["boot"] * 4))
    starts = [index for index, kind in enumerate(found) if kind == "boot"]
    between = [
        sum(SECONDS[kind] for kind in found[start + 1 : end]) for start, end in pairwise(starts)
    ]
    assert starts[0] == 0
    assert all(30 <= each <= 75 for each in between), between


def test_the_shortest_come_last():
    found = ordered("short", "boot", "long", "boot", *["short"] * 20, "long")
    assert kinds(found)[-3:] == ["short"] * 3
    assert found.index("long2") < found.index("short0")


def test_of_those_that_boot_the_longest_are_first():
    found = ordered("boot", "short", "boot", "bootlong", "short")
    booting = [each for each in found if each.startswith("boot")]
    assert booting == ["bootlong3", "boot0", "boot2"]


def test_nothing_is_lost_and_each_kind_keeps_its_order():
    given = ("boot", "short", "boot", "short", "long")
    assert sorted(ordered(*given)) == sorted(f"{kind}{index}" for index, kind in enumerate(given))
    assert [each for each in ordered(*given) if each.startswith("boot")] == ["boot0", "boot2"]
    assert [each for each in ordered(*given) if each.startswith("short")] == ["short1", "short3"]


def test_without_any_that_boot_the_longest_are_first():
    assert kinds(ordered("short", "long", "short")) == ["long", "short", "short"]
    assert ordered() == []
