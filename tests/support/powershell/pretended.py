"""Objects of .NET and of Windows that stand for a machine's own."""

from typing import Any


class Thing_:  # noqa: N801 - an object with methods
    def __init__(self, **methods: Any) -> None:
        vars(self).update(methods)


class Anything:
    """An object of which nothing matters."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_: None


class Ended:
    """A program that has done its work."""

    ExitCode = 0
    StandardInput = Thing_(Write=lambda text: None, Close=lambda: None)
    StandardOutput = StandardError = Thing_(
        ReadToEndAsync=lambda: Thing_(Wait=lambda _: True, Result="")
    )

    def WaitForExit(self, _: int) -> bool:  # noqa: N802 - .NET's name
        return True


class Connection:
    """A connection to the server's list of databases, which knows three statements."""

    ConnectionString = AccessToken = CommandText = ""
    CommandTimeout = 0

    def __init__(self, databases: dict[str, str]) -> None:
        self.databases = databases
        self.values: dict[str, str] = {}
        self.Parameters = Thing_(AddWithValue=self._given)

    def _given(self, name: str, value: str) -> int:
        self.values[name.lstrip("@")] = value
        return 0

    def Open(self) -> None:  # noqa: N802 - .NET's name
        pass

    def CreateCommand(self) -> "Connection":  # noqa: N802 - .NET's name
        self.values.clear()
        return self

    def ExecuteScalar(self) -> str | None:  # noqa: N802 - .NET's name
        assert "state_desc" in self.CommandText
        return "ONLINE" if self.values["name"] in self.databases else None

    def ExecuteNonQuery(self) -> int:  # noqa: N802 - .NET's name
        if "AS COPY OF" in self.CommandText:
            self.databases.setdefault(self.values["copy"], self.databases[self.values["database"]])
        else:
            assert "MODIFY NAME" in self.CommandText
            assert self.values["to"] not in self.databases
            self.databases[self.values["to"]] = self.databases.pop(self.values["from"])
        return 0

    def Dispose(self) -> None:  # noqa: N802 - .NET's name
        pass
