"""What sessions share: released numbers, and nothing that was ever decrypted."""

from __future__ import annotations

import ast
from pathlib import Path

import dashboard

FOLDER = Path(dashboard.__file__).parent
RELEASED = {
    ("views/overview.py", "_read"), ("views/live.py", "_read"),
    ("views/beside.py", "_hours"), ("views/beside.py", "_places"), ("views/change.py", "_compared"),
}  # fmt: skip
"""Functions whose results all sessions share; each takes its numbers from the release alone."""


def trees() -> list[tuple[str, ast.Module]]:
    """Return each module of the pages by its path."""
    return [
        (path.relative_to(FOLDER).as_posix(), ast.parse(path.read_text("utf-8")))
        for path in sorted(FOLDER.rglob("*.py"))
    ]


def shared(tree: ast.Module) -> set[str]:
    """Return the functions of a module whose results the page server shares between sessions."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if "cache_data" in ast.unparse(mark) or "cache_resource" in ast.unparse(mark)
    }


def test_only_released_numbers_are_shared_between_sessions() -> None:
    """A new shared cache fails here until somebody has looked at what is in it."""
    found = {(name, function) for name, tree in trees() for function in shared(tree)}

    assert found == RELEASED


def test_where_records_are_opened_nothing_is_shared() -> None:
    """The reviewer's code names no shared cache at all, by a mark or by a call."""
    sources = [path.read_text("utf-8") for path in (FOLDER / "review").rglob("*.py")]

    assert sources
    assert not any("cache_data" in text or "cache_resource" in text for text in sources)


def test_no_module_keeps_what_it_was_given() -> None:
    """Beside constants and texts, no global of a page is filled while pages are drawn."""
    filled = {
        f"{name}: {node.targets[0].id}"
        for name, tree in trees()
        if name.startswith(("views/", "review/"))
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Dict | ast.List | ast.Set)
        and not (node.value.keys if isinstance(node.value, ast.Dict) else node.value.elts)
    }

    assert filled == set()
