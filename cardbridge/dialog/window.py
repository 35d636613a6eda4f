"""Our own pinentry, for systems without one: the same few lines of Assuan, a tkinter window.

It runs as a process of its own with fixed arguments, like any pinentry, and takes what it shows
from its standard input.
"""

import sys
from collections.abc import Callable, Mapping
from typing import IO, Protocol

from cardbridge.dialog.assuan import CANCELLED, NOT_CONFIRMED, TIMED_OUT, escaped, unescaped
from cardbridge.hardening import keep_memory_private

_SETTINGS = {
    "SETTITLE": "title",
    "SETDESC": "description",
    "SETPROMPT": "prompt",
    "SETERROR": "error",
    "SETOK": "ok",
    "SETCANCEL": "cancel",
    "SETNOTOK": "other",
    "SETTIMEOUT": "timeout",
}
DEFAULTS = {"title": "cardbridge", "prompt": "PIN:", "ok": "OK", "cancel": "Cancel"}


class Said(Exception):
    """A window that was closed otherwise than by its first button."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Screen(Protocol):
    """What can show a window."""

    def pin(self, texts: Mapping[str, str]) -> str:
        """Ask for a PIN.

        Raises:
            Said: if none is given.
        """

    def confirm(self, texts: Mapping[str, str], *, alone: bool) -> None:
        """Ask a question, or only tell something, with one button.

        Raises:
            Said: for any other button.
        """


def main() -> None:
    """Serve one window at a time until the input ends."""
    keep_memory_private()
    serve(sys.stdin.buffer, sys.stdout.buffer, TkScreen())


def serve(lines: IO[bytes], answers: IO[bytes], screen: Screen) -> None:
    """Answer Assuan commands."""
    texts = dict(DEFAULTS)
    _say(answers, "OK cardbridge")
    for raw in lines:
        command, _, rest = raw.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
        if command == "BYE":
            _say(answers, "OK")
            return
        try:
            _say(answers, *_answer(command, rest, texts, screen))
        except Said as said:
            _say(answers, f"ERR {said.code}")


def _answer(command: str, rest: str, texts: dict[str, str], screen: Screen) -> list[str]:
    if command in _SETTINGS:
        texts[_SETTINGS[command]] = unescaped(bytearray(rest.encode())).decode("utf-8", "replace")
    elif command == "GETPIN":
        pin = screen.pin(texts)
        texts.pop("error", None)
        return [f"D {escaped(pin)}", "OK"]
    elif command in {"CONFIRM", "MESSAGE"}:
        screen.confirm(texts, alone=command == "MESSAGE" or "--one-button" in rest)
    return ["OK"]


def _say(answers: IO[bytes], *lines: str) -> None:
    answers.write("".join(f"{line}\n" for line in lines).encode())
    answers.flush()


class TkScreen:
    """Windows of tkinter."""

    def pin(self, texts: Mapping[str, str]) -> str:
        """Ask for a PIN in a window that takes the keyboard."""
        window = _Window(texts)
        window.add_entry()
        window.add_button(texts["ok"], lambda: window.close(0))
        window.add_button(texts["cancel"], lambda: window.close(CANCELLED))
        window.show()
        return window.typed

    def confirm(self, texts: Mapping[str, str], *, alone: bool) -> None:
        """Ask a question; no button is pressed beforehand."""
        window = _Window(texts)
        window.add_button(texts["ok"], lambda: window.close(0))
        if not alone:
            if other := texts.get("other"):
                window.add_button(other, lambda: window.close(NOT_CONFIRMED))
            window.add_button(texts["cancel"], lambda: window.close(CANCELLED))
        window.show()


class _Window:
    """One window."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        import tkinter as tk  # noqa: PLC0415  # not every Python has it
        from tkinter import ttk  # noqa: PLC0415

        self._ttk = ttk
        self._texts = texts
        self._code = CANCELLED
        self.typed = ""
        self._root = tk.Tk()
        self._root.title(texts["title"])
        self._root.attributes("-topmost", True)
        self._root.protocol("WM_DELETE_WINDOW", lambda: self.close(CANCELLED))
        self._root.bind("<Escape>", lambda _event: self.close(CANCELLED))
        self._frame = ttk.Frame(self._root, padding=20)
        self._frame.pack(fill="both", expand=True)
        self._label(texts.get("description", ""))
        if error := texts.get("error"):
            self._label(error, foreground="#b00020")
        self._buttons = ttk.Frame(self._frame)
        self._entry: ttk.Entry | None = None

    def _label(self, text: str, foreground: str = "") -> None:
        label = self._ttk.Label(self._frame, text=text, wraplength=520, justify="left")
        if foreground:
            label.configure(foreground=foreground)
        label.pack(anchor="w", pady=(0, 12))

    def add_entry(self) -> None:
        """Add the field that the PIN is typed into."""
        self._label(self._texts["prompt"])
        self._entry = self._ttk.Entry(self._frame, show="•", width=24)
        self._entry.pack(anchor="w", pady=(0, 12))
        self._entry.bind("<Return>", lambda _event: self.close(0))

    def add_button(self, text: str, press: Callable[[], None]) -> None:
        """Add a button, to the right of those there are."""
        self._ttk.Button(self._buttons, text=text, command=press).pack(side="left", padx=4)

    def show(self) -> None:
        """Show the window until it is answered.

        Raises:
            Said: for any answer but the first button.
        """
        self._buttons.pack(anchor="e")
        seconds = int(self._texts.get("timeout", "0") or 0)
        if seconds:
            self._root.after(seconds * 1000, lambda: self.close(TIMED_OUT))
        self._root.eval("tk::PlaceWindow . center")
        self._root.wait_visibility()
        self._root.grab_set()
        (self._entry or self._root).focus_force()
        self._root.mainloop()
        if self._code:
            raise Said(self._code)

    def close(self, code: int) -> None:
        """Close the window with an answer; 0 is the first button."""
        self._code = code
        if self._entry is not None:
            self.typed = self._entry.get() if code == 0 else ""
            self._entry.delete(0, "end")
        self._root.destroy()
