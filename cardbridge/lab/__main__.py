"""Run the commands of the lab by themselves: ``python -m cardbridge.lab --help``."""

from cardbridge.lab.commands import softcard

if __name__ == "__main__":
    softcard(prog_name="softcard")
