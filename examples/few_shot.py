# %% [markdown]
"""
# Do examples help, and does it matter which? A GPT of Python writes docstrings after none, random and similar ones

    python examples/few_shot.py               a minute or two; nothing is trained or downloaded
    python examples/few_shot.py --quick       seconds, a few functions

The model is the preset `python-gpt`; the functions are those of the standard library's modules that it has not learned.
For each, the figure is what the first line of its docstring costs, in nats per character, when the prompt shows other
functions with theirs before it: chosen at random, or those most similar by the words of name and arguments (TF-IDF);
lastly the most similar ones of other modules only. Nothing about the model changes: all that helps is what it reads.

Papers: Brown et al., Language Models are Few-Shot Learners, 2020; Liu et al., What Makes Good In-Context Examples for
GPT-3?, 2022.

**You will see** nats per character of a docstring after no, random, similar and foreign examples.
"""

# %%
import argparse
import ast
import re
import time
from pathlib import Path

import numpy as np

import kgen
from kgen.script import read_options

FUNCTION = kgen.prompts.Template('def {head}:\n    """{doc}"""')
LONGEST = 80  # characters of a head and of a docstring's first line


# %% [markdown]
# ## Prompts with and without examples


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="not needed: the functions come with Python")
    parser.add_argument("--shots", type=int, default=4, help="examples in a prompt")
    parser.add_argument("--functions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few functions")
    parser.add_argument("--out", type=Path, default=Path("few_shot"), help="folder for the prompts")
    options = read_options(parser)
    started = time.time()
    model, rng = kgen.models.GPT.from_preset("python-gpt"), np.random.default_rng(options.seed)
    functions = documented(kgen.datasets.load("stdlib_code", "test"))
    asked = rng.permutation(len(functions))[: 24 if options.quick else options.functions]
    similar = kgen.prompts.SimilarExamples(functions, "words")
    modules = {}
    for i, function in enumerate(functions):
        modules.setdefault(function["module"], []).append(i)

    def chosen(how, i):
        if how == "random":
            others = rng.permutation(np.delete(np.arange(len(functions)), i))[: options.shots]
            return [functions[j] for j in others]
        if how == "none":
            return []
        without = modules[functions[i]["module"]] if "other modules" in how else [i]
        return similar.choose(functions[i]["words"], options.shots, without)

    figures, texts = {}, []
    for how in ("none", "random", "similar", "similar, of other modules"):
        prompts = [kgen.prompts.few_shot(FUNCTION, shown(chosen(how, i)), shown([functions[i]])[0]) for i in asked]
        figures[f"nats per character, {how}"] = cost(model, prompts, [f'{functions[i]["doc"]}"""' for i in asked])
        texts.append(f"--- {how} ---\n{prompts[0]}»{functions[asked[0]]['doc']}«")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "prompts.txt").write_text("\n\n".join(texts), encoding="utf-8")
    what = f"docstrings of {len(asked)} functions after {options.shots} examples"
    kgen.metrics.report(f"python-gpt, {what}", figures, model, options.seed, started)


# %% [markdown]
# ## What an answer costs


# %%
def cost(model, prompts, answers):
    """Mean nats per character of answers, each after its prompt; a prompt that is too long loses its beginning."""
    rows, learned = [], []
    for prompt, answer in zip(*map(model.tokenizer.encode, (prompts, answers)), strict=True):
        row = np.array([*prompt, *answer], "int32")
        learned.append((np.arange(len(row)) >= len(prompt))[-model.context_length - 1 :])
        rows.append(row[-model.context_length - 1 :])
    return model.evaluate(rows, learned, full=True)["nats_per_character"]


# %% [markdown]
# ## The functions


# %%
def documented(modules):
    """Functions with a docstring: dicts of head, doc (its first line), the words of the head, and the module."""
    found = []
    for number, text in enumerate(modules):
        for node in ast.walk(ast.parse(text)):
            doc = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            if not doc:
                continue
            head, doc = f"{node.name}({ast.unparse(node.args)})", doc.splitlines()[0]
            words = " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", head))
            if len(head) <= LONGEST and 10 <= len(doc) <= LONGEST:
                found.append({"head": head, "doc": doc, "words": words, "module": number})
    return found


def shown(functions):
    """What the template wants to know."""
    return [{name: one[name] for name in FUNCTION.places} for one in functions]


# %%
if __name__ == "__main__":
    main()
