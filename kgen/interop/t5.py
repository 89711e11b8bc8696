"""T5's names and options, those of T5 1.1 among them."""

from kgen.interop.configuration import choice
from kgen.interop.configuration import integer
from kgen.interop.configuration import number
from kgen.interop.mapping import embedding
from kgen.interop.mapping import joined
from kgen.interop.mapping import numbered
from kgen.interop.mapping import same
from kgen.models.text_to_text import T5

MODEL_TYPE = "t5"
PREFIX = ""
ARCHITECTURES = ("T5ForConditionalGeneration", "T5Model", "T5WithLMHeadModel")

PROJECTIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gated-gelu": "geglu_tanh",
    "gated-silu": "swiglu",
}
OPTIONS = {
    "vocabulary_size": integer("vocab_size", 32128),
    "context_length": integer("n_positions", 512),  # no limit, for positions are distances
    "num_layers": integer("num_layers", 6),
    "num_decoder_layers": integer("num_decoder_layers"),
    "num_heads": integer("num_heads", 8),
    "model_dim": integer("d_model", 512),
    "head_dim": integer("d_kv", 64),
    "feedforward_dim": integer("d_ff", 2048),
    "activation": choice("feed_forward_proj", "relu", PROJECTIONS),
    "num_buckets": integer("relative_attention_num_buckets", 32),
    "max_distance": integer("relative_attention_max_distance", 128),
    "epsilon": number("layer_norm_epsilon", 1e-6),
    "dropout": number("dropout_rate", 0.1),
}
NEEDED = {"is_encoder_decoder": (True,)}

NOT_READ = r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight"  # of the first files
EMBEDDING = "shared.weight"
READOUT = "lm_head.weight"
COPIES = {"encoder.embed_tokens.weight": EMBEDDING, "decoder.embed_tokens.weight": EMBEDDING}


def _kernel(ours, *theirs):
    """A Dense layer without bias."""
    return {f"{ours}/kernel": joined(*(f"{name}.weight" for name in theirs))}


def _norm(ours, theirs):
    return {f"{ours}/scale": same(f"{theirs}.weight")}


def _block(side, feed_forward, hidden):
    """The rows of a block; its feed-forward layer is number `feed_forward` of its parts."""
    block, layer = f"{side}_block_{{n}}", f"{side}.block.{{i}}.layer"
    last = f"{layer}.{feed_forward}"
    return {
        **_norm(f"{block}/attention_norm", f"{layer}.0.layer_norm"),
        **_kernel(f"{block}/attention/query_key_value", *(f"{layer}.0.SelfAttention.{part}" for part in "qkv")),
        **_kernel(f"{block}/attention/output", f"{layer}.0.SelfAttention.o"),
        **_norm(f"{block}/feed_forward_norm", f"{last}.layer_norm"),
        **_kernel(f"{block}/feed_forward/hidden", *(f"{last}.DenseReluDense.{part}" for part in hidden)),
        **_kernel(f"{block}/feed_forward/output", f"{last}.DenseReluDense.wo"),
    }


_CROSS, _THEIR_CROSS = "decoder_block_{n}/cross", "decoder.block.{i}.layer.1"
_CROSS_ATTENTION = {
    **_norm(f"{_CROSS}_norm", f"{_THEIR_CROSS}.layer_norm"),
    **_kernel(f"{_CROSS}_attention/query", f"{_THEIR_CROSS}.EncDecAttention.q"),
    **_kernel(f"{_CROSS}_attention/key_value", *(f"{_THEIR_CROSS}.EncDecAttention.{part}" for part in "kv")),
    **_kernel(f"{_CROSS}_attention/output", f"{_THEIR_CROSS}.EncDecAttention.o"),
}


def table(arguments, readout=READOUT):
    """The tensors of each weight; `readout` is the one that reads out where the embedding does not."""
    tied, (encoder, decoder) = arguments["tie_embeddings"], _counts(arguments)
    hidden = _hidden(arguments)
    return {
        **embedding("token_embedding", "shared"),
        **({} if tied else {"token_embedding/reverse_embeddings": joined(readout)}),
        **embedding("encoder_bias", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias"),
        **embedding("decoder_bias", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias"),
        **numbered(_block("encoder", 1, hidden), encoder),
        **numbered({**_block("decoder", 2, hidden), **_CROSS_ATTENTION}, decoder),
        **_norm("encoder_norm", "encoder.final_layer_norm"),
        **_norm("decoder_norm", "decoder.final_layer_norm"),
    }


def sizes(arguments):
    """Tensors whose shapes follow from the options; they bound how large the model can be."""
    width, inner = arguments["model_dim"], arguments["num_heads"] * arguments["head_dim"]
    yield EMBEDDING, (arguments["vocabulary_size"], width)
    for side, count, last in zip(("encoder", "decoder"), _counts(arguments), (1, 2), strict=True):
        bias = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        yield bias, (arguments["num_buckets"], arguments["num_heads"])
        for i in range(count):
            layer = f"{side}.block.{i}.layer"
            yield f"{layer}.0.SelfAttention.q.weight", (inner, width)
            for part in _hidden(arguments):
                yield f"{layer}.{last}.DenseReluDense.{part}.weight", (arguments["feedforward_dim"], width)


def further_arguments(arguments, configuration, tensors):
    """Whether the embedding reads out too. Where it does, hidden states are divided by √model_dim before."""
    divided = configuration.get("scale_decoder_outputs", configuration.get("tie_word_embeddings", True))
    if divided and READOUT in tensors and not tensors.equal(READOUT, EMBEDDING):
        raise ValueError(
            f"{tensors.where(READOUT)} differs from {EMBEDDING!r}, though config.json has tie_word_embeddings: "
            "kgen's T5 has one matrix for both there"
        )
    return {"tie_embeddings": bool(divided)}


def build(arguments, source):
    """(model, table, tensors that repeat another)."""
    tokenizer = source.tokenizer()
    if tokenizer is not None:  # nothing in its files says which token the decoder begins with
        start = source.configuration.get("decoder_start_token_id", source.configuration.integer("pad_token_id", 0))
        tokenizer = source.tokenizer(start_token=tokenizer.token_of(start))
    model = T5(tokenizer, **arguments, **source.options)
    if arguments["tie_embeddings"]:
        return model, table(arguments), {**COPIES, READOUT: EMBEDDING}
    return model, table(arguments, READOUT if READOUT in source.tensors else EMBEDDING), COPIES


def needs(model):
    """Arguments that a model must have to be written so."""
    return {}


def further_options(model):
    """Options that are no argument of their own."""
    pad = None if model.tokenizer is None else model.tokenizer.pad_id
    return {
        "is_encoder_decoder": True,
        "tie_word_embeddings": model.tie_embeddings,
        "scale_decoder_outputs": model.tie_embeddings,
        "eos_token_id": model.end_id,
        "pad_token_id": model.end_id if pad is None else pad,
        "decoder_start_token_id": model.start_id,
    }


def _counts(arguments):
    return arguments["num_layers"], arguments["num_decoder_layers"] or arguments["num_layers"]


def _hidden(arguments):
    """What the first matrix of a feed-forward layer is made of."""
    return ("wi_0", "wi_1") if arguments["activation"] in ("geglu_tanh", "swiglu") else ("wi",)
