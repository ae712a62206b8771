"""Reads PowerShell scripts and says what is wrong with them, without a PowerShell to run them.

`python -m scripts.lib.powershell` judges every `.ps1` of the repository. The parser is
tree-sitter's; the rules are ours, because the scripts run on Windows Server 2012 R2, whose
PowerShell is version 4.0, and no machine of the project has one.
"""
