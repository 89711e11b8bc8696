"""Sound, opinions, questions, conversations and anomalies, from tiny files of the same form as the real ones."""

import gzip
import json
import re

import keras
import numpy as np
import pytest

import kgen


def put(folder, name, text):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


def refused(name, folder, reason, split="train", error=ValueError):
    with pytest.raises(error, match=reason):
        kgen.datasets.load(name, split, folder)


# Spoken digits


def spoken(**changes):
    """Two speakers, two digits, ten recordings of each; recording i has i + 1 samples."""
    n = 40
    lengths = np.arange(1, n + 1)
    made = {
        "audio": np.repeat(np.arange(n) * 100, lengths).astype("int16"),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]),
        "digit": np.tile([7, 7, 2, 2], 10).astype("uint8"),
        "speaker": np.tile([0, 1, 0, 1], 10).astype("uint8"),
        "speakers": np.array(["ann", "bob"]),
        "rate": np.int32(8000),
    }
    return {**made, **changes}


def test_every_fifth_recording_of_a_digit_by_a_speaker_is_tested(tmp_path):
    np.savez(tmp_path / "fsdd_8khz.npz", **spoken())
    numbers = {}
    for split in ("train", "test"):
        waves, labels, speakers, names, rate = kgen.datasets.load("spoken_digits", split, tmp_path)
        assert (names, rate, labels.dtype, speakers.dtype) == (["ann", "bob"], 8000, "int64", "int64")
        assert all(wave.dtype == np.float32 for wave in waves)
        numbers[split] = [len(wave) - 1 for wave in waves]
        for number, wave, label, speaker in zip(numbers[split], waves, labels, speakers, strict=True):
            assert (label, speaker) == ((7, 7, 2, 2)[number % 4], number % 2)
            np.testing.assert_allclose(wave, number * 100 / 32768)
    assert numbers["test"] == [0, 1, 2, 3, 20, 21, 22, 23]
    assert sorted(numbers["train"] + numbers["test"]) == list(range(40))


def test_recordings_as_they_are_published_have_the_same_split(tmp_path):
    (tmp_path / "recordings").mkdir()
    for name, first in (("ann", 0.1), ("bob", 0.2)):
        for number in range(7):
            sound = np.full(number + 1, first, "float32")
            kgen.datasets.write_audio(tmp_path / "recordings" / f"3_{name}_{number}.wav", sound, 8000)
    (tmp_path / "recordings" / "readme.txt").write_text("no sound")
    test = kgen.datasets.load("spoken_digits", "test", tmp_path)
    assert [len(wave) for wave in test.waves] == [1, 6, 1, 6]
    assert test.labels.tolist() == [3, 3, 3, 3]
    assert [test.speaker_names[one] for one in test.speakers] == ["ann", "ann", "bob", "bob"]
    assert len(kgen.datasets.load("spoken_digits", "train", str(tmp_path)).waves) == 10


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"audio": np.zeros(820)}, r"expected audio int16, .* float64 \(820,\)"),
        ({"offsets": np.arange(40)}, r"expected audio int16, .* int64 \(40,\)"),
        ({"offsets": np.arange(41)[::-1]}, "damaged, offsets"),
        ({"offsets": np.arange(41) * 1000}, "damaged, offsets"),
        ({"digit": np.full(40, 10, "uint8")}, "damaged, offsets, digits"),
        ({"speakers": np.array(["ann"])}, "damaged, offsets, digits or speakers"),
        ({"rate": np.float32(8000)}, "expected audio int16"),
    ],
)
def test_damaged_recordings(changes, reason, tmp_path):
    np.savez(tmp_path / "fsdd_8khz.npz", **spoken(**changes))
    refused("spoken_digits", tmp_path, re.escape(str(tmp_path / "fsdd_8khz.npz")) + ".*" + reason)


def test_a_damaged_recording_is_named(tmp_path):
    put(tmp_path, "recordings/1_ann_0.wav", "no sound")
    refused("spoken_digits", tmp_path, "1_ann_0.wav is no WAV file")
    refused("spoken_digits", None, "recordings, or fsdd_8khz.npz, got None. Clone", error=FileNotFoundError)
    refused("spoken_digits", tmp_path / "none", "Clone https://", error=FileNotFoundError)


# Opinions


def test_reviews_in_ones_own_split(tmp_path):
    for split, rows in (("train", "1\tgood .\n0\tbad ,\tbad .\n"), ("test", "0\tboring\n")):
        put(tmp_path, f"sentiment/rt_polarity.{split}.tsv.gz", rows)
    texts, labels = kgen.datasets.load("sentiment", "train", tmp_path)
    assert texts == ["good .", "bad ,\tbad ."]
    assert labels.tolist() == [1, 0] and labels.dtype == np.int64
    assert kgen.datasets.load("sentiment", "test", tmp_path).texts == ["boring"]


