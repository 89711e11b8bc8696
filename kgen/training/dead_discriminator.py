"""The guard against a GAN that has died without a NaN: nothing would say so but a folder of grey squares."""

import keras

from kgen.training.guards import TrainingFailed

SAME_SCORE = 1e-6  # relative
ONE_IMAGE = 1e-4  # of the range [-1, 1]


class DeadDiscriminator(TrainingFailed):
    """The discriminator judges everything alike; the model holds the weights of the last good epoch."""


class CollapsedGenerator(TrainingFailed):
    """The generator makes one image, whatever it is given; the model holds the weights of the last good epoch."""


class StopOnDeadDiscriminator(keras.callbacks.Callback):
    """Stops a training in which one of the two networks learns nothing any more, with advice.

    At the end of an epoch it looks at the metrics `real_score`, `fake_score` and `diversity`: a discriminator whose
    scores are the same for all images gives the generator no gradient; a generator whose images are all the same has
    nothing left to lose.
    """

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        real, fake = logs.get("real_score"), logs.get("fake_score")
        if real is not None and abs(real - fake) <= SAME_SCORE * max(1.0, abs(real)):
            raise DeadDiscriminator(
                f"the discriminator gave real and generated images the same score, {real:.6g}, in all of epoch "
                f"{epoch + 1}: it has died, and the generator learns nothing from it. Training has stopped and the "
                "model has its weights from the end of the last good epoch. Try a smaller learning rate of the "
                'discriminator, penalty="r1", or objective="hinge".'
            )
        if logs.get("diversity", 1.0) < ONE_IMAGE:
            raise CollapsedGenerator(
                f"all generated images were the same in epoch {epoch + 1}. Training has stopped and the model has its "
                'weights from the end of the last good epoch. Try a smaller learning rate, penalty="r1", or '
                'augmentation=("color", "translation") if there are few images.'
            )
