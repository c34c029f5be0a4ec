"""Errors, each named for what is wrong; the command line prints an error as one sentence."""

from __future__ import annotations


def reason_of(error: BaseException) -> str:
    """Return the first line of an error of other code, or its kind if it says nothing, for a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class AlkitError(Exception):
    """Base of all errors that a user can fix; the message is one sentence that says what to do."""

    exit_code = 1


class UsageError(AlkitError):
    """The call itself is wrong, such as an unknown option or a budget of zero."""

    exit_code = 2


class UnknownPlugin(UsageError):
    """No installed plugin has this name."""


class AmbiguousPlugin(UsageError):
    """Several distributions have a plugin with this name."""


class BrokenPlugin(AlkitError):
    """A plugin cannot be imported, or does not follow the interface."""


class InvalidSelection(BrokenPlugin):
    """A strategy did not return n distinct candidates."""


class InvalidOption(UsageError):
    """An option is unknown, or its value does not fit."""


class UnsupportedTask(UsageError):
    """A strategy needs what the task does not provide."""


class InvalidBudget(UsageError):
    """The budget is not between one and the number of remaining candidates."""


class SourceError(AlkitError):
    """A pool of images cannot be opened."""


class UnusableImage(AlkitError):
    """An image cannot be decoded; the run continues without it."""


class InvalidAnswers(AlkitError):
    """A file of answers cannot be read, or no answer in it fits the campaign."""


class InvalidRows(AlkitError):
    """A file of embeddings or predictions cannot be read, or does not fit the images."""


class CampaignError(AlkitError):
    """A campaign cannot be created, opened or continued."""


class CampaignLocked(CampaignError):
    """Another process is changing the campaign."""


class TrainingError(AlkitError):
    """The task model cannot be trained on the available labels."""


class TrainingDiverged(TrainingError):
    """The loss became NaN or infinite."""


class ProcessLost(TrainingError):
    """Another process of a training in several processes has ended."""


class ExecutorError(AlkitError):
    """Jobs cannot be run: a library is missing, a scheduler does not answer, or workers keep dying."""


class WorkersLost(ExecutorError):
    """Worker processes died before their jobs were done."""


class NotTrained(TrainingError):
    """A trained model is needed, and may not be trained now."""


class InvalidProtocol(UsageError):
    """A benchmark protocol cannot be read, or asks for something impossible."""


class BenchmarkError(AlkitError):
    """A benchmark cannot continue, or its records do not belong together."""


class CellsFailed(BenchmarkError):
    """Some cells of a benchmark failed; the other cells are recorded."""
