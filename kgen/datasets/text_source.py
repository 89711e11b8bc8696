"""Text from one file of any size and unknown origin, plain or gz, in bounded memory."""

import codecs
import gzip
import re
import zlib

BLOCK = 1 << 16  # bytes read at once
HEAD = 1 << 13  # bytes by which a file is judged
GZIP = b"\x1f\x8b"
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
MOST_STRAY = 0.3  # of the head: what has more bytes that are no UTF-8 is another encoding or no text
DAMAGES = (EOFError, zlib.error, gzip.BadGzipFile)  # what reading a broken gz file raises

_STRAY = re.compile("[\udc80-\udcff]")
_UNDECODABLE = re.compile("\ufffd")


class NotText(Exception):
    """A file does not hold text that can be read; the message is the reason, to be counted."""


def check_encoding(encoding):
    """Refuse an encoding that Python does not know."""
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError):
        raise ValueError(f"encoding: expected one that Python knows, such as 'utf-8', got {encoding!r}") from None


def blocks(path, encoding="utf-8"):
    """Yields (text, number of bytes or characters in it that are U+FFFD because they could not be decoded).

    A byte order mark overrules `encoding`. Line ends stay as they are.

    Raises:
        NotText: binary, empty, or mostly not in this encoding.
        OSError, EOFError, zlib.error: unreadable, or a broken gz file; what came before has been yielded.
    """
    with _opened(path) as file:
        head = file.read(HEAD)
        file.seek(0)
        encoding = next((name for mark, name in MARKS if head.startswith(mark)), encoding)
        wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
        if not head:
            raise NotText("empty")
        if b"\x00" in head and not wide:
            raise NotText("binary")
        exact = codecs.lookup(encoding).name.startswith("utf-8")
        stray = _STRAY if exact else _UNDECODABLE
        if exact and len(stray.findall(head.decode(encoding, "surrogateescape"))) > MOST_STRAY * len(head):
            raise NotText(f"not text in {encoding}")
        decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if exact else "replace")
        while block := file.read(BLOCK):
            yield stray.subn("\ufffd", decoder.decode(block))
        if rest := decoder.decode(b"", final=True):
            yield stray.subn("\ufffd", rest)


def _opened(path):
    file = open(path, "rb")  # noqa: SIM115  (the caller's with statement closes it)
    if file.read(len(GZIP)) == GZIP:
        file.close()
        return gzip.open(path)
    file.seek(0)
    return file