def test_reviews_as_they_are_published(tmp_path, monkeypatch):
    for name in ("neg", "pos"):
        put(tmp_path, f"rt-polarity.{name}", "".join(f"{name} {i} \n" for i in range(100)))
    monkeypatch.setattr(keras.utils, "get_file", lambda name, **options: str(tmp_path / name))
    for folder in (tmp_path, None):
        seen = []
        for split in ("train", "test"):
            texts, labels = kgen.datasets.load("sentiment", split, folder)
            assert [text.startswith("pos") for text in texts] == labels.astype(bool).tolist()
            seen += texts
            assert len(texts) > (4 if split == "test" else 150)
        assert sorted(seen) == sorted(f"{name} {i}" for name in ("neg", "pos") for i in range(100))


def test_the_two_forms_of_sentences_have_the_same_split(tmp_path):
    rows = [(f"It is {i} times as good.", i % 2) for i in range(90)]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    put(ours, "uci_sentences.amazon_imdb.tsv", "".join(f"{label}\t{text}\n" for text, label in rows))
    for start, name in enumerate(("amazon_cells", "imdb", "yelp")):
        put(theirs, f"{name}_labelled.txt", "".join(f"{text}  \t{label}\n" for text, label in rows[start::3]))
    for split in ("train", "test"):
        one, other = (kgen.datasets.load("sentiment_uci", split, folder) for folder in (ours, theirs))
        pairs = [sorted(zip(each.texts, each.labels.tolist(), strict=True)) for each in (one, other)]
        assert pairs[0] == pairs[1] and len(pairs[0]) > 5
        assert set(pairs[0]) <= set(rows)


def test_damaged_sentences(tmp_path):
    path = put(tmp_path, "rt_polarity.train.tsv", "1\tgood\n2\tbad\n")
    refused(
        "sentiment", tmp_path, re.escape(str(path)) + r": expected 0 or 1 in front of a tab in line 2, got '2\\tbad'"
    )
    path = put(tmp_path, "rt_polarity.test.tsv.gz", "1\tgood\n")
    path.write_bytes(path.read_bytes()[:-6])
    refused("sentiment", tmp_path, re.escape(str(path)) + ": damaged", split="test")
    for name in ("amazon_cells", "imdb", "yelp"):
        put(tmp_path, f"{name}_labelled.txt", "good 1\n")
    refused("sentiment_uci", tmp_path, "amazon_cells_labelled.txt: expected 0 or 1 behind a tab in line 1")
    refused("sentiment_uci", None, r"imdb_labelled.txt, .* got None.*archive.ics.uci.edu", error=FileNotFoundError)
    refused("sentiment", tmp_path / "none", "rt-polarity.neg, got .* Put them there", error=FileNotFoundError)


# Questions


def questions(articles=12):
    """Tuples (title, context, question, answer, start), two an article."""
    for i in range(articles):
        for word in ("Ann", "Bob"):
            context = f"In {i}, Ann met Bob."
            yield f"Article {i}", context, f"Who, beside {word}, in {i}?", word, context.index(word)


def test_both_forms_of_questions_have_the_same_rows(tmp_path):
    ours, theirs, rows = tmp_path / "ours", tmp_path / "theirs", list(questions())
    for folder in (ours, theirs):
        folder.mkdir()
    keys = ("title", "context", "question", "answer", "answer_start")
    lines = [json.dumps(dict(zip(keys, row, strict=True))) for row in rows]
    put(ours, "qa/xquad.de.jsonl.gz", "\n".join(lines) + "\n")
    data = [
        {
            "title": first[0],
            "paragraphs": [
                {
                    "context": first[1],
                    "qas": [{"question": row[2], "answers": [{"text": row[3], "answer_start": row[4]}]} for row in two],
                }
            ],
        }
        for first, *rest in zip(rows[::2], rows[1::2], strict=True)
        for two in [[first, *rest]]
    ]
    put(theirs, "xquad.de.json", json.dumps({"data": data}))
    seen = {}
    for split in ("all", "train", "test"):
        one, other = (kgen.datasets.load("xquad/de", split, folder) for folder in (ours, theirs))
        assert one[:3] == other[:3]
        np.testing.assert_array_equal(one.starts, other.starts)
        for context, answer, start in zip(one.contexts, one.answers, one.starts, strict=True):
            assert context[start : start + len(answer)] == answer
        seen[split] = one
    assert seen["all"].questions == [row[2] for row in rows]
    assert set(seen["train"].contexts).isdisjoint(seen["test"].contexts)  # an article is in one split
    assert sorted(seen["train"].questions + seen["test"].questions) == sorted(seen["all"].questions)
    assert min(len(seen[split].questions) for split in ("train", "test")) > 0


