"""Runs a program on a terminal of its own, types, and prints what the terminal showed.

Standard input: {"argv": [...], "steps": [["wait for this text", "then type this"], ...]}.
The exit code is the program's.
"""

import json
import os
import pty
import sys

task = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(task["argv"][0], task["argv"])

steps = task["steps"]
shown = seen = b""
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed
        break
    if not chunk:
        break
    shown += chunk
    seen += chunk
    if steps and steps[0][0].encode() in seen:
        os.write(terminal, steps.pop(0)[1].encode())
        seen = b""

_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
