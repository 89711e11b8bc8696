"""PSNR, SSIM, signal-to-noise ratio and spectral distance: laws, known values, what is refused."""

import numpy as np
import pytest

import kgen

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 13, 17, 3), "uint8")
OTHERS = np.clip(IMAGES + RNG.normal(0, 20, IMAGES.shape), 0, 255).astype("uint8")
WAVES = RNG.normal(size=(3, 700))


# Laws


@pytest.mark.parametrize("metric", [kgen.metrics.psnr, kgen.metrics.ssim])
def test_a_figure_of_images_is_symmetric_and_a_mean_over_images(metric):
    assert metric(IMAGES, OTHERS) == pytest.approx(metric(OTHERS, IMAGES))
    each = [metric(one, other) for one, other in zip(IMAGES, OTHERS, strict=True)]
    assert len(set(each)) == 3
    np.testing.assert_allclose(metric(IMAGES, OTHERS).each, each)
    assert metric(IMAGES, OTHERS) == pytest.approx(np.mean(each))


def test_equal_images_are_perfect_and_noise_costs():
    assert kgen.metrics.psnr(IMAGES, IMAGES) == np.inf
    assert kgen.metrics.ssim(IMAGES, IMAGES) == pytest.approx(1.0)
    worse = np.clip(IMAGES + RNG.normal(0, 60, IMAGES.shape), 0, 255).astype("uint8")
    for metric in (kgen.metrics.psnr, kgen.metrics.ssim):
        assert metric(IMAGES, worse) < metric(IMAGES, OTHERS) < metric(IMAGES, IMAGES)


def test_ten_times_the_error_costs_20_db():
    ten, one = np.full((8, 8, 1), 110, "uint8"), np.full((8, 8, 1), 101, "uint8")
    base = np.full((8, 8, 1), 100, "uint8")
    assert kgen.metrics.psnr(base, one) == pytest.approx(20 * np.log10(255))
    assert kgen.metrics.psnr(base, one) - kgen.metrics.psnr(base, ten) == pytest.approx(20)


def test_structure_is_what_a_direct_sum_over_windows_finds():
    """No separable window, no identity for the variance: the sums of the paper's formula, place by place."""
    row = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    weights = np.outer(row, row) / np.outer(row, row).sum()
    found = []
    for channel in range(3):
        x, y = IMAGES[0, ..., channel].astype(float), OTHERS[0, ..., channel].astype(float)
        for i in range(13 - 10):
            for j in range(17 - 10):
                a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
                ma, mb = (weights * a).sum(), (weights * b).sum()
                va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
                cov = (weights * (a - ma) * (b - mb)).sum()
                c1, c2 = 2.55**2, 7.65**2
                found.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert kgen.metrics.ssim(IMAGES[0], OTHERS[0]) == pytest.approx(np.mean(found), rel=1e-9)


def test_structure_of_flat_images_is_their_brightness_alone():
    x, y = np.full((11, 11, 1), 50, "uint8"), np.full((11, 11, 1), 100, "uint8")
    c1 = 2.55**2
    assert kgen.metrics.ssim(x, y) == pytest.approx((2 * 50 * 100 + c1) / (50**2 + 100**2 + c1))


def test_waves_have_known_ratios_and_distances():
    assert kgen.metrics.signal_to_noise(WAVES, WAVES) == np.inf
    assert kgen.metrics.signal_to_noise(WAVES, 0.99 * WAVES) == pytest.approx(40)
    assert kgen.metrics.signal_to_noise(WAVES, 0 * WAVES) == pytest.approx(0)
    assert kgen.metrics.log_spectral_distance(WAVES, WAVES, window=128) == 0
    assert kgen.metrics.log_spectral_distance(WAVES, WAVES / 100, window=128) == pytest.approx(4)
    there, back = ((WAVES, WAVES[::-1]), (WAVES[::-1], WAVES))
    assert kgen.metrics.log_spectral_distance(*there) == pytest.approx(kgen.metrics.log_spectral_distance(*back))


