"""The studio as people meet it: really launched, with tiny models, once for each file of tests."""

import asyncio
import json
import socket

import gradio
import gradio_client
import pytest

import kgen
from demos import app
from kgen.presets import registry


@pytest.fixture(scope="session", autouse=True)
def locks_without_loops():
    """gradio 6.31 makes an event loop for each of its locks and closes none, which is a ResourceWarning whenever they
    are collected, in whosever test that is. Locks have needed no loop since Python 3.10."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradio.utils, "safe_get_lock", asyncio.Lock)
        patch.setattr(gradio.queueing, "safe_get_lock", asyncio.Lock)
        patch.setattr(gradio.utils, "safe_get_stop_event", asyncio.Event)
        yield


@pytest.fixture(scope="module")
def tiny_vae():
    return kgen.models.VAE(image_shape=(8, 8, 1), latent_dim=4, architecture="mlp", hidden_dims=(16,), seed=1)


@pytest.fixture(scope="module")
def shelf(tiny_vae, tmp_path_factory):
    """A folder of models, and a shipped preset "tiny-vae" made from one of them."""
    folder = tmp_path_factory.mktemp("shelf")
    tiny_vae.save_to_preset(folder / "presets" / "tiny-vae", card="# tiny\n\nFor tests.\n")
    checksum = registry.files.sha256(folder / "presets" / "tiny-vae" / "model.safetensors")
    (folder / "index.json").write_text(json.dumps({"tiny-vae": {"class": "VAE", "sha256": checksum}}))
    (folder / "run").mkdir()
    tiny_vae.save(folder / "run" / "model.keras")
    plane = kgen.models.VAE(image_shape=(6, 4, 3), latent_dim=2, architecture="mlp", hidden_dims=(8,), seed=2)
    plane.save(folder / "plane.keras")
    plane.save(folder / "fragile.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        yield folder


def free_port():
    """A port that nobody listens on: gradio's own search leaves a socket open for each port that it finds taken."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(shelf):
    page = app.build([shelf / "run", shelf / "plane.keras", shelf / "fragile.keras"], only="image_generation")
    app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
    (shelf / "fragile.keras").write_bytes(b"not what it was")  # after the studio had a look at it
    yield page.local_url
    page.close()


@pytest.fixture(scope="module")
def client(address):
    return gradio_client.Client(address, verbose=False)
