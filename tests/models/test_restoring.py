import numpy as np
import pytest
from keras import ops

import kgen
from kgen.functional.damage import greyed
from kgen.functional.damage import rectangles
from kgen.functional.damage import shrunk
from kgen.functional.damage import stretched
from kgen.functional.resampling import hastened
from kgen.functional.resampling import slowed
from kgen.models.restorer import IMPORTANCE
from kgen.models.restorer import TASKS


def numpy(x):
    return ops.convert_to_numpy(x)


def images(n=2, side=8, channels=3):
    return np.random.default_rng(0).integers(0, 256, (n, side, side, channels), "uint8")


@pytest.fixture(scope="module")
def restorer():
    return kgen.models.ImageRestorer((8, 8, 3), scale=2, widths=(4, 4), blocks=1, num_heads=2, seed=1)


@pytest.fixture(scope="module")
def audio():
    return kgen.models.AudioSuperResolution(64, widths=(4, 4), blocks=1, num_heads=2, seed=1)


def test_what_was_stretched_shrinks_to_itself():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
    np.testing.assert_allclose(numpy(shrunk(stretched(x, 3), 3)), x, atol=1e-6)


def test_what_large_areas_lack_counts_less_than_fine_detail(restorer):
    seen, fate = restorer.told(ops.convert_to_tensor(images(16)), training=True)
    expected = [IMPORTANCE[TASKS[one]] for one in numpy(fate).argmax(axis=1)]
    np.testing.assert_allclose(numpy(restorer.importance(seen, fate)), expected)
    assert len(set(expected)) == 2
    found = restorer(ops.convert_to_tensor(images(16)), training=True)
    assert set(np.unique(numpy(found["weights"]))) == {np.float32(1 / 9), np.float32(1.0)}


def test_grey_has_the_brightness_of_the_colours():
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 6, 3)).astype("float32")
    grey = numpy(greyed(x))
    assert (grey[..., :1] == grey).all()
    np.testing.assert_allclose(grey[..., 0], x @ np.array([0.299, 0.587, 0.114]), atol=1e-6)
    assert (numpy(greyed(x[..., :1])) == x[..., :1]).all()


def test_rectangles_lie_inside_and_are_whole():
    draws = np.random.default_rng(0).random((200, 4), "float32")
    inside = numpy(rectangles((10, 20), draws))[..., 0]
    assert set(np.unique(inside)) == {0.0, 1.0}
    heights, widths = inside.max(axis=2).sum(axis=1), inside.max(axis=1).sum(axis=1)
    np.testing.assert_array_equal(inside.sum(axis=(1, 2)), heights * widths)  # nothing but rectangles
    assert heights.min() >= 2 and heights.max() <= 9 and widths.min() >= 4 and widths.max() <= 17
    assert inside[:, 0].any() and inside[:, -1].any() and inside[:, :, 0].any() and inside[:, :, -1].any()


def test_low_notes_survive_being_sampled_slowly_and_high_ones_do_not():
    time = np.arange(400)
    low, high = (np.sin(2 * np.pi * frequency * time)[None].astype("float32") for frequency in (0.05, 0.4))
    middle = slice(60, 340)  # at the ends the filter sees nothing
    np.testing.assert_allclose(numpy(slowed(low, 2))[0, 30:170], low[0, ::2][30:170], atol=5e-3)
    np.testing.assert_allclose(numpy(hastened(slowed(low, 2), 2))[0, middle], low[0, middle], atol=5e-3)
    assert abs(numpy(slowed(high, 2))[0, 30:170]).max() < 5e-3


def test_a_model_that_has_learned_nothing_interpolates_waves_of_any_length(audio):
    wave = 0.5 * np.sin(2 * np.pi * 0.04 * np.arange(170))
    for length in (170, 32, 33, 5):
        expected = numpy(hastened(wave[None, :length], 2))[0]
        made = audio.super_resolve(wave[:length], seed=1)
        assert made.shape == (2 * length,) and made.dtype == np.float32
        away = slice(16, -16) if length > 32 else slice(0, 2)
        assert abs(made - expected)[away].mean() < 0.03  # where pieces meet, the filter saw silence


def test_a_model_that_has_learned_nothing_gives_back_the_images_that_it_was_given(restorer):
    x, twice = images(), images().repeat(2, axis=1).repeat(2, axis=2)
    for given, made in ((x, restorer.denoise(x, steps=0, seed=1)), (twice, restorer.super_resolve(x, steps=0, seed=1))):
        assert abs(made.astype("int16") - given).max() <= 1


def test_the_noise_to_be_removed_ends_where_pixels_end(restorer):
    white = ops.full((64, 8, 8, 3), 255.0)
    seen, fate = restorer.told(white, training=True)
    noisy = numpy(seen)[numpy(fate)[:, 3] == 1.0][..., :3]
    assert noisy.max() == 1.0 and noisy.min() < 0.9


def test_waves_of_different_lengths_are_cut(audio):
    x, _ = audio.prepare([np.ones(64), 0.5 * np.ones(100), np.ones(10)])
    assert x.shape == (1 + 3 + 1, 64)
    assert (x[0] == 1).all() and (x[2] == 0.5).all() and x[3].sum() == 18 and x[4].sum() == 10


