"""Files that people send, looked at with suspicion."""

from pathlib import Path

from .studio import sorry


def upload_path(what, file, most_bytes=None):
    """The path of an upload, or a sentence when there is none or it is too large.

    Args:
        what: what the control is called.
        file: what gradio makes of it, a dict; it lets no path through that is outside the folder of uploads.
        most_bytes: how large it may be; without it, whoever reads the file judges.
    """
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not Path(path).is_absolute():  # not an address in the network either
        raise sorry(f"{what}: choose a file first.")
    path = Path(path)
    if most_bytes is not None and path.stat().st_size > most_bytes:
        raise sorry(f"{what}: expected at most {most_bytes // 1_000_000:,} MB.")
    return path


def table_path(what, file, most_bytes, widest):
    """The path of an uploaded table, or a sentence: not packed, so that it is no larger than it looks, nor too wide."""
    path = upload_path(what, file, most_bytes)
    with open(path, "rb") as opened:
        head = opened.read(widest + 1)
    if head.startswith((b"\x1f\x8b", b"PK")):
        raise sorry(f"{what}: expected a table as plain text; unpack it first.")
    if len(head.split(b"\n", 1)[0]) > widest:
        raise sorry(f"{what}: expected a first line of at most {widest:,} bytes with the names of the columns.")
    return path
