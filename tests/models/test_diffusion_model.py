import keras
import numpy as np
import pytest

import kgen


def tiny(image_shape=(6, 6, 1), **options):
    options = {"widths": (4, 4), "blocks": 1, "num_heads": 2, "ema_decay": 0.0, "seed": 1, **options}
    return kgen.models.DiffusionModel(image_shape, **options)


class Oracle(keras.Layer):
    """Knows the image behind any noise: it is grey."""

    multiple = 1

    def build(self, inputs_shape, time_shape, condition_shape=None, context_shape=None, context_mask_shape=None):
        self.grey = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.25), name="grey")
        self.built = True

    def call(self, inputs, time, condition=None, context=None, context_mask=None, training=False):
        return keras.ops.ones_like(inputs) * self.grey


class Swaying(Oracle):
    """Smooth in the image, the time and the class, as something that has learned would be."""

    def call(self, inputs, time, condition=None, context=None, context_mask=None, training=False):
        time, told = (keras.ops.reshape(x, (-1, 1, 1, 1)) for x in (keras.ops.cast(time, "float32"), condition[:, 0]))
        return 0.5 * keras.ops.tanh(inputs) * keras.ops.cos(time / 400.0) + told


class Listener(Oracle):
    """Dreams what it is told: one number of the class."""

    def call(self, inputs, time, condition=None, context=None, context_mask=None, training=False):
        return keras.ops.ones_like(inputs) * keras.ops.reshape(condition[:, 0], (-1, 1, 1, 1))


def knowing(network=Oracle, **options):
    return tiny(network=network(name="oracle"), prediction="x0", **options)


@pytest.mark.parametrize("solver", ["DDPM", "DDIM", "Euler", "Heun", "DPMSolver"])
def test_who_knows_the_image_finds_it(solver):
    images = knowing().generate(2, seed=1, steps=3, solver=getattr(kgen.diffusion, solver)())
    assert (images == round(127.5 * 1.25)).all()


def test_guidance_goes_further_in_the_direction_of_the_class():
    model = knowing(Listener, num_classes=2)
    told = next(w for w in model.denoiser.weights if "classes" in w.path)
    vectors = np.zeros(told.shape, "float32")
    vectors[:, 0] = (0.2, -0.2, 0.0)  # the last one stands for no class
    told.assign(vectors)

    def grey(**options):
        return model.generate(1, seed=1, steps=2, **options).mean() / 127.5 - 1.0

    assert grey(labels=0) == pytest.approx(0.2, abs=0.01)
    assert grey(labels=1) == pytest.approx(-0.2, abs=0.01)
    assert grey(labels=0, guidance=3.0) == pytest.approx(0.6, abs=0.01)
    assert grey(labels=0, guidance=0) == pytest.approx(0.0, abs=0.01)


def test_labels_are_hidden_as_often_as_asked():
    model = knowing(num_classes=3, unconditional_share=0.4)
    seen = []
    call = model.denoiser.call
    model.denoiser.call = lambda x, time, labels, **options: (seen.append(labels), call(x, time, labels, **options))[1]
    inputs = {"images": np.zeros((500, 6, 6, 1), "uint8"), "labels": np.ones(500, "int32")}
    for training in (True, False):
        model(inputs, training=training)
    hidden, told = (keras.ops.convert_to_numpy(labels) for labels in seen)
    assert 0.3 < (hidden == 3).mean() < 0.5 and set(hidden) == {1, 3}
    assert (told == 1).all()


def test_a_batch_sees_all_times_once():
    model = knowing()
    times = keras.ops.convert_to_numpy(model(np.zeros((100, 6, 6, 1), "uint8"), training=True)["t"])
    assert (np.sort(times) // 10 == np.arange(100)).all()


def test_the_loss_is_that_of_the_formula():
    model = tiny(network=Oracle(name="oracle"), min_snr_gamma=5.0)
    images = np.random.default_rng(0).integers(0, 256, (8, 6, 6, 1), "uint8")
    found = {name: keras.ops.convert_to_numpy(value) for name, value in model(images).items()}
    weights = kgen.diffusion.Cosine()
    alphas, sigmas = weights.alphas[found["t"]], weights.sigmas[found["t"]]
    # v = α ε - σ x₀, so x₀ = α x - σ v: the error of x₀ is σ that of v.
    errors = ((found["predicted"] - found["wanted"]) ** 2).mean(axis=(1, 2, 3))
    expected = (np.minimum((alphas / sigmas) ** 2, 5.0) * sigmas**2 * errors).mean()
    loss = model.compute_loss(y_pred=model(images), training=False)
    assert float(keras.ops.convert_to_numpy(loss)) == pytest.approx(expected, rel=1e-4)


def test_what_is_known_stays_and_the_rest_is_dreamt():
    model = knowing()
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 1), "uint8")
    mask = np.zeros((6, 6), bool)
    mask[2:4] = True
    made = model.inpaint(images, mask, seed=1, steps=3)
    np.testing.assert_array_equal(made[:, ~mask], images[:, ~mask])
    assert (made[:, mask] == round(127.5 * 1.25)).all()


