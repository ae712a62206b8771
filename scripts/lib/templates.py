"""Puts the templates for `pulumi new` together, from what they have in common.

`pulumi new` asks every question of a template and leaves none out, so each combination of cloud and
way to scale is a template of its own, with the questions that it has. They differ in a few lines.
Those are here and in the folders `pieces`; the rest is templates/source, once. `@{name}` is what
differs, since `${...}` is Pulumi's.
"""

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TEMPLATES: Final = ROOT / "templates"
SOURCE: Final = TEMPLATES / "source"

QUICKSTART: Final = """\
    Test it:     .venv/bin/python -m pytest
    Sandbox:     eval "$(CLONE/scripts/sandbox env)", with a clone of operationalization
    Preview it:  pulumi preview"""

CLOUDS: Final[Mapping[str, Mapping[str, str]]] = {
    "azure": {
        "cloud_name": "Azure",
        "login": "az login",
        "location": "westeurope",
        "location_prompt": "Azure location",
        "timezone": "Europe/Amsterdam",
        "web_size": "Standard_B2s_v2",
        "web_zones": "",
        "compute_zones": "",
        "compute_size": "Standard_D2s_v5",
        "machine_size": "Standard_D4s_v5",
        "database_size": "Standard_B2ms",
        "production_web_size": "Standard_D2s_v5",
        "production_database_size": "Standard_D2ds_v5",
        "retention": "90",
        "backups_too": ", geoRedundantBackup: true",
        "backups": "    geoRedundantBackup: true    # backups outlive the location\n",
        "step": "2",
        "database_type": "dbforpostgresql:Server",
        "machine_type": "VirtualMachine",
    },
    "aws": {
        "cloud_name": "AWS",
        "login": "aws sso login",
        "location": "eu-central-1",
        "location_prompt": "AWS region",
        "timezone": "Europe/Berlin",
        "web_size": "t3.medium",
        "web_zones": "    zones: [1, 2]               # each takes one of five addresses\n",
        "compute_zones": "    zones: [1, 2]\n",
        "compute_size": "m6i.large",
        "machine_size": "m6i.xlarge",
        "database_size": "db.t3.medium",
        "production_web_size": "m6i.large",
        "production_database_size": "db.m6i.large",
        "backups": "",
        "backups_too": "",
        "retention": "365                # what AWS's own security baseline asks of logs",
        "step": "1",
        "database_type": "rds/instance:Instance",
        "machine_type": "ec2/instance:Instance",
    },
}
"""What depends on the cloud only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """A way to scale."""

    what: str
    follow: str
    prompts: tuple[str, ...]
    most: str
    """Nodes."""


SCALINGS: Final[Mapping[str, Scaling]] = {
    "load": Scaling(
        what="compute nodes that follow their load",
        follow="follow their load",
        prompts=("load", "thresholds"),
        most="10",
    ),
    "schedule": Scaling(
        what="more compute nodes in busy hours",
        follow="are as many as the time of the week asks for",
        prompts=("schedule",),
        most="6",
    ),
    "load-and-schedule": Scaling(
        what="compute nodes that follow their load, more of them in busy hours",
        follow="follow their load between bounds that follow the time of the week",
        prompts=("thresholds", "schedule"),
        most="20",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A template, and what it is made from."""

    name: str
    source: str
    words: Mapping[str, str]
    copies: Mapping[str, str] = field(default_factory=dict)
    """Folders that are copied from elsewhere in this repository."""


def templates() -> Iterator[Made]:
    """Yield all templates."""
    for cloud in CLOUDS:
        for scaling in SCALINGS:
            yield _autoscale(cloud, scaling)
    for cloud, words in CLOUDS.items():
        text = f"R analytics on {words['cloud_name']}, all of it on one machine"
        yield Made(name=f"{cloud}-one-box", source="one-box", words=_words(cloud, text))
    yield Made(
        name="azure-managed-endpoint",
        source="managed-endpoint",
        words=_words("azure", "R models on a managed endpoint of Azure ML, without machines"),
        copies={"models/iris": "models/iris"},
    )


def write(folder: Path) -> None:
    """Write all templates below *folder*."""
    for made in templates():
        for source in (SOURCE / "every", SOURCE / made.source):
            for path in sorted(source.rglob("*")):
                inside = path.relative_to(source)
                if path.is_file() and inside.parts[0] != "pieces":
                    target = folder / made.name / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    text = _filled(path, made.words).rstrip("\n")
                    target.write_text(f"{text}\n", encoding="utf-8")
        for target, origin in made.copies.items():
            shutil.copytree(ROOT / origin, folder / made.name / target)


def main(arguments: list[str]) -> int:
    """Renew templates/, or with --check say what would change."""
    names = {made.name for made in templates()}
    with TemporaryDirectory(dir=TEMPLATES) as temporary:
        fresh = Path(temporary)
        write(fresh)
        if "--check" in arguments:
            found = sorted(_differences(fresh))
            for path in found:
                print(f"templates/{path}: is not what scripts/templates writes")  # noqa: T201
            return 1 if found else 0
        for path in TEMPLATES.iterdir():
            if path not in (SOURCE, fresh) and path.is_dir():
                shutil.rmtree(path)
        for name in names:
            (fresh / name).rename(TEMPLATES / name)
    return 0


class _Words(Template):
    """Only `@{name}`: a lone @ is a decorator or an address."""

    delimiter = "@"
    pattern = r"@\{(?P<braced>[a-z_]+)\}|(?P<escaped>(?!))|(?P<named>(?!))|(?P<invalid>(?!))"


def _autoscale(cloud: str, name: str) -> Made:
    scaling = SCALINGS[name]
    pieces = SOURCE / "autoscale" / "pieces"
    words = {
        **_words(cloud, f"R analytics on {CLOUDS[cloud]['cloud_name']} with {scaling.what}"),
        "follow": scaling.follow,
        "most": scaling.most,
    }
    parts = [_filled(pieces / f"prompts-{each}.yaml", words) for each in scaling.prompts]
    more = {
        "prompts": "".join(parts).rstrip("\n"),
        "scaling": _filled(pieces / f"scaling-{name}.yaml", words).rstrip("\n"),
        "cloud_tests": (pieces / f"tests-{cloud}.py").read_text(encoding="utf-8").rstrip("\n"),
    }
    return Made(name=f"{cloud}-autoscale-{name}", source="autoscale", words={**words, **more})


def _words(cloud: str, description: str) -> dict[str, str]:
    own = {"cloud": cloud, "description": description, "quickstart": QUICKSTART}
    signing_in = {"sign_in": f"sign-in-{cloud}", "sign_in_variables": f"variables-{cloud}"}
    pieces = {word: _piece(SOURCE / "pieces" / f"{name}.yml") for word, name in signing_in.items()}
    return {**CLOUDS[cloud], **own, **pieces}


def _piece(path: Path) -> str:
    """Return the text of a piece as it stands in a line of its own; AWS needs no variables."""
    return path.read_text(encoding="utf-8").rstrip("\n") if path.exists() else ""


def _filled(path: Path, words: Mapping[str, str]) -> str:
    return _Words(path.read_text(encoding="utf-8")).substitute(words)


def _differences(fresh: Path) -> Iterator[Path]:
    """Yield the paths at which templates/ is not what *fresh* has."""
    ours = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    there = {
        path.relative_to(TEMPLATES)
        for folder in TEMPLATES.iterdir()
        if folder.is_dir() and folder not in (SOURCE, fresh)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    yield from ours ^ there
    for path in ours & there:
        if (fresh / path).read_bytes() != (TEMPLATES / path).read_bytes():
            yield path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
