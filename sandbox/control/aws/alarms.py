"""CloudWatch metric alarms.

Sources: Amazon CloudWatch API Reference, "PutMetricAlarm" (periods, at most 1 day or 7 days of
evaluation, 5 actions a state, extended statistics), User Guide, "Using Amazon CloudWatch alarms".
"""

import re
from collections.abc import Iterator

from sandbox.control import arns
from sandbox.control.aws.rules import not_emulated, one_of, required, standard
from sandbox.control.aws.scaling_policies import POLICY
from sandbox.control.aws.topics import TOPIC
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.paths import find
from sandbox.control.reading import elements, flag, mapping, number, present, text, texts

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

_CODE = "ValidationError"
_ACTIONS = ("alarmActions", "okActions", "insufficientDataActions")
_OPERATORS = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_MISSING = ("breaching", "notBreaching", "ignore", "missing")
_EXTENDED = re.compile(
    r"p(100|\d{1,2}(\.\d{1,10})?)|IQM|(tm|wm|tc|ts|PR|TM|WM|TC|TS)(\d{1,2}(\.\d+)?|\(.*\))"
)


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "comparisonOperator", _OPERATORS, _CODE)
    yield from one_of(values, "statistic", _STATISTICS, _CODE)
    yield from one_of(values, "treatMissingData", _MISSING, _CODE)
    extended = text(values, "extendedStatistic")
    if extended is not None and not _EXTENDED.fullmatch(extended):
        yield Problem(
            "extendedStatistic",
            f"The value {extended} for parameter ExtendedStatistic is not supported.",
            "InvalidParameterValue",
        )
    if text(values, "statistic") and extended:
        yield Problem(
            "extendedStatistic", "conflicts with statistic", "InvalidParameterCombination"
        )
    yield from _times(values)
    yield from _source(values)
    for name in _ACTIONS:
        found = texts(values, f"{name}[*]")
        if len(found) > 5:
            yield Problem(name, f"has up to 5 actions, not {len(found)}", _CODE)
        for path, action in found:
            if arns.parse(action) is None:
                yield Problem(
                    path,
                    f"Invalid arn syntax: {action}",
                    _CODE,
                )
    if len(mapping(values, "dimensions")) > 30:
        yield Problem("dimensions", "has up to 30 dimensions", _CODE)
    yield from not_emulated(
        values,
        {
            "evaluationCriteria": "use metricName or metricQueries",
            "evaluationInterval": "leave it out",
            "evaluationWindow": "leave it out",
            "warmUpConfiguration": "leave it out",
            "thresholdMetricId": "the sandbox knows no anomaly detection: give threshold",
        },
    )


def _period(path: str, period: int) -> Iterator[Problem]:
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        yield Problem(path, f"must be 10, 20, 30 or a multiple of 60 seconds, got {period}", _CODE)


def _times(values: Values) -> Iterator[Problem]:
    period, count = number(values, "period"), number(values, "evaluationPeriods")
    needed = number(values, "datapointsToAlarm")
    if period is not None:
        yield from _period("period", period)
    for path, found in find(values, "metricQueries[*].metric.period"):
        if isinstance(found, int):
            yield from _period(path, found)
    if count is not None and count < 1:
        yield Problem("evaluationPeriods", "must be at least 1", _CODE)
    if count is not None and needed is not None and not 1 <= needed <= count:
        yield Problem(
            "datapointsToAlarm",
            f"must be 1 to evaluationPeriods ({count}), got {needed}",
            _CODE,
        )
    if period is not None and count is not None:
        most = 604_800 if period >= 3600 else 86_400
        if period * count > most:
            yield Problem(
                "evaluationPeriods",
                "Metrics cannot be checked across more than "
                f"{'seven days' if most > 86_400 else 'a day'} (EvaluationPeriods * Period must be "
                f"<= {most}).",
                _CODE,
            )


def _source(values: Values) -> Iterator[Problem]:
    """One metric, or several with mathematics."""
    queries = elements(values, "metricQueries")
    if queries and text(values, "metricName"):
        yield Problem("metricQueries", "conflicts with metricName", "InvalidParameterCombination")
    names = [name for _, query in queries if (name := text(query, "id"))]
    for path, query in queries:
        name = text(query, "id")
        if name is not None and not re.fullmatch(r"[a-z]\w{0,254}", name):
            yield Problem(
                f"{path}.id",
                "must start with a lower case letter, and have letters, digits and underscores",
                _CODE,
            )
        if name is not None and names.count(name) > 1:
            yield Problem(f"{path}.id", f"{name} is there twice", _CODE)


def _verify_source(values: Values) -> Iterator[Problem]:
    queries = elements(values, "metricQueries")
    for path, query in queries:
        if present(query, "metric") == (text(query, "expression") is not None):
            yield Problem(path, "needs either a metric or an expression", _CODE)
    if sum(bool(flag(query, "returnData")) for _, query in queries) != 1:
        yield Problem("metricQueries", "Exactly one element must have returnData true.", _CODE)


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    yield from required(values, "comparisonOperator", "evaluationPeriods", code=_CODE)
    if values.get("threshold") is None:
        yield Problem("threshold", "is needed for a static alarm", _CODE)
    if present(values, "metricQueries"):
        yield from _verify_source(values)
        return
    yield from required(values, "metricName", "namespace", "period", code=_CODE)
    if not (present(values, "statistic") or present(values, "extendedStatistic")):
        yield Problem("statistic", "one of statistic and extendedStatistic is needed", _CODE)


def _outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "actionsEnabled": flag(context.inputs, "actionsEnabled") is not False,
        "treatMissingData": text(context.inputs, "treatMissingData") or "missing",
        "evaluateLowSampleCountPercentiles": text(
            context.inputs, "evaluateLowSampleCountPercentiles"
        )
        or "",
    }


_REFERENCES = {f"{name}[*]": (TOPIC, POLICY) for name in _ACTIONS}

KINDS = (
    Kind(
        type=ALARM,
        identity=Identity(
            arn="arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}", id="{name}"
        ),
        name_property="name",
        name=Name(pattern=r"[^\r\n]+", maximum=255, words="one line of up to 255 characters"),
        not_found=("ResourceNotFound", "The alarm {id} does not exist"),
        exists=("ResourceAlreadyExists", "The alarm {name} exists already"),
        references=_REFERENCES,
        # What an alarm calls or watches can go before it.
        weak=(*_REFERENCES, "dimensions", "metricQueries"),
        unordered=_ACTIONS,
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
    ),
)
