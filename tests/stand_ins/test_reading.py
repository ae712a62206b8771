"""What a file, a password or a URI must be like: each rule where it holds and where it refuses."""

import json

import pytest

from stand_ins.product import appsettings, connection, passwords, uris
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.product.web import directory, openid, roles
from stand_ins.product.web.node import declared_uris, way
from stand_ins.versions import VERSIONS
from tests.support.stand_ins import PASSWORD

V = {version: each for (_, version), each in VERSIONS.items()}


@pytest.mark.parametrize("password", [PASSWORD, "Aa1~bcde", "myPass123;", "Zz9\\Zz9\\Zz9\\Zz9\\"])
def test_a_password_of_the_rule_is_taken(password):
    passwords.check(password)


@pytest.mark.parametrize(
    "password",
    ["myPass123", "Aa1~bcd", "Aa1~bcdeAa1~bcdeX", "aa1~bcde", "AA1~BCDE", "Aaa~bcde", "Aa1~bc*e",
     "Aa1~bc e", "Aa1~bcd\u00e9", ""],
)  # fmt: skip
def test_another_password_is_refused(password):
    with pytest.raises(passwords.PasswordError, match="8 to 16"):
        passwords.check(password)


@pytest.mark.parametrize(
    ("entry", "addresses"),
    [
        ("http://10.0.0.1:12805", ["http://10.0.0.1:12805"]),
        ("http://localhost:12805", ["http://localhost:12805"]),
        ("https://10.0.0.1", ["https://10.0.0.1:443"]),
        ("http://10.0.0.1-3:12805", [f"http://10.0.0.{n}:12805" for n in (1, 2, 3)]),
        (
            "http://1.0.1-3.1-2:12805",
            [f"http://1.0.{a}.{b}:12805" for a in (1, 2, 3) for b in (1, 2)],
        ),
        ("http://1.1.1.1:10-12", [f"http://1.1.1.1:{n}" for n in (10, 11, 12)]),
    ],
)
def test_an_entry_means_addresses(entry, addresses):
    assert uris.expand(entry) == addresses


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.1:12805", "http://10.0.0.0/24:12805", "http://10.0.0.1-300:12805", "http://:12805",
     "http://10.0.0.3-1:12805", "http://node1-3.:12805", "ftp://10.0.0.1", "http://10.0.0.1:70000",
     " http://10.0.0.1:12805", "http://0-255.0-255.0-255.1:1", "http://1.2.3:12805"],
)  # fmt: skip
def test_what_is_no_entry_is_refused(entry):
    with pytest.raises(ConfigurationError):
        uris.expand(entry)


def test_a_list_has_no_blanks():
    assert uris.parse_list("http://a:1,http://b:2") == ["http://a:1", "http://b:2"]
    with pytest.raises(ConfigurationError, match="no URI"):
        uris.parse_list("http://a:1, http://b:2")


def web(version, **uri_keys):
    return Section({V[version].section: {"Uris": uri_keys}})


def test_ranges_count_from_91_on():
    entries = {"Values": ["http://10.0.0.9:1"], "Ranges": ["http://10.0.0.1-2:1"]}
    assert declared_uris(V["9.1.0"], web("9.1.0", **entries)) == [
        *entries["Values"],
        *entries["Ranges"],
    ]
    for version in ("9.0.1", "9.0-preview"):
        with pytest.raises(
            ConfigurationError, match=r"BackEndConfiguration.Uris.Ranges is not known"
        ):
            declared_uris(V[version], web(version, **entries))
    with pytest.raises(ConfigurationError, match="Values has the range"):
        declared_uris(V["9.1.0"], web("9.1.0", Values=entries["Ranges"]))


@pytest.mark.parametrize("version", V)
def test_a_web_node_without_uris_ends_before_92(version):
    if V[version].order >= 4:
        assert declared_uris(V[version], web(version)) == []
        return
    with pytest.raises(
        ConfigurationError, match=r"^ConfigurationException: BackEndConfiguration is missing URIs$"
    ):
        declared_uris(V[version], web(version))


def test_another_versions_section_is_not_read():
    assert declared_uris(V["9.3.0"], web("9.2.1", Values=["http://a:1"])) == []


def strings(**enabled):
    made = {
        "postgresql": "User ID=u;Password='p;w';Host=h;Port=5432;Database=d;Pooling=true;",
        "sqlserver": "Data Source=s;",
        "defaultDb": "./a.db",
    }
    return Section(
        {
            "ConnectionStrings": {
                name: {"Enabled": name in enabled, "Connection": made[name]} for name in made
            }
        }
    )


def test_one_database_is_told(tmp_path):
    stores = Stores(tmp_path)
    found = connection.target(V["9.4.7"], strings(postgresql=1), tmp_path, stores)
    assert found.engine == "postgresql"
    assert "password=p;w " in found.where
    assert "host=h" in found.where
    found = connection.target(V["9.0.1"], strings(defaultDb=1), tmp_path, stores)
    assert (found.engine, found.where) == ("sqlite", str(tmp_path / "a.db"))


@pytest.mark.parametrize(
    ("version", "enabled", "words"),
    [
        ("9.4.7", {}, "none of sqlserver, postgresql, defaultDb is enabled"),
        ("9.4.7", {"postgresql": 1, "defaultDb": 1}, "postgresql and defaultDb are both enabled"),
        ("9.1.0", {"sqlserver": 1, "postgresql": 1}, "sqlserver and postgresql are both enabled"),
        ("9.0.1", {"sqlserver": 1, "postgresql": 1}, "cannot speak to SQL Server"),
    ],
)
def test_a_wrong_choice_of_databases_is_refused(version, enabled, words, tmp_path):
    with pytest.raises(ConfigurationError, match=words):
        connection.target(V[version], strings(**enabled), tmp_path, Stores(tmp_path))