def test_the_spectrum_does_not_hear_the_sign_that_the_samples_do():
    assert kgen.metrics.log_spectral_distance(WAVES, -WAVES, window=64) == pytest.approx(0, abs=1e-9)
    assert kgen.metrics.signal_to_noise(WAVES, -WAVES) == pytest.approx(-20 * np.log10(2))


def test_the_spectral_distance_is_what_its_formula_says():
    window, hop = 64, 16
    hann = np.hanning(window + 1)[:-1]
    frames = [
        [np.log10(np.abs(np.fft.fft(wave[i : i + window] * hann)[: window // 2 + 1]) ** 2) for wave in WAVES[:2]]
        for i in range(0, 700 - window + 1, hop)
    ]
    expected = np.mean([np.sqrt(np.mean((x - y) ** 2)) for x, y in frames])
    found = kgen.metrics.log_spectral_distance(WAVES[0], WAVES[1], window=window)
    assert found == pytest.approx(expected)
    assert found.signature == "window:64|hop:16|n:1"


@pytest.mark.parametrize("metric", [kgen.metrics.signal_to_noise, kgen.metrics.log_spectral_distance])
def test_waves_come_in_any_form(metric):
    truth, made = [WAVES[0], WAVES[1][:300]], [WAVES[1], WAVES[2][:300]]
    found = metric(truth, made)
    np.testing.assert_allclose(found.each, [metric(*pair) for pair in zip(truth, made, strict=True)])
    assert found == pytest.approx(np.mean(found.each))


def test_silence_has_a_spectrum():
    assert np.isfinite(kgen.metrics.log_spectral_distance(WAVES, 0 * WAVES))


# Errors


@pytest.mark.parametrize("metric", [kgen.metrics.psnr, kgen.metrics.ssim])
@pytest.mark.parametrize(
    ("images", "others", "reason"),
    [
        (IMAGES / 255, OTHERS, r"images: expected uint8 images .* got float64 of shape \(3, 13, 17, 3\)"),
        (IMAGES, OTHERS[..., 0, 0], r"others: expected uint8 images .* got uint8 of shape \(3, 13\)"),
        (IMAGES[:0], OTHERS[:0], "images: expected uint8 images"),
        (IMAGES, OTHERS[:2], "images and others: expected the same shape"),
    ],
)
def test_what_are_no_pairs_of_images(metric, images, others, reason):
    with pytest.raises(ValueError, match=reason):
        metric(images, others)


def test_images_below_the_window():
    with pytest.raises(ValueError, match=r"images: expected at least 11 × 11 pixels, .* got 10 × 17"):
        kgen.metrics.ssim(IMAGES[:, :10], OTHERS[:, :10])


@pytest.mark.parametrize("metric", [kgen.metrics.signal_to_noise, kgen.metrics.log_spectral_distance])
@pytest.mark.parametrize(
    ("references", "waves", "reason"),
    [
        ([], [], "references: expected waves as"),
        (3.0, WAVES, r"references: expected waves as"),
        (WAVES, WAVES[:2], "waves: expected one for each of 3 references, got 2"),
        (WAVES, WAVES[:, 1:], "waves: expected 700 samples in wave 0, as in its reference, got 699"),
        (WAVES[None], WAVES[None], r"references: expected waves of shape .samples,., got float64 of shape \(3, 700\)"),
        (["a"], ["b"], "references: expected waves of shape"),
        (WAVES, WAVES * np.nan, "waves: expected finite samples"),
    ],
)
def test_what_are_no_pairs_of_waves(metric, references, waves, reason):
    with pytest.raises(ValueError, match=reason):
        metric(references, waves)


def test_other_refusals_of_waves():
    with pytest.raises(ValueError, match="references: expected some sound, wave 0 is silent"):
        kgen.metrics.signal_to_noise(0 * WAVES, WAVES)
    with pytest.raises(ValueError, match="window: expected an integer of at least 2, got 1"):
        kgen.metrics.log_spectral_distance(WAVES, WAVES, window=1)
    with pytest.raises(ValueError, match="hop: expected an integer of at least 1, got 0"):
        kgen.metrics.log_spectral_distance(WAVES, WAVES, hop=0)
