# %% [markdown]
"""
# Music as a language: a GPT of notes that writes for four voices

    python examples/music.py                        some minutes, on chorales that are made up by rule
    python examples/music.py --pieces 100           more of them
    python examples/music.py --quick                seconds
    pip install music21                             and it learns from the chorales by Bach that this package carries

Music becomes tokens: time is cut into eighths, and each eighth is four tokens, what soprano, alto, tenor and bass begin
there: a pitch (MIDI's number 0 to 127), "go on" with the note that sounds, or "rest". An eighth of one token more ends
a piece. So a chorale is a sequence of integers, a GPT learns which comes next, and what it writes is a MIDI file that
any player plays.

Without music21 the chorales are made up: chords of a key follow each other as the rules of harmony like it, each voice
moves to the nearest note of the next chord, and the soprano now and then passes through the note between.

Reference: Huang et al., Music Transformer, 2019; music21 is by Cuthbert and Ariza (its corpus of chorales is free).

**You will see** `new.mid`, a piece to listen to, and `rolls.png`: it as a piano roll beside one that was learned from;
and how many of its chords are chords of one key, beside notes that are drawn by their frequency alone.
"""

# %%
import argparse
import struct
import time
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

import kgen
from kgen.script import read_options

GO_ON, REST, END = 128, 129, 130  # after the pitches 0 … 127
NUM_TOKENS = 131
VOICES = 4
COLOURS = ("tab:red", "tab:orange", "tab:green", "tab:blue")
GPT = {"num_layers": 3, "num_heads": 4, "model_dim": 96, "context_length": 128}
MAJOR = (0, 2, 4, 5, 7, 9, 11)

# %% [markdown]
# ## Chorales that are made up

# %%
NEXT = {  # which degree of the scale a chord may be followed by
    0: (3, 4, 5, 1, 3, 4),
    1: (4, 4, 6),
    2: (5, 3),
    3: (4, 4, 0, 1),
    4: (0, 0, 5),
    5: (3, 1, 4),
    6: (0,),
}
RANGES = ((60, 79), (55, 72), (48, 67), (40, 60))  # of the voices, from the top


def made_up(rng, chords=24):
    """A piece as int32 (eighths, voices)."""
    key, degree = int(rng.integers(-4, 5)), 0
    before, rows = [67 + key, 64 + key, 60 + key, 48 + key], []
    for number in range(chords):
        last = number >= chords - 2
        degree = (4, 0)[number - chords + 2] if last else degree
        triad = [(key + MAJOR[(degree + step) % 7]) % 12 for step in (0, 2, 4)]
        wanted = [triad, triad, triad, triad[:1]]  # the bass has the root
        now = [nearest(one, classes, span, rng) for one, classes, span in zip(before, wanted, RANGES, strict=True)]
        begins = [one if one != was or number == 0 else GO_ON for one, was in zip(now, before, strict=True)]
        rows.append(begins)
        rows.append([GO_ON] * VOICES)
        if abs(now[0] - before[0]) in (3, 4) and number and rng.random() < 0.7:  # the soprano passes through
            between = [one for one in range(*sorted((before[0], now[0]))) if (one - key) % 12 in MAJOR]
            rows[-3][0] = between[-1] if between[-1] != before[0] else rows[-3][0]
        if last and number == chords - 1:
            rows += [[GO_ON] * VOICES] * 2
        before, degree = now, int(rng.choice(NEXT[degree]))
    return np.array(rows, "int32")


def nearest(before, classes, span, rng):
    """The pitch of these classes in the span that is nearest to where the voice was; now and then the second."""
    pitches = [one for one in range(*span) if one % 12 in classes]
    pitches.sort(key=lambda one: (abs(one - before), one))
    return pitches[1] if len(pitches) > 1 and rng.random() < 0.25 else pitches[0]


# %% [markdown]
# ## Chorales of music21's


# %%
def of_bach(count):
    """Pieces as int32 (eighths, voices), or None without music21."""
    try:
        from music21 import corpus
    except ImportError:
        return None
    found = []
    for path in corpus.getComposer("bach"):
        if len(found) == count:
            break
        parts = corpus.parse(path).parts
        if len(parts) == VOICES:
            found.append(np.stack([eighths(part) for part in level(parts)], axis=1))
    return found


def level(parts):
    """The parts, cut to the length of the shortest."""
    end = min(part.highestTime for part in parts)
    return [(part.flatten().notesAndRests, int(2 * end)) for part in parts]


def eighths(part):
    """What begins at each eighth of a voice."""
    notes, length = part
    row = np.full(length, GO_ON, "int32")
    row[0] = REST
    for one in notes:
        place = int(2 * one.offset)
        if place < length:
            row[place] = one.pitches[0].midi if one.isNote else REST
    return row


# %% [markdown]
# ## Tokens, chords, files


# %%
def tokens(pieces):
    """All pieces as one sequence of ids. The end of each is as long as an eighth, so that the voices stay in step."""
    return np.concatenate([np.append(piece.ravel(), VOICES * [END]) for piece in pieces]).astype("int32")


def sounding(piece):
    """The pitch that sounds in each eighth, int (eighths, voices), -1 where it is silent."""
    now, found = [-1] * VOICES, []
    for row in piece:
        now = [was if one == GO_ON else -1 if one == REST else int(one) for was, one in zip(now, row, strict=True)]
        found.append(now)
    return np.array(found)


