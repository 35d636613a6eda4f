"""The few lines of Assuan that a pinentry speaks, over its pipes.

What it answers is read into memory that can be overwritten, for one answer is the PIN.
"""

import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from cardbridge.card.pipe import wipe
from cardbridge.interruption import Interruption

CANCELLED = 99
"""GPG_ERR_CANCELED."""
NOT_CONFIRMED = 114
"""GPG_ERR_NOT_CONFIRMED: the third button."""
TIMED_OUT = 62
"""GPG_ERR_TIMEOUT."""
MOST_LINE_BYTES = 4096
_ERROR_CODE = 0xFFFF  # the rest of the number says which program it is from


class AssuanError(Exception):
    """The program answered with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ERR {code}")
        self.code = code


class Broken(Exception):
    """The program is gone, or says what no pinentry says."""


class Assuan:
    """A running pinentry."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], interruption: Interruption
    ) -> None:
        """Start the program.

        Raises:
            Broken: if it does not start.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the configuration names it
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=dict(env),
            )
        except OSError as error:
            raise Broken(str(error)) from error
        self._interruption = interruption
        self._rest = bytearray()

    def close(self) -> None:
        """Take the window away."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        wipe(self._rest)

    def greet(self) -> None:
        """Wait for the program to be ready."""
        with self._interruption.closing(self._process.kill):
            self._answer()

    def ask(self, command: str, text: str = "") -> bytearray:
        """Give a command and wait for what it yields, however long a person takes.

        Who takes the answer overwrites it.

        Raises:
            AssuanError: if the program, or the person, says no.
            Broken: if the program ends; the interruption may know why.
        """
        with self._interruption.closing(self._process.kill):
            self.tell(command, text)
            return self._answer()

    def tell(self, command: str, text: str = "") -> None:
        """Give a command and wait for nothing.

        Raises:
            Broken: if the program has ended.
        """
        line = f"{command} {escaped(text)}" if text else command
        try:
            self._stream(self._process.stdin).write(f"{line}\n".encode())
        except OSError:
            raise Broken("the dialog program ended") from None

    def try_to(self, command: str, text: str = "") -> None:
        """Give a command that not every pinentry knows."""
        try:
            self.ask(command, text)
        except AssuanError:
            return

    def _answer(self) -> bytearray:
        data = bytearray()
        while True:
            line = self._line()
            if line.startswith(b"D "):
                data += unescaped(line[2:])
                wipe(line)
            elif line == b"OK" or line.startswith(b"OK "):
                return data
            elif line.startswith(b"ERR "):
                raise AssuanError(_number(line) & _ERROR_CODE)

    def _line(self) -> bytearray:
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > MOST_LINE_BYTES:
                raise Broken("a line without an end")
            self._fill()
        line = self._rest[:end]
        left = self._rest[end + 1 :]
        wipe(self._rest)
        self._rest = left
        return line

    def _fill(self) -> None:
        piece = bytearray(MOST_LINE_BYTES)
        taken = self._stream(self._process.stdout).readinto(piece)  # type: ignore[attr-defined]
        if not taken:
            raise Broken("the dialog program ended")
        grown = self._rest + piece[:taken]
        wipe(self._rest)
        wipe(piece)
        self._rest = grown

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise Broken("the dialog program has no pipe")
        return stream


def _number(line: bytearray) -> int:
    word = line.split()[1] if len(line.split()) > 1 else b""
    if not word.isdigit():
        raise Broken("an error without a number")
    return int(word)


def escaped(text: str) -> str:
    """Write a text so that it stays on its line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def unescaped(data: bytearray) -> bytearray:
    """Read a text as the program wrote it, where it stands in memory."""
    text = bytearray()
    place = 0
    while place < len(data):
        if data[place] == ord("%") and place + 2 < len(data):
            text.append(int(bytes(data[place + 1 : place + 3]), 16))
            place += 3
        else:
            text.append(data[place])
            place += 1
    return text
