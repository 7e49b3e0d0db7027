"""Gives a command a terminal: terminal.py COLUMNS ROWS COMMAND...

What the command writes goes to standard output. Standard input takes one order a line: "type TEXT" (JSON text), "size COLUMNS ROWS",
"signal NAME". Says on standard error whether the terminal was left raw or cooked, and ends as the command ends.
"""
import fcntl, json, os, pty, select, signal, struct, sys, termios

columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def resize(columns, rows):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


master, slave = pty.openpty()
resize(columns, rows)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 256)
    os.execvp(command[0], command)

# The slave stays open here: what it was left in can be looked at when the command has ended.
waiting = b""
status = None
inputs = [master, 0]
while True:
    ready, _, _ = select.select(inputs, [], [], 0.02)
    if master in ready:
        os.write(1, os.read(master, 65536))
    elif status is not None:
        break
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            inputs.remove(0)
            os.kill(child, signal.SIGKILL)
        waiting += data
        *lines, waiting = waiting.split(b"\n")
        for line in lines:
            order, _, rest = line.decode().partition(" ")
            if order == "type":
                os.write(master, json.loads(rest).encode())
            elif order == "size":
                resize(*map(int, rest.split()))
            elif order == "signal":
                os.kill(child, getattr(signal, rest))
    if status is None:
        pid, ended = os.waitpid(child, os.WNOHANG)
        if pid:
            status = ended

raw = not termios.tcgetattr(slave)[3] & termios.ICANON
os.write(2, b"raw\n" if raw else b"cooked\n")
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
sys.exit(os.WEXITSTATUS(status))
