"""Data sets by name.

Each is one function `(split, data_dir)` whose docstring says what it holds, where a user gets it and its licence. A new
data set is that function, a line in `DATASETS` and a line in the docstring of `load`. What holds several of a kind has
a third argument, the part of its name behind "/", and a line in `MEMBERS`.
"""

from kgen.datasets import dates
from kgen.datasets import dialogues
from kgen.datasets import emoji_images
from kgen.datasets import errands
from kgen.datasets import gaussians
from kgen.datasets import instructions
from kgen.datasets import labelled_images
from kgen.datasets import prose
from kgen.datasets import questions
from kgen.datasets import reviews
from kgen.datasets import spoken_digits
from kgen.datasets import stacked_digits
from kgen.datasets import tables
from kgen.datasets import time_series
from kgen.datasets import tones
from kgen.datasets import translations
from kgen.functional.checks import check_in

DATASETS = {
    "digits": labelled_images.digits,
    "digits_and_negatives": labelled_images.digits_and_negatives,
    "mnist": labelled_images.mnist,
    "fashion_mnist": labelled_images.fashion_mnist,
    "cifar10": labelled_images.cifar10,
    "stacked_mnist": stacked_digits.stacked_mnist,
    "emoji": emoji_images.emoji,
    "emoji_twemoji": emoji_images.emoji_twemoji,
    "gaussian_grid": gaussians.gaussian_grid,
    "gaussian_ring": gaussians.gaussian_ring,
    "pydoc": prose.pydoc,
    "stdlib_code": prose.stdlib_code,
    "shakespeare": prose.shakespeare,
    "dates": dates.dates,
    "tatoeba_en_fr": translations.tatoeba_en_fr,
    "multi30k": translations.multi30k,
    "multi30k_en_fr": translations.multi30k_en_fr,
    "sentiment": reviews.sentiment,
    "sentiment_uci": reviews.sentiment_uci,
    "dialogsum": dialogues.dialogsum,
    "xquad": questions.xquad,
    "errands": errands.errands,
    "instructions": instructions.instructions,
    "adbench": tables.adbench,
    "nab": time_series.nab,
    "spoken_digits": spoken_digits.spoken_digits,
    "tones": tones.tones,
}
# Those that are several: "nab/nyc_taxi" is `nab(split, data_dir, "nyc_taxi")`.
MEMBERS = {"xquad": questions.LANGUAGES, "adbench": tuple(tables.SETS), "nab": tuple(time_series.SERIES)}


def names():
    """All names; of those that are several the first part, with "/…"."""
    return [f"{name}/…" if name in MEMBERS else name for name in DATASETS]


def is_name(text):
    """Whether a text is, or begins as, the name of a data set and not a path."""
    return text.partition("/")[0] in DATASETS


