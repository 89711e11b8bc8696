"""kgen: train generative models with Keras, on TensorFlow, JAX and PyTorch alike.

`PUBLIC` is the whole public surface, written by hand: for each module, each name and the file that defines it. Nothing
is imported before it is used, so `import kgen` costs a few milliseconds and loads no framework.
"""

import importlib

from kgen import _startup

__version__ = "0.1.0"

PUBLIC = {
    "layers": {
        "GaussianSampling": "gaussian_sampling",
        "MultiHeadAttention": "multi_head_attention",
        "FeedForward": "feed_forward",
        "SinusoidalPositions": "sinusoidal",
        "LearnedPositions": "learned_positions",
        "RotaryPositions": "rotary",
        "RelativePositionBias": "relative_bias",
        "TransformerEncoderBlock": "transformer_encoder",
        "TransformerDecoderBlock": "transformer_decoder",
        "PatchEmbedding": "patch_embedding",
        "AdditiveAttention": "additive_attention",
        "Recurrent": "recurrent",
        "ModulatedConv2D": "modulated_convolution",
        "NoiseInjection": "noise_injection",
        "MappingNetwork": "mapping_network",
        "MinibatchStdDev": "minibatch_stddev",
        "ConditionalBatchNormalization": "conditional_batch_norm",
        "SelfAttention2D": "self_attention_2d",
        "TimestepEmbedding": "timestep_embedding",
        "GroupNormalization": "group_normalization",
        "AdaptiveNormalization": "adaptive_normalization",
        "ResidualBlock": "residual_block",
        "UNet": "unet",
        "DiffusionTransformer": "diffusion_transformer",
        "SpectralNormalization": "spectral_normalization",
        "MaskedConv2D": "masked_convolution",
        "GatedPixelBlock": "gated_pixels",
        "VectorQuantizer": "vector_quantizer",
    },
    "models": {
        "VAE": "vae",
        "PixelCNN": "pixelcnn",
        "VQVAE": "vqvae",
        "DCGAN": "dcgan",
        "StyleGAN": "stylegan",
        "BigGAN": "biggan",
        "CycleGAN": "cyclegan",
        "DiffusionModel": "diffusion_model",
        "ImageAutoencoder": "autoencoder",
        "LatentDiffusion": "latent_diffusion",
        "ImageRestorer": "restorer",
        "AudioSuperResolution": "audio_restorer",
        "GPT": "gpt",
        "RNNLanguageModel": "rnn_lm",
        "Seq2SeqRNN": "rnn_seq2seq",
        "TransformerSeq2Seq": "seq2seq_transformer",
        "WordEmbeddings": "word_embeddings",
        "ViT": "vit",
        "BERT": "bert",
        "TextClassifier": "text_classifier",
        "T5": "text_to_text",
    },
    "decoding": {
        "Greedy": "samplers",
        "Temperature": "samplers",
        "TopK": "samplers",
        "TopP": "samplers",
        "MinP": "samplers",
        "RepetitionPenalty": "samplers",
        "Contrastive": "contrastive",
        "Speculative": "speculative",
        "Beam": "beam",
    },
    "diffusion": {
        "Linear": "schedules",
        "Cosine": "schedules",
        "Flow": "schedules",
        "DDPM": "solvers",
        "DDIM": "solvers",
        "Euler": "solvers",
        "Heun": "solvers",
        "DPMSolver": "solvers",
        "ClassifierFreeGuidance": "guidance",
    },
    "training": {
        "SampleImages": "sample_images",
        "SampleTranslatedImages": "sample_images",
        "SampleReconstructions": "sample_images",
        "SampleRestorations": "sample_images",
        "SampleText": "sample_text",
        "SampleTranslations": "sample_translations",
        "SampleNeighbours": "sample_neighbours",
        "EvaluateSamples": "evaluate_samples",
        "AttentionMaps": "attention_maps",
        "InverseSquareRoot": "warm_up",
        "Adversarial": "adversarial",
        "GroupedOptimizer": "grouped_optimizer",
        "TimeBudget": "time_budget",
        "average_weights": "averaging",
    },
    "metrics": {
        "bits_per_dimension": "likelihood",
        "perplexity": "language",
        "bleu": "translation",
        "chrf": "translation",
        "frechet_distance": "frechet",
        "kernel_distance": "kernel",
        "precision_recall": "manifold",
        "sample_figures": "comparison",
        "perceptual_distance": "perceptual",
        "psnr": "fidelity",
        "ssim": "fidelity",
        "signal_to_noise": "waves",
        "log_spectral_distance": "waves",
        "rouge": "summaries",
        "exact_match": "answers",
        "f1": "answers",
        "mode_coverage": "coverage",
        "class_coverage": "coverage",
        "FeatureClassifier": "features",
        "classifier_features": "features",
        "classifier_maps": "features",
        "classifier_probabilities": "features",
        "classifier_labels": "features",
        "report": "reporting",
        "versions": "reporting",
    },
    "datasets": {
        "load": "catalog",
        "image_folder": "folder_of_images",
        "text_files": "folder_of_text",
        "text_pairs": "pairs_of_text",
        "write_token_file": "token_file",
        "TokenWindows": "token_windows",
        "UnpairedImages": "unpaired",
        "gaussian_modes": "gaussians",
        "audio_file": "wav",
        "write_audio": "wav",
    },
    "tokenizers": {
        "Tokenizer": "base",
        "ByteTokenizer": "byte",
        "CharacterTokenizer": "character",
        "BytePairTokenizer": "byte_pair",
        "WordPieceTokenizer": "word_piece",
        "StreamingDecoder": "streaming",
    },
    "plots": {
        "attention_map": "attention",
        "attention_overlay": "overlay",
        "beam_tree": "beam",
        "image_grid": "grid",
        "latent_map": "latent",
        "denoising_strip": "denoising",
        "anomaly_curve": "anomalies",
        "word_map": "words",
    },
    "anomaly": {
        "VAEDetector": "vae_detector",
        "DiffusionDetector": "diffusion_detector",
        "TeacherStudentDetector": "teacher_student_detector",
        "SequenceDetector": "sequence_detector",
        "load": "saving",
    },
    "interop": {
        "load": "reading",
        "save": "writing",
    },
    "presets": {
        "list": "registry",
        "describe": "registry",
    },
}

# Modules whose classes Keras must know by name before it can load a file.
_REGISTERED = ("layers", "models", "training", "tokenizers")


def load(path):
    """Load a model that kgen saved: a `.keras` file or a run folder. See `kgen.models.base.load`."""
    from kgen.models.base import load

    return load(path)


def lazy_names(module):
    """The `__getattr__`, `__dir__` and `__all__` of a public module, from its row in `PUBLIC`."""
    table = PUBLIC[module.removeprefix("kgen.")]

    def __getattr__(name):
        if name not in table:
            raise AttributeError(f"module {module!r} has no attribute {name!r}; it has {', '.join(table)}")
        return getattr(importlib.import_module(f"{module}.{table[name]}"), name)

    return __getattr__, lambda: sorted(table), list(table)


def _register_classes():
    for module in _REGISTERED:
        for file in dict.fromkeys(PUBLIC[module].values()):
            importlib.import_module(f"kgen.{module}.{file}")


def __getattr__(name):
    if name in PUBLIC:
        return importlib.import_module(f"kgen.{name}")
    raise AttributeError(f"module 'kgen' has no attribute {name!r}; it has load, {', '.join(PUBLIC)}")


def __dir__():
    return sorted([*globals(), *PUBLIC])


_startup.prepare_keras(then=_register_classes)