def test_what_a_connection_string_encrypts_it_also_verifies():
    base = "User ID=u;Password=p;Host=h;Database=d;"
    assert "sslmode=verify-full" in connection.postgresql(f"{base}SSL Mode=Require").where
    trusting = connection.postgresql(f"{base}SSL Mode=Require;Trust Server Certificate=true;")
    assert "sslmode=require" in trusting.where
    assert connection.postgresql(f"{base}MaxPoolSize=7;").most == 7
    with pytest.raises(ConfigurationError, match="unknown word 'sslmode2'"):
        connection.postgresql(f"{base}sslmode2=x")
    with pytest.raises(ConfigurationError, match="names no dbname"):
        connection.postgresql("User ID=u;Host=h;")


LDAP = {
    "Enabled": True, "Host": "h", "UseLDAPS": "True", "SearchBase": "dc=x",
    "SearchFilter": "cn={0}", "QueryUserDn": "cn=q", "QueryUserPassword": "s",
}  # fmt: skip
AAD = {"Enabled": True, "Authority": "https://a/t", "Audience": "x"}


def directories(**sections):
    return Section({"Authentication": sections})


def listed(section):
    rest = {key: value for key, value in section.items() if key != "Enabled"}
    return {"Enabled": True, "Values": [rest]}


def test_directories_have_the_shape_of_the_version(tmp_path):
    stores, anybody = Stores(tmp_path), roles.Roles({})
    for version, ldap, aad in (
        ("9.0.1", listed(LDAP), listed(AAD)),
        ("9.4.7", LDAP | {"Port": 3269}, AAD),
    ):
        found = directory.ldap(V[version], directories(LDAP=ldap), stores, anybody)
        assert (found.host, found.encrypted) == ("h", True)
        assert found.port == (636 if version == "9.0.1" else 3269)
        assert found.identifier == "userPrincipalName"
        known = openid.openid(V[version], directories(AzureActiveDirectory=aad), stores, anybody)
        assert known.audience == "x"
    with pytest.raises(ConfigurationError, match=r"LDAP.Values is not known in 9.1.0"):
        directory.ldap(V["9.1.0"], directories(LDAP=listed(LDAP)), stores, anybody)
    with pytest.raises(ConfigurationError, match=r"LDAP.Values has no entry"):
        directory.ldap(V["9.0.1"], directories(LDAP=LDAP), stores, anybody)


def test_ldap_and_aad_exclude_each_other(tmp_path):
    both = directories(LDAP=LDAP, AzureActiveDirectory=AAD)
    with pytest.raises(ConfigurationError, match="exclude each other"):
        way(V["9.4.7"], both, Stores(tmp_path))


def test_roles_that_a_version_does_not_know_are_refused():
    declared = Section({"Authorization": {"Owner": ["a"], "Reader": ["b"]}})
    assert roles.declared(V["9.2.1"], declared).groups["Reader"] == ("b",)
    with pytest.raises(ConfigurationError, match=r"Authorization.Reader is not known in 9.1.0"):
        roles.declared(V["9.1.0"], declared)
    with pytest.raises(ConfigurationError, match="without CN="):
        roles.declared(V["9.2.1"], Section({"Authorization": {"Owner": ["CN=a"]}}))


@pytest.mark.parametrize(
    ("declared", "nobody"),
    [
        ({}, "Contributor"),
        ({"Owner": ("a",)}, "Contributor"),
        ({"Contributor": ("b",)}, "Reader"),
        ({"Owner": ("a",), "Contributor": ("b",)}, "Reader"),
        ({"Owner": ("a",), "Contributor": ("b",), "Reader": ("c",)}, None),
    ],
)
def test_who_is_in_no_group_gets_what_the_table_says(declared, nobody):
    known = roles.Roles(declared)
    assert known.of(["z"]) == nobody
    for role, groups in declared.items():
        assert known.of([*groups, "z"]) == role
    if len(declared) == 3:
        assert known.of(["c", "a"]) == "Owner"


@pytest.mark.parametrize("mark", ["", appsettings.MARK])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_keeps_its_mark_and_line_ends(mark, end, tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_bytes((mark + '{"b": 1,' + end + '"a": {"x": "\u00e9"}}').encode())
    path.chmod(0o600)
    settings = appsettings.read(path)
    settings.values["c"] = True
    settings.save()

    text = path.read_bytes().decode()
    assert text.startswith(mark + "{" + end)
    assert text.count("\r\n") == (text.count("\n") if end == "\r\n" else 0)
    assert list(json.loads(text.removeprefix(appsettings.MARK))) == ["b", "a", "c"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["[]", "{", '{"a": \u201cb\u201d}', "\xff"])
def test_a_file_that_is_no_json_object_is_refused(text, tmp_path):
    (tmp_path / "a").write_text(text, "latin-1" if text == "\xff" else "utf-8")
    with pytest.raises(ConfigurationError):
        appsettings.read(tmp_path / "a")


def test_values_have_their_types():
    section = Section({"Port": "1", "Flag": "True", "Other": "yes", "List": [1]}, "K.")
    assert section.flag("Flag")
    for read in (
        lambda: section.get("Port", int, 0),
        lambda: section.flag("Other"),
        lambda: section.texts("List"),
        lambda: Section({"Port": True}).get("Port", int, 0),
    ):
        with pytest.raises(ConfigurationError):
            read()
