"""`kgen generate`: images into a picture, text onto the screen or into a file, lines or images into others."""

import sys
import zlib
from pathlib import Path
from typing import Annotated

import typer

from kgen.cli import words

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")
# What models can do that generate nothing by themselves.
WORKS_ON = {"translate": "translates images", "restore": "restores images", "super_resolve_file": "restores sound"}
BETWEEN_TEXTS = "\n---\n"
TAKEN = ("prompt", "source", "seed", "sampler", "stream", "batch_size")  # arguments of `generate` that are options here


def generate(
    model: words.Model,
    text: Annotated[
        str | None, typer.Option(help="what to translate, what a language model goes on with, or what an image shows")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="a text file (or .gz) of any size, line by line, instead of --text; or images, or sound"),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="how many images, or texts")] = 0,
    out: Annotated[Path | None, typer.Option(help="what to write: pictures, text or sound")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="length of a text")] = None,
    sampler: words.Sampler = "",
    beam: words.BeamWidth = None,
    n_best: Annotated[int, typer.Option(metavar="K", help="print the K best translations with their scores")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="lines or sentences that are worked on at once")] = 32,
    settings: words.Settings = (),
    seed: words.Seed = 1,
    backend: words.Backend = "",
    device: words.Device = "",
    resume: Annotated[bool, typer.Option(help="go on with the unfinished --out of a --file")] = False,
    overwrite: Annotated[bool, typer.Option(help="replace --out")] = False,
):
    """Let a trained model generate: images into a picture, text onto the screen as it is written.

    Of word embeddings it prints the neighbours of a word, or with three words, "man king woman", what is to the third
    as the second is to the first. A model that translates images, such as a CycleGAN, makes of the picture --file the
    picture --out, and of a folder a folder of PNGs; `--set to=a` is the way back. So does one that restores them:
    `--set task=super_resolution`, denoising, colorization or, with `--set mask=hole.png`, inpainting.
    """
    if file is None and resume:
        raise ValueError("--resume goes on with an unfinished --out of a --file; name both")
    if file is None and out and out.exists() and not overwrite:
        raise FileExistsError(f"--out: {out} exists; choose another name, or replace it with --overwrite")
    if file is not None:
        for option, given in (("--text", text is not None), ("-n", n), ("--n-best", n_best)):
            if given:
                raise ValueError(f"{option} and --file exclude each other: each line of the file gives one line")
        if resume and out is None:
            raise ValueError("--resume: name the --out to go on with")
    words.prepare(backend, device)
    if file is not None and out is not None and not file.is_dir():
        from kgen.cli import lines

        lines.check_paths(file, out, resume, overwrite)  # before the model is loaded, which takes a while
    loaded = words.load(model)
    name = type(loaded).__name__
    translates = hasattr(loaded, "candidates")
    if hasattr(loaded, "most_similar"):
        given = {"file": file, "sampler": sampler or None, "beam": beam, "n-best": n_best or None}
        for option, value in given.items():
            if value is not None:
                raise ValueError(f"--{option}: a {name} knows neighbours of words; ask it with --text")
        _put("\n".join(f"{cosine:.4f}\t{word}" for word, cosine in _neighbours(loaded, text, n or 10)), out)
        return
    if not hasattr(loaded, "generate"):
        works_on = [one for one in WORKS_ON if hasattr(loaded, one)]
        if not works_on:
            raise ValueError(f"MODEL: a {name} reads and generates nothing; `kgen evaluate` measures it")
        given = {"sampler": sampler or None, "beam": beam, "max-new-tokens": max_new_tokens, "resume": resume or None}
        for option, value in given.items():
            if value is not None:
                raise ValueError(f"--{option}: a {name} {WORKS_ON[works_on[0]]}")
        _work_on(loaded, works_on[0], file, out, settings, batch_size, seed, overwrite)
        return
    verb = loaded.candidates if n_best and translates else loaded.generate
    arguments = words.arguments_from(settings, verb, verb.__name__, TAKEN)
    if not hasattr(loaded, "token_loop"):
        given = {"file": file, "sampler": sampler or None, "beam": beam, "n-best": n_best or None}
        if getattr(loaded, "tokenizer", None) is None:
            given["text"] = text  # a model that has a tokenizer learned captions
        for option, value in given.items():
            if value is not None:
                raise ValueError(f"--{option}: a {name} generates images")
        if text is not None:
            arguments["prompt"] = text
        arguments = words.with_solver(arguments)
        _generate_images(loaded, n or 16, out or Path("generated.png"), seed, arguments, overwrite)
        return

    arguments |= words.sampler_argument(sampler, beam)
    if max_new_tokens is not None or not translates:
        arguments.setdefault("max_new_tokens", 200 if max_new_tokens is None else max_new_tokens)
    if translates:
        arguments["batch_size"] = batch_size
        if text is None and file is None:
            raise ValueError(f"--text or --file: a {name} needs something to translate")
    if n_best:
        from kgen.cli import lines

        if not translates:
            raise ValueError(f"--n-best: a {name} has no list of candidates; -n {n_best} writes so many texts")
        if "\n" in text.strip():
            raise ValueError("--n-best: expected one sentence in --text, got several lines")
        found = loaded.candidates(text, **{**arguments, "sampler": _widened(arguments.get("sampler"), n_best)})
        _put("\n".join(f"{score:.4f}\t{lines.one_line(candidate)}" for candidate, score in found), out)
    elif file is None:
        _generate_text(loaded, text or "", n or 1, out, seed, arguments)
    else:
        asked = {
            "model": _fingerprint(model),
            "sampler": repr(arguments["sampler"]) if "sampler" in arguments else None,
            "max_new_tokens": arguments.get("max_new_tokens"),
            "settings": sorted(settings),
            "batch_size": batch_size,
            "seed": seed,
        }
        _generate_lines(loaded, file, out, seed, arguments, asked, batch_size, resume, overwrite)


