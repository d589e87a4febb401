"""The program: `python -m commands NOUN VERB`."""

from commands.main import cli

cli(prog_name="citygate")
