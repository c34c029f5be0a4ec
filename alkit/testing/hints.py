"""Advice for the author of a plugin that fails a check: what was checked, and what to do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import encoders, executors, formats, oracles, sources, strategies, tasks
from .results import Result, title

CHECKS: dict[str, tuple[Callable[..., None], ...]] = {
    "strategy": (*strategies.INTERFACE_CHECKS, *strategies.TASK_CHECKS),
    "task": tasks.CHECKS,
    "oracle": oracles.CHECKS,
    "format": formats.CHECKS,
    "encoder": encoders.CHECKS,
    "source": sources.CHECKS,
    "executor": executors.CHECKS,
}
RANDOMNESS = "take randomness from cycle.rng (numpy) or cycle.generator('purpose') (torch), never elsewhere"
ADVICE: dict[str, dict[str, str]] = {
    "source": {
        "opened-by-its-plugin": (
            "write schemes, suffixes and datasets as tuples of strings in the class body; alkit reads them "
            "from the source code"
        ),
        "opens-again": "set self.location to an absolute path or an address that open understands",
        "names-images": "keys returns distinct texts; name an image by what stays when others are added",
        "reads-images": (
            "return DecodedImage(hash, width, height, pixels), best by alkit.data.decode; where an image is "
            "broken, DecodedImage(hash, unusable=reason)"
        ),
        "keeps-all-bits": "give values of self.pixel_type: alkit.data.decode and ArraySource do",
        "unknown-key-is-unusable": "catch the error, and return DecodedImage('', unusable='no such image')",
        "looks-as-it-reads": "looks, hash_of and header are quicker ways to the same; leave them out first",
        "reads-from-threads": "share no open file between threads, or hold a lock while it is read",
        "shows-pictures": "return the hash and [H, W, 1 or 3] uint8, which alkit.data.as_picture makes",
        "knows-its-images": "return texts by key, only for keys that keys() returns",
    },
    "strategy": {
        "name": "use the same name, in kebab-case, in the class and as the entry point",
        "options-round-trip": (
            "decorate the class with @dataclass(kw_only=True), declare options with alkit.option, and do not "
            "change their values: compute derived values in select"
        ),
        "unknown-options-refused": "leave __init__ to @dataclass(kw_only=True); it should take no **kwargs",
        "needs": (
            "make needs a frozenset that lists everything select and score read: probabilities, embedding, "
            "features, loss, or model for only a trained model"
        ),
        "another-process": (
            "do not depend on the order of a set, hash(), id() or the clock, and " + RANDOMNESS
        ),
        "chooses-candidates": (
            "return n distinct members of cycle.candidates, as int64 positions in the pool: "
            "cycle.candidates[order[:n]], or cycle.best(scores, n)"
        ),
        "chooses-any-number": (
            "if the method finds fewer than n images, add some of the remaining candidates"
        ),
        "one-candidate": "handle a single candidate: squeeze(), a deviation or a quantile fails there",
        "one-labeled-image": (
            "handle a single labeled image: there are no pairs and no deviation, and batch normalization "
            "in training mode fails on a batch of one"
        ),
        "nothing-labeled": (
            "set needs_labels = True, or choose without cycle.labeled, cycle.targets and the companion when "
            "they are empty or None"
        ),
        "identical-images": (
            "all distances and deviations are 0 here: do not divide by them, and remove each pick from the "
            "remaining candidates"
        ),
        "certain-model": (
            "probabilities are exactly 0 and 1 here: use torch.special.entr, or clamp before a log"
        ),
        "image-shapes": (
            "read sizes from cycle.image_shape or the tensors, and pool adaptively; images may be grey, "
            "small "
            "and odd in size"
        ),
        "repeats": RANDOMNESS,
        "scoring-batch-size": (
            "score each image by itself: compute no statistic over a batch, and keep your networks in "
            "eval mode"
        ),
        "scored-in-shards": (
            "let a function given to cycle.collect or cycle.compute depend on its batch only: outputs are "
            "computed in several processes, and the function may not be called at all where they are gathered"
        ),
        "hidden-labels": "use only cycle.targets, which belong to cycle.labeled",
        "needs-are-enough": (
            "add every output that is read to needs, or do not read it: an output that needs does not "
            "list may be None"
        ),
        "given-outputs": (
            "read outputs only through cycle.embeddings, cycle.outputs or cycle.collect; add "
            "'model' to needs if "
            "select runs or looks into cycle.model, which a query from files does not have"
        ),
        "leaves-cycle-alone": (
            "work on copies: copy.deepcopy(cycle.model) before training it, .copy() before changing an "
            "array; leave modules in eval mode"
        ),
        "leaves-process-alone": (
            "remove torch.manual_seed, numpy.random.seed and random.seed, and restore torch's settings; "
            + RANDOMNESS
        ),
        "state-round-trip": (
            "let state_dict return everything that select carries from one cycle to the next, as tensors, "
            "numbers and strings, and let load_state_dict restore all of it"
        ),
        "companion-loss": (
            "return one number with a gradient for every batch; where a batch is too small for the loss, "
            "0.0 times the sum of an output will do"
        ),
    },
    "task": {
        "name": "give spec the class's name, the entry point's, and the image shape that build was given",
        "outputs-as-specified": "let provides, taps and embedding_dim of spec say what forward returns",
        "one-image-alone": "let nothing in eval mode look across the images of a batch",
        "loss-per-image": (
            "return one loss an image with its gradient: reduction='none', averaged over all dimensions but "
            "the first"
        ),
        "targets-of-outputs": (
            "override targets_of so that it returns targets as encode does, or leave targets out of provides"
        ),
        "one-target-per-answer": "encode each value by itself; settle the order of classes in build",
        "targets-follow-images": (
            "override augment_batch and move targets as images, as with random_moves and moved of alkit.data"
        ),
        "labels-are-read-back": (
            "let text write all that parse needs to return the same value; values are JSON"
        ),
        "reset-is-seeded": "draw all weights in reset, inside 'with alkit.utils.seeding.fence(seed):'",
        "pretraining-is-repeatable": (
            "take all randomness of pretrain from pool and from torch's own generator, which is seeded, and "
            "return weights by their names in network, or override start_from"
        ),
        "trains": "step the optimizer in fit and call network.eval() at its end; the inherited fit does both",
        "evaluates": (
            "call network.eval(), compute under torch.inference_mode(), and return at least one float"
        ),
        "probabilities-follow-predictions": (
            "compute the probabilities from the prediction, by softmax(dim=1)"
        ),
        "portable": (
            "return logits in eval mode, and a source whose make_network() has the same names of weights and "
            "does not import alkit; or leave portable out, and the model cannot be exported"
        ),
    },
    "oracle": {
        "answers-what-was-asked": (
            "answer only for the given indices; if it knows none of these images, name a pool that it knows "
            "with --pool"
        ),
        "answers-are-answers": (
            "return alkit.Answer('label', value), alkit.Answer('abstain') or alkit.Answer('unusable') for "
            "each index"
        ),
        "answers-stay": (
            "let an answer depend only on the seed and the index, for example with "
            "alkit.utils.seeding.numpy_generator(seed, 'oracle', index)"
        ),
    },
    "format": {
        "name": "use the same name in the class and as the entry point, and declare an extension",
        "nothing-answered": (
            "make recognizes accept files from write, and make read count images without an answer"
        ),
        "every-answer-arrives": ("escape class names as the file's syntax requires, and write item.answer"),
        "foreign-answers-refused": (
            "return index and hash from fields of your own, or from item.name with "
            "alkit.labeling.file_names.find_mark"
        ),
        "rubbish-refused": (
            "turn errors of parsers into InvalidAnswers with one sentence; recognizes should return "
            "False instead"
        ),
        "other-files-left": (
            "let recognizes look at the suffix, or at what only this format has in its files; if several "
            "formats recognize a file, alkit ingest asks for --format"
        ),
        "originals-stay": "write copies, or symbolic links: alkit.labeling.image_files.place does either",
    },
    "encoder": {
        "takes-images": "give EncoderInput the size, mean and std that the network was trained with",
        "gives-features": ("pool the maps of the network to one vector an image, and set dim to its length"),
        "repeats": (
            "put the network in eval mode: dropout and the statistics of a batch have no place in an encoder"
        ),
        "identity-stays": (
            "load the same weights each time, and let identity depend on versions and files only, or return "
            "an empty text to have the features of fixed images compared"
        ),
    },
    "executor": {
        "name": "use the same name, in kebab-case, in the class and as the entry point",
        "runs-every-job": (
            "wait for every job before run returns, with fewer jobs than workers, too, and start workers "
            "anew in each call or keep them"
        ),
        "errors-arrive": (
            "ask the engine for each result, and raise the job's own error where the engine wraps it in one "
            "of its own"
        ),
        "survives-a-worker": (
            "turn the engine's error about dead workers into alkit.errors.WorkersLost, or let the engine run "
            "the job again; the next call of run has to work"
        ),
    },
}


class Explanation(NamedTuple):
    """The meaning of a result: what was checked, and what to do if it failed."""

    checked: str
    advice: str


def explain(kind: str, result: Result) -> Explanation:
    """Explain a result of the checks of a kind: a word of `CHECKS`."""
    name = result.check.partition(" (")[0]
    told = {title(check): inspect.getdoc(check) or "" for check in CHECKS[kind]}
    if name not in told:  # a whole task, for which no check ran
        return Explanation(
            f"It can be built and checked on a {name} task.", "fix the problem that the sentence names"
        )
    return Explanation(told[name].partition("\n\n")[0].replace("\n", " "), ADVICE[kind][name])


# The check whose advice helps most where several fail for the same reason.
BASIC = {
    "strategy": "chooses-candidates",
    "task": "outputs-as-specified",
    "oracle": "answers-are-answers",
    "format": "every-answer-arrives",
    "encoder": "gives-features",
    "source": "reads-images",
    "executor": "runs-every-job",
}


def describe(kind: str, failed: Sequence[Result]) -> str:
    """Say for each failure what was checked, what happened and what to do."""
    return "\n".join(_paragraph(kind, same) for same in _by_reason(failed))


def _by_reason(failed: Sequence[Result]) -> list[list[Result]]:
    """Group the failures that the same line of the plugin causes, or that say the same but for numbers."""
    groups: dict[str, list[Result]] = {}
    for result in failed:
        said = result.sentence.rpartition("(channels, height, width): ")[2]
        said = re.sub(r"^.* failed:", "failed:", re.sub(r"\d+", "0", said))
        groups.setdefault(result.place or said, []).append(result)
    return list(groups.values())


def _paragraph(kind: str, same: Sequence[Result]) -> str:
    basic = (result for result in same if result.check.partition(" (")[0] == BASIC[kind])
    first, others = next(basic, same[0]), len(same) - 1
    explanation = explain(kind, first)
    lines = [first.check + (f", and {others} more for the same reason" if others else "")]
    lines += [f"  checked   {explanation.checked}", f"  happened  {first.sentence}"]
    if first.place:
        lines.append(f"  where     {first.place}")
    one_line = bool(first.place and others)
    lines.append(f"  to do     {'fix that line, then check again' if one_line else explanation.advice}")
    return "\n".join(lines) + "\n"
