"""What a failed check asks of a plugin's author: what was checked, and what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NamedTuple

from . import formats, oracles, strategies, tasks
from .results import Result, title

CHECKS: dict[str, tuple[Callable[..., None], ...]] = {
    "strategy": (*strategies.INTERFACE_CHECKS, *strategies.TASK_CHECKS),
    "task": tasks.CHECKS,
    "oracle": oracles.CHECKS,
    "format": formats.CHECKS,
}
RANDOMNESS = "take randomness from cycle.rng (numpy) or cycle.generator('purpose') (torch), never elsewhere"
ADVICE: dict[str, dict[str, str]] = {
    "strategy": {
        "name": "write the same name in kebab-case in the class and as the entry point",
        "options-round-trip": (
            "decorate the class with @dataclass(kw_only=True), declare options by alkit.option, and leave "
            "their values as they came: compute what follows from them in select"
        ),
        "unknown-options-refused": "leave __init__ to @dataclass(kw_only=True); it should take no **kwargs",
        "needs": (
            "list in needs, a frozenset, what select and score read: probabilities, embedding, features, "
            "loss, or model for nothing but a trained model"
        ),
        "another-process": (
            "let nothing follow from the order of a set, hash(), id() or the clock, and " + RANDOMNESS
        ),
        "chooses-candidates": (
            "return n distinct members of cycle.candidates, as int64 positions in the pool: "
            "cycle.candidates[order[:n]], or cycle.best(scores, n)"
        ),
        "chooses-any-number": (
            "where the method finds fewer than n images, fill up with candidates that are left"
        ),
        "one-candidate": "think of a single candidate: squeeze(), a deviation or a quantile go wrong there",
        "one-labeled-image": (
            "think of a single labeled image: there are no pairs and no deviation, and batch normalization "
            "in training mode fails on a batch of one"
        ),
        "nothing-labeled": (
            "set needs_labels = True, or choose without cycle.labeled, cycle.targets and the companion where "
            "they are empty or None"
        ),
        "identical-images": (
            "all distances and deviations are 0 here: divide by none of them, and take what is chosen out "
            "of what may be chosen"
        ),
        "certain-model": (
            "probabilities are exactly 0 and 1 here: use torch.special.entr, or clamp before a log"
        ),
        "image-shapes": (
            "read sizes off cycle.image_shape or the tensors, and pool adaptively; images may be grey, odd "
            "in size and small"
        ),
        "repeats": RANDOMNESS,
        "scoring-batch-size": (
            "score each image by itself: no statistic over a batch, networks of your own in eval mode"
        ),
        "hidden-labels": "use cycle.targets only, which belong to cycle.labeled",
        "needs-are-enough": (
            "add what is read to needs, or do not read it: whatever needs does not name may be None"
        ),
        "leaves-cycle-alone": (
            "work on copies: copy.deepcopy(cycle.model) before training it, .copy() before changing an "
            "array; leave modules in eval mode"
        ),
        "leaves-process-alone": (
            "remove torch.manual_seed, numpy.random.seed and random.seed, and put settings of torch back; "
            + RANDOMNESS
        ),
        "state-round-trip": (
            "let state_dict return all that select reads from one cycle to the next, as tensors, numbers "
            "and strings, and load_state_dict take all of it back"
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
        "one-target-per-answer": "encode each value by itself; settle the order of classes in build",
        "reset-is-seeded": "draw all weights in reset, inside 'with alkit.utils.seeding.fence(seed):'",
        "trains": "step the optimizer in fit and call network.eval() at its end; the inherited fit does both",
        "evaluates": (
            "call network.eval(), compute under torch.inference_mode(), and return at least one float"
        ),
        "probabilities-follow-predictions": (
            "compute the probabilities from the prediction, by softmax(dim=1)"
        ),
    },
    "oracle": {
        "answers-what-was-asked": (
            "answer for the given indices only; if it knows none of these images, name a pool of which it "
            "does, by --pool"
        ),
        "answers-are-answers": (
            "return alkit.Answer('label', value), alkit.Answer('abstain') or alkit.Answer('unusable') for "
            "each index"
        ),
        "answers-stay": (
            "let an answer follow from the seed and the index alone, as by "
            "alkit.utils.seeding.numpy_generator(seed, 'oracle', index)"
        ),
    },
    "format": {
        "name": "write the same name in the class and as the entry point, and an extension",
        "nothing-answered": "let recognizes know what write writes, and read count images without an answer",
        "every-answer-arrives": (
            "escape names of classes as the file's syntax wants it, and write item.answer"
        ),
        "foreign-answers-refused": (
            "bring index and hash back: from fields of your own, or from item.name by "
            "alkit.labeling.file_names.find_mark"
        ),
        "rubbish-refused": (
            "turn what parsers raise into InvalidAnswers with one sentence; recognizes returns False instead"
        ),
        "originals-stay": "write copies, or symbolic links: alkit.labeling.image_files.place does either",
    },
}


class Explanation(NamedTuple):
    """What a result means: what was checked, and what to do where it failed."""

    checked: str
    advice: str


def explain(kind: str, result: Result) -> Explanation:
    """Explain a result of the checks of a kind: `strategy`, `task`, `oracle` or `format`."""
    name = result.check.partition(" (")[0]
    told = {title(check): inspect.getdoc(check) or "" for check in CHECKS[kind]}
    if name not in told:  # a whole task, on which nothing was checked
        return Explanation(f"It can be made and tried on a {name} task.", "mend what the sentence says")
    return Explanation(told[name].partition("\n\n")[0].replace("\n", " "), ADVICE[kind][name])
