"""The rules as the engine's policies: the one module that knows the engine's SDK.

A rule about one resource is asked before the engine touches that resource; one about the stack when
all of them are known: in a preview before anything is done, in an update at its end. Hence an
update of a protected stack begins with a preview (scripts/up).

Every message begins with the rule's id and why it is there; then come the resource and what is
wrong with it, and how to mend it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi_policy as sdk
from pulumi.runtime.config import get_config_env, set_all_config

from components.settings.bases import BASES, FOLDER
from components.settings.problems import listed
from components.settings.stack import settings_among
from policies.exemptions import Exemptions, Note
from policies.ground import PROJECT, Ground, read
from policies.reading import ENGINE_INPUTS, UNKNOWN, Resource, World
from policies.rule import Finding, Rule
from policies.rules import RULES

GUIDE = "docs/policies.md"
KEPT = (f"{PROJECT}:environment", f"{PROJECT}:base")
"""Configuration keys that the rules may see, beside settings that are keys of their own. None of
them may be a secret: the program refuses that."""

ELSEWHERE = "OPERATIONALIZATION_PROJECT"
"""Variable with the folder of a project that has the components as a library (templates/)."""


def serve() -> None:
    """Answer the engine until it ends."""
    session = Session(_ground(), RULES)
    sdk.PolicyPack(name=PROJECT, policies=session.policies())


class Session:
    """The pack at work on one operation of the engine."""

    def __init__(self, ground: Ground, rules: Sequence[Rule]) -> None:
        self._ground = ground
        self._rules = [each for each in rules if each.applies(protected=ground.protected)]
        self._first = next((each for each in self._rules if each.world is None), None)
        environment = ground.environment
        self._exemptions = Exemptions(
            settings=environment.exemptions if environment else (),
            today=datetime.now(UTC).date(),
            known=frozenset(each.id for each in rules),
        )
        self._seen: dict[str, Resource] = {}
        self._undecided: dict[str, dict[str, str]] = {}
        """By rule and name of a resource, what is not known of it."""

    def policies(self) -> list[sdk.Policy]:
        """Return all policies, in the order in which the engine asks them."""
        return [*map(self._policy, self._rules), *self._reports()]

    def _policy(self, rule: Rule) -> sdk.Policy:
        refuses = rule.refuses(protected=self._ground.protected)
        shared: dict[str, Any] = {
            "name": rule.id,
            "description": f"{rule.id}: {rule.why}",
            "enforcement_level": (
                sdk.EnforcementLevel.MANDATORY if refuses else sdk.EnforcementLevel.ADVISORY
            ),
            "severity": sdk.Severity(rule.severity.value),
            "remediation_steps": rule.fix,
            "tags": list(rule.ids),
        }
        if rule.world is None:

            def look(args: sdk.ResourceValidationArgs, report: sdk.ReportViolation) -> None:
                resource = self._resource(rule, args)
                for said in self.violations(rule, rule.look(resource, self._ground), resource):
                    report(said.text, None)

            return sdk.ResourceValidationPolicy(validate=look, **shared)

        def survey(args: sdk.StackValidationArgs, report: sdk.ReportViolation) -> None:
            for said in self.violations(rule, rule.survey(self._world(args), self._ground)):
                report(said.text, said.urn)

        return sdk.StackValidationPolicy(validate=survey, **shared)

    def violations(
        self, rule: Rule, findings: Iterable[Finding], resource: Resource | None = None
    ) -> Iterator[Note]:
        """Yield the *findings* that are violations; the others are kept for the reports."""
        try:
            for finding in findings:
                if note := self._violation(rule, finding, finding.resource or resource):
                    yield note
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # An input that no type of the cloud's has: what cannot be judged is not let through.
            where = f"{resource}: " if resource else ""
            said = f"{where}it cannot be judged, its inputs are of another form"
            yield Note(self._told(rule, f"{said} ({type(error).__name__})"))

    def _violation(self, rule: Rule, finding: Finding, about: Resource | None) -> Note | None:
        if about is None:
            return Note(self._told(rule, finding.what))
        if self._exemptions.cover(rule, about, finding):
            return None
        if finding.decided or not self._ground.dry_run:
            return Note(self._told(rule, f"{about}: {finding.what}"), about.urn)
        if rule.grave:
            self._undecided.setdefault(rule.id, {})[about.name] = finding.what
        return None

    def _told(self, rule: Rule, what: str) -> str:
        return f"{what}\nfix: {rule.fix}\nor exempt it with a reason: {GUIDE}#{rule.id}"

    def _reports(self) -> list[sdk.Policy]:
        """Return the policies that say what became of exemptions and of what is not known yet."""
        return [
            _report("exempted", "a rule is not kept, and the stack file says why", self._exempted),
            _report("exemption-stale", "an exemption that somebody should look at", self._stale),
            _report("undecided", "the deployment will know, and refuse if it must", self._open),
        ]

    def _exempted(self) -> Iterator[Note]:
        return self._exemptions.exempted()

    def _stale(self) -> Iterator[Note]:
        return self._exemptions.stale()

    def _open(self) -> Iterator[Note]:
        for rule, found in self._undecided.items():
            names = listed(found, most=3)
            what = listed(dict.fromkeys(found.values()), most=3)
            yield Note(f"{rule} on {names}: {what}")

    def _resource(self, rule: Rule, args: sdk.ResourceValidationArgs) -> Resource:
        """Return the resource that the engine asks about, as all rules see it."""
        # All rules are asked about a resource before the next one; it may be registered again.
        if rule is self._first or args.urn not in self._seen:
            self._seen[args.urn] = Resource(
                type=plain_type(args.resource_type),
                name=args.name,
                urn=args.urn,
                inputs=plain(args.props),
                protect=bool(args.opts.protect),
            )
        return self._seen[args.urn]

    def _world(self, args: sdk.StackValidationArgs) -> World:
        """Return all resources with the inputs that they were asked about with.

        The engine tells of outputs here, in which a preview knows next to nothing. It also tells of
        what the update deletes when all else is done; the program declares that no more, so that
        nobody was asked about it.
        """
        found = ((each, self._seen.get(each.urn)) for each in args.resources)
        return World(tuple(self._known(each, seen) for each, seen in found if seen))

    def _known(self, found: sdk.PolicyResource, seen: Resource) -> Resource:
        return Resource(
            type=plain_type(found.resource_type),
            name=found.name,
            urn=found.urn,
            inputs=seen.inputs,
            protect=bool(found.opts.protect),
            refers={
                path: tuple(each.urn for each in others)
                for path, others in found.property_dependencies.items()
            },
        )


def _report(name: str, why: str, notes: Any) -> sdk.Policy:
    def validate(_: sdk.StackValidationArgs, report: sdk.ReportViolation) -> None:
        for each in notes():
            report(each.text, each.urn)

    return sdk.StackValidationPolicy(
        name=name,
        description=f"{name}: {why}",
        validate=validate,
        enforcement_level=sdk.EnforcementLevel.ADVISORY,
        severity=sdk.Severity.LOW,
    )


def plain_type(token: str) -> str:
    """Return a type without the version of Azure's API that it may name."""
    package, _, rest = token.partition(":")
    module, _, name = rest.partition(":")
    return f"{package}:{module.partition('/v2')[0]}:{name}" if package == "azure-native" else token