def test_little_strength_leaves_an_image_nearly_as_it_was():
    model = tiny()
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 1), "uint8")
    near, far = (model.generate(1, seed=1, image=image, strength=s, steps=4)[0].astype(int) for s in (0.05, 1.0))
    assert abs(near - image).mean() < 20 < abs(far - image).mean()


def test_an_image_is_found_again_from_its_noise():
    model = tiny(network=Swaying(name="swaying"), num_classes=2)
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 1), "uint8")
    noise = model.invert(images, labels=1, steps=30, solver=kgen.diffusion.Heun())
    again = model.decode(noise, labels=1, steps=30, solver=kgen.diffusion.Heun())
    assert abs(again.astype(int) - images).mean() < 3.0


def test_a_dream_can_be_watched_and_left():
    model = knowing()
    glimpses = model.generate(2, seed=1, steps=6, solver=kgen.diffusion.DDIM(), stream=True, every=2)
    first = next(glimpses)
    assert (first.done, first.steps) == (2, 6) and first.noisy.shape == first.seen.shape == (2, 6, 6, 1)
    *_, last = glimpses
    assert last.done == 6
    np.testing.assert_array_equal(last.noisy, model.generate(2, seed=1, steps=6, solver=kgen.diffusion.DDIM()))
    with pytest.raises(ValueError, match="n: expected at most 64 with stream=True, got 65"):
        model.generate(65, stream=True)


def test_another_number_of_steps_or_images_or_guidance_compiles_little(programs):
    model = knowing(Listener, num_classes=2)
    for n, steps, guidance in ((3, 2, 2.0), (4, 5, 3.0), (3, 9, 1.5)):
        model.generate(n, seed=1, steps=steps, guidance=guidance)
    traces = model._compiled_calls["guided"].traces
    assert traces <= 2 or keras.backend.backend() == "torch"  # TensorFlow's first call may trace twice


def test_ways_begin_and_end_where_they_should():
    model = tiny()
    way = model.interpolate(1, 2, steps=3, solver_steps=4)
    ends = [model.decode(np.random.default_rng(s).standard_normal((1, 6, 6, 1)), steps=4)[0] for s in (1, 2)]
    assert abs(way[[0, -1]].astype(int) - np.stack(ends)).max() <= 1
    with pytest.raises(ValueError, match=r"start: expected a seed or noise of shape \(6, 6, 1\), got shape \(3,\)"):
        model.interpolate(np.zeros(3), 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.generate(0), "n: expected an integer of at least 1, got 0"),
        (lambda m: m.generate(1, steps=0), "steps: expected an integer of at least 1, got 0"),
        (lambda m: m.generate(1, steps=1001), "steps: expected at most 1000, got 1001"),
        (lambda m: m.generate(1, solver="ddim"), "solver: expected one of kgen.diffusion"),
        (lambda m: m.generate(1, labels=1), "labels: this DiffusionModel has no classes, got 1"),
        (lambda m: m.generate(1, guidance=-1.0), "scale: expected a number"),
        (lambda m: m.decode(np.zeros((1, 2, 2, 1))), r"z: expected shape \(n, 6, 6, 1\), got \(1, 2, 2, 1\)"),
        (lambda m: m.inpaint(np.zeros((1, 6, 6, 1), "uint8"), np.zeros((6, 6))), r"mask: expected bool \(6, 6\)"),
        (lambda m: m.fit(np.zeros((1, 6, 6, 1), "uint8"), np.zeros(1, int)), "y: this DiffusionModel learns from"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(call, message):
    model = tiny()
    model.compile()
    with pytest.raises(ValueError, match=message):
        call(model)
