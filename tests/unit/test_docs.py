"""The documents keep up with the program: commands, options, policy keys, exit codes, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import pytest
from pydantic import BaseModel

from agent import errors
from agent.cli.main import COMMANDS, EXIT_CODES, main
from agent.config import policy_file
from agent.config.policy_file import load_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FOR_DEVELOPERS = {"benchmarks", "cli", "evaluation", "segment-format"}
IN_BOTH = {"glossary"}
"""Both languages stand side by side in it."""
GUIDES = sorted(
    page
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]
    if ".ja" not in page.suffixes and page.stem not in FOR_DEVELOPERS | IN_BOTH
)


def text(path: Path) -> str:
    """Return a document."""
    return path.read_text("utf-8")


def cli_pages() -> str:
    """Return what is written about commands: docs/cli.md and one page for each large command."""
    return "\n".join(text(page) for page in [DOCS / "cli.md", *sorted(DOCS.glob("cli/*.md"))])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command and subcommand with its full name."""
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for part in command.list_commands(context):
                inner = command.get_command(context, part)
                assert inner is not None
                yield f"{name} {part}", inner


def section(page: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of any level."""
    found = re.search(
        rf"^#+ `?{re.escape(title)}`?\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL
    )
    assert found, f"no section about {title}"
    return found[1]


def policy_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of a policy file's keys, sections included where they are lists."""
    for name, field in model.model_fields.items():
        inner = [t for t in (field.annotation, *get_args(field.annotation)) if is_model(t)]
        if not inner or get_args(field.annotation):
            yield f"{prefix}{name}"
        for part in inner:
            yield from policy_keys(part, f"{prefix}{name}.")


def is_model(kind: Any) -> bool:
    """Say whether an annotation is a section of the file."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def test_every_command_has_a_section() -> None:
    """docs/cli.md or docs/cli/ has a section for every command and subcommand."""
    page = cli_pages()

    for name, _ in commands():
        assert section(page, f"omokage {name}").strip()


def test_every_option_is_documented() -> None:
    """Each option of a command stands in the command's section of docs/cli.md."""
    page = cli_pages()
    missing = []

    for name, command in commands():
        about = section(page, f"omokage {name}")
        for param in command.params:
            if isinstance(param, click.Option):
                spellings = [*param.opts, *param.secondary_opts]
                missing += [f"{name} {s}" for s in spellings if f"`{s}`" not in about]

    assert [] == missing


def test_no_option_is_documented_that_is_gone() -> None:
    """docs/cli.md names no option that its command doesn't have."""
    page = cli_pages()
    gone = []

    for name, command in commands():
        known = {s for p in command.params for s in (*p.opts, *p.secondary_opts)}
        named = set(
            re.findall(r"^\| `(--[a-z-]+)`", section(page, f"omokage {name}"), re.MULTILINE)
        )
        gone += [f"{name} {option}" for option in sorted(named - known)]

    assert [] == gone


def test_every_exit_code_is_documented() -> None:
    """Every exit code that an error has stands in docs/cli.md and in the command's help."""
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.AgentError)
    } - {errors.AgentError.exit_code}
    page = section(cli_pages(), "Exit codes")

    for code in codes:
        assert re.search(rf"^\| {code} \|", page, re.MULTILINE), f"docs/cli.md lacks {code}"
        assert re.search(rf"^ +{code}  ", EXIT_CODES, re.MULTILINE), f"--help lacks {code}"


def test_every_policy_key_is_documented() -> None:
    """Every key that a policy file may hold stands in docs/policy.md."""
    page = text(DOCS / "policy.md")
    keys = list(policy_keys(policy_file._File))

    assert "capture.zones.roster" in keys
    assert [] == [key for key in keys if f"`{key}`" not in page]


def test_no_policy_key_is_documented_that_is_gone() -> None:
    """docs/policy.md explains no key that a policy file may not hold."""
    named = re.findall(r"^\| `([a-z_]+\.[a-z_.]+)` \|", text(DOCS / "policy.md"), re.MULTILINE)

    assert set(named) <= set(policy_keys(policy_file._File))


def test_the_example_policy_is_one_for_people() -> None:
    """The example that README tells to copy is accepted, and isn't a demo's."""
    policy = load_policy(DOCS / "examples" / "shop.toml")

    assert not policy.demo
    assert policy.release.k >= 5
    assert {"en", "ja"} == set(policy.purpose)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a document leads to a file or a folder, every anchor to a heading."""
    broken = []

    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        if not (page.parent / path).exists():
            broken.append(target)
        elif anchor and not path:
            titles = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
            if anchor not in {t.strip("`").lower().replace(" ", "-") for t in titles}:
                broken.append(target)

    assert [] == broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documents_name_only_commands_that_exist(page: Path) -> None:
    """A document calls no command `omokage ...` that there isn't."""
    called = re.findall(r"(?:`|bin/)omokage ([a-z-]+)", text(page))

    assert set(called) <= set(COMMANDS)


def test_every_decision_is_listed() -> None:
    """The list of decisions names every file beside it."""
    listed = text(DOCS / "adr" / "README.md")

    for path in (DOCS / "adr").glob("[0-9]*.md"):
        assert f"({path.name})" in listed, f"docs/adr/README.md lacks {path.name}"


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_guide_speaks_both_languages(page: Path) -> None:
    """Guides for people have a Japanese twin of the same build, and each leads to the other."""
    twin = page.with_suffix(".ja.md")

    assert twin.exists(), f"{page.name} has no Japanese twin"
    assert f"({twin.name})" in text(page)
    assert f"({page.name})" in text(twin)
    assert build_of(text(page)) == build_of(text(twin))


def build_of(page: str) -> dict[str, int]:
    """Return how many headings, table rows, steps and blocks of code a document has."""
    parts = {"headings": r"#+ ", "rows": r"\|", "steps": r"(- |\d+\. )", "blocks": r"```"}
    return {name: len(re.findall(rf"^{part}", page, re.MULTILINE)) for name, part in parts.items()}
