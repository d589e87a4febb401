"""What ends a program also ends what it starts, or is replaced by."""

import signal

_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def heed_signals() -> None:
    """Let Ctrl-C, SIGQUIT and SIGTERM end this process and what it becomes, whatever it was started with.

    A shell makes what a script starts with `&` ignore SIGINT, and a program that is started by another ignores and
    blocks what that one does.
    """
    for number in _ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
