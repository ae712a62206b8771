"""Judges pipelines of Azure DevOps, for which there is no actionlint and no zizmor."""
