"""Texts, each set as a list of str, one a document."""

import sysconfig
import tokenize
from pathlib import Path

from kgen.datasets.downloads import any_file_in
from kgen.datasets.downloads import downloaded
from kgen.datasets.downloads import read_text
from kgen.datasets.splitting import bucket
from kgen.functional.checks import check_in

SPLITS = ("train", "test")
TEST_ONE_IN = 8  # topics or modules
NOT_CODE = {"site-packages", "dist-packages", "test", "tests", "idle_test", "_bundled", "pydoc_data", "__pycache__"}
SHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def pydoc(split, data_dir=None):
    """English prose about Python: what `help("topic")` shows, some 79 topics of the reference, 465,000 characters.

    Embedded: `pydoc_data.topics` is a part of Python, so it varies a little with its version and `data_dir` is not
    looked at. About one topic in eight is "test", by a hash of its name. Licence: PSF.
    """
    check_in("split", split, SPLITS)
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise FileNotFoundError(f"name: this Python comes without its documentation, 'pydoc' ({error})") from error
    return [topics[name] for name in sorted(topics) if _is_test(name) == (split == "test")]


def stdlib_code(split, data_dir=None):
    """Python code: the files of the standard library without its tests, some 730 files, 11 MB.

    Embedded: it is what this Python runs on, so it varies with its version and `data_dir` is not looked at. About one
    module in eight is "test", by a hash of its name; the files of a package are together. Licence: PSF.
    """
    check_in("split", split, SPLITS)
    root = Path(sysconfig.get_path("stdlib"))
    texts = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        generated = parts[0].startswith(("_sysconfigdata", "config-"))
        if generated or not NOT_CODE.isdisjoint(parts) or _is_test(parts[0].removesuffix(".py")) != (split == "test"):
            continue
        try:
            with tokenize.open(path) as file:
                texts.append(file.read())
        except (OSError, SyntaxError, UnicodeDecodeError):
            continue
    if not texts:
        raise FileNotFoundError(f"name: this Python comes without its source code, 'stdlib_code' looked into {root}")
    return [text for text in texts if text]


def shakespeare(split, data_dir=None):
    """Scenes from Shakespeare's plays, 1,115,394 characters, of 65 kinds: "train" is the first 90 %, "test" the rest.

    Compiled by A. Karpathy for char-rnn; Keras downloads it (1.1 MB) from
    https://github.com/karpathy/char-rnn/tree/master/data/tinyshakespeare, or `data_dir` holds it as
    `tinyshakespeare.txt` or `tinyshakespeare.txt.gz`. Licence: the text is in the public domain.
    """
    check_in("split", split, SPLITS)
    names = ("tinyshakespeare.txt", "tinyshakespeare.txt.gz")
    if data_dir is None:
        path = downloaded("shakespeare", "tinyshakespeare.txt", SHAKESPEARE, f"it as {names[0]}", SHAKESPEARE_SHA256)
    else:
        path = any_file_in(data_dir, names, "the plays")
    text = read_text(path)
    end = int(len(text) * 0.9)
    return [text[:end] if split == "train" else text[end:]]


def _is_test(name):
    return bucket(name, TEST_ONE_IN) == 0