def load(name, split="train", data_dir=None):
    """One split of a data set by its name.

    Images come with labels, as `(images uint8 (n, height, width, channels) in [0, 255], labels int64 (n,))`:

    - "digits": 8 × 8 grey, 1,500 and 297, embedded (no download)
    - "mnist": 28 × 28 grey, 60,000 and 10,000
    - "fashion_mnist": 28 × 28 grey, 60,000 and 10,000
    - "cifar10": 32 × 32 colour, 50,000 and 10,000
    - "stacked_mnist": three digits as the channels of one image, 60,000 and 10,000, labels 0..999
    - "emoji": 64 × 64 colour, as `(images, labels, names, class_names)`, with a name for each and for each group
    - "emoji_twemoji": the same emoji by two hands, as two arrays of images `(noto, twemoji)`, row by row alike
    - "digits_and_negatives": 16 × 16 grey, as two arrays of images without pairs, white on black and black on white

    Points in the plane come with the mode that each was drawn from, as `(points float32 (n, 2), modes int64 (n,))`:

    - "gaussian_grid": 25 narrow Gaussians on a grid, 100,000 and 10,000, made up (no download)
    - "gaussian_ring": 8 on a circle, as many, made up (no download); `kgen.datasets.gaussian_modes` says where

    Texts come as a list of str, one a document:

    - "pydoc": English prose about Python, 79 topics of the language reference, embedded in Python
    - "stdlib_code": Python, the 700 files of the standard library, embedded in Python
    - "shakespeare": plays, as one document of 1,003,854 characters for "train" and one of 111,540 for "test"

    Sentences and their translations come as two lists of str, `(sources, targets)`:

    - "dates": dates in words → ISO 8601, 10,000, 500 and 500 pairs, made up (no download)
    - "tatoeba_en_fr": short everyday sentences, English → French, 120,000 pairs; no English sentence is in two splits
    - "multi30k": descriptions of pictures, English → German, 29,000, 1,014 and 1,000 pairs
    - "multi30k_en_fr": the same, English → French
    - "dialogsum": conversations → their summaries, English, 12,460, 500 and 500

    Sentences with an opinion come as `(texts, labels)`, a list of str and int64 `(n,)`, 1 for good and 0 for bad:

    - "sentiment": about films, 10,662 in two splits
    - "sentiment_uci": about things to buy, films and restaurants, 2,000 or 3,000 in two splits

    Questions come as `(contexts, questions, answers, starts)`, three lists of str and int64 `(n,)`:

    - "xquad/en": each answer is a part of its context, 1,190; also de, es, ar, el, hi, ro, ru, th, tr, vi and zh

    Conversations come as a list of lists of messages, `{"role": "user", "content": "…"}`:

    - "errands": small things to say, with one right answer each, 4,000 and 400, made up (no download)
    - "instructions": "sentiment" and "xquad/en" as questions and answers, some 10,000 and 1,200

    Anomalies have a third split, "all", and come with labels or windows that say where they are:

    - "adbench/cardio": a table, as `(rows float32 (n, features), labels uint8 (n,))` with 1 for an anomaly; also
      annthyroid, breastw, Cardiotocography, fault, Ionosphere, mammography, mnist, optdigits, pendigits, Pima, thyroid,
      vowels and WBC
    - "nab/nyc_taxi": a series, as `(values float32 (n,), times, windows (k, 2))`; also ec2_cpu_utilization_24ae8d,
      machine_temperature_system_failure and speed_7578

    Sound comes as waves, each float32 `(samples,)` in [-1, 1]:

    - "spoken_digits": 0 to 9 at 8 kHz, by six people, as `(waves, labels, speakers, speaker_names, rate)`, in a list
    - "tones": plucked strings, as `(waves (n, 512), pitches, rate)`, 512 and 128, made up (no download)

    Licences and sources: `help` of `kgen.datasets.labelled_images`, `.stacked_digits`, `.emoji_images`, `.gaussians`,
    `.prose`, `.translations`, `.dates`, `.dialogues`, `.reviews`, `.questions`, `.errands`, `.instructions`, `.tables`,
    `.time_series`, `.spoken_digits` and `.tones`.

    Args:
        name: str, one of the above.
        split: "train" or "test"; translations and summaries have "validation", questions and anomalies "all", too.
        data_dir: a folder to read from instead of downloading. Images: `<name>.npz` with the arrays x_train, y_train,
            x_test and y_test; only the wanted split is read, and no pickle. Texts, emoji and "stacked_mnist": the files
            that the function of the data set names. None downloads once, through Keras, what can be downloaded.
            Embedded and made-up data needs neither.

    Raises:
        ValueError: no such name or split; or the file is damaged or holds something else.
        FileNotFoundError: no such file, or the download failed; says which file to put where.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits", split="test")
    >>> images.shape, images.dtype, labels.shape
    ((297, 8, 8, 1), dtype('uint8'), (297,))
    """
    group, slash, member = name.partition("/") if isinstance(name, str) else (name, "", "")
    check_in("name", group, tuple(DATASETS))
    if group in MEMBERS:
        check_in("name", name, tuple(f"{group}/{one}" for one in MEMBERS[group]))
        return DATASETS[group](split, data_dir, member)
    if slash:
        raise ValueError(f"name: {group!r} is one data set without parts, got {name!r}")
    return DATASETS[group](split, data_dir)
