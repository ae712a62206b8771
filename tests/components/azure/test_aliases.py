import pulumi

from components.azure.aliases import drop_versions
from tests.support.azure import world
from tests.support.cloud import World


def transformed(kind: str, aliases: list[str | pulumi.Alias]) -> list[object] | None:
    options = pulumi.ResourceOptions(aliases=aliases)
    resource = pulumi.ResourceTransformationArgs(None, kind, "name", {}, options)
    result = drop_versions(resource)
    return list((result.opts if result else options).aliases or [])


def test_the_sdks_own_aliases_are_left_out() -> None:
    deployment: World = world("dev")
    assert not any(options.aliases for options in deployment.options.values())


def test_aliases_that_this_program_gives_are_kept() -> None:
    ours = [pulumi.Alias(name="before"), "urn:pulumi:dev::p::t::n"]
    version = pulumi.Alias(type_="azure-native:network/v20230201:Subnet")
    assert transformed("azure-native:network:Subnet", [*ours, version]) == ours


def test_other_providers_aliases_are_none_of_our_business() -> None:
    theirs = [pulumi.Alias(type_="tls:old:PrivateKey")]
    assert transformed("tls:index/privateKey:PrivateKey", theirs) == theirs