def plain(value: Any) -> Any:
    """Return what the SDK hands over as plain values: its own raise where one is not known."""
    if isinstance(value, Mapping):
        return {key: _got(value, key) for key in value if key not in ENGINE_INPUTS}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_got(value, index) for index in range(len(value))]
    return value


def _got(holder: Any, key: Any) -> Any:
    try:
        return plain(holder[key])
    except sdk.proxy.UnknownValueError:
        return UNKNOWN


def _ground() -> Ground:
    """Return what the rules are held to, and forget all else that the engine told this process."""
    given = get_config_env()
    config = {key: value for key, value in given.items() if key in KEPT}
    config |= {f"{PROJECT}:{key}": value for key, value in settings_among(PROJECT, given).items()}
    os.environ["PULUMI_CONFIG"] = "{}"
    set_all_config({})
    stack = os.environ.get("PULUMI_STACK", "")
    dry_run = os.environ.get("PULUMI_DRY_RUN") == "true"
    return read(config, stack, dry_run=dry_run, bases=_bases())


def _bases() -> Path:
    """Return where the bases of the project at hand are.

    The engine names the project and does not say where it is: for one that is not this one the
    variable has to. Without it there are none, and a stack that has one is held to all rules.
    """
    if os.environ.get("PULUMI_PROJECT", PROJECT) == PROJECT:
        return FOLDER
    return Path(os.environ.get(ELSEWHERE, os.devnull)) / BASES
