# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's processes: started on given cores, and what they have cost so far."""

import os
import re
import resource
import signal
import socket
import subprocess
import time

STOP_S = 30


def cores():
    """(the server's cores, the clients' and the backend's): the first, and the second."""
    mine = sorted(os.sched_getaffinity(0))
    return {mine[0]}, {mine[1] if len(mine) > 1 else mine[0]}


def free_port():
    """A port for a server that cannot say which one it got."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle(cpus):
    """For preexec_fn: the cores, and as many open files as there may be."""
    def run():
        os.sched_setaffinity(0, cpus)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return run


def _children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


class Tree:
    """A process and all its descendants. Output goes to LOG, which failures quote."""

    def __init__(self, command, cpus, log, environment=None):
        self.log_path = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                preexec_fn=settle(cpus), env={**os.environ, **(environment or {})})

    def pids(self):
        pids, at = [self.process.pid], 0
        while at < len(pids):
            try:
                pids += _children(pids[at])
            except FileNotFoundError:
                pass
            at += 1
        return pids

    def cpu_ns(self):
        """CPU time of all threads, those that have ended and the kernel's io_uring workers among
        them: the processes' CPU clocks, which add up what schedstat shows of each thread."""
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids())

    def kernel_share(self):
        """The kernel's share of the CPU time since the start. The kernel samples it at its ticks
        and never takes back what it once said, so that the difference of two looks that are a
        second apart says nothing; over all rounds it is good."""
        user = system = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return system / max(user + system, 1)

    def memory_kb(self, field):
        """VmRSS (now) or VmHWM (the most since forget_peak), added up."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                match = re.search(rf"{field}:\s*(\d+)", file.read())
            total += int(match[1]) if match else 0
        return total

    def forget_peak(self):
        for pid in self.pids():
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def wait_for(self, pattern, seconds, since=0):
        """The match in the first line of the log, from `since` on, that has the pattern."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self.process.poll() is not None
            for line in self.log()[since:]:
                match = re.search(pattern, line)
                if match:
                    return match
            if ended or time.monotonic() > deadline:
                raise SystemExit(f"{self.process.args[0]} did not say {pattern!r}:\n" +
                                 "\n".join(self.log()[-20:]))
            time.sleep(0.002)

    def wait_for_port(self, port, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit(f"{' '.join(self.process.args)} does not answer:\n" +
                                     "\n".join(self.log()[-20:])) from None
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is not None:
            return
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(pids):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
