"""The code of the README and of the pages in docs/ runs, and promises about files hold."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from thermolinalg.simulation.choice import INTEGRATORS
from tngd.optimizers.registry import SYSTEMS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!http)([^)#]+)\)")
SNIPPETS = PYTHON.findall(README)
FOLDERS = [ROOT / "docs" / part for part in ("", "learning", "optimizers", "programs", "devices")]
PAPERS = sorted(  # slow: executed by hand
    [
        *(ROOT / "docs" / "papers").glob("*.md"),
        *(ROOT / "docs" / "devices").glob("sensitivity_*.md"),
        *(ROOT / "docs" / "devices").glob("crossover.md"),
    ]
)
PAGES = sorted({page for folder in FOLDERS for page in folder.glob("*.md")} - {*PAPERS})
WRITTEN = sorted((ROOT / "docs" / "experiments").glob("*.md"))  # by `tngd reproduce`
LARGEST = 120_000
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_paper = pytest.mark.parametrize("page", PAPERS, ids=lambda page: page.name)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_readme_snippet_runs_and_prints(snippet):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    assert printed.getvalue()


def test_readme_shows_all_three_packages():
    assert len(SNIPPETS) >= 3
    assert all(f"import {name}" in README for name in ("thermolinalg", "models", "tngd"))


@pytest.mark.parametrize("path", LINK.findall(README))
def test_readme_link_exists(path):
    assert (ROOT / path).exists()


@each_page
def test_a_page_is_one_program(page):
    """Its pieces run in order, in one namespace."""
    known = {}
    for code in PYTHON.findall(page.read_text()):
        exec(compile(code, page.name, "exec"), known)
    plt.close("all")


@each_paper
def test_a_paper_page_compiles_and_shows_what_it_printed(page):
    text = page.read_text()
    for code in PYTHON.findall(text):
        compile(code, page.name, "exec")
    assert "```text\n" in text


@pytest.mark.parametrize("page", [*PAGES, *PAPERS, *WRITTEN], ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files_and_pictures_are_small(page):
    for path in LINK.findall(page.read_text()):
        assert (page.parent / path).exists(), path
        assert not path.endswith(".png") or (page.parent / path).stat().st_size < LARGEST, path


@pytest.mark.parametrize("folder", re.findall(r"^\| `([^`]+)` \|", README, flags=re.MULTILINE))
def test_folder_of_the_map_exists(folder):
    assert (ROOT / folder).is_dir()


def test_ci_runs_the_command_that_the_readme_gives():
    assert "pip install '.[test]' && pytest" in README
    assert "pip install '.[test]'" in (ROOT / ".ci" / "run").read_text()


def test_integrators_of_the_page_are_those_that_there_are():
    page = (ROOT / "docs" / "simulation.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \| (.*) \|$", page, flags=re.MULTILINE)
    assert rows == [(i.name, i.error, i.cost) for i in INTEGRATORS.values()]


def test_optimizers_of_the_page_are_those_that_there_are():
    page = (ROOT / "docs" / "optimizers" / "README.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| `(\w+)` \|", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted((n, system.make.__name__) for n, system in SYSTEMS.items())
