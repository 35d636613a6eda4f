"""Starting the bridge: configuration, one instance, sockets, and an orderly end."""

import os
import signal
import sys
import threading
from types import FrameType

from cardbridge import VERSION, config, log, places
from cardbridge.card import modules
from cardbridge.card.process import CardProcess
from cardbridge.dialog.dialogs import Dialogs
from cardbridge.dialog.programs import choose
from cardbridge.front.bridge import Bridge
from cardbridge.front.gate import Gate
from cardbridge.front.instance import AlreadyRuns, Instance
from cardbridge.front.listening import Listener, Taken, listen
from cardbridge.front.sites import Sites
from cardbridge.hardening import keep_memory_private
from cardbridge.programs import environment

GOOD, WRONG = 0, 1


def main(terminal: str | None = None) -> int:
    """Run the bridge until it is told to end; the exit status."""
    keep_memory_private()
    try:
        settings = _settings()
        with Instance(places.state_file()) as instance:
            return _run(settings, instance, terminal)
    except AlreadyRuns:
        log.write("already_running")
        return GOOD  # the link that starts the bridge may be clicked twice
    except (config.ConfigError, Taken) as error:
        log.write("cannot_start", detail=str(error))
        return WRONG


def _settings() -> config.Config:
    return config.load(places.config_file(), places.system_config_file())


def _run(settings: config.Config, instance: Instance, terminal: str | None) -> int:
    port, sockets = listen((settings.port, *settings.spare_ports))
    bridge = _bridge(settings, port, terminal)
    listener = Listener(sockets, bridge.serve)

    def end(_signal: int, _frame: FrameType | None) -> None:
        listener.stop()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
    instance.tell(port)
    log.write("listening", port=port, version=VERSION)
    try:
        listener.run(settings.idle_minutes * 60.0)
    finally:
        bridge.close()
    log.write("ended")
    return GOOD


def _bridge(settings: config.Config, port: int, terminal: str | None) -> Bridge:
    shown_in = environment()
    files = (places.config_file(), places.system_config_file())
    return Bridge(
        port=port,
        sites=Sites(settings, files, _settings),
        modules=lambda: modules.usable(settings.modules),
        cards=CardProcess(settings.card_seconds),
        dialogs=Dialogs(
            lambda: choose(settings.pin_dialog, os.environ, terminal),
            shown_in,
            settings.dialog_seconds,
        ),
        gate=Gate(settings.dialogs_per_minute),
    )


if __name__ == "__main__":
    sys.exit(main())