def test_damaged_questions(tmp_path):
    row = dict(zip(("title", "context", "question", "answer", "answer_start"), next(questions()), strict=True))
    path = tmp_path / "xquad.en.jsonl"
    for text, reason in (
        (json.dumps({**row, "answer_start": 3}), "expected answer 1, 'Ann', at 3 of its context"),
        (json.dumps({**row, "answer_start": None}), "at None of its context"),
        (json.dumps({**row, "context": 1}), "the strings title, context, question, answer in line 1"),
        (json.dumps(row) + "\n{", "damaged, line 2 is no JSON"),
        ("\n", "there is none"),
        (json.dumps(row), "too few articles for two splits, '(train|test)' is empty"),
    ):
        put(tmp_path, path.name, text)
        if "too few" in reason:
            sizes = [kgen.datasets.load("xquad/en", "all", tmp_path).starts.shape]
            assert sizes == [(1,)]
            with pytest.raises(ValueError, match=reason):
                [kgen.datasets.load("xquad/en", split, tmp_path) for split in ("train", "test")]
        else:
            refused("xquad/en", tmp_path, re.escape(str(path)) + ".*" + reason)
    path.unlink()
    for text in ("{", "[]", json.dumps({"data": [{"title": "x", "paragraphs": [{}]}]})):
        put(tmp_path, "xquad.en.json", text)
        refused("xquad/en", tmp_path, "xquad.en.json: damaged, or no questions in the form of SQuAD")


# Conversations


def test_conversations_and_their_summaries(tmp_path):
    row = {"dialogue": "#Person1#: Hello!\n#Person2#: Hi.", "summary": "They greet.", "topic": "greeting"}
    put(tmp_path, "summarization/dialogsum.dev.jsonl.gz", json.dumps(row) + "\n")
    put(tmp_path, "dialogsum.test.jsonl", json.dumps({**row, "summary": 0, "summary1": "One.", "summary2": "Two."}))
    assert kgen.datasets.load("dialogsum", "validation", tmp_path) == ([row["dialogue"]], ["They greet."])
    assert kgen.datasets.load("dialogsum", "test", tmp_path).targets == ["One."]
    refused("dialogsum", tmp_path, "dialogsum.train.jsonl", error=FileNotFoundError)
    put(tmp_path, "dialogsum.train.jsonl", json.dumps({"dialogue": "…"}))
    refused("dialogsum", tmp_path, r"dialogsum.train.jsonl: expected an object with the strings dialogue, summary in")


# Anomalies


def table(**changes):
    x = np.arange(60.0).reshape(20, 3)
    return {"X": x, "y": (np.arange(20) % 5 == 0).astype("int64"), **changes}


@pytest.mark.parametrize("name", ["cardio.npz", "adbench/6_cardio.npz"])
def test_a_detector_learns_from_half_of_the_normal_rows(name, tmp_path):
    (tmp_path / "adbench").mkdir()
    np.savez(tmp_path / name, **table())
    rows, labels = kgen.datasets.load("adbench/cardio", "all", tmp_path)
    np.testing.assert_array_equal(rows, table()["X"])
    np.testing.assert_array_equal(labels, table()["y"])
    assert (rows.dtype, labels.dtype) == ("float32", "uint8")
    train, test = (kgen.datasets.load("adbench/cardio", split, tmp_path) for split in ("train", "test"))
    assert not train.labels.any() and len(train.rows) == 8
    assert test.labels.sum() == 4 and len(test.rows) == 12
    together = np.concatenate([train.rows, test.rows])
    np.testing.assert_array_equal(together[np.argsort(together[:, 0])], rows)
    again = kgen.datasets.load("adbench/cardio", "train", tmp_path)
    np.testing.assert_array_equal(train.rows, again.rows)


def test_the_mnist_of_anomalies_is_not_that_of_digits(tmp_path):
    (tmp_path / "adbench").mkdir()
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((2, 28, 28), "uint8"))
    np.savez(tmp_path / "adbench" / "mnist.npz", **table())
    assert kgen.datasets.load("adbench/mnist", "all", tmp_path).rows.shape == (20, 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"X": np.zeros(20)}, r"expected X as numbers .n, features. and y .n,., got float64 of shape \(20,\)"),
        ({"X": np.array([["a"] * 3] * 20)}, "expected X as numbers"),
        ({"y": np.zeros(19)}, r"float64 of shape \(19,\)"),
        ({"y": np.full(20, 2)}, "expected finite numbers in X and 0 or 1 in y"),
        ({"y": np.ones(20)}, "expected finite numbers in X and 0 or 1 in y, got others, or no 0"),
        ({"X": np.full((20, 3), np.nan)}, "expected finite numbers"),
        ({"X": np.array([{}] * 20, object)}, "not plain arrays"),
    ],
)
def test_a_damaged_table(changes, reason, tmp_path):
    np.savez(tmp_path / "WBC.npz", **table(**changes))
    refused("adbench/WBC", tmp_path, re.escape(str(tmp_path / "WBC.npz")) + ".*" + reason)


