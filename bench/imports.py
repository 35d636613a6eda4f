"""What taking over accounts costs: rows a second, processor time and the most memory.

``python -m bench.imports [--rows 1000000] [--batch 1000] [--only sqlite]`` makes a file of as
many rows, two thirds of them with a hash, and runs the program on it as an operator would:
first onto an empty database, then once more, where every name exists, and then out again, on
both databases. PostgreSQL keeps its commits, as in production. The processor time is that of
the program alone: on a machine that others use, the rate can be no better than what it leaves.
"""

import argparse
import csv
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.labs import postgres

HASHES = (
    ("", ""),
    ("bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("pbkdf2-sha256", f"pbkdf2_sha256$600000$saltsaltsaltsalt${'A' * 43}="),
)
COLUMNS = ("username", "kind", "name", "emails", "phone_number", "hash_scheme", "password_hash")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program."""

    seconds: float
    busy_seconds: float
    peak_mib: float


def generate(path: Path, rows: int) -> None:
    """Write a file of ``rows`` people, one at a time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            scheme, phc_hash = HASHES[number % len(HASHES)]
            emails = f"person{number}@a.example;person{number}@b.example"
            phone = f"+8869{number % 100_000_000:08}"
            writer.writerow(
                [f"person{number}", "citizen", f"王小明{number}", emails, phone, scheme, phc_hash]
            )


def run(config: Path, *words: str) -> Run:
    """Run ``idp`` and wait for it."""
    began = time.perf_counter()
    program = [sys.executable, "-m", "idp", "--config", str(config), *words]
    child = os.posix_spawn(
        program[0],
        program,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(words)}: ended with {os.waitstatus_to_exitcode(status)}")
    busy = used.ru_utime + used.ru_stime
    return Run(time.perf_counter() - began, busy, used.ru_maxrss / 1024)


def measure(url: str, folder: Path, file: Path, rows: int, batch: int) -> None:
    """Measure one database and print its lines."""
    kind = url.split("+", 1)[0].split(":", 1)[0]
    config = folder / f"{kind}.toml"
    config.write_text(f'[database]\nurl = "{url}"\n[keys]\nkek_file = "{folder / kind}.kek"\n')
    run(config, "keys", "init")
    run(config, "migrate")
    size = ("--batch", str(batch))
    out = ("--with-personal-data", "--with-hashes", "--out", str(folder / f"{kind}.csv"))
    print(kind)
    for name, words in {
        "dry run": ("account", "import", str(file), *size, "--dry-run"),
        "import": ("account", "import", str(file), *size),
        "again": ("account", "import", str(file), *size),
        "export": ("account", "export", *out),
    }.items():
        one = run(config, *words)
        rate = rows / one.seconds
        print(
            f"  {name:8} {one.seconds:7.1f} s {rate:9.0f} rows/s"
            f" {one.busy_seconds:7.1f} s busy {one.peak_mib:6.0f} MiB at most",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "people.csv"
        generate(file, given.rows)
        print(f"{given.rows} rows, {file.stat().st_size / 1e6:.0f} MB")
        if given.only != "postgresql":
            measure(f"sqlite:///{folder / 'idp.sqlite'}", folder, file, given.rows, given.batch)
        if given.only != "sqlite":
            with postgres.cluster(durable=True) as cluster:
                measure(cluster.create("bench"), folder, file, given.rows, given.batch)


if __name__ == "__main__":
    main()
