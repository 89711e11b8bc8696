"""Presets: what is written is read again, and nothing damaged or foreign is."""

import json
import shutil

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file
from safetensors.numpy import save_file

import kgen
from kgen.models.base import GenerativeModel
from kgen.presets import registry


def tiny(**arguments):
    return kgen.models.VAE((8, 8, 1), 3, architecture="mlp", hidden_dims=(16,), seed=1, **arguments)


@pytest.fixture
def folder(tmp_path):
    tiny().save_to_preset(tmp_path / "preset", card="# preset\n\nA tiny one.\n")
    return tmp_path / "preset"


def test_a_preset_is_three_files_of_half_precision(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["card.md", "config.json", "model.safetensors"]
    tensors = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype("float16")}
    assert "encoder/hidden_1/kernel" in tensors


@pytest.mark.every_backend
def test_it_generates_as_before_up_to_half_precision(folder):
    expected = tiny().generate(4, seed=1).astype(int)
    for name in (folder, str(folder)):
        assert abs(kgen.models.VAE.from_preset(name).generate(4, seed=1) - expected).max() <= 1
    assert isinstance(GenerativeModel.from_preset(folder), kgen.models.VAE)


def test_a_scalar_weight_survives(tmp_path):
    tiny(likelihood="gaussian").save_to_preset(tmp_path)
    assert kgen.models.VAE.from_preset(tmp_path).log_scale.shape == ()


