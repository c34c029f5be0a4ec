"""The command line: one module per command, imported when it is used; errors become one sentence."""

from __future__ import annotations

import errno
import importlib
import sys
from typing import NoReturn

import click

from alkit._version import __version__
from alkit.errors import AlkitError
from alkit.plugin.registry import notify
from alkit.training.launch import is_launched
from alkit.utils.console import guarded, one_line
from alkit.utils.suggestions import suggestion
from alkit.utils.waiting import wait_passively

SECTIONS = {
    "Labeling": ("init", "query", "label", "ingest"),
    "Large pools": ("score",),
    "Changing a campaign": ("update", "classes", "groups", "remove", "fork"),
    "Labeling tools": ("export", "labelstudio"),
    "Progress and results": ("status", "report", "rehearse", "train"),
    "Using the results": ("predict", "export-model"),
    "Simulation and comparison": ("run", "bench"),
    "Strategies and plugins": ("strategies", "plugins", "check", "new-strategy", "new-plugin"),
}
PACKAGES = {"Strategies and plugins": "plugin_commands"}
COMMANDS = {
    name: f".{PACKAGES.get(section, 'commands')}.{name.replace('-', '_')}"
    for section, names in SECTIONS.items()
    for name in names
}
GLOSSARY = "https://github.com/alkit/alkit/blob/main/docs/reference/glossary.md"
DISK = (  # errors that the user can fix; any other system error is a bug and keeps its traceback
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
    errno.EINVAL,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTEMPTY,
    errno.ENXIO,
    errno.EBUSY,
    errno.ETXTBSY,
)

NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())  # click before 8.2 just shows the help


class LazyGroup(click.Group):
    """Knows its commands by name and imports each when it is needed; extensions may add more."""

    _extended = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands: alkit's own in order of use, then those of extensions."""
        self._extend()
        return [*COMMANDS, *sorted(set(super().list_commands(ctx)) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(COMMANDS[cmd_name], __name__)
            command: click.Command = module.command
            return command
        self._extend()
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; suggest the nearest for a slip."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = suggestion(args[0], self.list_commands(ctx))
            if near:
                raise click.UsageError(f"there is no command '{args[0]}'; {near}", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in sections, one per purpose."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        sections = SECTIONS | {"Extensions": tuple(name for name in names if name not in COMMANDS)}
        for heading, members in sections.items():
            found = [(name, self.get_command(ctx, name)) for name in members]
            rows = [
                (name.ljust(width), command.get_short_help_str(formatter.width - 6 - width))
                for name, command in found
                if command is not None and not command.hidden
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def _extend(self) -> None:
        """Let extensions add their commands; runs once."""
        if self._extended:
            return
        self._extended = True
        for failure in notify("alkit_commands", cli=self):
            click.echo(f"Warning: {failure}", err=True)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"Start with:  alkit query --strategy ta-vaal --pool digits --budget 50\n\nGlossary:  {GLOSSARY}",
)
@click.version_option(__version__, prog_name="alkit")
def cli() -> None:
    """Choose which images to label next, take in the answers, and show whether the labels helped."""


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    wait_passively()
    with guarded():
        _end_quietly(_run())


def _command() -> int:
    result = cli.main(prog_name="alkit", standalone_mode=False)
    return result if isinstance(result, int) else 0


def _run() -> int:
    try:
        if is_launched():
            from .launched import run_launched  # noqa: PLC0415  # a command alone needs none

            return run_launched(_command, sys.argv[1:])
        return _command()
    except click.exceptions.Abort:
        return _interrupted()
    except NO_ARGUMENTS as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f"Try '{error.ctx.command_path} --help' for help."
            click.echo(f"{error.ctx.get_usage()}\n{hint}\n", err=True)
        click.echo(f"Error: {one_line(error.format_message())}", err=True)
        return error.exit_code
    except AlkitError as error:
        click.echo(f"Error: {one_line(str(error))}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return 1
    except UnicodeEncodeError as error:
        if error.reason != "surrogates not allowed":
            raise
        name = one_line(str(error.object))
        click.echo(f"Error: the name '{name}' is not valid UTF-8; rename the file or folder", err=True)
        return 1
    except OSError as error:
        if error.errno not in DISK:
            raise
        where = f" '{error.filename}'" if error.filename else ""
        click.echo(
            f"Error: cannot read or write{where}: {error.strerror}; everything recorded so far is safe",
            err=True,
        )
        return 1
    except (Exception, SystemExit) as error:
        from alkit.plugin.faults import sentence_about  # noqa: PLC0415  # few commands need it

        if not (sentence := sentence_about(error)):
            raise
        click.echo(f"Error: {one_line(sentence)}", err=True)
        return 1


def _interrupted() -> int:
    click.echo("\nInterrupted; run the same command again to continue.", err=True)
    return 130


def _end_quietly(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone: do not complain at exit
    sys.exit(code)
