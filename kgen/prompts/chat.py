"""Conversations as ids: who speaks is said by marks that no text can spell.

    User:\n How is the film?  <|end|>  Assistant:\n  Good.  <|end|>

A mark is a special token of the tokenizer, "<|user|>", where it has one; else a line of text. Each turn closes with the
end token. What people write is encoded as text, and text never becomes a special token: nobody can close their turn
and speak in another's name.
"""

from collections.abc import Mapping

import numpy as np

ROLES = ("system", "user", "assistant")
LEARNED = "assistant"  # whose words a model learns to say


def mark_of(role):
    """The special token that a new tokenizer gets for a role: "<|user|>"."""
    return f"<|{role}|>"


def chat_template(tokenizer):
    """The marks that stand before what each role says, as a dict: of special tokens where the tokenizer has them.

    Args:
        tokenizer: a tokenizer of kgen with an end token.

    Raises:
        ValueError: the tokenizer has no end token, which closes a turn.

    Example:

    >>> import kgen
    >>> kgen.prompts.chat_template(kgen.tokenizers.ByteTokenizer())
    {'system': 'System:\\n', 'user': 'User:\\n', 'assistant': 'Assistant:\\n'}
    >>> special = [f"<|{role}|>" for role in ("system", "user", "assistant")]
    >>> kgen.prompts.chat_template(kgen.tokenizers.ByteTokenizer.train(extra_tokens=special))
    {'system': '<|system|>', 'user': '<|user|>', 'assistant': '<|assistant|>'}
    """
    if tokenizer is None or tokenizer.end_id is None:
        raise ValueError(
            "tokenizer: a conversation needs one with an end token, which closes each turn; "
            f"got {tokenizer!r}. Give it an end_token"
        )
    special = {*tokenizer.special_tokens}
    return {role: mark_of(role) if mark_of(role) in special else f"{role.capitalize()}:\n" for role in ROLES}


def check_template(template):
    """Refuse what is no dict of marks."""
    roles = set(template) if isinstance(template, Mapping) else None
    if roles != set(ROLES) or not all(isinstance(mark, str) and mark for mark in template.values()):
        raise ValueError(
            f"chat_template: expected a dict of a mark for each of {', '.join(ROLES)}, got {template!r:.80}"
        )


def is_chats(value):
    """Whether a value is meant as conversations: a list whose first is a list whose first is a dict."""
    for _ in range(2):
        if not isinstance(value, list | tuple) or not value:
            return False
        value = value[0]
    return isinstance(value, Mapping)


def checked_chat(name, messages, last=None):
    """A conversation as a list of pairs (role, content), or a ValueError that begins with `name`.

    Args:
        name: what the user calls it.
        messages: list of dicts with "role", one of `ROLES`, and "content", a str.
        last: None, or the role that must not be the last one.
    """
    form = '{"role": "user", "content": "…"}'
    if not isinstance(messages, list | tuple) or not messages:
        raise ValueError(f"{name}: expected a list of messages, {form}, got {messages!r:.80}")
    for message in messages:
        known = isinstance(message, Mapping) and message.get("role") in ROLES
        if not known or not isinstance(message.get("content"), str):
            raise ValueError(f"{name}: expected messages {form} of {', '.join(ROLES)}, got {message!r:.80}")
    if messages[-1]["role"] == last:
        raise ValueError(f"{name}: expected somebody else than the {last} to have the last word")
    return [(message["role"], message["content"]) for message in messages]


def chat_rows(chats, tokenizer, template):
    """Conversations as rows of ids, and which of them are to be learned.

    Args:
        chats: list of conversations, each with something that the assistant says.
        tokenizer: a tokenizer with an end token.
        template: the marks, as `chat_template` returns them.

    Returns:
        (rows, learned): lists of int32 and of bool arrays `(length,)`; True for what the assistant says and for the end
        of its turn.
    """
    turns = [checked_chat("x", messages) for messages in chats]
    if silent := [number for number, one in enumerate(turns) if LEARNED not in dict(one)]:
        raise ValueError(f"x: expected the {LEARNED} to speak in each conversation, not so in number {silent[0]}")
    contents = iter(tokenizer.encode([content for one in turns for _, content in one]))
    marks, rows, learned = _mark_ids(tokenizer, template), [], []
    for one in turns:
        row, says = [], []
        for role, _ in one:
            said = [*next(contents), tokenizer.end_id]
            row += [*marks[role], *said]
            says += [False] * len(marks[role]) + [role == LEARNED] * len(said)
        rows.append(np.array(row, "int32"))
        learned.append(np.array(says, bool))
    return rows, learned


def chat_prompt(messages, tokenizer, template, room=None):
    """The ids of a conversation up to where the assistant begins to speak, as a list.

    Args:
        messages: list of dicts; the assistant must not have the last word.
        tokenizer, template: as in `chat_rows`.
        room: None, or the most ids: the oldest messages are left out until the rest fits, but for what the system says
            and for the last one.
    """
    turns, marks = checked_chat("messages", messages, last=LEARNED), _mark_ids(tokenizer, template)
    contents = tokenizer.encode([content for _, content in turns])
    parts = [[*marks[role], *ids, tokenizer.end_id] for (role, _), ids in zip(turns, contents, strict=True)]
    roles, ask = [role for role, _ in turns], marks[LEARNED]
    while room is not None and sum(map(len, parts)) + len(ask) > room:
        oldest = next((i for i, role in enumerate(roles[:-1]) if role != "system"), None)
        if oldest is None:
            break
        del parts[oldest], roles[oldest]
    return [*(one for part in parts for one in part), *ask]


def up_to_the_answer(messages):
    """The messages before the first of the assistant's."""
    roles = [message["role"] for message in messages]
    return messages[: roles.index(LEARNED)] if LEARNED in roles else messages


def _mark_ids(tokenizer, template):
    """The marks are the program's own, so they may spell special tokens."""
    return dict(zip(template, tokenizer.encode(list(template.values()), allow_special=True), strict=True))
