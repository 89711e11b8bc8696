"""`.keras` files are looked at with suspicion before they are read."""

import json
import random
import zipfile

import numpy as np
import pytest

import kgen


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.keras"
    kgen.models.VAE((8, 8, 1), 3, architecture="mlp", hidden_dims=(16,), seed=1).save(path)
    return path


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, contents, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def test_a_good_file_and_its_folder_load(saved):
    for path in (saved, saved.parent, str(saved)):
        assert isinstance(kgen.load(path), kgen.models.VAE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.keras: no such file"):
        kgen.load(tmp_path / "nothing.keras")


@pytest.mark.parametrize("keep", [0, 10, 1000, -30])
def test_a_truncated_file_is_refused(saved, tmp_path, keep):
    path = tmp_path / "cut.keras"
    path.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"cut\.keras: truncated or not a \.keras file"):
        kgen.load(path)


def test_no_flipped_bit_goes_unnoticed_or_crashes(saved, tmp_path):
    data, expected = saved.read_bytes(), kgen.load(saved).generate(2, seed=0)
    path, rng, refused = tmp_path / "flipped.keras", random.Random(0), 0
    for _ in range(40):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            model = kgen.load(path)
        except ValueError as error:
            assert "flipped.keras" in str(error)
            refused += 1
        else:  # a bit that carries nothing, such as a file's date
            np.testing.assert_array_equal(model.generate(2, seed=0), expected)
    assert refused > 30


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"../outside.txt": b"x"}, "holds a file outside itself"),
        ({"/etc/outside.txt": b"x"}, "holds a file outside itself"),
        ({"config.json": None}, "config.json is missing"),
        ({"config.json": b"\xff\xfe"}, "is not JSON"),
        ({"config.json": b"{"}, "is not JSON"),
        ({"config.json": b"{}"}, "not a model that can be loaded here"),
        ({"bomb": b"\0" * (80 << 20)}, "would unpack to"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),  # not what is in the file, which is long
)
def test_a_hostile_or_foreign_file_is_refused(saved, tmp_path, change, reason):
    contents = {name: data for name, data in {**members(saved), **change}.items() if data is not None}
    path = tmp_path / "other.keras"
    rewrite(path, contents, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=reason) as error:
        kgen.load(path)
    assert "other.keras" in str(error.value)


def test_code_in_a_configuration_is_not_run(saved, tmp_path):
    contents = members(saved)
    config = json.loads(contents["config.json"])
    code = {"module": "builtins", "class_name": "__lambda__", "config": {"value": "gw=="}}
    config["config"]["activation"] = code
    contents["config.json"] = json.dumps(config).encode()
    rewrite(tmp_path / "evil.keras", contents)
    with pytest.raises(ValueError, match="not a model that can be loaded here"):
        kgen.load(tmp_path / "evil.keras")
