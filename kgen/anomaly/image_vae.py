"""What a `kgen.models.VAE` says of each image: the two terms of its bound, and where the first comes from."""

import keras
import numpy as np

from kgen.models.vae import VAE

IMAGE_LATENT_DIM = 32
LOG_2PI = np.log(2.0 * np.pi)


def image_vae(image_shape, latent_dim, seed):
    """A VAE for images of this shape: grey ones as binary, coloured ones as Gaussian pixels."""
    likelihood = "bernoulli" if image_shape[-1] == 1 else "gaussian"
    return VAE(image_shape=image_shape, latent_dim=latent_dim, likelihood=likelihood, seed=seed)


def image_scores(model, images):
    """Scores of uint8 images `(n, height, width, channels)`, in nats, z at its mean and pixels at their expectation.

    Returns:
        dict: `reconstruction`, `kl` and `latent` (|mean of z|²), each `(n,)`, and `heat` `(n, height, width)`: what
        each pixel adds to the reconstruction.
    """
    pixels = images.astype("float32") / 255.0
    posterior = model.call_compiled(model.encoder, pixels)
    mean, log_variance = posterior[:, : model.latent_dim], posterior[:, model.latent_dim :]
    decoded = model.call_compiled(model.decoder, mean)
    if model.likelihood == "bernoulli":
        cost = np.logaddexp(0.0, decoded) - pixels * decoded
    else:
        log_scale = float(keras.ops.convert_to_numpy(model.log_scale))
        deviation = (pixels - decoded) * np.exp(-log_scale)
        cost = 0.5 * (deviation * deviation + LOG_2PI) + log_scale
    heat = cost.sum(axis=-1)
    return {
        "reconstruction": heat.sum(axis=(1, 2)),
        "kl": 0.5 * (mean**2 + np.exp(log_variance) - 1.0 - log_variance).sum(axis=1),
        "latent": (mean**2).sum(axis=1),
        "heat": heat,
    }
