"""A catalog of any earlier version becomes one of this program's, with a copy of what it was."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shutterbus_archive.catalog import Catalog, beside, schema
from shutterbus_archive.catalog.database import MIGRATIONS, Database, head_revision
from shutterbus_archive.errors import CatalogError

EARLIER = [
    script.revision
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    if script.revision != head_revision()
]


def make_catalog(folder: Path, revision: str) -> None:
    """Make a catalog as a program of that time did, with a camera in it."""
    database = Database(folder, beside=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = database.connection
    command.upgrade(config, revision)
    with database.transaction() as connection:
        connection.exec_driver_sql("insert into camera (name) values ('gate')")
    database.close()


def differences(folder: Path) -> list[object]:
    database = Database(folder)
    try:
        with database.transaction() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), schema.metadata))
    finally:
        database.close()


def test_tables_that_the_migrations_make_are_those_of_the_schema(tmp_path: Path) -> None:
    assert differences(tmp_path) == []


@pytest.mark.parametrize("revision", EARLIER)
def test_catalog_of_an_earlier_version_is_brought_up_to_this_one(tmp_path: Path, revision: str) -> None:
    make_catalog(tmp_path, revision)
    assert differences(tmp_path) == []
    assert (tmp_path / f"catalog.sqlite.before-{head_revision()}").exists()
    catalog = Catalog(tmp_path)
    with catalog.transaction() as connection:
        assert connection.exec_driver_sql("select name from camera").scalar_one() == "gate"
    catalog.close()


@pytest.mark.parametrize("revision", EARLIER)
def test_command_beside_the_archive_leaves_an_earlier_version_alone(tmp_path: Path, revision: str) -> None:
    make_catalog(tmp_path, revision)
    with (
        pytest.raises(
            CatalogError, match=f"is of version {revision}, and this program's is {head_revision()}"
        ),
        beside.writing(tmp_path),
    ):
        pass
    assert [path.name for path in tmp_path.glob("*before*")] == []


def test_command_beside_the_archive_makes_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="is ARCHIVE_STATE_DIR right"), beside.writing(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
