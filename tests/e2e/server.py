# SPDX-License-Identifier: GPL-3.0-or-later
"""Weir as a process: started from a configuration, watched by its log, ended by SIGTERM."""

import collections
import contextlib
import os
import re
import resource
import signal
import subprocess
import threading
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.abspath(os.environ.get("WEIR_BINARY") or os.path.join(
    HERE, "..", "..", "build", "release", "weir"))
SANITIZE = os.environ.get("WEIR_SANITIZE", "")
# How much longer things may take than in a release build.
PATIENCE = 4 if SANITIZE else 1
WAIT = 15 * PATIENCE

DEFECTS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|"
                     r"Assertion .* failed|panic")


def merge(base, extra):
    """A copy of base with extra laid over it, sections merged."""
    result = dict(base)
    for key, value in (extra or {}).items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            value = merge(result[key], value)
        result[key] = value
    return result


def write_atomically(path, text):
    """As editors and deployments do: a new file takes the place of the old one."""
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def clean_environment(extra=None):
    """The own environment without what would configure Weir."""
    base = {key: value for key, value in os.environ.items()
            if not key.startswith(("TRAEFIK_", "XDG_CONFIG"))}
    return {**base, **(extra or {})}


class Lines:
    """Collects the lines of a stream; others wait for the one they need."""

    def __init__(self, stream):
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def find(self, pattern, start=0):
        """(index, match) of the first line from start on that matches, or None."""
        expression = re.compile(pattern)
        for index in range(start, len(self.lines)):
            match = expression.search(self.lines[index])
            if match:
                return index, match
        return None

    def wait(self, pattern, start=0, timeout=None):
        """The match of the first fitting line; fails if it does not come."""
        deadline = time.monotonic() + (timeout or WAIT)
        with self.changed:
            while True:
                found = self.find(pattern, start)
                if found:
                    return found[1]
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise AssertionError(f"no line matches {pattern!r} in:\n" + self.text())
                self.changed.wait(left)

    def text(self):
        return "\n".join(self.lines[-60:])


class Weir:
    """One running server. `entries` maps the names of entry points to extra settings.

    `arguments` take the place of --configFile, `environment` is added to the own one, and
    `prefix` is the command that starts the binary. Without `wait` nobody looks for the ports in
    the log, which is then not expected on standard error.
    """

    def __init__(self, folder, entries=None, static=None, dynamic=None, start=True,
                 file_limit=None, arguments=None, environment=None, prefix=(), wait=True):
        self.folder = str(folder)
        self.dynamic_path = os.path.join(self.folder, "dynamic.yml")
        self.static_path = os.path.join(self.folder, "weir.yml")
        self.file_limit, self.wait, self.slow = file_limit, wait, bool(prefix)
        if arguments is None:
            arguments = [f"--configFile={self.static_path}"]
        self.command = [*prefix, BINARY, *arguments]
        self.environment = environment or {}
        self.process = None
        self.ports = {}
        self.loads = 0
        if entries is None:
            entries = {"web": {}, "websecure": {}}
        base = {
            "entryPoints": {name: merge({"address": "127.0.0.1:0"}, extra)
                            for name, extra in entries.items()},
            "log": {"level": "INFO"},
            "providers": {"providersThrottleDuration": "20ms",
                          "file": {"filename": self.dynamic_path}},
            "weir": {"workers": 2},
        }
        with open(self.static_path, "w", encoding="utf-8") as file:
            yaml.safe_dump(merge(base, static), file)
        self.write_dynamic(dynamic or {})
        if start:
            self.start()

    # ---- life ----

    def start(self):
        def limit():
            if self.file_limit:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.file_limit, self.file_limit))
        self.process = subprocess.Popen(
            self.command, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", env=clean_environment(self.environment),
            preexec_fn=limit)
        self.log = Lines(self.process.stderr)
        self.output = Lines(self.process.stdout)
        if not self.wait:
            return
        try:
            self.log.wait("Weir is ready", timeout=4 * WAIT if self.slow else WAIT)
        except AssertionError:
            self.kill()
            raise
        for line in self.log.lines:
            match = re.search(r"entry point listens entryPoint=(\S+) address=\S*:(\d+)", line)
            if match:
                self.ports[match[1]] = int(match[2])
        self.loads = self._count_loads()

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=None):
        return self.process.wait(timeout or WAIT)

    def stop(self, expect=0):
        """Ends it as an operator would, and looks at what it leaves behind."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(WAIT + 15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("Weir does not end after SIGTERM:\n" + self.log.text()) from None
        finally:
            self.log.thread.join(WAIT)
            self.output.thread.join(WAIT)
            process.stdout.close()
            process.stderr.close()
        self.check_clean()
        assert code == expect, f"exit code {code}, expected {expect}:\n{self.log.text()}"

    def kill(self):
        """For a test that has failed already."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            process.wait()

    def check_clean(self):
        for line in self.log.lines:
            assert not DEFECTS.search(line), "\n".join(self.log.lines)

    # ---- configuration ----

    def write_dynamic(self, dynamic):
        text = dynamic if isinstance(dynamic, str) else yaml.safe_dump(dynamic)
        write_atomically(self.dynamic_path, text)

    def _count_loads(self):
        return sum("configuration loaded" in line for line in self.log.lines)

    def wait_loaded(self, since, timeout=None):
        """Until a configuration was loaded after `since` (a count of lines of the log)."""
        self.log.wait("configuration loaded", since, timeout)

    def reload(self, dynamic):
        """Writes the configuration and waits until it is served."""
        since = len(self.log.lines)
        self.write_dynamic(dynamic)
        self.wait_loaded(since)

    # ---- looking at it ----

    def memory_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read())[1])

    def thread_names(self):
        names = collections.Counter()
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/comm", encoding="ascii") as file:
                    names[file.read().strip()] += 1
            except FileNotFoundError:
                continue
        return names

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@contextlib.contextmanager
def serving(one, *behind):
    """A Weir for many tests: it has to end in order, and then what is behind it is stopped."""
    try:
        yield one
        one.stop()
    finally:
        one.kill()
        for other in behind:
            other.stop()


def run_weir(*arguments, folder=None, environment=None, timeout=None, prefix=(), prepare=None):
    """One command, to its end; `prepare` runs in the child before it."""
    return subprocess.run([*prefix, BINARY, *arguments], cwd=folder,
                          env=clean_environment(environment), capture_output=True, text=True,
                          timeout=timeout or WAIT, check=False, preexec_fn=prepare)


def eventually(condition, what, timeout=None):
    """Looks again and again, for states that nobody announces; bounded."""
    deadline = time.monotonic() + (timeout or WAIT)
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never: {what}"
        pause.wait(0.02)