def test_of_a_network_and_its_average_the_average_is_written_and_loads_as_both(tmp_path):
    model = kgen.models.DiffusionModel((8, 8, 1), widths=(8,), blocks=1, num_heads=2, seed=1)
    model.average_denoiser.set_weights([weight + 1 for weight in model.denoiser.get_weights()])
    model.save_to_preset(tmp_path)
    assert {name.split("/")[0] for name in load_file(tmp_path / "model.safetensors")} == {"average_denoiser", "steps"}
    loaded = kgen.models.DiffusionModel.from_preset(tmp_path)
    for wanted, average, trained in zip(
        model.average_denoiser.weights, loaded.average_denoiser.weights, loaded.denoiser.weights, strict=True
    ):
        np.testing.assert_allclose(average.numpy(), wanted.numpy(), rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(trained.numpy(), average.numpy())


def test_what_was_trained_in_mixed_precision_computes_in_float32(tmp_path):
    codec = kgen.models.ImageAutoencoder((8, 8, 1), latent_channels=2, widths=(8, 8), dtype="mixed_bfloat16")
    latent = {"num_classes": 2, "widths": (8,), "blocks": 1, "num_heads": 2, "dtype": "mixed_bfloat16"}
    kgen.models.LatentDiffusion(codec, **latent).save_to_preset(tmp_path)
    loaded = kgen.models.LatentDiffusion.from_preset(tmp_path)
    assert {layer.compute_dtype for layer in (loaded, loaded.autoencoder, loaded.denoiser)} == {"float32"}


@keras.saving.register_keras_serializable(package="kgen", name="Counting")  # under another name presets refuse it
class Counting(GenerativeModel):
    """Holds a weight of each kind that is no float32, with values that float16 has no room for."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        for dtype, value in EXACTLY.items():
            self.add_weight(shape=(), dtype=dtype, initializer="zeros", trainable=False, name=dtype).assign(value)
        self.built = True


EXACTLY = {"int32": 16_777_217, "uint32": 4_294_967_295, "uint8": 255, "int16": -2049, "bool": True, "bfloat16": 0.75}


@pytest.mark.every_backend
def test_integers_and_booleans_come_back_exactly(tmp_path):
    Counting().save_to_preset(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert {name: tensor.dtype.name for name, tensor in tensors.items()} == {
        name: "float16" if name == "bfloat16" else name for name in EXACTLY
    }
    loaded = registry.named_weights(Counting.from_preset(tmp_path))
    assert {name: weight.numpy().item() for name, weight in loaded.items()} == EXACTLY
    assert {weight.dtype for weight in loaded.values()} == set(EXACTLY)


def test_a_count_that_was_rounded_is_refused(tmp_path):
    Counting().save_to_preset(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file({**load_file(path), "int32": np.array(2048, "float16")}, path)
    with pytest.raises(ValueError, match=r"model\.safetensors: tensor 'int32' is float16, expected int32"):
        Counting.from_preset(tmp_path)


@pytest.mark.parametrize("name", registry.list())
def test_each_shipped_preset_loads_and_says_what_it_is(name):
    facts = kgen.presets.describe(name)
    assert facts["megabytes"] <= 8
    for word in ("Data", "icence", "Figures", "Rebuild"):
        assert word in facts["card"]
    detector = registry.is_detector(name)
    cls = getattr(kgen.anomaly if detector else kgen.models, facts["class"])
    assert isinstance(kgen.anomaly.load(name) if detector else cls.from_preset(name), cls)


def test_all_shipped_presets_together_stay_small():
    assert sum(kgen.presets.describe(name)["megabytes"] for name in kgen.presets.list()) <= 60


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no preset and no folder 'mnist-vea'.*hf://"):
        kgen.models.VAE.from_preset("mnist-vea")
    with pytest.raises(ValueError, match="no preset 'mnist-vea'"):
        kgen.presets.describe("mnist-vea")


def test_a_preset_of_another_class_is_refused(folder):
    class Other(GenerativeModel):
        pass

    with pytest.raises(ValueError, match="is a VAE, not a Other"):
        Other.from_preset(folder)


def damage(folder, how):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "huge header":
        path.write_bytes((2**62).to_bytes(8, "little") + data[8:])
    elif how == "not safetensors":
        path.write_bytes(b"PK" + data)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "missing tensor":
        tensors = load_file(path)
        del tensors["encoder/hidden_1/kernel"]
        save_file(tensors, path)
    elif how == "unknown tensor":
        save_file({**load_file(path), "extra": np.zeros(1, "float16")}, path)
    elif how == "misshaped tensor":
        save_file({**load_file(path), "encoder/hidden_1/kernel": np.zeros((2, 2), "float16")}, path)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("truncated", "damaged or not a safetensors file"),
        ("huge header", "damaged or not a safetensors file"),
        ("not safetensors", "damaged or not a safetensors file"),
        ("empty", "damaged or not a safetensors file"),
        ("missing tensor", "tensor 'encoder/hidden_1/kernel' is missing"),
        ("unknown tensor", "tensor 'extra' belongs to no weight of VAE"),
        ("misshaped tensor", r"'encoder/hidden_1/kernel' has shape \(2, 2\), expected \(64, 16\)"),
    ],
)
def test_damaged_weights_are_refused_with_file_and_tensor(folder, how, reason):
    damage(folder, how)
    with pytest.raises(ValueError, match=reason) as error:
        kgen.models.VAE.from_preset(folder)
    assert "model.safetensors" in str(error.value)


def change(config, **changes):
    return json.dumps({**json.loads(config), **changes})


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda config: config[:50], "not valid JSON"),
        (lambda config: "[]", "expected a JSON object"),
        (lambda config: change(config, format=99), "upgrade keras-kgen"),
        (lambda config: change(config, model=None), "does not describe a kgen model"),
        (lambda config: change(config, model={"registered_name": "os>system"}), "does not describe a kgen model"),
        (lambda config: config.replace("kgen>VAE", "kgen>VEA"), "cannot be built by this kgen"),
        (lambda config: config.replace('"latent_dim": 3', '"latent_dim": -3'), "latent_dim: expected"),
        (lambda config: config.replace('"latent_dim": 3', '"latent_dim": 4'), "has shape"),
    ],
)
def test_a_damaged_configuration_is_refused(folder, edit, reason):
    path = folder / "config.json"
    path.write_text(edit(path.read_text()))
    with pytest.raises(ValueError, match=reason):
        kgen.models.VAE.from_preset(folder)


def test_a_missing_file_is_named(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        kgen.models.VAE.from_preset(folder)


def test_a_shipped_preset_with_a_flipped_bit_is_refused(folder, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    shutil.copytree(folder, shipped / "tiny")
    monkeypatch.setattr(registry, "SHIPPED", shipped)
    monkeypatch.setattr(registry, "INDEX", tmp_path / "index.json")
    registry._rewrite_index()
    assert kgen.presets.list() == ["tiny"]
    kgen.models.VAE.from_preset("tiny")
    data = bytearray((shipped / "tiny" / "model.safetensors").read_bytes())
    data[-7] ^= 4
    (shipped / "tiny" / "model.safetensors").write_bytes(data)
    with pytest.raises(ValueError, match="wrong checksum"):
        kgen.models.VAE.from_preset("tiny")


def test_weights_that_half_precision_cannot_hold_are_not_written(tmp_path):
    model = tiny()
    model.weights[0].assign(np.full(model.weights[0].shape, 1e6, "float32"))
    with pytest.raises(ValueError, match=r"model: its weight .* reaches 1e\+06, which float16 cannot hold"):
        model.save_to_preset(tmp_path / "preset")
    assert not (tmp_path / "preset" / "model.safetensors").exists()