def _work_on(model, verb, source, target, settings, batch_size, seed, overwrite):
    """Let a model that generates nothing make of what it is given what it can: one of `WORKS_ON`."""
    from kgen.cli import repainting
    from kgen.cli import restoring

    if verb == "translate":
        repainting.repaint(model, source, target, settings, batch_size, overwrite)
    elif verb == "restore":
        restoring.restore(model, source, target, settings, seed, overwrite)
    else:
        restoring.restore_sound(model, source, target, settings, seed, overwrite)


def _neighbours(model, text, top):
    """Of one word those near to it; of three, a, b and c, what is to c as b is to a."""
    words = (text or "").split()
    if len(words) not in (1, 3):
        raise ValueError(f"--text: expected a word, or three such as 'man king woman', got {text!r}")
    return model.most_similar(*words, top=top) if len(words) == 1 else model.analogy(*words, top=top)


def _generate_text(model, text, n, out, seed, arguments):
    """Each text with a seed of its own; as a stream where a person reads along."""
    texts = []
    for i in range(n):
        if not out and i:
            typer.echo(BETWEEN_TEXTS, nl=False)
        pieces = []
        for piece in _pieces(model, text, seed + i, arguments):
            pieces.append(piece)
            if not out:
                typer.echo(piece, nl=False)
        texts.append("".join(pieces))
    if out:
        _put(BETWEEN_TEXTS.join(texts), out)
    else:
        typer.echo()


def _pieces(model, text, seed, arguments):
    """Yields a translation, or a prompt and what the model goes on with."""
    if hasattr(model, "candidates"):
        yield _answered(model, [text], seed, arguments)[0]
    else:
        yield text
        yield from model.generate(text, seed=seed, stream=True, **arguments)


def _answered(model, texts, seed, arguments):
    """For each text its translation, or itself and what the model goes on with."""
    if not hasattr(model, "candidates"):
        return [text + more for text, more in zip(texts, model.generate(texts, seed=seed, **arguments), strict=True)]
    answers = [None] * len(texts)
    short = [i for i, text in enumerate(texts) if arguments.get("truncate") or not _is_document(model, text)]
    if short:
        made = model.generate([texts[i] for i in short], seed=seed, **arguments)
        for i, answer in zip(short, made, strict=True):
            answers[i] = answer
    options = {"seed": seed, **{name: arguments[name] for name in ("sampler", "batch_size") if name in arguments}}
    return [model.translate(texts[i], **options) if answer is None else answer for i, answer in enumerate(answers)]


