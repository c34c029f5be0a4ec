"""What can go wrong, each error named for what is wrong; the command line prints one as one sentence."""

from __future__ import annotations


class AlkitError(Exception):
    """Base of every error that a user can mend; the message is one sentence that says what to do."""

    exit_code = 1


class UsageError(AlkitError):
    """The call itself is wrong: an unknown option, a budget of zero."""

    exit_code = 2


class UnknownPlugin(UsageError):
    """No installed plugin has that name."""


class AmbiguousPlugin(UsageError):
    """Two distributions offer a plugin of that name."""


class BrokenPlugin(AlkitError):
    """A plugin could not be imported, or does not keep the interface."""


class InvalidSelection(BrokenPlugin):
    """A strategy returned something else than n distinct candidates."""


class InvalidOption(UsageError):
    """An option is unknown, or its value does not fit."""


class UnsupportedTask(UsageError):
    """A strategy needs what the task does not provide."""


class InvalidBudget(UsageError):
    """The budget is not between one and the number of candidates left."""


class SourceError(AlkitError):
    """A pool of images cannot be opened."""


class UnusableImage(AlkitError):
    """One image cannot be decoded; the run goes on without it."""


class InvalidAnswers(AlkitError):
    """A file of answers cannot be read, or none of it fits the campaign."""


class CampaignError(AlkitError):
    """A campaign cannot be created, opened or continued."""


class CampaignLocked(CampaignError):
    """Another process is working on the campaign."""


class TrainingError(AlkitError):
    """The task model cannot be trained on the labels at hand."""


class TrainingDiverged(TrainingError):
    """The loss became NaN or infinite."""


class InvalidProtocol(UsageError):
    """A benchmark protocol cannot be read, or asks for what cannot be."""


class BenchmarkError(AlkitError):
    """A benchmark cannot go on, or its records do not belong together."""


class CellsFailed(BenchmarkError):
    """Some cells of a benchmark failed; the others are recorded."""
