"""Every experiment is stated in full, and mistakes in a file of settings end in one clear line."""

import pytest
from click.testing import CliRunner

from thermolinalg.errors import DataError, InvalidInput
from tngd.__main__ import main
from tngd.reproduce.published import FILES, find_published, list_published

over_names = pytest.mark.parametrize("name", list_published())


@over_names
@pytest.mark.parametrize("quick", [False, True])
def test_each_is_stated_in_full(name, quick):
    published = find_published(name, quick=quick)
    assert published.quick is quick
    for words in (published.title, published.source, published.claim):
        assert words.strip()
    assert published.experiment.cases([])
    assert published == find_published(name, quick=quick)


def test_the_list_names_all():
    result = CliRunner().invoke(main, ["reproduce", "--list"])
    assert result.exit_code == 0
    for name in list_published():
        assert name in result.stdout
        assert find_published(name).title in result.stdout


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("[settings]", "[other]"), InvalidInput, "leave out questions, target"),
        (("[settings", "[other"), DataError, "does not state settings"),
        (("title =", "name ="), DataError, "does not state title"),
        (("[settings]", "[settings"), DataError, "no file of settings"),
        (("batch =", "batches ="), InvalidInput, "no setting 'batches'. It has: contenders"),
    ],
)
def test_mistakes_in_a_file(tmp_path, change, error, words):
    file = tmp_path / "mine.toml"
    file.write_text((FILES / "fig3.toml").read_text().replace(*change))
    with pytest.raises(error, match=words):
        find_published("fig3", file=file)


def test_an_unknown_name():
    with pytest.raises(InvalidInput, match="experiment 'fig33' is unknown"):
        find_published("fig33")
    result = CliRunner().invoke(main, ["reproduce", "fig33"])
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (1, 1)
