import pytest

from components.aws import naming


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("dev", "dev"),
        ("dev-aws", "dev-aws"),
        ("a-very-long-name-of-a-stack", "a-very-long-1317"),
        # Resource groups, load balancers and security groups refuse these beginnings.
        ("aws-staging", "env-aws-staging"),
        ("internal-x", "env-internal-x"),
        ("sg-1", "env-sg-1"),
        ("internals", "internals"),
    ],
)
def test_names_begin_with_the_environment(stack: str, expected: str) -> None:
    assert naming.stem(stack) == expected


def test_a_load_balancers_name_fits() -> None:
    longest = naming.stem("x" * 60)
    assert len(f"{longest}-abcdef-internal") <= 32
