"""What commands print."""

import json

import click
from click.testing import CliRunner

from alkit.cli.options import json_option
from alkit.cli.output import print_json


@click.command()
@json_option
def speaks(as_json: bool) -> None:
    """Print beside the result, as code of a plugin may."""
    print("scoring a batch")
    if as_json:
        print_json({"picks": [3, 1]})


def test_what_plugins_print_stays_out_of_json() -> None:
    found = CliRunner().invoke(speaks, ["--json"])
    assert json.loads(found.stdout) == {"picks": [3, 1]}
    assert found.stderr == "scoring a batch\n"
    assert CliRunner().invoke(speaks).stdout == "scoring a batch\n"