def in_one_key(piece):
    """The share of eighths whose notes are a triad, or a part of one, of the key that fits the piece best."""
    chords = [{int(one) % 12 for one in row if one >= 0} for row in sounding(piece)]
    triads = [{MAJOR[(degree + step) % 7] for step in (0, 2, 4)} for degree in range(7)]
    keys = [[{(one + key) % 12 for one in triad} for triad in triads] for key in range(12)]
    return max(float(np.mean([any(chord <= triad for triad in key) for chord in chords])) for key in keys)


def pieces_of(ids):
    """A sequence of ids as (eighths, voices): up to its end, what is no full eighth left out."""
    ids = ids[: ids.index(END)] if END in ids else ids
    return np.array(ids[: len(ids) - len(ids) % VOICES], "int32").reshape(-1, VOICES)


def write_midi(path, piece, beats_per_minute=80):
    """A MIDI file of one track, with a channel for each voice."""
    events, now = [], [-1] * VOICES
    heard = np.concatenate([piece, np.full((1, VOICES), REST)])
    for time_, row in enumerate(heard):
        for voice, one in enumerate(row):
            if one == GO_ON:
                continue
            if now[voice] >= 0:
                events.append((time_, bytes((0x80 | voice, now[voice], 0))))
            now[voice] = -1 if one == REST else int(one)
            if one != REST:
                events.append((time_, bytes((0x90 | voice, int(one), 80))))
    body = b"\x00\xff\x51\x03" + struct.pack(">I", 60_000_000 // beats_per_minute)[1:]
    last = 0
    for time_, event in events:
        body, last = body + length_of(240 * (time_ - last)) + event, time_
    body += b"\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)  # 480 ticks a quarter, 240 an eighth
    path.write_bytes(header + b"MTrk" + struct.pack(">I", len(body)) + body)


def length_of(ticks):
    """MIDI's numbers of variable length: seven bits a byte, the first bit says that there is more."""
    groups = [ticks & 0x7F]
    while ticks := ticks >> 7:
        groups.append(0x80 | (ticks & 0x7F))
    return bytes(reversed(groups))


def rolls(pieces):
    """Pieces as piano rolls, one above the other, each voice in its colour."""
    figure = Figure(figsize=(10, 2.4 * len(pieces)), layout="constrained")
    for axes, (name, piece) in zip(np.atleast_1d(figure.subplots(len(pieces), 1)), pieces.items(), strict=True):
        heard = sounding(piece)
        for voice in range(VOICES):
            starts = np.flatnonzero(piece[:, voice] != GO_ON)
            for start, end in zip(starts, [*starts[1:], len(piece)], strict=True):
                if heard[start, voice] >= 0:
                    axes.barh(heard[start, voice], end - start - 0.15, left=start, height=0.9, color=COLOURS[voice])
        axes.set(title=name, ylabel="pitch", xlim=(0, max(map(len, pieces.values()))))
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("eighths")
    return figure


# %% [markdown]
# ## All of it


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=200, help="to learn from")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, few pieces, the made-up ones")
    parser.add_argument("--out", type=Path, default=Path("music"), help="folder for the piece and the picture")
    options = read_options(parser)
    started, shape, rng = time.time(), GPT, np.random.default_rng(options.seed)
    if options.quick:
        shape = {"num_layers": 1, "num_heads": 2, "model_dim": 16, "context_length": 32}
        options.pieces, options.epochs = 8, 1
    bach = None if options.quick else of_bach(options.pieces)
    what = "chorales made up by rule" if bach is None else "chorales by Bach"
    pieces = bach or [made_up(rng) for _ in range(options.pieces)]
    test, train = pieces[: len(pieces) // 8], pieces[len(pieces) // 8 :]

    model = kgen.models.GPT(vocabulary_size=NUM_TOKENS, dropout=0.1, seed=options.seed, **shape)
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(tokens(train), batch_size=8, epochs=options.epochs, verbose=2)

    most = 60 if options.quick else 4 * len(train[0])
    sampler = kgen.decoding.TopP(0.95)
    found = [
        pieces_of(
            model.generate(VOICES * [END], max_new_tokens=most, sampler=sampler, seed=options.seed + i, stop=[END])
        )
        for i in range(2 if options.quick else 8)
    ]
    found = [piece for piece in found if len(piece)] or [train[0][:1]]
    counts = np.bincount(tokens(train), minlength=NUM_TOKENS)[:END].astype(float)
    by_frequency = rng.choice(END, (len(train[0]), VOICES), p=counts / counts.sum())
    figures = {
        "nats a token, held out": float(model.evaluate(tokens(test), full=True)["nats_per_token"]),
        "nats a token by frequency": float(-(counts / counts.sum() * np.log(counts / counts.sum() + 1e-12)).sum()),
        "chords of one key, new": float(np.mean([in_one_key(piece) for piece in found])),
        "learned from": float(np.mean([in_one_key(piece) for piece in train[:20]])),
        "notes by frequency": in_one_key(by_frequency),
    }
    kgen.metrics.report(f"GPT of notes on {len(train)} {what}", figures, model, options.seed, started)
    options.out.mkdir(parents=True, exist_ok=True)
    write_midi(options.out / "new.mid", found[0])
    rolls({"new": found[0], "learned from": train[0]}).savefig(options.out / "rolls.png")


# %%
if __name__ == "__main__":
    main()
