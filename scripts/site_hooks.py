"""What MkDocs adds to the pages of ``docs/``: see ``mkdocs.yml``.

Links are written as GitHub needs them, relative to the file that they stand in. One that leaves
``docs/`` leads, in the site, to a page made of the file that it names.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from mkdocs.structure.files import File, InclusionLevel
from nbconvert import MarkdownExporter

from config_reference import page as configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "readme.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
}
"""Pages of the site that are files elsewhere."""

EXECUTED = ROOT / "build" / "notebooks"
"""Notebooks with their results, if scripts/run_notebooks.py has put them there."""

_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):(?=<code>)")
_LIST = re.compile(r"\s*(?:[-*]|\d+\.) ")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the decisions, the notebooks, the API and pages that it lacks to the navigation."""
    sections: dict[str, list[Any]] = {}
    for section in config.nav or []:
        sections |= section
    listed = set(re.findall(r"[\w-]+\.md", str(sections)))
    pages = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    sections["Run it"] += [name for name in pages if name not in listed]
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    sections["Decisions"] += ["decisions/index.md", *(f"decisions/{name}" for name in decisions)]
    sections["Ask it"] += [f"notebooks/{path.stem}.md" for path in _notebooks()]
    sections["API"] += ["api/index.md", *(f"api/{name}.md" for name in _packages())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files."""
    made: dict[str, str | bytes] = {name: _read(path) for name, path in PAGES.items()}
    profiles = sorted((ROOT / "conf" / "profiles").glob("*.yaml"))
    made["configuration.md"] = configuration(
        _read("conf/base.yaml"), {path.stem: path.read_text("utf-8") for path in profiles}
    )
    made |= _decisions_index() | _api() | dict(_rendered_notebooks())
    texts = {ROOT / path: _read(path) for path in PAGES.values()}
    texts |= {path: path.read_text("utf-8") for path in (ROOT / "docs").rglob("*.md")}
    texts[ROOT / "docs" / "configuration.md"] = str(made["configuration.md"])
    for path, text in texts.items():
        made |= _linked_sources(path, text)
    for name, content in made.items():
        file = File.generated(config, name, content=content)
        if name.startswith("source/"):
            file.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Correct links out of ``docs/``, and lists that follow a line of text at once."""
    del config, files
    here = page.file.src_uri
    written = ROOT / PAGES.get(here, here if here.startswith("notebooks/") else f"docs/{here}")

    def corrected(match: re.Match[str]) -> str:
        name = _in_site(written, match[2])
        if name is None:
            return match[0]
        return f"{match[1]}{os.path.relpath(name, Path(here).parent)}{match[3] or ''}"

    return _LINK.sub(corrected, "\n".join(_with_lists(markdown.splitlines())))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take away the roles that docstrings give names for Sphinx, such as ``:func:``."""
    del page, config, files
    return _ROLE.sub("", html)


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _target(written: Path, link: str) -> Path | None:
    """Return the file of the repository that a relative link names; None for other links."""
    if ":" in link or link.startswith("/"):
        return None
    path = Path(os.path.normpath(written.parent / link))
    return path if path.exists() and path.is_relative_to(ROOT) else None


def _in_site(written: Path, link: str) -> str | None:
    """Return the page that a link leads to in the site, None to leave the link as it is."""
    path = _target(written, link)
    if path is None:
        return None
    name = path.relative_to(ROOT).as_posix()
    elsewhere = {there: here for here, there in PAGES.items()}
    if name in elsewhere:
        return elsewhere[name]
    if name.startswith("docs/"):
        return f"{name[5:]}/index.md" if path.is_dir() else name[5:]
    if name.startswith("notebooks/"):
        return name.replace(".ipynb", ".md")
    return f"source/{name}.md"


def _linked_sources(written: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield a page for each file that is neither a page nor a notebook, and is linked."""
    for match in _LINK.finditer(text):
        path, name = _target(written, match[2]), _in_site(written, match[2])
        if path is not None and name is not None and name.startswith("source/"):
            title = path.relative_to(ROOT).as_posix()
            if path.is_dir():
                body = "\n".join(f"- {one.name}" for one in sorted(path.iterdir()))
            else:
                kind = path.suffix.removeprefix(".") or "text"
                body = f"````{kind}\n{path.read_text(encoding='utf-8')}\n````"
            yield name, f"# {title}\n\n{body}\n"


def _with_lists(lines: list[str]) -> Iterator[str]:
    """Yield the lines with a blank one before each list: Markdown proper asks for it."""
    fenced, before = False, ""
    for line in lines:
        if line.lstrip().startswith("```"):
            fenced = not fenced
        text_before = before.strip() and not _LIST.match(before) and not before.startswith(" ")
        if not fenced and _LIST.match(line) and text_before:
            yield ""
        yield line
        before = line


def _decisions_index() -> dict[str, str]:
    lines = ["# Decisions", "", "Each with what was rejected, and why.", ""]
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title.replace('.', chr(92) + '.', 1)}]({path.name})")
    return {"decisions/index.md": "\n".join([*lines, ""])}


def _packages() -> dict[str, list[str]]:
    """Return the public modules of each package, and of the top level, by dotted name."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "lib" / "iotscore").rglob("*.py")):
        parts = path.relative_to(ROOT / "lib").with_suffix("").parts
        if not any(part.startswith("_") for part in parts):
            found.setdefault(".".join(parts[:-1]), []).append(".".join(parts))
    return found


def _api() -> dict[str, str]:
    """Return a page for each package, with its public modules."""
    pages = {}
    lines = ["# API", "", "Public modules, by package. Layers and rules: architecture.", ""]
    for package, modules in _packages().items():
        lines.append(f"- [`{package}`]({package}.md)")
        pages[f"api/{package}.md"] = "\n".join(
            [f"# {package}", "", *(f"::: {module}\n" for module in modules)]
        )
    return {"api/index.md": "\n".join([*lines, ""]), **pages}


def _notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def _rendered_notebooks() -> Iterator[tuple[str, str | bytes]]:
    """Yield a page for each notebook, with its results if it was run, and its pictures."""
    exporter = MarkdownExporter()
    for path in _notebooks():
        executed = EXECUTED / path.name
        notebook = nbformat.read(executed if executed.is_file() else path, as_version=4)
        for cell in notebook.cells:
            # What a program says about the machine that it ran on is of no use to a reader.
            cell["outputs"] = [one for one in cell.get("outputs", []) if not _is_noise(one)]
        body, resources = exporter.from_notebook_node(
            notebook, {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
        )
        yield (
            f"notebooks/{path.stem}.md",
            body.replace('<table border="1" class="dataframe">', "<table>"),
        )
        for name, content in resources.get("outputs", {}).items():
            yield f"notebooks/{name}", content


def _is_noise(output: dict[str, Any]) -> bool:
    return output.get("name") == "stderr"
