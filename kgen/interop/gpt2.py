"""GPT-2's names and options."""

from kgen.interop.configuration import activation
from kgen.interop.configuration import integer
from kgen.interop.configuration import number
from kgen.interop.mapping import embedding
from kgen.interop.mapping import joined
from kgen.interop.mapping import norm
from kgen.interop.mapping import numbered
from kgen.interop.mapping import same
from kgen.models.gpt import GPT

MODEL_TYPE = "gpt2"
PREFIX = "transformer."
ARCHITECTURES = ("GPT2LMHeadModel", "GPT2Model")

OPTIONS = {
    "vocabulary_size": integer("vocab_size", 50257),
    "context_length": integer("n_positions", 1024),
    "num_layers": integer("n_layer", 12),
    "num_heads": integer("n_head", 12),
    "model_dim": integer("n_embd", 768),
    "feedforward_dim": integer("n_inner"),
    "activation": activation("activation_function", "gelu_new"),
    "dropout": number("resid_pdrop", 0.1),
}
NEEDED = {
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}

NOT_READ = r"transformer\.h\.\d+\.attn\.(bias|masked_bias)"  # causal masks
READOUT = "lm_head.weight"
EMBEDDING = "transformer.wte.weight"


def _as_it_is(ours, theirs):
    """Its dense layers have their kernels as (in, out), that of queries, keys and values in this order."""
    return {f"{ours}/kernel": same(f"{theirs}.weight"), f"{ours}/bias": same(f"{theirs}.bias")}


_LAYER = "transformer.h.{i}"
_LAYERS = {
    **norm("block_{n}/attention_norm", f"{_LAYER}.ln_1"),
    **_as_it_is("block_{n}/attention/query_key_value", f"{_LAYER}.attn.c_attn"),
    **_as_it_is("block_{n}/attention/output", f"{_LAYER}.attn.c_proj"),
    **norm("block_{n}/feed_forward_norm", f"{_LAYER}.ln_2"),
    **_as_it_is("block_{n}/feed_forward/hidden", f"{_LAYER}.mlp.c_fc"),
    **_as_it_is("block_{n}/feed_forward/output", f"{_LAYER}.mlp.c_proj"),
}


def table(arguments):
    """The tensors of each weight."""
    return {
        **embedding("token_embedding", "transformer.wte"),
        **({} if arguments["tie_embeddings"] else {"token_embedding/reverse_embeddings": joined(READOUT)}),
        **embedding("positions", "transformer.wpe"),
        **numbered(_LAYERS, arguments["num_layers"]),
        **norm("final_norm", "transformer.ln_f"),
    }


def sizes(arguments):
    """Tensors whose shapes follow from the options; they bound how large the model can be."""
    width = arguments["model_dim"]
    yield EMBEDDING, (arguments["vocabulary_size"], width)
    yield "transformer.wpe.weight", (arguments["context_length"], width)
    for i in range(arguments["num_layers"]):
        yield f"transformer.h.{i}.attn.c_attn.weight", (width, 3 * width)
        yield f"transformer.h.{i}.mlp.c_fc.weight", (width, arguments["feedforward_dim"] or 4 * width)


def further_arguments(arguments, configuration, tensors):
    """Whether the embedding reads out too: what the file holds decides, as in transformers."""
    if not configuration.get("tie_word_embeddings", True):
        tensors.need(READOUT)
    return {"tie_embeddings": READOUT not in tensors or tensors.equal(READOUT, EMBEDDING)}


def build(arguments, source):
    """(model, table, tensors that repeat another)."""
    model = GPT(source.tokenizer(), **arguments, **source.options)
    return model, table(arguments), {READOUT: EMBEDDING} if arguments["tie_embeddings"] else {}


def needs(model):
    """Arguments that a model must have to be written so."""
    return {"normalization": "layer", "positions": "learned", "use_bias": True, "num_key_value_heads": None}


def further_options(model):
    """Options that are no argument of their own."""
    tokenizer = model.tokenizer
    return {
        "layer_norm_epsilon": 1e-5,
        "embd_pdrop": model.dropout,
        "tie_word_embeddings": model.tie_embeddings,
        "bos_token_id": None if tokenizer is None else tokenizer.start_id,
        "eos_token_id": None if tokenizer is None else tokenizer.end_id,
    }
