"""What commands print."""

import json

import click
import pytest

from alkit.cli.options import json_option
from alkit.cli.output import print_json


@click.command()
@json_option
def speaks(as_json: bool) -> None:
    """Print beside the result, as code of a plugin may."""
    print("scoring a batch")
    if as_json:
        print_json({"picks": [3, 1]})


def test_what_plugins_print_stays_out_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    speaks.main(["--json"], standalone_mode=False)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"picks": [3, 1]}
    assert printed.err == "scoring a batch\n"
    speaks.main([], standalone_mode=False)
    assert capsys.readouterr().out == "scoring a batch\n"
