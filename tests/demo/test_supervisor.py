"""Supervising, with programs of a line or two each."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.signals import Signals
from demo.supervisor import Program, ProgramFailed, StopAsked, Supervisor

SERVES = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2])); self.end_headers()
print('serving', flush=True)
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Page).serve_forever()
"""
SLEEPS = "import time; time.sleep(600)"
WILL_NOT_STOP = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
FORKS = f"""
import subprocess, sys
worker = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}])
print(worker.pid, flush=True)
worker.wait()
"""
MEETS = """
import os, sys, time
own, others = sys.argv[1:]
open(own, 'w').close()
while not os.path.exists(others):
    time.sleep(0.02)
print(own)
"""
SUPERVISES = """
import sys
from pathlib import Path
from demo.signals import Signals
from demo.supervisor import Program, Supervisor
folder = Path(sys.argv[1])
with Signals() as signals, Supervisor(signals, logs=folder, folder=folder) as stack:
    stack.start(Program('worker', [sys.executable, '-c', sys.argv[2]]))
    print('ready', flush=True)
    stack.watch()
"""


@pytest.fixture
def signals() -> Iterator[Signals]:
    with Signals() as opened:
        yield opened


@pytest.fixture
def stack(signals: Signals, tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(signals, logs=tmp_path / "log", folder=tmp_path) as opened:
        yield opened


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def python(name: str, code: str, *words: object, **more: str) -> Program:
    return Program(name, [sys.executable, "-c", code, *map(str, words)], **more)  # type: ignore[arg-type]


def children() -> set[int]:
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii")
    return {int(pid) for pid in text.split()}


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Ask the machine until it says yes: processes end in their own time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(") ", 1)[1][0]
    except FileNotFoundError:
        return True
    return state == "Z"


def read_pid(log: Path) -> int:
    assert eventually(lambda: log.exists() and log.read_text("ascii").endswith("\n"))
    return int(log.read_text("ascii"))


def test_steps_run_side_by_side_and_give_what_they_printed(
    stack: Supervisor, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"

    said = stack.finish(python("one", MEETS, one, other), python("other", MEETS, other, one))

    assert said == {"one": f"{one}\n", "other": f"{other}\n"}
    assert list((tmp_path / "log").glob("*.out*")) == []


def test_a_step_that_fails_shows_its_last_lines_and_stops_the_other(
    stack: Supervisor,
) -> None:
    before = children()

    with pytest.raises(ProgramFailed) as failed, stack:
        stack.finish(
            python("migrate", "import sys; sys.exit('the table is on fire')"),
            python("patient", SLEEPS),
        )

    assert "migrate failed with status 1" in str(failed.value)
    assert "| the table is on fire" in str(failed.value)
    assert children() == before


def test_a_program_is_healthy_when_it_answers_200(
    stack: Supervisor, port: int, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{port}/"
    stack.start(python("page", SERVES, port, 200, health_url=url))

    stack.await_health(timeout_seconds=20)

    assert "serving" in (tmp_path / "log" / "page.log").read_text("utf-8")


def test_a_program_that_answers_503_is_named_when_time_is_over(
    stack: Supervisor, port: int
) -> None:
    url = f"http://127.0.0.1:{port}/"
    stack.start(python("page", SERVES, port, 503, health_url=url))

    with pytest.raises(ProgramFailed, match="page is not healthy after 1 seconds"):
        stack.await_health(timeout_seconds=1)


def test_a_program_that_dies_while_starting_is_not_waited_for(stack: Supervisor, port: int) -> None:
    dies = python("page", "raise SystemExit(3)", health_url=f"http://127.0.0.1:{port}/")
    stack.start(dies)

    with pytest.raises(ProgramFailed, match=r"(?s)page ended with status 3.*it said nothing"):
        stack.await_health(timeout_seconds=600)


def test_the_death_of_one_program_ends_the_watch_with_its_last_lines(stack: Supervisor) -> None:
    stack.start(
        python("patient", SLEEPS), python("mortal", "import sys; print('alas'); sys.exit(0)")
    )

    with pytest.raises(ProgramFailed, match=r"(?s)mortal ended with status 0.*\| alas"):
        stack.watch()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_watch_and_leaving_stops_all(
    stack: Supervisor, number: signal.Signals
) -> None:
    before = children()
    with stack:
        stack.start(python("one", SLEEPS), python("other", SLEEPS))
        os.kill(os.getpid(), number)

        stack.watch()

    assert children() == before


def test_a_signal_ends_preparations_too(stack: Supervisor) -> None:
    os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(StopAsked):
        stack.finish(python("patient", SLEEPS))


def test_stopping_takes_the_workers_that_a_program_forked(
    stack: Supervisor, tmp_path: Path
) -> None:
    stack.start(python("forks", FORKS))
    worker = read_pid(tmp_path / "log" / "forks.log")

    stack.stop()

    assert eventually(lambda: is_gone(worker))


def test_a_program_that_ignores_the_request_is_killed_after_the_grace(
    stack: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.supervisor._GRACE_SECONDS", 0.5)
    before = children()
    stack.start(python("stubborn", f"print('deaf', flush=True); {WILL_NOT_STOP}"))

    stack.stop()

    assert children() == before


def test_the_log_of_the_run_before_is_kept_aside(stack: Supervisor, tmp_path: Path) -> None:
    stack.finish(python("step", "import sys; sys.stderr.write('first')"))

    stack.finish(python("step", "import sys; sys.stderr.write('second')"))

    log = tmp_path / "log" / "step.log"
    assert log.read_text("utf-8") == "second"
    assert log.with_name("step.log.1").read_text("utf-8") == "first"


def test_children_go_when_the_supervisor_is_killed_without_a_chance_to_stop_them(
    tmp_path: Path,
) -> None:
    tells = f"import os; print(os.getpid(), flush=True); {SLEEPS}"
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISES, str(tmp_path), tells], stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"ready\n"
        child = read_pid(tmp_path / "worker.log")

        supervisor.kill()

    assert eventually(lambda: is_gone(child))


def test_what_stands_beside_the_rest_is_started_again(
    stack: Supervisor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.supervisor._AT_ONCE_SECONDS", 0)
    once = "import os, signal; open('again', 'x'); os.kill(os.getppid(), signal.SIGCHLD)"
    told = "import os, signal; os.kill(os.getppid(), signal.SIGINT)"
    program = python("beside", f"import os\nif os.path.exists('again'): {told}\nelse: {once}")

    stack.start(replace(program, is_beside=True))
    stack.watch()

    assert "beside ended with status 0: it is started again." in capsys.readouterr().out


def test_what_ends_at_once_is_left_alone(
    stack: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.start(replace(python("beside", "raise SystemExit(3)"), is_beside=True))
    stack.start(python("ends", "import time; time.sleep(1)"))

    with pytest.raises(ProgramFailed, match="ends ended"):
        stack.watch()

    assert capsys.readouterr().out.count("beside ended with status 3 right after its start") == 1