def test_a_file_of_sound_comes_back_faster(audio, tmp_path):
    kgen.datasets.write_audio(tmp_path / "slow.wav", 0.5 * np.sin(np.arange(100) / 5), rate=4000)
    audio.super_resolve_file(tmp_path / "slow.wav", tmp_path / "fast.wav", seed=1)
    wave, rate = kgen.datasets.audio_file(tmp_path / "fast.wav")
    assert wave.shape == (200,) and rate == 8000


def test_each_task_makes_what_it_should(restorer):
    given, mask = images(), np.zeros((8, 8), bool)
    mask[2:5, 3:] = True
    assert restorer.super_resolve(given, seed=1, steps=2).shape == (2, 16, 16, 3)
    assert restorer.colorize(given[..., :1], seed=1, steps=2).shape == (2, 8, 8, 3)
    assert restorer.denoise(given, seed=1, steps=2).dtype == np.uint8
    painted = restorer.inpaint(given, mask, seed=1, steps=2)
    np.testing.assert_array_equal(painted[:, ~mask], given[:, ~mask])
    assert (painted[:, mask] != given[:, mask]).any()


def test_samples_differ_and_repeat(restorer):
    first, second = (restorer.denoise(images(), seed=3, samples=2, steps=3) for _ in range(2))
    assert first.shape == (2, 2, 8, 8, 3)
    np.testing.assert_array_equal(first, second)
    assert (first[0] != first[1]).any()


def test_damage_is_what_each_row_was_told(restorer):
    whole = images(64)
    left, fate = (numpy(one) for one in restorer.told(whole, training=True))
    seen, hidden, x0 = left[..., :3], left[..., 3], whole / 127.5 - 1.0
    assert (fate.sum(axis=1) == 1).all() and fate.any(axis=0).all()
    bigger, painted, coloured, cleaned = (fate[:, i] == 1 for i in range(4))
    assert (hidden[~painted] == 0).all() and hidden[painted].any(axis=(1, 2)).all()
    np.testing.assert_allclose(seen[painted], x0[painted] * (1 - hidden[painted][..., None]), atol=1e-6)
    np.testing.assert_array_equal(seen[coloured][..., 0], seen[coloured][..., 2])
    np.testing.assert_array_equal(seen[bigger][:, ::2, ::2], seen[bigger][:, 1::2, 1::2])
    deviations = (seen - x0)[cleaned].std(axis=(1, 2, 3))
    assert deviations.min() > 0.02 and deviations.max() < 0.8


def test_grey_images_have_no_colours_to_find():
    model = kgen.models.ImageRestorer((8, 8, 1), scale=2, widths=(4,), blocks=1, num_heads=1)
    assert model.able == ("super_resolution", "inpainting", "denoising")
    with pytest.raises(ValueError, match=r"tasks: this ImageRestorer has learned super_resolution.* not colorization"):
        model.colorize(images(channels=1))


def test_patches_restore_other_sides_too_and_say_which():
    model = kgen.models.ImageRestorer((8, 8, 3), scale=2, widths=(4, 4), blocks=1, num_heads=2, patch=2, seed=1)
    assert model.super_resolve(images(side=6), steps=0).shape[1:] == (12, 12, 3)
    with pytest.raises(ValueError, match="images: expected sides that 4 divides, got 6 × 6"):
        model.denoise(images(side=6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.denoise(images(side=7)), "images: expected sides that 2 divides, got 7 × 7"),
        (lambda m: m.denoise(images()[0]), r"images: expected uint8 images of shape \(n, height, width, 3\)"),
        (lambda m: m.denoise(images(), samples=0), "samples: expected an integer of at least 1, got 0"),
        (lambda m: m.denoise(images(), steps=-1), "steps: expected an integer of at least 0, got -1"),
        (lambda m: m.denoise(images(), solver="ddim"), "solver: expected one of kgen.diffusion"),
        (lambda m: m.inpaint(images(), np.zeros((8, 8))), r"mask: expected bool \(8, 8\)"),
        (lambda m: m.prepare(images(), np.zeros(2)), "y: an ImageRestorer learns from whole images alone"),
    ],
)
def test_bad_images_are_refused_with_the_way_out(restorer, call, message):
    with pytest.raises(ValueError, match=message):
        call(restorer)


@pytest.mark.parametrize(
    ("waves", "message"),
    [
        (np.full((2, 8), 2.0), r"waves: expected float waves in \[-1, 1\], got some in \[2, 2\]"),
        (np.full((2, 8), np.nan), r"waves: expected float waves in \[-1, 1\]"),
        (np.zeros((2, 8, 1)), r"waves: expected float waves \(n, samples\) in \[-1, 1\], got shape \(2, 8, 1\)"),
        (np.zeros(0), r"waves: expected float waves \(n, samples\)"),
        (["a"], "waves: expected float waves of one length"),
    ],
)
def test_bad_waves_are_refused_with_the_way_out(audio, waves, message):
    with pytest.raises(ValueError, match=message):
        audio.super_resolve(waves)
