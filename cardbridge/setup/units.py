"""The files that desktops read, as text."""

from collections.abc import Sequence

SCHEME = "cardbridge"


def desktop_entry(argv: Sequence[str], *, autostart: bool) -> str:
    """Write a desktop entry: one that starts with the session, or the handler of our links.

    The link itself is not among the arguments. It starts the bridge and carries nothing.
    """
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=Card bridge",
        "Name[zh_TW]=憑證卡程式",
        "Name[zh_CN]=证书卡程序",
        "Comment=Lets a web page ask the card in the reader for a sign-in",
        f"Exec={' '.join(_quoted(word) for word in argv)}",
        "Terminal=false",
        "NoDisplay=true",
    ]
    if autostart:
        lines.append("X-GNOME-Autostart-enabled=true")
    else:
        lines.append(f"MimeType=x-scheme-handler/{SCHEME};")
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    """Quote a word for ``Exec`` (Desktop Entry Specification 1.5)."""
    escaped = "".join(f"\\{one}" if one in '"`$\\' else one for one in word)
    return f'"{escaped}"'.replace("%", "%%").replace("\\", "\\\\")


def systemd_unit(argv: Sequence[str]) -> str:
    """Write a user unit that gives the bridge no more than it needs.

    Only what a person's own service manager can enforce: it has no say over file systems.
    """
    command = " ".join(_escaped(word) for word in argv)
    return f"""\
[Unit]
Description=Card bridge: lets a web page ask the card in the reader for a sign-in
PartOf=graphical-session.target
After=graphical-session.target

[Service]
ExecStart={command}
Restart=on-failure
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
LimitCORE=0

[Install]
WantedBy=graphical-session.target
"""


def _escaped(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def launch_agent(argv: Sequence[str]) -> bytes:
    """Write the property list that starts the bridge with a macOS session."""
    import plistlib  # noqa: PLC0415  # of one system

    return plistlib.dumps(
        {
            "Label": "tw.cardbridge",
            "ProgramArguments": list(argv),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Interactive",
        }
    )
