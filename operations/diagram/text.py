"""Text in a Mermaid flowchart: whatever it says, it stays text.

Within quotes Mermaid takes `#` and a number as the character of that number ("Entity codes to
escape characters"), so all that could mean something to Mermaid, HTML or Markdown is written so.
"""

import re

LONGEST = 80
"""Characters of one label: a name of a cloud has no more, and a hostile one is cut."""


def quoted(*lines: str) -> str:
    """Return *lines* as one label in quotes."""
    return f'"{"<br/>".join(_escaped(line) for line in lines if line)}"'


def _escaped(line: str) -> str:
    told = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return re.sub(r"[^A-Za-z0-9 .,:/()+_-]", lambda found: f"#{ord(found.group())};", told)
