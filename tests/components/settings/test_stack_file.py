"""Stack files as scripts and tests read them: the engine's YAML, and nothing else."""

from pathlib import Path

import pytest

from components.settings import SettingsError, parse_file

GOOD = """\
# yaml-language-server: $schema=environment.schema.json
config:
  azure-native:location: westeurope
  operationalization:environment:
    topology: enterprise
    cloud: azure
    location: westeurope
    runtime: { product: plumber, version: "1.2" }
    web: { count: 2, zones: [1, 2] }
    compute:
      autoscale:
        minimum: 2
        maximum: 20
        schedules:
          - { name: office-hours, days: [Monday], start: 07:30, end: 19:00, timezone: Europe/Berlin,
              minimum: 6, maximum: 20 }
    database: { engine: postgresql, version: 16 }
    access: { clients: [203.0.113.0/24] }
  operationalization:adminPassword:
    secure: v1:abc
"""


def stack_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "Pulumi.dev.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(SettingsError) as raised:
        parse_file(stack_file(folder, text))
    assert raised.value.stack == "dev"
    return str(raised.value).replace(str(folder), "stacks")


def test_a_good_stack_file(tmp_path: Path) -> None:
    environment = parse_file(stack_file(tmp_path, GOOD))
    assert environment.compute.autoscale is not None
    assert environment.compute.autoscale.schedules[0].end == "19:00"
    assert environment.database.version == "16"


def test_words_mean_what_they_mean_to_the_engine(tmp_path: Path) -> None:
    """PyYAML alone would take `no` for false, and 010 for eight."""
    text = GOOD.replace("count: 2", "count: 010").replace(
        "    topology:", "    protection: no\n    topology:"
    )
    assert (
        refused(tmp_path, text)
        == """\
stack 'dev' cannot be deployed:
  protection: must be true or false (got "no")
    fix: write false without quotes
  web.count: must be a whole number (got "010")
    fix: write 10 without quotes"""
    )


def test_problems_beside_the_environment(tmp_path: Path) -> None:
    text = GOOD.replace("\n    secure: v1:abc", " Hunter2!abc") + (
        "  operationalization:certificat: x\n  operationalization:certificate: x\n"
    )
    assert (
        refused(tmp_path, text)
        == """\
stack 'dev' cannot be deployed:
  certificat: is not a known configuration key
    fix: did you mean certificate?
  adminPassword: must be stored as a secret, and now lies in the stack file for all to read
    fix: replace it by another one: pulumi config set --secret adminPassword
  certificateKey: is required with certificate
    fix: pulumi config set --secret certificateKey < key.pem
  certificate: must be certificates in PEM form
    fix: convert them with openssl x509 -inform der, then: pulumi config set certificate \
< chain.pem"""
    )


MEND = "mend the file there; an editor with YAML support marks the place"
BEGIN = "begin with config: and indent the settings below it"


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        (
            "config:\n  a: [1, 2\n",
            "stacks/Pulumi.dev.yaml:3:1: is not YAML: expected ',' or ']', but got '<stream end>'",
            MEND,
        ),
        (
            "config:\n\tx: 1\n",
            (
                "stacks/Pulumi.dev.yaml:2:1: is not YAML: found character '\\t' that cannot start "
                "any token"
            ),
            MEND,
        ),
        (
            "config:\n  a: 1\n  a: 2\n",
            'stacks/Pulumi.dev.yaml:3:3: is not YAML: the key "a" is there twice',
            MEND,
        ),
        (
            "config:\n  a: !!python/object:os.system x\n",
            (
                "stacks/Pulumi.dev.yaml:2:6: is not YAML: could not determine a constructor for "
                "the tag 'tag:yaml.org,2002:python/object:os.system'"
            ),
            MEND,
        ),
        (
            "config: &a\n  b: *a\n",
            "stacks/Pulumi.dev.yaml:1:9: is not YAML: found unconstructable recursive node",
            MEND,
        ),
        ("config: " + "[" * 50_000, "stacks/Pulumi.dev.yaml: is nested too deep", MEND),
        (
            "#" * (1024 * 1024 + 1),
            "stacks/Pulumi.dev.yaml: must be at most 1 MiB",
            "remove what is no setting",
        ),
        (
            "",
            (
                "stacks/Pulumi.dev.yaml: must have a mapping config with the stack's settings "
                "(got null)"
            ),
            BEGIN,
        ),
        (
            "just words",
            (
                "stacks/Pulumi.dev.yaml: must have a mapping config with the stack's settings "
                '(got "just words")'
            ),
            BEGIN,
        ),
        (
            "config: [1]",
            (
                "stacks/Pulumi.dev.yaml: must have a mapping config with the stack's settings "
                "(got a list of 1)"
            ),
            BEGIN,
        ),
    ],
    ids=lambda case: case[:20],
)
def test_what_is_no_stack_file(tmp_path: Path, text: str, problem: str, fix: str) -> None:
    assert refused(tmp_path, text) == (
        f"stack 'dev' cannot be deployed:\n  {problem}\n    fix: {fix}"
    )


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert refused(tmp_path, b"config: \xff\xfe\x00").startswith(
        "stack 'dev' cannot be deployed:\n  stacks/Pulumi.dev.yaml: is not YAML: "
    )


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    levels = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 10)]
    text = "config:\n  operationalization:environment:\n    " + "\n    ".join(levels)
    assert refused(tmp_path, text) == (
        "stack 'dev' cannot be deployed:\n  environment: must have at most 5000 values\n"
        "    fix: remove what is not a setting"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_file(tmp_path / "Pulumi.qa.yaml")
    assert (
        str(raised.value).replace(str(tmp_path), "stacks")
        == """\
stack 'qa' cannot be deployed:
  stacks/Pulumi.qa.yaml: cannot be read: No such file or directory
    fix: name a stack file of the folder stacks"""
    )
