"""Markdown as a platform renders it, for tests that look for what must not be in it."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

OURS = ("<details><summary>", "</details>", "<br>", "<!-- operationalization-preview: ")
"""HTML that a report has on purpose, by its beginning."""

JOINT = "<!-- -->"


def tokens(text: str) -> list[Token]:
    """All parts of *text*, by GitHub's rules for tables and links; inline ones too."""
    found = MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(text)
    return [part for token in found for part in (token, *(token.children or ()))]


def shown(text: str) -> str:
    """The text that a reader sees, code and blocks of code included."""
    kinds = ("text", "code_inline", "fence", "code_block")
    return "\n".join(token.content for token in tokens(text) if token.type in kinds)


def foreign(text: str) -> list[str]:
    """What does something and is not ours: HTML, links, images, blocks of another language."""
    found = []
    for token in tokens(text):
        if token.type in ("link_open", "image"):
            found.append(str(token.attrs))
        elif token.type == "html_inline" and token.content not in (*OURS, JOINT, "<br>"):
            found.append(token.content)
        elif token.type == "html_block":
            found += [
                line
                for line in token.content.splitlines()
                if line.strip() and not line.startswith(OURS)
            ]
        elif token.type == "fence" and token.info not in ("", "diff", "mermaid"):
            found.append(token.info)
        elif token.type == "text" and ("@" in token.content.rstrip("@") or "://" in token.content):
            found.append(token.content)
    return found
