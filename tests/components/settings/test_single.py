"""Settings that are configuration keys of their own: what a text means, what lies over what."""

import json
from pathlib import Path

import pulumi
import pytest

from components.settings import SettingsError, load, parse_file
from components.settings.bases import examine_over
from components.settings.single import lay_over
from tests.support.environments import AZURE, changed

BASE = "environment:\n  compute: { autoscale: { minimum: 2, maximum: 400 } }\n"
FLAPS = {"compute.autoscale.minimum": "8", "compute.autoscale.maximum": "4"}


def effective(own, value=AZURE):
    environment, problems, _ = examine_over(None, value, Path(), "dev", own)
    assert [str(each) for each in problems] == []
    return environment


def refused(own, value=AZURE):
    _, problems, _ = examine_over(None, value, Path(), "dev", own)
    return [str(each) for each in problems]


def test_a_text_means_what_its_setting_is():
    made = effective(
        {
            "location": "northeurope",
            "protection": "false",
            "compute.autoscale.maximum": "12",
            "database.version": "16",
            "access.clients": "203.0.113.0/24, 198.51.100.7/32",
            "web.zones": "1,2",
            "tags.cost-center": "1234",
            "monitoring.emails": "",
        }
    )
    assert (made.location, made.protection, made.web.zones) == ("northeurope", False, (1, 2))
    assert (made.compute.autoscale.maximum, made.compute.autoscale.minimum) == (12, 2)
    assert made.database.version == "16"
    assert [str(each) for each in made.access.clients] == ["203.0.113.0/24", "198.51.100.7/32"]
    assert made.tags == {"cost-center": "1234"}
    assert made.monitoring.emails == ()


def test_objects_lists_and_null_are_json_as_the_engine_hands_them_over():
    made = effective(
        {
            "web": '{"autoscale": {"minimum": 2, "maximum": 6}}',
            "compute.autoscale": "null",
            "compute.count": "3",
            "access.clients": '["203.0.113.0/24"]',
        }
    )
    assert (made.web.autoscale.maximum, made.compute.autoscale, made.compute.count) == (6, None, 3)


def test_entries_of_a_list_are_changed_and_added_by_number():
    office = {"name": "office", "days": ["Monday"], "start": "08:00", "end": "18:00"}
    zone = {"timezone": "Europe/Berlin", "minimum": 4}
    value = changed(AZURE, {"compute.autoscale.schedules": [{**office, **zone}]})
    path = "compute.autoscale.schedules"
    made = effective(
        {
            f"{path}[0].start": "07:30",
            f"{path}[1].name": "night",
            f"{path}[1].days": "Friday, Saturday",
            f"{path}[1].start": "22:00",
            f"{path}[1].end": "04:00",
            f"{path}[1].timezone": "Europe/Berlin",
            f"{path}[1].minimum": "5",
        },
        value,
    )
    first, second = made.compute.autoscale.schedules
    assert (first.start, first.end, first.days) == ("07:30", "18:00", ("Monday",))
    assert (second.days, second.minimum) == (("Friday", "Saturday"), 5)
    assert first.maximum == second.maximum == 20  # the group's


def test_it_may_be_all_that_a_stack_has_and_says_its_topology_itself():
    machine = {"topology": "one-box", "cloud": "azure", "location": "westeurope"}
    rest = {"runtime.product": "plumber", "database.engine": "sqlite"}
    own = {**machine, **rest, "access.clients": "203.0.113.0/24", "machine.workers": "3"}
    assert effective(own, None).machine.workers == 3


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (
            {"compute.autoscale.maximum": "many"},
            (
                '  compute.autoscale.maximum: must be a whole number (got "many")\n'
                "    fix: write a number such as 20"
            ),
        ),
        (
            {"compute.autoscale.maximun": "9"},
            "  compute.autoscale.maximun: is not a known setting\n    fix: did you mean maximum?",
        ),
        (
            {"location.name": "westeurope"},
            (
                '  location.name: has no place: what should hold name is "westeurope"\n'
                "    fix: correct the path, "
                "or run: pulumi config rm operationalization:location.name"
            ),
        ),
        (
            {"access.clients[3]": "203.0.113.0/24"},
            (
                "  access.clients[3]: has no place: the list has 1 entries before [3]\n"
                "    fix: correct the path, "
                "or run: pulumi config rm operationalization:access.clients[3]"
            ),
        ),
        (
            {"web..count": "2"},
            (
                "  web..count: is not the path of a setting\n"
                "    fix: write it like compute.autoscale.maximum"
            ),
        ),
        (
            {"access.clients": "203.0.113.1/24"},
            (
                "  access.clients[0]: must have no bits set behind its prefix "
                '(got "203.0.113.1/24")\n    fix: write 203.0.113.0/24'
            ),
        ),
    ],
)
def test_what_is_wrong_is_said_as_for_any_setting(own, said):
    assert refused(own) == [said]


@pytest.mark.parametrize("text", ["[" * 3000, "x" * 5000, '{"a":' * 900, "null", ""])
@pytest.mark.parametrize("key", ["access.clients", "compute", "tags", "web.count", "location"])
def test_no_text_is_more_than_a_problem(key, text):
    value, problems = lay_over(AZURE, {key: text})
    examine_over(None, AZURE, Path(), "dev", {key: text})
    assert problems == []
    assert value is not AZURE


def test_a_problem_of_it_is_not_said_to_be_from_a_base(tmp_path):
    (tmp_path / "shared.yaml").write_text(BASE)
    above = {k: v for k, v in AZURE.items() if k != "compute"}
    _, problems, _ = examine_over("shared", above, tmp_path, "dev", FLAPS)
    assert [each.source for each in problems] == [""]
    assert problems[0].key == "compute.autoscale.maximum"


def configure(monkeypatch, values, hidden=()):
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
    pulumi.runtime.set_all_config(values, list(hidden))
    return pulumi.Config("operationalization")


def test_program_and_scripts_read_it_alike(monkeypatch, tmp_path):
    keys = {"location": "northeurope", "compute.autoscale.maximum": 12}
    values = {f"operationalization:{key}": value for key, value in keys.items()}
    values["operationalization:environment"] = AZURE
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(json.dumps({"config": values}))
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    loaded = load(configure(monkeypatch, texts), "dev").environment
    assert loaded == parse_file(file)
    assert (loaded.location, loaded.compute.autoscale.maximum) == ("northeurope", 12)


def test_a_secret_among_settings_is_refused(monkeypatch):
    values = {
        "operationalization:environment": json.dumps(AZURE),
        "operationalization:tags.owner": "hidden",
    }
    config = configure(monkeypatch, values, ["operationalization:tags.owner"])
    with pytest.raises(SettingsError, match=r"tags\.owner: must hold no secret"):
        load(config, "dev")


def test_keys_in_the_namespace_of_another_project_are_named(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "scoring")
    values = {
        "operationalization:environment": json.dumps(AZURE),
        "scoring:adminPassword": "a-Password-1",
        "scoring:compute.autoscale.maximum": "3",
        "scoring:colour": "blue",
    }
    with pytest.raises(SettingsError) as caught:
        load(configure(monkeypatch, values), "dev")
    assert [(each.key, each.fix) for each in caught.value.problems] == [
        (
            "scoring:adminPassword",
            (
                "run: pulumi config rm scoring:adminPassword && "
                "pulumi config set --secret operationalization:adminPassword"
            ),
        ),
        (
            "scoring:compute.autoscale.maximum",
            (
                "run: pulumi config rm scoring:compute.autoscale.maximum && "
                "pulumi config set operationalization:compute.autoscale.maximum"
            ),
        ),
    ]
