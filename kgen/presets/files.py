"""Files: written all or nothing, and looked at with suspicion before they are read."""

import contextlib
import hashlib
import json
import os
import zipfile
import zlib
from pathlib import Path

MAX_CONFIG_BYTES = 64 << 20  # a tokenizer with a large vocabulary stays far below
MAX_EXPANSION = 1000  # weights hardly compress; a member that grows a thousandfold is an attack


@contextlib.contextmanager
def atomic_write(path):
    """Yields a temporary path beside `path`; when the block ends well, it takes `path`'s place in one step."""
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path):
    """The checksum of a file, as a hexadecimal string."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path, limit=MAX_CONFIG_BYTES):
    """Read a JSON object from a file of bounded size.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: too large, or not a JSON object.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if path.stat().st_size > limit:
        raise ValueError(f"{path}: {path.stat().st_size} bytes are too many for a configuration (at most {limit})")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def check_keras_file(path):
    """Refuse a `.keras` file that is missing, truncated, altered or hostile, before anything in it is used.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: says what is wrong with it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a .keras file or a run folder that holds model.keras")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            for member in members:
                if member.filename.startswith(("/", "\\")) or ".." in Path(member.filename).parts:
                    raise ValueError(f"{path}: holds a file outside itself, {member.filename!r}: refused")
                if member.file_size > MAX_EXPANSION * max(member.compress_size, 1024):
                    raise ValueError(f"{path}: {member.filename!r} would unpack to {member.file_size} bytes: refused")
            if missing := {"config.json", "metadata.json"} - names:
                raise ValueError(f"{path}: not a Keras model, {', '.join(sorted(missing))} is missing")
            if archive.getinfo("config.json").file_size > MAX_CONFIG_BYTES:
                raise ValueError(f"{path}: its config.json is too large: refused")
            if damaged := archive.testzip():
                raise ValueError(f"{path}: damaged, the checksum of {damaged!r} is wrong; restore the file from a copy")
            json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path}: truncated or not a .keras file ({error}); restore the file from a copy") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: not a Keras model, its config.json is not JSON") from None
