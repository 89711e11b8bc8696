"""Conversations: the user's own, from a file, and how a question and its answer become one."""

import json
import warnings

from kgen.datasets.files import Skipped
from kgen.datasets.text_lines import Broken
from kgen.datasets.text_lines import checked_file
from kgen.datasets.text_lines import lines_of
from kgen.prompts.chat import LEARNED
from kgen.prompts.chat import checked_chat

# What else than messages a line may hold: a question and its answer, by the names that are in use.
PAIRS = (("prompt", "answer"), ("prompt", "completion"), ("instruction", "output"))


def conversation(*contents, system=""):
    """What user and assistant say in turn, as a list of messages."""
    start = [{"role": "system", "content": system}] if system else []
    roles = ("user", "assistant") * len(contents)
    return [*start, *({"role": role, "content": content} for role, content in zip(roles, contents, strict=False))]


def conversations(path):
    """The conversations in a file with a JSON value a line, for `fit(conversations)` of a language model.

    A line is `{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}`, or such a list
    itself, or a single question and its answer as `{"prompt": "…", "answer": "…"}`, "prompt" and "completion", or
    "instruction" and "output". Roles are "system", "user" and "assistant". Plain or gz.

    Lines that cannot be used are left out: those that are no JSON, hold something else, have bytes that are no UTF-8,
    or no word of the assistant's. One `UserWarning` counts them.

    Args:
        path: the file, `.jsonl` by custom.

    Returns:
        list of conversations, each a list of dicts with "role" and "content".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no line could be used; the file is damaged or not text.

    Example:

    >>> import pathlib, tempfile, kgen
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "chats.jsonl").write_text('{"prompt": "Is it late?", "answer": "No."}\\n')
    ...     kgen.datasets.conversations(folder + "/chats.jsonl")
    [[{'role': 'user', 'content': 'Is it late?'}, {'role': 'assistant', 'content': 'No.'}]]
    """
    path, found, left_out = checked_file("path", path), [], Skipped()
    for number, line in enumerate(lines_of(path), 1):
        if not isinstance(line, Broken):
            if not line.strip():
                continue
            line = _read(line)
        if isinstance(line, Broken):
            left_out.add(f"line {number}", line)
        else:
            found.append(line)
    if not found:
        why = f"left out {len(left_out)}: {left_out}" if left_out else "it is empty"
        raise ValueError(f"path: no conversation could be read from {path} ({why})")
    if left_out:
        warnings.warn(
            f"conversations: read {len(found)} from {path}, left out {len(left_out)}: {left_out}", stacklevel=2
        )
    return found


def _read(line):
    """A conversation, or why it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Broken("that are no JSON")
    if isinstance(value, dict):
        for question, answer in PAIRS:
            if isinstance(value.get(question), str) and isinstance(value.get(answer), str):
                return conversation(value[question], value[answer])
        value = value.get("messages")
    try:
        turns = checked_chat("line", value)
    except ValueError:
        return Broken("without messages")
    if LEARNED not in dict(turns):
        return Broken(f"without a word of the {LEARNED}'s")
    return [{"role": role, "content": content} for role, content in turns]
