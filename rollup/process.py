"""How a process ends: with one line for an error that has a name, its exit code, and no trace.

Long-running commands are told to stop by SIGINT or SIGTERM alike; both come as KeyboardInterrupt,
so that every `with` and `finally` is gone through. Whoever serves until then ends well (0);
whoever was interrupted at work ends with 130.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable

from bisection.errors import BisectionError
from prover.errors import ContentError, NotFiniteError, ProverError
from rollup.errors import InvalidInput, PlumblineError

INTERRUPTED = 130


def ended(act: Callable[[], int | None]) -> int:
    """Runs `act` and says on standard error what ended it; how the process should exit."""
    _hear_signals()
    try:
        return act() or 0
    except PlumblineError as error:
        return fail(str(error), error.exit_code)
    except (ContentError, NotFiniteError) as error:
        return fail(str(error), InvalidInput.exit_code)
    except (BisectionError, ProverError) as error:
        return fail(str(error), PlumblineError.exit_code)
    except BrokenPipeError:  # whoever reads us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PlumblineError.exit_code
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        return fail(
            f"{where}{error.strerror or error}; check the file, its folder's rights and the disk",
            PlumblineError.exit_code,
        )
    except KeyboardInterrupt:
        return fail("interrupted; what was acknowledged or is on L1 stays", INTERRUPTED)


def fail(reason: str, code: int) -> int:
    """Says why in one line, whatever the reason's form; returns the code."""
    line = " ".join(reason.split())
    # Some of it may stand in a file from elsewhere: it must not speak to the terminal.
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)
    sys.stderr.write(f"plumbline: {line}\n")
    sys.stderr.flush()
    return code


def _hear_signals() -> None:
    """SIGINT too: a shell starts what it puts in the background with that one ignored."""
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.default_int_handler)
