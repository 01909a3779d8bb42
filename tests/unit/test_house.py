"""Rules of the whole house that no single module can keep: what the tree must never hold."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from agent.inference.card import load_card

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MODELS = sorted((ROOT / "models").glob("*.onnx"))

# What can put a picture on a disk, or anything that might carry one.
MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "PIL", "imageio", "skimage"}
FUNCTIONS = {
    *(f"cv2.{n}" for n in ("imwrite", "imwritemulti", "imwriteanimation", "imencode",
                           "imencodemulti", "VideoWriter", "FileStorage")),
    *(f"numpy.{n}" for n in ("save", "savez", "savez_compressed", "savetxt", "memmap")),
    "numpy.lib.format.open_memmap",
}  # fmt: skip
METHODS = {"tofile"}

# Written in pieces, so that this file isn't a finding of its own or of other scans.
PLACES = tuple("".join(parts) for parts in (
    ("/wo", "rk/"), ("/ro", "ot/"), ("/opt/", "wheels"), ("/opt/", "py"), ("C:", "\\Users"),
    ("/Us", "ers/"),
))  # fmt: skip
SOMEBODY = "/home" + "/somebody/"
"""Tests may make up a path of a user by this name."""
HOME = re.compile("/home" + "/[a-z]")
HOSTS = tuple("".join(parts) for parts in (
    ("pypi", ".org"), ("python", "hosted"), ("download.", "pytorch"), ("npm", "js."),
    ("crates", ".io"), ("proxy.go", "lang"), ("jfrog", "."), ("index", "-url"), ("deb", ".debian"),
))  # fmt: skip


def sources(*folders: str) -> Iterator[Path]:
    """Yield the Python files of some packages."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def full_names(tree: ast.AST) -> Iterator[str]:
    """Yield what a file imports and what it reaches through an import, by its real dotted name."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, _, rest = ast.unparse(node).partition(".")
            if head in known:
                yield f"{known[head]}.{rest}"
            if node.attr in METHODS:
                yield f"(method).{node.attr}"


def is_banned(name: str) -> bool:
    """Say whether a dotted name can write a picture."""
    parts = name.split(".")
    reached = {".".join(parts[: i + 1]) for i in range(len(parts))}
    return bool(reached & FUNCTIONS) or parts[0] in MODULES or name.startswith("(method)")


def text_files() -> list[tuple[Path, str]]:
    """Return every text file that belongs, or would belong, to the repository."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nobody can say which files belong to it")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    found = []
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            found.append((path, content.decode("utf-8", errors="replace")))
    return found


def test_the_scan_finds_what_it_looks_for() -> None:
    """The search for writers sees through renamed imports and attributes."""
    writers = (
        "import cv2 as c\nc.imwrite('a.png', x)",
        "from cv2 import VideoWriter as V",
        "import numpy as np\nnp.savez_compressed('a', x)",
        "from numpy import save",
        "import pickle",
        "from PIL import Image",
        "frame.pixels.tofile('a')",
    )
    harmless = "import cv2\nimport json\ncv2.resize(x, (1, 1))\njson.dumps([])\nmodel.save()"

    for code in writers:
        assert any(map(is_banned, full_names(ast.parse(code)))), code
    assert not any(map(is_banned, full_names(ast.parse(harmless))))


def test_nothing_in_the_product_can_write_a_picture() -> None:
    """Neither the agent nor the pages name anything that could put a frame on a disk."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("agent", "dashboard")
        for name in full_names(ast.parse(path.read_text("utf-8")))
        if is_banned(name)
    ]

    assert [] == found


def test_no_file_names_a_machine() -> None:
    """No file of the repository holds a path of somebody's machine or a package registry's host."""
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path, content in text_files()
        for word in (*PLACES, *HOSTS)
        if word.lower() in content.lower()
    ]
    found += [
        f"{path.relative_to(ROOT)}: a home folder"
        for path, content in text_files()
        if HOME.search(content.replace(SOMEBODY, ""))
    ]

    assert [] == found


def test_no_secret_key_is_in_the_tree() -> None:
    """No file of the repository holds a private key."""
    key = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s|\")*[A-Za-z0-9+/=]{40}")

    assert [] == [str(p.relative_to(ROOT)) for p, content in text_files() if key.search(content)]


@pytest.mark.skipif(not MODELS, reason="models/ holds no model yet")
def test_every_model_is_the_one_its_card_describes() -> None:
    """Each model file has the hash that its card states, and its card says what it is bad at."""
    for path in MODELS:
        card = load_card(path.with_name(f"{path.stem}.card.toml"))

        assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256, path.name
        assert path.stem == card.name
        assert card.licence
        assert card.limits
        assert card.scores, f"{path.name} has no score"
        assert card.data.get("trained_on"), f"{path.name} doesn't say what it has seen"


def test_every_card_has_its_model() -> None:
    """No card describes a model that isn't there."""
    cards = {p.name.removesuffix(".card.toml") for p in (ROOT / "models").glob("*.card.toml")}

    assert {path.stem for path in MODELS} == cards


