import errno
import os
import pickle

import keras
import numpy as np
import pytest

import kgen
from kgen.datasets import token_file

BYTES = kgen.tokenizers.ByteTokenizer()
TEXTS = ["The cat sat.", "née 🐈", "", "x" * 100]


def epoch_of(windows):
    return [windows[i] for i in range(len(windows))]


# Writing: laws


def test_the_file_is_the_ids(tmp_path):
    path = tmp_path / "ids.npy"
    count = kgen.datasets.write_token_file(path, iter(TEXTS), BYTES)
    ids = np.load(path, mmap_mode="r")
    assert ids.dtype == np.uint16
    assert ids.shape == (count,)
    expected = [one for text in TEXTS if text for one in [*BYTES.encode(text), BYTES.end_id]]
    assert ids.tolist() == expected
    assert [file.name for file in tmp_path.iterdir()] == ["ids.npy"]


def test_documents_end_with_the_end_token_or_not(tmp_path):
    nothing = kgen.tokenizers.ByteTokenizer(end_token=None)
    for tokenizer, end_token in ((BYTES, False), (nothing, True)):
        path = tmp_path / f"{end_token}.npy"
        kgen.datasets.write_token_file(path, ["ab", "c"], tokenizer, end_token=end_token)
        assert np.load(path).tolist() == tokenizer.encode("abc")


def test_files_are_documents_however_many_pieces_they_have(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a b " * 20)
    (tmp_path / "texts" / "b.txt").write_text("c")
    files = kgen.datasets.text_files(tmp_path / "texts", characters=16)
    assert len(list(files)) > 4
    kgen.datasets.write_token_file(tmp_path / "ids.npy", files, BYTES)
    expected = [*BYTES.encode("a b " * 20), BYTES.end_id, *BYTES.encode("c"), BYTES.end_id]
    assert np.load(tmp_path / "ids.npy").tolist() == expected


def test_groups_of_texts_make_no_difference(tmp_path, monkeypatch, capsys):
    whole, parts = tmp_path / "whole.npy", tmp_path / "parts.npy"
    kgen.datasets.write_token_file(whole, TEXTS * 9, BYTES)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(token_file, "CHARACTERS_AT_ONCE", 10)
    kgen.datasets.write_token_file(parts, TEXTS * 9, BYTES, progress=False)
    assert capsys.readouterr().out == ""
    assert whole.read_bytes() == parts.read_bytes()
    kgen.datasets.write_token_file(parts, TEXTS * 9, BYTES, overwrite=True)
    assert "Unknown" in capsys.readouterr().out


def test_a_large_vocabulary_takes_four_bytes(tmp_path):
    class Large:
        vocabulary_size, end_id = (1 << 16) + 1, 1 << 16

        def encode(self, texts):
            return [[len(text)] for text in texts]

    kgen.datasets.write_token_file(tmp_path / "ids.npy", ["ab"], Large())
    ids = np.load(tmp_path / "ids.npy")
    assert ids.dtype == np.uint32
    assert ids.tolist() == [2, 1 << 16]


# Writing: errors


def test_nothing_is_half_written(tmp_path, monkeypatch):
    path = tmp_path / "ids.npy"
    kgen.datasets.write_token_file(path, ["old"], BYTES)
    before = path.read_bytes()

    def broken():
        yield "new"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        kgen.datasets.write_token_file(path, broken(), BYTES, overwrite=True)
    for wrong in (["a", 3], ["a", b"b"], "one text", 3):
        with pytest.raises(TypeError, match="texts: expected"):
            kgen.datasets.write_token_file(path, wrong, BYTES, overwrite=True)
    for empty in ([], [""], iter([])):
        with pytest.raises(ValueError, match="texts: expected some text"):
            kgen.datasets.write_token_file(path, empty, BYTES, overwrite=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["ids.npy"]


def test_a_file_that_exists_is_kept(tmp_path):
    path = tmp_path / "ids.npy"
    kgen.datasets.write_token_file(path, ["old"], BYTES)
    with pytest.raises(FileExistsError, match=r"ids\.npy exists; pass overwrite=True"):
        kgen.datasets.write_token_file(path, ["new"], BYTES)
    with pytest.raises(ValueError, match="path: expected a name that ends with"):
        kgen.datasets.write_token_file(tmp_path / "ids.bin", ["new"], BYTES)


# Windows: laws


@pytest.mark.parametrize("order", ["shuffled", "sequential"])
@pytest.mark.parametrize("count", [2, 3, 7, 8, 9, 10, 50])
@pytest.mark.parametrize("length, batch_size", [(1, 2), (4, 3), (8, 1), (100, 5)])
def test_each_target_comes_once_with_what_precedes_it(order, count, length, batch_size):
    windows = kgen.datasets.TokenWindows(np.arange(count), length, batch_size, order=order, seed=3)
    windows.start_epoch(1)
    targets = []
    for x, y in epoch_of(windows):
        assert x.dtype == y.dtype == np.int32
        assert x.shape == y.shape
        assert x.shape[1] == min(length, count - 1)
        assert 0 < len(x) <= batch_size
        counts = y >= 0
        np.testing.assert_array_equal(y[counts], x[counts] + 1)
        np.testing.assert_array_equal(np.diff(x, axis=1), 1)
        targets += y[counts].tolist()
    assert sorted(targets) == list(range(1, count))
    assert order == "shuffled" or targets == sorted(targets)


def test_order_is_a_function_of_seed_and_epoch():
    def starts(seed, epoch, order, before=()):
        windows = kgen.datasets.TokenWindows(np.arange(100), 4, 3, order=order, seed=seed)
        for one in (*before, epoch):
            windows.start_epoch(one)
        return [int(row[0]) for x, _ in epoch_of(windows) for row in x]

    for order in ("shuffled", "random"):
        assert starts(1, 2, order) == starts(1, 2, order, before=(5, 0))
        assert starts(1, 2, order) != starts(1, 3, order)
        assert starts(1, 2, order) != starts(2, 2, order)
    expected = np.random.default_rng([1, 2]).permutation(25) * 4
    assert starts(1, 2, "shuffled") == np.minimum(expected, 99 - 4).tolist()


def test_random_windows_begin_anywhere():
    windows = kgen.datasets.TokenWindows(np.arange(12), 4, 2, order="random")
    begins = set()
    for epoch in range(60):
        windows.start_epoch(epoch)
        for x, y in epoch_of(windows):
            np.testing.assert_array_equal(y, x + 1)
            begins |= set(x[:, 0].tolist())
    assert begins == set(range(8))  # the last one ends with the last target


def test_files_and_arrays_give_the_same(tmp_path):
    path = tmp_path / "ids.npy"
    kgen.datasets.write_token_file(path, TEXTS, BYTES)
    for path_or_array in (path, str(path)):
        from_file = kgen.datasets.TokenWindows(path_or_array, 5, 2, seed=1)
        from_array = kgen.datasets.TokenWindows(np.load(path), 5, 2, seed=1)
        copied = pickle.loads(pickle.dumps(from_file))
        assert len(pickle.dumps(from_file)) < 5000
        for one, two, three in zip(*map(epoch_of, (from_file, from_array, copied)), strict=True):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(one, three)


def test_evaluation_is_the_mean_over_all_targets():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 5, 23)
    embedding = keras.layers.Embedding(5, 5)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), embedding])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction="sum")
    logits = rng.normal(size=(5, 5))
    embedding.set_weights([logits])
    nats = np.log(np.exp(logits).sum(1))[ids[:-1]] - logits[ids[:-1], ids[1:]]
    windows = kgen.datasets.TokenWindows(ids, 5, 2, order="sequential")
    total = sum(float(keras.ops.convert_to_numpy(loss(y, model(x)))) for x, y in epoch_of(windows))
    assert total == pytest.approx(nats.sum(), rel=1e-5)


