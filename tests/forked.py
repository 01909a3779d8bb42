"""A forked copy of the test's process that can neither hang the tests nor become a second one."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable

BROKEN = 70


def exit_code_of(act: Callable[[], int], seconds: float = 60) -> int:
    """Do something in a forked process; return its exit code, negative for a signal.

    Whatever is raised there ends it with 70: it must never go on as pytest. Handlers of the test's
    process aren't kept, and who isn't done in time is killed.

    Args:
        act: returns the exit code.
        seconds: that it may take.
    """
    child = os.fork()
    if child == 0:  # pragma: no cover
        code = BROKEN
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            code = act()
        except BaseException:  # noqa: BLE001  (see above)
            traceback.print_exc()
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, state = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(state)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"the forked process wasn't done in {seconds} seconds")
