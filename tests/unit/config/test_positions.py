"""Lines of keys and values in a TOML text: every spelling that TOML has for the same thing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.positions import locate, nearest

ROOT = Path(__file__).resolve().parents[3]
FILES = [
    *(ROOT / "policies").rglob("*.toml"),
    *(ROOT / "docs" / "examples").glob("*.toml"),
    *(ROOT / "models").glob("*.toml"),
    ROOT / "pyproject.toml",
]


def paths(value, path=()):
    """Yield the path of everything in a parsed file."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_key_of_our_own_files_is_found(path):
    """Nothing that tomllib reads in any file of the project is without a line."""
    text = path.read_text("utf-8")

    lines = locate(text)

    assert set(paths(tomllib.loads(text))) <= set(lines)
    assert max(lines.values()) <= len(text.splitlines())


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("[s]\n\n# c\nk = 1", ("s", "k"), 4),
        ("a.b.c = 1", ("a", "b"), 1),
        ("x = 1\na . b = 1", ("a", "b"), 2),
        ('"a b" = 1\n"c.d".e = 2', ("c.d", "e"), 2),
        ("'x' = 1\n\"\\u0061\" = 2", ("a",), 2),
        ("[[z]]\nn = 1\n[[z]]\nn = 2", ("z", 1, "n"), 4),
        ("[[z]]\n[[z.m]]\nk = 1\n[[z]]\n[[z.m]]\nk = 2", ("z", 1, "m", 0, "k"), 6),
        ("[[z]]\n[z.t]\nk = 1", ("z", 0, "t", "k"), 3),
        ("l = [ 1,\n  2, # ] no end\n  3,\n]", ("l", 2), 3),
        ("l = [\n [1, 2],\n [3,\n  4] ]\nk = 5", ("l", 1, 1), 4),
        ("t = { a = 1, b = { c = [1, 2] } }\nk = 1", ("t", "b", "c", 1), 1),
        ('s = """\na = 1\n"""\nk = 1', ("k",), 4),
        ("s = '''\n'a''\n'''\nk = 1", ("k",), 4),
        ('s = """x\\""" y\n""""\nk = 1', ("k",), 3),
        ('s = "a # no comment [ \\" ]"\nk = 1', ("k",), 2),
        ("d = 2026-01-02 03:04:05\nk = 1", ("k",), 2),
        ("d = [2026-01-02, 07:32:00]\nk = 1", ("d", 1), 1),
        ("[a.b.c]\nk = 1", ("a", "b"), 1),
        ("\ufeff"[1:] + "k = 1\r\nl = 2\r\n", ("l",), 2),
    ],
)
def test_places_are_found_however_they_are_written(text, path, line):
    """Dotted and quoted keys, arrays of tables, inline tables, strings over several lines."""
    tomllib.loads(text)

    assert line == locate(text)[path]


def test_a_key_that_is_missing_stands_where_its_section_does():
    """The nearest known place is the header of what it would stand in."""
    lines = locate("a = 1\n[s]\nb = 2")

    assert nearest(lines, ("s", "c", 0)) == 2
    assert nearest(lines, ("t", "c")) is None


NAMES = st.text(st.sampled_from("ab-_é .'\"#]"), min_size=1, max_size=4)
SCALARS = st.one_of(
    st.integers(-5, 5), st.booleans(), st.text(st.sampled_from("ab\n\"'\\#]},=é"), max_size=6)
)
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3)), max_leaves=6)
FILES_OF = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=3)


def quoted(text: str) -> str:
    """Return a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def written(value: object) -> str:
    """Return a value in TOML, lists over several lines."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + "".join(f"\n {written(item)}, # ]\n" for item in value) + "]"
    return quoted(value) if isinstance(value, str) else str(value)


@given(FILES_OF)
def test_any_file_is_walked_to_its_end(table):
    """Whatever keys and strings hold, every path is found, in the order of the lines."""
    text = "".join(
        f"[{quoted(name)}]\n" + "".join(f"{quoted(k)} = {written(v)}\n" for k, v in section.items())
        for name, section in table.items()
    )
    assert table == tomllib.loads(text)

    lines = locate(text)

    assert set(paths(table)) == set(lines)
    found = [lines[path] for path in paths(table)]
    assert sorted(found) == found
