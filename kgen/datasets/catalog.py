def load(name, split="train", data_dir=None):
    import numpy as np

    with np.load(f"{data_dir}/{name}.npz") as d:
        return d[f"x_{split}"][..., None], d[f"y_{split}"]
