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
_PERCENT = ord("%")
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
        # One buffer that never grows: a PIN that passes through it leaves no copy behind.
        self._buffer = bytearray(MOST_LINE_BYTES)
        self._filled = 0
        self._end = -1

    def close(self) -> None:
        """Take the window away."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        wipe(self._buffer)

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
        """Wait for the end of an answer; its data, in one piece that can be overwritten."""
        data = bytearray()
        while True:
            self._read_line()
            with memoryview(self._buffer)[: self._end] as line:
                if bytes(line[:2]) == b"D ":
                    data = _joined(data, unescaped(line[2:]))
                    continue
                word, _, rest = bytes(line).partition(b" ")
            if word == b"OK":
                return data
            if word == b"ERR":
                raise AssuanError(_number(rest) & _ERROR_CODE)

    def _read_line(self) -> None:
        """Bring the next line to the front of the buffer and say where it ends."""
        self._drop_line()
        while (end := self._buffer.find(b"\n", 0, self._filled)) < 0:
            if self._filled == MOST_LINE_BYTES:
                raise Broken("a line without an end")
            with memoryview(self._buffer)[self._filled :] as room:
                taken = self._stream(self._process.stdout).readinto(room)  # type: ignore[attr-defined]
            if not taken:
                raise Broken("the dialog program ended")
            self._filled += taken
        self._end = end

    def _drop_line(self) -> None:
        """Move what follows the line that was read over it, and overwrite the rest."""
        if self._end < 0:
            return
        left = self._filled - self._end - 1
        with memoryview(self._buffer) as all_of_it:
            all_of_it[:left] = all_of_it[self._end + 1 : self._filled]
            all_of_it[left : self._filled] = bytes(self._filled - left)
        self._filled, self._end = left, -1

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise Broken("the dialog program has no pipe")
        return stream


def _joined(first: bytearray, second: bytearray) -> bytearray:
    """Join two pieces of an answer and overwrite them."""
    if not first:
        return second
    both = bytearray(len(first) + len(second))
    both[: len(first)], both[len(first) :] = first, second
    wipe(first)
    wipe(second)
    return both


def _number(words: bytes) -> int:
    word = words.split()[0] if words.split() else b""
    if not word.isdigit():
        raise Broken("an error without a number")
    return int(word)


def escaped(text: str) -> str:
    """Write a text so that it stays on its line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def unescaped(data: bytes | bytearray | memoryview) -> bytearray:
    """Read a text as the program wrote it, into memory of its exact size.

    Raises:
        Broken: if a percent sign has no two digits after it.
    """
    percents = sum(1 for byte in data if byte == _PERCENT)
    if 3 * percents > len(data):
        raise Broken("a percent sign by itself")
    text = bytearray(len(data) - 2 * percents)
    place = 0
    for written in range(len(text)):
        if data[place] == _PERCENT:
            text[written] = _octet(data[place + 1 : place + 3])
            place += 3
        else:
            text[written] = data[place]
            place += 1
    return text


def _octet(digits: bytes | bytearray | memoryview) -> int:
    try:
        return int(bytes(digits), 16)
    except ValueError:
        raise Broken("a percent sign without two digits") from None