def test_the_floors_hold() -> None:
    """The import contracts of pyproject.toml exist, and the tree keeps them."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    kinds = [contract["type"] for contract in contracts]

    assert kinds.count("layers") >= 1
    assert kinds.count("forbidden") >= 4
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_every_package_of_the_agent_stands_on_a_floor() -> None:
    """No module of the agent is left out of the contract about floors."""
    layers = next(
        c["layers"] for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers"
    )
    placed = set(re.findall(r"agent\.(\w+)", " ".join(layers)))
    present = {
        path.stem
        for path in (ROOT / "agent").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__"}

    assert present <= placed


def test_every_test_states_its_claim() -> None:
    """Each test function has a docstring that says what it proves."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sources("tests")
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert [] == silent


def test_both_readmes_say_the_same() -> None:
    """The English and the Japanese README have the same headings, tables, links and commands."""
    english, japanese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.ja.md"))

    for pattern in (r"^(#+) ", r"^\|[-|]+\|$", r"\]\((?!README)([^)]+)\)", r"^(make \w[\w-]*)",
                    r"^(\.venv/bin/omokage [^#\n]*?) *(?:#|$)"):  # fmt: skip
        # A guide that exists in Japanese is linked in Japanese.
        pages = (english, japanese.replace(".ja.md", ".md"))
        # A heading's name, and with it an anchor, is each language's own.
        pages = tuple(re.sub(r"\.md#[^)\s]+\)", ".md)", page) for page in pages)
        found = [sorted(re.findall(pattern, page, re.MULTILINE)) for page in pages]
        assert found[0] == found[1], pattern
        assert found[0], pattern


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_the_readme_names_the_two_commands(name: str) -> None:
    """A reader finds `make demo` and `make test`, and the Makefile has both."""
    page, makefile = (ROOT / name).read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")

    for target in ("demo", "test"):
        assert f"make {target} " in page
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_pins_cover_every_requirement() -> None:
    """Everything that pyproject.toml asks for is pinned to one version that satisfies it."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    for file, wanted in (
        ("constraints.txt", [*project["dependencies"], *extras["dev"]]),
        ("constraints-training.txt", extras["training"]),
    ):
        pins = dict(pinned(file))
        for requirement in map(Requirement, wanted):
            version = pins.get(canonicalize_name(requirement.name))
            assert version, f"{file} lacks {requirement.name}"
            assert requirement.specifier.contains(version, prereleases=True), requirement


def pinned(file: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each line of a constraints file; any other line is a failure."""
    for line in (ROOT / file).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            found = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line)
            assert found, f"{file}: {line}"
            yield canonicalize_name(found[1]), found[2]


def test_shared_pins_agree() -> None:
    """What both environments install, they install in the same version."""
    product, training = dict(pinned("constraints.txt")), dict(pinned("constraints-training.txt"))

    assert {} == {
        name: (product[name], training[name])
        for name in product.keys() & training.keys()
        if product[name] != training[name]
    }


def test_the_changelog_knows_the_version() -> None:
    """The newest entry of the changelog is the version that the project has."""
    newest = re.search(
        r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )

    assert newest
    assert PROJECT["project"]["version"] == newest[1]


def test_the_full_check_runs_the_tests_of_the_readme() -> None:
    """`.ci/run` is executable and begins with what README tells everybody to run."""
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text("utf-8")