def test_fit_takes_windows(tmp_path):
    path = tmp_path / "ids.npy"
    kgen.datasets.write_token_file(path, ["abcd" * 50], BYTES)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(BYTES.vocabulary_size, 259)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile(optimizer=keras.optimizers.Adam(0.5), loss=loss)
    history = model.fit(kgen.datasets.TokenWindows(path, 8, 4), epochs=3, verbose=0)
    assert history.history["loss"][-1] < 0.1


# Windows: errors


def test_files_that_hold_something_else(tmp_path):
    path = tmp_path / "ids.npy"
    for array in (np.zeros(5), np.zeros((2, 5), int), np.array(["a"]), np.int64(3)):
        np.save(path, array)
        with pytest.raises(ValueError, match=r"tokens: .*ids\.npy: expected one-dimensional integers"):
            kgen.datasets.TokenWindows(path, 2)
        with pytest.raises(ValueError, match="tokens: expected one-dimensional integers"):
            kgen.datasets.TokenWindows(array, 2)
    kgen.datasets.write_token_file(path, TEXTS, BYTES, overwrite=True)
    whole = path.read_bytes()
    np.save(path, np.array([{}] * 9, object), allow_pickle=True)
    for data in (path.read_bytes(), whole[:-3], whole[:50], b"", b"text", b"PK\x03\x04" + whole):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"tokens: .*ids\.npy"):
            kgen.datasets.TokenWindows(path, 2)


def test_wrong_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="write_token_file makes it"):
        kgen.datasets.TokenWindows(tmp_path / "nothing.npy", 2)
    for ids in ([], [1]):
        with pytest.raises(ValueError, match=f"tokens: expected at least two ids, got {len(ids)}"):
            kgen.datasets.TokenWindows(np.array(ids, int), 2)
    for wrong in ({"length": 0}, {"batch_size": 0}, {"order": "best"}, {"seed": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
            kgen.datasets.TokenWindows(np.arange(9), **{"length": 2, **wrong})
