"""Wrong calls of the command line: words of every kind where every option and argument is."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from .trial import call, call_apart
from .world import World

APART = 40
"""One call in so many is made in a process of its own, with a console of one of these encodings."""
ENCODINGS = ("ascii", "cp1252", "utf-8")
JUNK = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1",
        "3",
        "1e400",
        "nan",
        "inf",
        "9" * 400,
        "0x10",
        "1.5",
        "true",
        "None",
        "ünïcödé 猫",
    ),
    *(
        "\x1b[2J\x1b]0;owned\x07",
        "a\nError: b",
        "\u202etxt",
        "\udce9",
        "x" * 300,
        "x" * 5000,
        "%s%n{}",
        "../..",
        "/",
    ),
    *(
        "~",
        "*",
        "a=b",
        "=",
        "==",
        "a=",
        "=b",
        ",",
        ",,",
        "a,b,a",
        "a:b",
        ":",
        "::",
        "'",
        '"',
        "(",
        "((((",
        ")",
        ">",
    ),
    *(
        "entropy",
        "random",
        "badge",
        "mix(",
        "mix()",
        "mix(1 entropy)",
        "mix(nan entropy, random)",
        "subset(0) > badge",
    ),
    *(
        "subset(-1) > badge",
        "balanced(balanced(entropy))",
        "entropy > entropy",
        "then",
        "./mine.py",
        "./mine.py:X",
    ),
    *(
        "/dev/null:X",
        "/dev/zero:X",
        "digits",
        "cifar10",
        "digits/test",
        "nope/test",
        "classification",
        "csv",
        "coco",
    ),
    *(
        "cpu",
        "cuda",
        "cuda:99",
        "cpu:7",
        "meta",
        "64x64",
        "4x",
        "x",
        "0x0",
        "5000",
        "1x1x1",
        "budget=5",
        "flat=1:0",
    ),
    *(
        "accuracy=2",
        "flat=",
        "budget=nan",
        "http://127.0.0.1:1",
        "file:///etc/passwd",
        "-",
        "--",
        "-h",
        "--json",
    ),
)
PATHS = (
    *(
        "{pool}",
        "{known}",
        "{camp}",
        "{asked}",
        "{room}/missing",
        "{room}",
        "{pipe}",
        "{link}",
        "{text}",
        "{deep}",
    ),
    *(
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "{camp}/campaign.db",
        "{camp}/campaign.toml",
        "{room}/" + "n" * 300,
    ),
    *(
        "{room}/\udce9",
        "{room}/a/b/c/d.csv",
        "{camp}/cache/pool.u8",
        "{npz}",
        "{room}/\x1b[31m.csv",
        "{room}/\x00",
    ),
)
COMMANDS = {
    "init": "? --pool= --labels= --classes= --test= --task= -t= --model= --strategy= -o= --oracle= "
    "--oracle-option= --image-size= --channels= --seed= --aggregate= --device= --root= --columns= "
    "--value-range=",
    "query": "-c= -n= -s= -o= --pool= --control= --new --seed-strategy= --seed-size= --json",
    "ingest": "? -c= -f= -o= --annotator= --allow-new-classes --strict --dry-run --aggregate= --oracle= "
    "--oracle-option= --json --columns= --undo --unlabel=",
    "update": "-c= --json ? --pool= --test= --check",
    "classes": "? ? ? -c= --json",
    "remove": "? -c= --index= --undo --reason= --json",
    "fork": "? -c= -s= -o= --test= --task= -t= --image-size= --channels= --value-range= --seed= --json",
    "predict": "? -c= --out= --probabilities --batch-size= --force --json",
    "export-model": "-c= --out= -f= --force --json",
    "export": "-c= -f= -o= --out= --labeled --json ?",
    "status": "-c= --images --json ?",
    "report": "-c= --out= --stop= --map= --worth= --json ?",
    "train": "-c= --device= --json ? -s=",
    "run": "-c= -n= --cycles= -s= --stop= --oracle= --oracle-option= --pool= --json",
    "label": "-c= --port= --annotator= --show-guess ?",
    "labelstudio": "? -c= --url= --json",
    "bench": "? ? --out= --report-only --drop= --show --json",
    "strategies": "? --json ?",
    "plugins": "? --json --kind=",
    "check": "@ --kind= -o= --json",
    "new-strategy": "? ?",
    "new-plugin": "--kind= ? ?",
    "": "? -h --version --nonsense=",
}
"""The places of each command: `-x=` has a value, `?` is an argument, `@` one that starts nothing long."""


def attempt(world: World, number: int, rng: Random) -> str:
    """Call a command with a few words that do not fit."""
    room = world.room() if number % 50 == 0 else next(world.folder.glob("room-*"), None) or world.room()
    places = _places(world, room)
    command = list(COMMANDS)[number % len(COMMANDS)]
    words: list[str] = [command] if command else []
    if command == "label":  # where nothing is open, so that it ends
        places |= {"camp": places["fresh"], "asked": places["fresh"]}
    if command in USUAL and rng.random() < 0.7:
        words += [word.format(**places) for word in USUAL[command]]
    slots = COMMANDS[command].split()
    for slot in rng.sample(slots, rng.randint(0, min(4, len(slots)))):
        words += _filled(slot, places, rng)
    words = [word for word in words if command or word not in ("-", "--")]
    if number % APART == 0:
        apart = [word for word in words if "\x00" not in word]
        call_apart(*apart, encoding=ENCODINGS[number // APART % len(ENCODINGS)])
    else:
        call(*words)
    return command


def _filled(slot: str, places: dict[str, str], rng: Random) -> list[str]:
    if slot == "@":
        return [rng.choice([word for word in JUNK if word not in CHECKED])]
    if slot.endswith("=") or slot == "?":
        value = rng.choice(PATHS).format(**places) if rng.random() < 0.4 else rng.choice(JUNK)
        return [value] if slot == "?" else [slot[:-1], value]
    return [slot]


def _places(world: World, room: Path) -> dict[str, str]:
    """Make what the paths name."""
    made = {name: str(room / name) for name in ("pipe", "link", "text", "deep")}
    if not (room / "text").exists():
        os.mkfifo(room / "pipe")
        (room / "link").symlink_to("link")
        (room / "text").write_text("\x1b[2J not what you think\n")
        (room / "deep").write_text("[" * 100_000)
        (room / "odd.npz").write_bytes(b"PK\x05\x06" + bytes(18))
    camp = room / "camp"
    if not camp.exists():
        world.copy("labeled", room)
    return {
        **made,
        "npz": str(room / "odd.npz"),
        "room": str(room),
        "pool": str(world.pool),
        "known": str(world.known),
        "camp": str(camp),
        "fresh": str(world.folder / "fresh"),
        "asked": str(world.folder / "asked"),
    }


CHECKED = (
    "entropy",
    "random",
    "badge",
    "classification",
    "csv",
    "coco",
    "digits",
    "subset(0) > badge",
    "mix(1 entropy)",
)
USUAL = {
    "init": ("{room}/new", "--pool", "{pool}"),
    "query": ("-c", "{camp}", "-n", "2"),
    "ingest": ("-c", "{camp}"),
    "export": ("-c", "{camp}", "-f", "csv"),
    "update": ("-c", "{camp}"),
    "classes": ("-c", "{camp}"),
    "remove": ("-c", "{camp}", "red/00.png"),
    "fork": ("-c", "{camp}", "{room}/forked"),
    "predict": ("-c", "{camp}", "{pool}"),
    "status": ("-c", "{camp}"),
    "report": ("-c", "{camp}", "--out", "{room}/report.html"),
    "train": ("-c", "{camp}"),
    "run": ("-c", "{camp}", "-n", "2", "--cycles", "1"),
    "label": ("-c", "{fresh}", "--no-browser"),
}
