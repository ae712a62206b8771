"""Resources of which no engine has ever spoken: the answer to their creation may be lost.

The engine writes a resource into its state when it hears the answer to Create. When the connection
breaks, or the engine is killed, it hears none: the state has nothing (or a pending creation, which
the next update only warns of), and the next update creates again. In a real cloud that ends with
"cannot create already existing resource", or, where the name was made up, with two resources of
which one belongs to nobody. The sandbox knows for which URN it made a resource, so the second
creation finds the first one's work: it gets the same name, and what exists is taken over.

An engine has heard of a resource when it names its id: `refresh: always` reads all that the state
has before anything is created. So what is left unspoken of is what the state doesn't have.
"""

from threading import Lock

from sandbox.control import changes
from sandbox.control.fabric import Watch
from sandbox.control.kinds import Record
from sandbox.control.operations import Request
from sandbox.control.store import Changes, Rows, Stored


class Unanswered:
    """Which creations no engine has spoken of since; kept in the store's notes."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._obsolete: set[str] = set()
        self._lock = Lock()

    def created(self, rows: Changes, record: Record) -> None:
        """Note a creation, in its own transaction."""
        with self._lock:
            obsolete, self._obsolete = self._obsolete, set()
        for key in obsolete:
            rows.remember(key, None)
        rows.remember(_note(record.urn), record.incarnation)

    def heard(self, rows: Rows, record: Record) -> None:
        """An engine named this resource: it has it in its state.

        The note goes with the next creation, since a refresh of a large stack would otherwise wait
        for as many transactions; a daemon that is killed before only hears it once more.
        """
        key = _note(record.urn)
        if rows.note(key) == record.incarnation:
            with self._lock:
                self._heard.add(record.incarnation)
                self._obsolete.add(key)

    def left(self, rows: Rows, kind: str, urn: str) -> Stored | None:
        """What an earlier creation for this URN made, if nobody has spoken of it since."""
        incarnation = rows.note(_note(urn)) if urn else None
        with self._lock:
            if incarnation is None or incarnation in self._heard:
                return None
        made = (each for each in rows.with_urn(urn) if each.record.type == kind)
        return next((each for each in made if each.record.incarnation == incarnation), None)


def may_become(left: Stored, request: Request, watch: Watch) -> bool:
    """Whether what is there can become what is wanted now; *watch* hears what is done with it."""
    called = left.record.short or left.record.id
    if changes.compare(request.kind, left.inputs, request.inputs).replaces:
        watch.warn(
            f"{called} was made by an update that never heard so, and can't become what is wanted "
            "now: it is deleted, and made anew"
        )
        return False
    watch.warn(
        f"{called} was made by an update that never heard so: it is taken over, not made twice"
    )
    return True


def _note(urn: str) -> str:
    return f"unanswered/{urn}"