def _is_document(model, text):
    """Whether a text has several lines or, with its end token, more tokens than the model can look at together."""
    if model.tokenizer is None:
        raise ValueError("--text: this model was made without a tokenizer, so it takes ids, not text")
    return "\n" in text.strip() or len(model.tokenizer.encode(text)) >= model.context_length


def _generate_lines(model, source, out, seed, arguments, asked, batch_size, resume, overwrite):
    from kgen.cli import lines
    from kgen.cli.progress import ProgressLine
    from kgen.training.interrupts import StopOnInterrupt

    shown = ProgressLine(sys.stderr)

    def answer(texts, place):
        # Equal batches are drawn differently, and in the same way wherever a run was stopped.
        return _answered(model, texts, zlib.crc32(f"{seed} {place}".encode()), arguments)

    if out is None:
        with lines.TextInput(source) as outcome:
            for texts in outcome.chunks():
                made = lines.answers(answer, texts, outcome.lines - len(texts), batch_size)
                typer.echo("".join(f"{one}\n" for one in made), nl=False)
    else:
        try:
            with StopOnInterrupt() as interrupt:

                def progress(done, share):
                    shown(done, share)
                    if interrupt.pressed:
                        raise KeyboardInterrupt

                options = {"options": asked, "batch_size": batch_size, "progress": progress}
                outcome = lines.map_file(answer, source, out, resume=resume, overwrite=overwrite, **options)
        except KeyboardInterrupt:
            part = lines.unfinished(out)[0]
            left = f"{part} holds what is finished. Go on with the same command and --resume"
            typer.echo(f"\nstopped; {left if part.exists() else f'{out} is complete'}", err=True)
            raise typer.Exit(130) from None
        finally:
            shown.end()
        typer.echo(f"{out}: {outcome.lines:,} lines")
    if outcome.replaced:
        some = "1 line is" if outcome.replaced == 1 else f"{outcome.replaced:,} lines are"
        first = f"{some} not UTF-8 (the first: line {outcome.first_replaced:,})"
        typer.echo(f"kgen: {source}: {first}; what could not be read became \ufffd", err=True)


def _widened(sampler, n_best):
    """A beam that returns so many candidates."""
    from kgen.decoding import Beam

    sampler = sampler or Beam(max(5, n_best))
    if not isinstance(sampler, Beam):
        raise ValueError(f"--n-best: only a beam finds candidates, such as --beam {max(5, n_best)}; got {sampler!r}")
    if n_best > sampler.width:
        raise ValueError(f"--n-best: expected at most {sampler.width}, the width of the beam, got {n_best}")
    return Beam(sampler.width, sampler.length_penalty, n_best)


def _fingerprint(model):
    """What tells a model from another one: the checksum of its file, or the name of a preset."""
    from kgen.presets import files

    path = Path(model)
    for weights in (path, path / "model.safetensors", path / "model.keras"):
        if weights.is_file():
            return files.sha256(weights)
    return model


def _put(text, out):
    """Print a text, or write it into a file, all or nothing."""
    if out:
        from kgen.presets import files

        out.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(out) as temporary:
            temporary.write_text(f"{text}\n", encoding="utf-8")
    typer.echo(str(out) if out else text)


def _generate_images(model, n, out, seed, arguments, overwrite):
    import kgen

    if out.exists() and not overwrite:
        raise FileExistsError(f"--out: {out} exists; choose another name, or replace it with --overwrite")
    if out.suffix not in PICTURES:
        raise ValueError(f"--out: expected a picture such as grid.png, got {out}")
    figure = kgen.plots.image_grid(model.generate(n, seed=seed, **arguments))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)
    typer.echo(str(out))