FILE = "realTraffic/speed_7578.csv"
WINDOWS = [["2015-09-08 12:00:00.000000", "2015-09-08 13:00:00.000000"], ["2015-09-08 20:00:00", "2015-09-08 21:00:00"]]


def measured(folder, windows=WINDOWS, rows=100, name="combined_windows.json"):
    """A measurement every ten minutes from noon on."""
    times = np.datetime64("2015-09-08T12:00:00") + np.arange(rows) * np.timedelta64(600, "s")
    lines = [f"{str(time).replace('T', ' ')},{i / 2}" for i, time in enumerate(times)]
    put(folder, "speed_7578.csv", "timestamp,value\n" + "\n".join(lines) + "\n")
    put(folder, name, json.dumps({FILE: windows}))
    return times


@pytest.mark.parametrize("form", ["combined_windows.json", "windows.json"])
def test_a_series_begins_with_what_a_detector_may_see(form, tmp_path):
    windows = WINDOWS if form == "combined_windows.json" else {"windows": WINDOWS, "labels": []}
    times = measured(tmp_path, windows, name=form)
    train, test, both = (kgen.datasets.load("nab/speed_7578", split, tmp_path) for split in ("train", "test", "all"))
    np.testing.assert_array_equal(both.times, times)
    np.testing.assert_array_equal(both.values, np.arange(100) / 2)
    assert both.values.dtype == np.float32
    for one, other, whole in zip(train[:2], test[:2], both[:2], strict=True):
        assert len(one) == 15
        np.testing.assert_array_equal(np.concatenate([one, other]), whole)
    expected = np.array(WINDOWS, "datetime64[s]")
    np.testing.assert_array_equal(both.windows, expected)
    np.testing.assert_array_equal(train.windows, expected[:1])  # it is over at 14:20
    np.testing.assert_array_equal(test.windows, expected[1:])  # from 14:30 on


def test_a_series_without_anomalies_has_no_windows(tmp_path):
    measured(tmp_path, windows=[])
    assert kgen.datasets.load("nab/speed_7578", "all", tmp_path).windows.shape == (0, 2)


def test_a_damaged_series(tmp_path):
    measured(tmp_path)
    for text, reason in (
        ("time,value\n", "expected the header timestamp,value, got 'time,value'"),
        ("timestamp,value\n", "expected finite values with their times, got NaN, or no rows"),
        ("timestamp,value\n2015-09-08 12:00:00,nan\n", "expected finite values"),
        ("timestamp,value\n2015-09-08 12:00:00\n", "damaged, expected a timestamp and a number in each row"),
        ("timestamp,value\nnoon,1\n", "damaged, expected a timestamp and a number"),
    ):
        path = put(tmp_path, "speed_7578.csv", text)
        refused("nab/speed_7578", tmp_path, re.escape(str(path)) + ".*" + reason)
    for text in ("{", "[]", "{}", json.dumps({FILE: [["2015-09-08"]]}), json.dumps({FILE: [WINDOWS[0][::-1]]})):
        measured(tmp_path)
        path = put(tmp_path, "combined_windows.json", text)
        refused("nab/speed_7578", tmp_path, re.escape(str(path)) + f": damaged, or without windows for {FILE}")


# Downloads


@pytest.mark.parametrize(
    ("name", "split", "tail"),
    [
        ("xquad/zh", "all", "xquad/master/xquad.zh.json"),
        ("dialogsum", "validation", "DialogSum_Data/dialogsum.dev.jsonl"),
        ("adbench/Pima", "all", "datasets/Classical/29_Pima.npz"),
        ("nab/nyc_taxi", "all", "data/realKnownCause/nyc_taxi.csv"),
        ("sentiment", "train", "rt-polaritydata/rt-polarity.neg"),
    ],
)
def test_what_is_downloaded_and_what_a_failure_says(name, split, tail, monkeypatch):
    def get_file(*args, origin, **options):
        raise Exception(f"URL fetch failure on {origin}")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(FileNotFoundError, match=rf"could not be downloaded .*{tail}.* pass data_dir="):
        kgen.datasets.load(name, split)
