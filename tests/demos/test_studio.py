import inspect
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import gradio
import numpy as np
import pytest

from demos import app
from demos import discovery
from demos import space
from demos import studio as shared
from demos.facts import verbs_of
from demos.pictures import tile
from demos.studio import Studio

ROOT = Path(__file__).parents[2]

# Runs a file of the studio as `python FILE MODEL` would, and tells what is loaded once its page is there.
AT_START = """
import json, runpy, socket, sys, urllib.request
import gradio

def look(page):
    html = urllib.request.urlopen(page.local_url).read()
    heavy = [name for name in ("keras", "jax", "torch", "tensorflow", "sklearn", "matplotlib") if name in sys.modules]
    print(json.dumps({"url": page.local_url, "bytes": len(html), "heavy": heavy, "share": page.share_url,
        "analytics": page.analytics_enabled, "package": "kgen_demos.studio" in sys.modules}))
    page.close()

gradio.Blocks.block_thread = look
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_tab_runs_alone_from_the_wheels_package_and_loads_nothing_at_start(shelf, tmp_path):
    (tmp_path / "kgen_demos").symlink_to(ROOT / "demos")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_SERVER_PORT": str(port)}
    command = [sys.executable, "-c", AT_START, str(tmp_path / "kgen_demos" / "image_generation.py"), str(shelf / "run")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said, told, *_ = done.stdout.splitlines()
    assert said == f"The studio is open at http://127.0.0.1:{port}/ (Ctrl-C closes it)"
    told = json.loads(told)
    assert told["package"]
    assert told["heavy"] == []
    assert told["bytes"] > 1000
    assert (told["share"], told["analytics"]) == (None, False)


# gradio 6.31 leaves the socket open with which it found out that the port is taken.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_taken_port_is_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port: {port} is taken"):
            app.main(port=port)


def test_tabs_and_parts_are_found_and_complete():
    assert "image_generation" in [discovery.name_of(tab) for tab in discovery.find()]
    parts = discovery.find(part_of="image_generation")
    assert [part.TITLE for part in parts][:3] == ["Dreams", "Interpolation", "Latent map"]
    assert all(callable(part.build) and part.NEEDS for part in parts)


def test_every_event_of_every_tab_is_named_bounded_and_can_be_stopped(shelf):
    """Whoever waits stands in a line that moves one at a time; what takes long is a generator, which Stop can end."""
    page = app.build([shelf / "run"])
    events = [*page.fns.values()]
    assert len({one.api_name for one in events}) == len(events) > 30
    for one in events:
        assert isinstance(one.api_name, str) and not one.api_name.startswith("lambda")
        if one.fn is not None and one.queue and not one.api_name.startswith("load_"):
            assert inspect.isgeneratorfunction(one.fn), one.api_name
            assert one.concurrency_limit == 1 and not one.concurrency_id.isdigit(), one.api_name
            assert not one.preprocess, one.api_name  # the handler checks what was sent, in the same words for everybody
        if one.api_visibility == "public" and one.fn is not None:
            assert one.queue, one.api_name
    assert page._queue.max_size == app.MAX_WAITING


def test_models_are_offered_by_what_they_have(shelf):
    studio = Studio([shelf / "run"])
    assert studio.names("generate", "image_shape") == ["run", "tiny-vae"]
    assert studio.names("generate", "translate") == []
    assert studio.facts("run").takes("generate", "temperature")
    assert not studio.facts("run").takes("generate", "guidance")
    with pytest.raises(gradio.Error, match="run is a VAE, which cannot do this"):
        studio.facts("run", "translate")


def test_a_tab_becomes_a_space_of_three_files(tmp_path):
    for tab in discovery.find():
        space.write(discovery.name_of(tab), tmp_path / "space")
        readme = (tmp_path / "space" / "README.md").read_text(encoding="utf-8")
        facts = dict(line.split(": ", 1) for line in readme.split("---\n")[1].splitlines())
        assert facts["app_file"] == f"{discovery.name_of(tab)}.py"
        assert facts["title"] and facts["sdk"] == "gradio" and facts["license"] == "apache-2.0"
        compile((tmp_path / "space" / facts["app_file"]).read_text(encoding="utf-8"), "app_file", "exec")
        assert "keras-kgen[" in (tmp_path / "space" / "requirements.txt").read_text()
    with pytest.raises(ValueError, match="tab: expected one of anomaly, completion"):
        space.write("nonsense", tmp_path / "space")


def test_verbs_are_those_of_the_class():
    import kgen

    for class_name in kgen.PUBLIC["models"]:
        for verb in verbs_of(class_name):
            assert hasattr(getattr(kgen.models, class_name), verb)
    assert verbs_of("VAE")["generate"] == ["n", "seed", "temperature"]
    assert verbs_of("Unheard") == {}


def test_models_of_one_name_are_told_apart(shelf):
    studio = Studio([shelf / "run", shelf / "run" / "model.keras", shelf / "presets" / "tiny-vae"])
    assert studio.names() == ["run", "run (2)", "tiny-vae (2)", "tiny-vae"]
    assert Studio(["tiny-vae", shelf / "run"]).names() == ["tiny-vae", "run"]


def test_memory_stays_bounded(shelf):
    studio = Studio([shelf / "run"] * 4)
    loaded = [studio.model(name) for name in studio.names()[:4]]
    assert studio.model("run (4)") is loaded[3]
    assert len(studio._loaded) == shared.KEEP
    assert studio.model("run") is not loaded[0]


def test_what_is_no_model_is_refused_at_the_start(shelf, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Studio([tmp_path / "nowhere"])
    (tmp_path / "note.keras").write_text("hello")
    with pytest.raises(ValueError, match=r"note\.keras: truncated or not a \.keras file"):
        Studio([tmp_path / "note.keras"])


def test_a_foreign_model_is_refused_at_the_start(tmp_path):
    import keras

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "foreign.keras")
    with pytest.raises(ValueError, match=r"expected a model of kgen at .*, found Sequential"):
        Studio([tmp_path / "foreign.keras"])


@pytest.mark.parametrize(
    "text, told",
    [
        ("/home/ann/my runs/vae/model.keras: damaged", "model.keras: damaged"),
        ("cannot open 'C:\\Users\\Ann\\vae.keras' now", "cannot open 'vae.keras' now"),
        ("expected height/width/channels, see https://keras.io/api/models", None),
    ],
)
def test_folders_are_nobodys_business(text, told):
    @shared.sentences
    def handler():
        yield 1
        raise ValueError(text)

    running = handler()
    assert next(running) == 1
    with pytest.raises(gradio.Error) as refused:
        next(running)
    assert refused.value.message == (told or text)


def test_what_nobody_foresaw_is_logged_and_hidden(caplog):
    @shared.sentences
    def handler():
        raise KeyError("secret")
        yield

    with pytest.raises(gradio.Error, match="the terminal that it was started from says why") as refused:
        next(handler())
    assert "secret" not in str(refused.value)
    assert "KeyError: 'secret'" in caplog.text


def test_messages_are_text_not_html():
    assert shared.sorry("<b>no</b>").message == "&lt;b&gt;no&lt;/b&gt;"


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_are_whole_squares_of_every_pixel(channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3, channels), "uint8")
    picture = np.asarray(tile(images, columns=2, width=60, gap=4))
    assert picture.shape == (3 * 40 + 2 * 4, 2 * 30 + 4, 4)
    assert (picture[:40:10, :30:10, :3] == images[0]).all()
    assert (picture[44:84:10, 34:64:10, :3] == images[3]).all()
    assert (picture[88:, 34:, 3] == 0).all()  # no sixth image
    growing = np.asarray(tile(images[:1], columns=2, width=60, gap=4, places=5))
    assert growing.shape == picture.shape and (growing[:40, :30] == picture[:40, :30]).all()
