"""The README's own code runs, and its promises about files hold."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_readme_snippet_runs_and_prints(snippet):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    assert printed.getvalue()


def test_readme_shows_all_three_packages():
    assert len(SNIPPETS) >= 3
    assert all(f"import {name}" in README for name in ("thermolinalg", "models", "tngd"))


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_readme_link_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("folder", re.findall(r"^\| `([^`]+)` \|", README, flags=re.MULTILINE))
def test_folder_of_the_map_exists(folder):
    assert (ROOT / folder).is_dir()


def test_ci_runs_the_command_that_the_readme_gives():
    assert "pip install '.[test]' && pytest" in README
    assert "pip install '.[test]'" in (ROOT / ".ci" / "run").read_text()
