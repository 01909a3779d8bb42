"""At least half of the cases about keys, stores and retention assert that something is refused.

A case counts if its test, or a helper of its file that it calls, contains `pytest.raises`; or if
the test itself compares an exit code with another number than 0, or calls a helper with `code=`
another number than 0. Refusals that are told by a value (a `Stop`, a `Doubt`) don't count here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AREAS = {
    "keys": ("unit/crypto", "property/test_keys_property.py", "property/test_seal_property.py"),
    "stores": ("unit/store", "property/test_store_property.py"),
    "retention": (
        "unit/retention", "unit/cli/test_policy_retention.py", "unit/cli/test_policy_refusals.py",
        "unit/test_maintenance.py", "unit/test_maintenance_refusals.py",
        "property/test_retention_property.py", "integration/test_retention_faults.py",
    ),
}  # fmt: skip
EXITS = {"code", "exit_code", "returncode"}

Functions = dict[str, ast.FunctionDef]


def asserts_a_refusal(test: ast.FunctionDef, helpers: Functions) -> bool:
    """Say whether a test counts, by the rule above."""
    return any(map(_is_failing_exit, ast.walk(test))) or _raises(test, helpers, set())


def _raises(function: ast.FunctionDef, helpers: Functions, seen: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr == "raises":
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if (
                name in helpers
                and name not in seen
                and _raises(helpers[name], helpers, {*seen, name})
            ):
                return True
    return False


def _is_failing_exit(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword) and node.arg == "code":
        return not (isinstance(node.value, ast.Constant) and node.value.value == 0)
    if not isinstance(node, ast.Compare):
        return False
    inside = list(ast.walk(node))
    named = {n.attr for n in inside if isinstance(n, ast.Attribute)}
    named |= {n.id for n in inside if isinstance(n, ast.Name)}
    numbers = [n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, int)]
    return bool(named & EXITS) and any(number > 0 for number in numbers)


def cases(area: str) -> Iterator[tuple[Path, str]]:
    """Yield the file and the test's name of each collected case."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"]
    places = [f"tests/{place}" for place in AREAS[area]]
    listed = subprocess.run(
        [*command, *places], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    for line in listed.stdout.splitlines():
        if found := re.match(r"(tests/\S+?\.py)::(\w+)", line):
            yield ROOT / found[1], found[2]


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_at_least_half_of_the_cases_assert_a_refusal(area: str) -> None:
    """What guards keys, stores and deadlines is tried mostly by what it must not let through."""
    found = Counter(cases(area))
    refusing = 0
    for file in {path for path, _ in found}:
        functions = {
            node.name: node
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        helpers = {n: f for n, f in functions.items() if not n.startswith("test_")}
        for (path, name), count in found.items():
            if path == file and asserts_a_refusal(functions[name], helpers):
                refusing += count

    print(f"{area}: {refusing} of {found.total()} cases assert a refusal")
    assert found.total() > 300
    assert refusing >= found.total() / 2


def test_the_rule_counts_refusals_only() -> None:
    """A plain assertion and a good exit don't count; an expected error and a bad exit do."""
    text = """
def helper():
    with pytest.raises(ValueError): f()
def good(): assert run(code=0) == 1
def good_exit(): assert done.exit_code == 0
def bad_exit(): assert done.exit_code == 8
def code(): run("x", code=7)
def through(): helper()
"""
    functions = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}

    counted = {n for n, function in functions.items() if asserts_a_refusal(function, functions)}
    assert counted == {"helper", "bad_exit", "code", "through"}
