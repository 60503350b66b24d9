"""Runs a program at a terminal and types: `terminal.py <answers as JSON> <program> <word>…`.

Answers are pairs: when the first text stands on the screen, the second is typed. All that the screen has shown goes to standard output.
"""

import json
import os
import pty
import signal
import sys

# Nobody waits longer for a program that asks what nobody answers.
signal.alarm(60)
answers = json.loads(sys.argv[1])
pid, screen = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown = b""
unread = 0
while True:
    try:
        read = os.read(screen, 4096)
    except OSError:
        break
    if not read:
        break
    shown += read
    while answers and answers[0][0].encode() in shown[unread:]:
        question, answer = answers.pop(0)
        unread += shown[unread:].index(question.encode()) + len(question)
        os.write(screen, answer.encode())
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
