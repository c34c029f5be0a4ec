"""The command line: one module a command, imported when it is used; errors become one sentence."""

from __future__ import annotations

import errno
import importlib
import sys
from typing import NoReturn

import click

from alkit._version import __version__
from alkit.errors import AlkitError

COMMANDS = {
    "init": "init",
    "query": "query",
    "export": "export",
    "label": "label",
    "ingest": "ingest",
    "labelstudio": "labelstudio",
    "status": "status",
    "report": "report",
    "train": "train",
    "run": "run",
    "update": "update",
    "bench": "bench",
    "strategies": "strategies",
    "plugins": "plugins",
    "new-strategy": "new_strategy",
    "new-plugin": "new_plugin",
    "check": "check",
}
GLOSSARY = "https://github.com/alkit/alkit/blob/main/docs/reference/glossary.md"
DISK = (  # what a person can mend; any other error of the system is a bug and keeps its traceback
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.EIO,
)


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is needed; extensions may add to it."""

    _extended = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, alkit's own in the order of use, then those of extensions."""
        self._extend()
        return [*COMMANDS, *sorted(set(super().list_commands(ctx)) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f".commands.{COMMANDS[cmd_name]}", __name__)
            command: click.Command = module.command
            return command
        self._extend()
        return super().get_command(ctx, cmd_name)

    def _extend(self) -> None:
        """Let extensions add their commands, once."""
        from alkit.plugin.registry import notify

        if self._extended:
            return
        self._extended = True
        for failure in notify("alkit_commands", cli=self):
            click.echo(f"Warning: {failure}", err=True)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"Begin with:  alkit query --strategy ta-vaal --pool digits --budget 50\n\nGlossary:  {GLOSSARY}",
)
@click.version_option(__version__, prog_name="alkit")
def cli() -> None:
    """Say which images to label next, take the answers back, and tell whether it helped."""


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 cannot be done, 2 wrong usage, 130 interrupted."""
    _end_quietly(_run())


def _run() -> int:
    try:
        result = cli.main(prog_name="alkit", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except AlkitError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return 1
    except OSError as error:
        if error.errno not in DISK:
            raise
        where = f" '{error.filename}'" if error.filename else ""
        click.echo(
            f"Error: cannot read or write{where}: {error.strerror}; nothing recorded is lost", err=True
        )
        return 1


def _interrupted() -> int:
    click.echo("\nInterrupted; the same command goes on where this one was.", err=True)
    return 130


def _end_quietly(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None  # nobody reads any more: do not complain at exit
    sys.exit(code)
