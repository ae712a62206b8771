"""The parts of an environment as AWS resources (pulumi-aws)."""
