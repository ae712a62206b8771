"""SNS topics and subscriptions.

Sources: Amazon SNS API Reference, "CreateTopic" (names), "Subscribe" (protocols; an e-mail address
must confirm, so its subscription has no ARN yet), Developer Guide, "Encrypting Amazon SNS topics".
"""

import re
from collections.abc import Iterator

from sandbox.control.aws import policies
from sandbox.control.aws.keys import KEY_OR_ALIAS, verify_usable
from sandbox.control.aws.principals import verify_principals
from sandbox.control.aws.rules import not_emulated, one_of, standard
from sandbox.control.aws.statements import parse
from sandbox.control.kinds import Context, Identity, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import flag, number, text

TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"

_CODE = "InvalidParameter"


def _rules(values: Values) -> Iterator[Problem]:
    if len(text(values, "displayName") or "") > 100:
        yield Problem("displayName", "Invalid parameter: DisplayName", _CODE)
    policy = text(values, "policy")
    if policy:
        yield from policies.problems("policy", policy, policies.TOPIC)
    yield from one_of(values, "tracingConfig", ("PassThrough", "Active"), _CODE)
    version = number(values, "signatureVersion")
    if version is not None and version not in (1, 2):
        yield Problem("signatureVersion", "Invalid parameter: SignatureVersion", _CODE)
    yield from not_emulated(
        values,
        {
            "archivePolicy": "leave it out",
            "contentBasedDeduplication": "leave it out",
            "deliveryPolicy": "leave it out",
            "fifoThroughputScope": "leave it out",
            "fifoTopic": "alarms need a standard topic",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    yield from verify_usable(context, "kmsMasterKeyId")
    yield from verify_principals(context, "policy", policies.TOPIC)


def _default_policy(arn: str, account: str) -> str:
    return (
        '{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":'
        '"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:Publish",'
        '"SNS:Subscribe"],"Resource":"'
        f'{arn}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{account}"}}}}}}]}}'
    )


def _outputs(context: Context) -> Outputs:
    return {
        "arn": context.id,
        "name": context.name,
        "owner": context.world.subscription,
        "policy": text(context.inputs, "policy")
        or _default_policy(context.id, context.world.subscription),
        "fifoTopic": False,
        "signatureVersion": number(context.inputs, "signatureVersion") or 0,
        "tracingConfig": text(context.inputs, "tracingConfig") or "",
    }


def _policy_rules(values: Values) -> Iterator[Problem]:
    policy = text(values, "policy")
    if policy is not None:
        yield from policies.problems("policy", policy, policies.TOPIC)


def _verify_policy(context: Context) -> Iterator[Problem]:
    yield from verify_principals(context, "policy", policies.TOPIC)
    topic = text(context.inputs, "arn")
    for statement in parse(text(context.inputs, "policy") or ""):
        if any(resource not in (topic, "*") for resource in statement.resources):
            yield Problem(
                "policy",
                "Invalid parameter: Policy statement resource must match the topic's ARN",
                _CODE,
            )
            return


_ENDPOINTS = {
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "http": r"http://\S+",
    "https": r"https://\S+",
    "sms": r"\+?[0-9 -]{5,20}",
    "sqs": r"arn:aws[\w-]*:sqs:[\w-]+:\d{12}:\S+",
    "lambda": r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:\S+",
}


def _subscription_rules(values: Values) -> Iterator[Problem]:
    protocol, endpoint = text(values, "protocol"), text(values, "endpoint")
    yield from one_of(values, "protocol", _ENDPOINTS, _CODE)
    pattern = _ENDPOINTS.get(protocol or "")
    if endpoint is not None and pattern and not re.fullmatch(pattern, endpoint):
        shown = "Email address" if protocol in ("email", "email-json") else "Endpoint"
        yield Problem("endpoint", f"Invalid parameter: {shown}", _CODE)
    if flag(values, "rawMessageDelivery") and protocol in ("email", "email-json", "sms"):
        yield Problem(
            "rawMessageDelivery",
            "Invalid parameter: Attributes Reason: RawMessageDelivery is not supported for "
            f"{protocol}",
            _CODE,
        )
    yield from not_emulated(
        values,
        {
            "deliveryPolicy": "leave it out",
            "redrivePolicy": "leave it out",
            "replayPolicy": "leave it out",
            "subscriptionRoleArn": "leave it out",
        },
    )


def _subscription_outputs(context: Context) -> Outputs:
    pending = (text(context.inputs, "protocol") or "").startswith(("email", "http"))
    return {
        "arn": context.id,
        "ownerId": context.world.subscription,
        "pendingConfirmation": pending,
        "confirmationWasAuthenticated": not pending,
        "filterPolicyScope": text(context.inputs, "filterPolicyScope") or "",
        "rawMessageDelivery": bool(flag(context.inputs, "rawMessageDelivery")),
    }


KINDS = (
    Kind(
        type=TOPIC,
        identity=Identity(arn="arn:{partition}:sns:{region}:{account}:{name}"),
        name_property="name",
        name=Name(pattern=r"[\w-]+", maximum=256, words="letters, digits, hyphens and underscores"),
        not_found=("NotFound", "Topic does not exist"),
        exists=(
            "InvalidParameter",
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
        ),
        references={"kmsMasterKeyId": KEY_OR_ALIAS},
        weak=("kmsMasterKeyId",),
        replace_on=("fifoTopic",),
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
    ),
    Kind(
        type=TOPIC_POLICY,
        identity=Identity(arn="{arn}/policy", id=lambda context: text(context.inputs, "arn") or ""),
        parent="arn",
        references={"arn": (TOPIC,)},
        replace_on=("arn",),
        rules=_policy_rules,
        verify=_verify_policy,
        outputs=lambda context: {
            "arn": text(context.inputs, "arn"),
            "owner": context.world.subscription,
        },
    ),
    Kind(
        type=SUBSCRIPTION,
        identity=Identity(arn=lambda c: f"{text(c.inputs, 'topic')}:{c.identifier('id')}"),
        parent="topic",
        references={"topic": (TOPIC,)},
        # A queue's or a function's ARN: the sandbox has none of these.
        unchecked=("endpoint",),
        replace_on=("topic", "protocol", "endpoint"),
        rules=_subscription_rules,
        outputs=_subscription_outputs,
    ),
)
