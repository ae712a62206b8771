"""What holds for any environment: good ones survive, spoilt ones are refused by name."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from components.settings import parse
from components.settings.addresses import plan
from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.machines import MACHINES
from components.settings.parsing import cautions, examine

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@st.composite
def schedules(draw: st.DrawFn, low: int, high: int) -> list[dict[str, Any]]:
    days = draw(st.lists(st.sampled_from(DAYS), unique=True, max_size=3))
    zone = draw(st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]))
    made = []
    for index, day in enumerate(days):
        minimum = draw(st.integers(low, high))
        made.append(
            {
                "name": f"period-{index}",
                "days": [day],
                "start": draw(st.sampled_from(["00:00", "07:30"])),
                "end": draw(st.sampled_from(["12:00", "23:59"])),
                "timezone": zone,
                "minimum": minimum,
                "maximum": draw(st.integers(minimum, high)),
            }
        )
    return made


@st.composite
def groups(draw: st.DrawFn, cloud: str) -> dict[str, Any]:
    group: dict[str, Any] = {}
    if draw(st.booleans()):
        group["size"] = draw(st.sampled_from(sorted(MACHINES[cloud])))
    if draw(st.booleans()):
        group["disk"] = {"size": draw(st.integers(30, 4095)), "performance": "standard"}
    if draw(st.booleans()):
        group["nodes"] = draw(st.sampled_from(["scaleSet", "fixed"]))
        return {**group, "count": draw(st.integers(1, 20))}
    low = draw(st.integers(1, 20))
    high = draw(st.integers(low, 40))
    step = draw(st.integers(1, 3))
    above = draw(st.integers(20, 99))
    reach = min(step, high - low)
    below = max((above * low - 1) // (low + reach), 1)
    group["autoscale"] = {
        "minimum": low,
        "maximum": high,
        "scaleOut": {"above": above, "step": step},
        "scaleIn": {"below": below, "step": step},
        "schedules": draw(schedules(low, high)),
    }
    return group


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    cloud = draw(st.sampled_from(["azure", "aws"]))
    value: dict[str, Any] = {
        "topology": "enterprise",
        "cloud": cloud,
        "location": draw(st.sampled_from(sorted(LOCATIONS[cloud]))),
        "protection": draw(st.booleans()),
        "runtime": {"product": "plumber"},
        "web": draw(groups(cloud)),
        "compute": draw(groups(cloud)),
        "database": {
            "engine": "postgresql",
            "version": draw(st.sampled_from(["14", "15", 16, "17"])),
            "storage": draw(st.sampled_from([32, 64, 4096])),
        },
        "access": {"clients": draw(st.sampled_from([["203.0.113.0/24"], ["198.51.100.4/32"]]))},
    }
    if draw(st.booleans()):
        value["network"] = {"addressSpace": draw(st.sampled_from(["10.0.0.0/16", "10.9.0.0/18"]))}
    if draw(st.booleans()):
        value["tags"] = draw(
            st.dictionaries(
                st.from_regex(r"\At[a-z]{1,9}\Z"), st.text("abc-1", max_size=9), max_size=5
            )
        )
    return value


@given(environments())
def test_a_good_environment_parses_and_round_trips(value: dict[str, Any]) -> None:
    parsed = parse(value, stack="test")
    assert parse(parsed.model_dump(exclude_none=True), stack="test") == parsed
    assert parsed.web.minimum >= 1
    assert plan(parsed).network == parsed.network.address_space
    cautions(parsed)


def sections(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all mappings of *value* whose keys are settings."""
    if not isinstance(value, dict):
        return []
    return [
        path,
        *(p for key in value if key != "tags" for p in sections(value[key], (*path, key))),
    ]


def place(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def problem_keys(value: object) -> list[str]:
    return [problem.key for problem in examine(value)[1]]


@given(environments(), st.data())
def test_a_misspelt_key_is_named(value: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sections(value)))
    section = place(value, path)
    key = data.draw(st.sampled_from(sorted(section)))
    at = data.draw(st.integers(0, len(key) - 1))
    wrong = key[:at] + data.draw(st.sampled_from("xyzQ_")) + key[at + 1 :]
    assume(wrong not in section and wrong != "tags")
    section[wrong] = section.pop(key)
    assert ".".join([*path, wrong]) in problem_keys(value)


WRONG = st.one_of(
    st.none(),
    st.floats(),
    st.just([[]]),
    st.just({"a": {"b": 1}}),
    st.just(object()),
    st.binary(max_size=3),
    st.dates(),
)


@given(environments(), WRONG, st.data())
def test_a_value_of_a_wrong_type_is_named(
    value: dict[str, Any], wrong: object, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sections(value)))
    section = place(value, path)
    key = data.draw(st.sampled_from(sorted(section)))
    # A count or schedule list may be null or nothing at all: that is another, valid choice.
    assume(not (wrong is None and key in ("count", "autoscale")))
    section[key] = wrong
    named = ".".join([*path, key])
    assert any(
        each == named or each.startswith((f"{named}.", f"{named}[")) for each in problem_keys(value)
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=30,
)


@given(JSON)
def test_no_value_gives_anything_but_an_environment_or_problems(value: object) -> None:
    environment, problems = examine(value)
    assert problems
    assert environment is None
    assert all(part.isprintable() for each in problems for part in each)


@given(environments(), JSON, st.data())
def test_any_value_at_any_place_is_judged(
    value: dict[str, Any], other: object, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sections(value)))
    section = place(value, path)
    section[data.draw(st.sampled_from(sorted(section)))] = other
    parsed, problems = examine(value)
    assert (parsed is None) <= bool(problems)
    assert all(each.key and each.rule and each.fix for each in problems)
    assert all(part.isprintable() for each in problems for part in each)


@given(
    fewest=st.integers(1, 40),
    spare=st.integers(1, 40),
    step_out=st.integers(1, 9),
    step_in=st.integers(1, 9),
    above=st.integers(1, 99),
    below=st.integers(1, 99),
)
def test_thresholds_flap_exactly_where_a_simulation_does(
    fewest: int, spare: int, step_out: int, step_in: int, above: int, below: int
) -> None:
    """Step through every number of nodes: does one rule's act set off the other rule?"""
    most = fewest + spare
    shrinks = any(
        below * n >= above * max(n - step_in, fewest) for n in range(fewest + 1, most + 1)
    )
    grows = any(above * n <= below * min(n + step_out, most) for n in range(fewest, most))
    value = {
        "topology": "enterprise",
        "cloud": "azure",
        "location": "westeurope",
        "runtime": {"product": "plumber"},
        "web": {"count": 2},
        "compute": {
            "autoscale": {
                "minimum": fewest,
                "maximum": most,
                "scaleOut": {"above": above, "step": step_out},
                "scaleIn": {"below": below, "step": step_in},
            }
        },
        "database": {"engine": "postgresql"},
        "access": {"clients": ["203.0.113.0/24"]},
    }
    flaps = "compute.autoscale.scaleIn.below" in problem_keys(value)
    assert flaps == (shrinks or grows)
