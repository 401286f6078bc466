"""How many frames each camera has in each slice of a stretch of time: what the bars on the wall are drawn from."""

import json

from shutterbus_viewer.archive.catalog import CatalogReader

# A row a camera, and not one a slice: of a thousand cameras that is a third of the time, and hardly any of it Python's.
SLICES = """
    with slice as (
        select camera_id, (start_us - :from_us) / :slice_us as number, sum(frames) as frames
        from camera cross join bucket on bucket.camera_id = camera.id
        where start_us >= :from_us and start_us < :to_us and frames > 0
        group by camera_id, number
    )
    select name, json_group_object(number, frames) filter (where number is not null)
    from camera left join slice on camera_id = camera.id
    group by camera.id order by name
"""


def slices(reader: CatalogReader, from_us: int, slice_us: int, count: int) -> dict[str, list[int]]:
    """Return of each camera in the archive how many of its frames lie in each of *count* slices; what aged out does not count.

    Args:
        reader: What is asked.
        from_us: Where the first slice begins, us since 1970, a multiple of ``BUCKET_US``.
        slice_us: Length of each, such a multiple too.
        count: How many.

    Raises:
        ArchiveUnreadableError: See ``CatalogReader.ask``.
    """
    values = {"from_us": from_us, "slice_us": slice_us, "to_us": from_us + count * slice_us}
    rows = reader.ask(lambda asked: asked.execute(SLICES, values).fetchall())
    return {name: _dense(json.loads(frames), count) for name, frames in rows}


def _dense(frames: dict[str, int], count: int) -> list[int]:
    columns = [0] * count
    for number, many in frames.items():
        columns[int(number)] = many
    return columns
