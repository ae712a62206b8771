"""What holds for any environment: good ones survive, spoilt ones are refused by name."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from components.settings import EndpointEnvironment, NodesEnvironment, parse
from components.settings.addresses import plan
from components.settings.catalogue.instances import INSTANCE_TYPES
from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.machines import MACHINES
from components.settings.parsing import cautions, examine
from tests.support.environments import IMAGE_IDS

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
def enterprises(draw: st.DrawFn) -> dict[str, Any]:
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


@st.composite
def one_boxes(draw: st.DrawFn) -> dict[str, Any]:
    value = draw(enterprises())
    cloud = value["cloud"]
    have = len(LOCATIONS[cloud][value["location"]].zones)
    machine: dict[str, Any] = {"workers": draw(st.integers(0, 512))}
    if draw(st.booleans()):
        machine["size"] = draw(st.sampled_from(sorted(MACHINES[cloud])))
    if have and draw(st.booleans()):
        machine["zone"] = draw(st.integers(1, min(have, 6)))
    for group in ("web", "compute"):
        del value[group]
    if draw(st.booleans()):
        value["database"] = {"engine": "sqlite"}
    return {**value, "topology": "one-box", **({"machine": machine} if machine else {})}


SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
LDAP = {
    "host": "ldap.example.com",
    "addresses": ["10.99.8.0/28"],
    "queryUserDn": "CN=lookup,DC=example,DC=com",
    "searchBase": "OU=people,DC=example,DC=com",
    "searchFilter": "userPrincipalName={0}",
}
AAD = {"authority": "https://login.windows.net/example", "audience": "app"}


@st.composite
def authentications(draw: st.DrawFn, version: str) -> dict[str, Any]:
    method = draw(st.sampled_from(["local", "ldap", "azureActiveDirectory"]))
    made: dict[str, Any] = {"method": method}
    if method == "ldap":
        old = {"bindFilter": "CN={0}"} if version < "9.1" else {"port": draw(st.integers(1, 65535))}
        made["ldap"] = {**LDAP, **old, "useLdaps": draw(st.booleans())}
    if method == "azureActiveDirectory":
        new = {} if version < "9.1" else {"clientId": "native"}
        made["azureActiveDirectory"] = {**AAD, **new}
    if method != "local" and version > "9.1" and draw(st.booleans()):
        made["roles"] = {"owner": ["Administrators"], "contributor": ["Analysts", "Quality"]}
    return made


@st.composite
def families(draw: st.DrawFn) -> dict[str, Any]:
    """Environments of R Server and ML Server."""
    value = draw(st.one_of(enterprises(), one_boxes()))
    version = draw(st.sampled_from(["9.0-preview", "9.0.1", "9.1.0", "9.2.1", "9.3.0", "9.4.7"]))
    systems = ["ubuntu-16.04", "rhel-7", *(["windows-server-2016"] if version >= "9.1" else [])]
    system = draw(st.sampled_from(systems))
    windows = system.startswith("windows")
    ending = "zip" if windows else draw(st.sampled_from(["tar", "tar.gz"]))
    url = f"https://downloads.example.com/server.{ending}"
    azure = value["cloud"] == "azure"
    # Between what listens on nodes already.
    web = draw(st.integers(6000, 9000))
    media = {"server": {"url": url, "sha256": SHA256}}
    if windows:
        media["dotnet"] = {"url": "https://downloads.example.com/dotnet.exe", "sha256": SHA256}
    server: dict[str, Any] = {
        "licenseAccepted": True,
        "installers": media,
        "authentication": draw(authentications(version)),
        "ports": {"web": web, "compute": web + draw(st.integers(2, 40))},
        "pool": {"initial": draw(st.integers(1, 5)), "maximum": draw(st.integers(5, 1000))},
        "logLevel": draw(st.sampled_from(["Debug", "Warning"])),
        "cors": {"origins": draw(st.sampled_from([[], ["https://app.example.com"]]))},
    }
    if draw(st.booleans()):
        repository = f"https://downloads.example.com/packages.{ending}"
        media["packages"] = {"url": repository, "sha256": SHA256}
        server["packages"] = draw(st.sampled_from([["forecast"], ["data.table", "jsonlite"]]))
    if draw(st.booleans()):
        server["https"] = {"web": draw(st.booleans())}
    value["runtime"] = {
        "product": "rserver" if version < "9.2" else "mlserver",
        "version": version,
        "operatingSystem": system,
        "imageId": IMAGE_IDS["azure" if azure else "aws"],
        "server": server,
    }
    if value["database"]["engine"] != "sqlite":
        engine = "sqlserver" if windows else "postgresql"
        value["database"] = {"engine": engine, "storage": 64 if not windows else 128}
    if "compute" in value and version < "9.1":
        value["compute"] = {"nodes": "fixed", "count": draw(st.integers(1, 20))}
    for part, key in (("compute", "workersPerNode"), ("machine", "workers")):
        value.get(part, {}).pop(key, None)
    return {key: each for key, each in value.items() if each != {}}


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {"model": draw(st.sampled_from(["models/iris", "my.models/a/b-1"]))}
    if draw(st.booleans()):
        made["size"] = draw(st.sampled_from(sorted(INSTANCE_TYPES)))
    if draw(st.booleans()):
        made["requests"] = {"timeoutSeconds": draw(st.integers(1, 180))}
    if draw(st.booleans()):
        return {**made, "instances": draw(st.integers(1, 50))}
    low = draw(st.integers(2, 20))
    high = draw(st.integers(low, 50))
    scale_in = {"below": 20}
    return {
        **made,
        "autoscale": {
            "minimum": low,
            "maximum": high,
            "scaleIn": scale_in,
            "schedules": draw(schedules(low, high)),
        },
    }


@st.composite
def endpoints(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(
        st.lists(st.from_regex(r"\A[a-z][a-z0-9-]{2,31}\Z"), min_size=1, max_size=20, unique=True)
    )
    endpoint: dict[str, Any] = {
        "authentication": draw(st.sampled_from(["amlToken", "key", "entra"])),
        "exposure": draw(st.sampled_from(["public", "private"])),
        "deployments": {name: draw(deployments()) for name in names},
    }
    first, *others = names
    if others or draw(st.booleans()):
        share = draw(st.integers(0, 100)) if others else 100
        endpoint["traffic"] = {first: share, **dict.fromkeys(others[:1], 100 - share)}
    if len(others) > 1:
        endpoint["mirror"] = {others[-1]: draw(st.integers(1, 50))}
    return {
        "topology": "managed-endpoint",
        "cloud": "azure",
        "location": draw(st.sampled_from(sorted(LOCATIONS["azure"]))),
        "protection": draw(st.booleans()),
        "endpoint": endpoint,
    }


def environments() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(enterprises(), one_boxes(), families(), endpoints())


@given(environments())
def test_a_good_environment_parses_and_round_trips(value: dict[str, Any]) -> None:
    parsed = parse(value, stack="test")
    assert parse(parsed.model_dump(exclude_none=True), stack="test") == parsed
    cautions(parsed)
    assert parsed.topology == value["topology"]
    if isinstance(parsed, NodesEnvironment):
        assert all(group.minimum >= 1 for group in parsed.groups.values())
        assert plan(parsed).network == parsed.network.address_space
        assert set(plan(parsed).nodes) == set(parsed.groups)
        assert set(parsed.network_zones) >= set(parsed.zone_names(plan(parsed).front))
    if isinstance(parsed, EndpointEnvironment):
        assert sum(parsed.endpoint.traffic.values()) == 100


NAMED = ("tags", "deployments", "traffic", "mirror")
"""Mappings whose keys are names that the user gives."""


def sections(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all mappings of *value* whose keys are settings."""
    if not isinstance(value, dict):
        return []
    own = [] if path and path[-1] in NAMED else [path]
    return [*own, *(p for key in value for p in sections(value[key], (*path, key)))]


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
    optional = ("count", "instances", "autoscale", "clientId", "bindFilter", "dotnet", "zone")
    assume(not (wrong is None and key in optional))
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
