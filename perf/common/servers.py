# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a benchmark: Weir, nginx behind it, wrk in front; loopback only."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

READY_S = 120
STOP_S = 30


class Weir:
    """A running Weir with one worker. `log` holds what it said so far."""

    def __init__(self, binary, folder, dynamic, throttle="50ms", cpus=None):
        os.makedirs(folder, exist_ok=True)
        configuration = os.path.join(folder, "weir.yml")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(STATIC.format(throttle=throttle, dynamic=dynamic))
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        self.log, self.changed = [], threading.Condition()
        started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, f"--configFile={configuration}"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=pin)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.wait_for("Weir is ready", READY_S)
            self.start_s = time.monotonic() - started
            self.port = int(self.wait_for(r"entryPoint=websecure address=\S*:(\d+)", 1)[1])
        except BaseException:
            self.stop()
            raise

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.log.append(line.rstrip())
                self.changed.notify_all()

    def wait_for(self, pattern, seconds, since=0):
        """The match in the first line of the log, from `since` on, that has the pattern."""
        def find():
            return next((m for m in (re.search(pattern, line) for line in self.log[since:]) if m),
                        None)
        with self.changed:
            if not self.changed.wait_for(find, seconds):
                raise SystemExit(f"Weir did not say {pattern!r}:\n" + "\n".join(self.log[-20:]))
            return find()

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read())[1])

    def cpu_ns(self):
        """What all its threads have spent on a CPU."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def stop(self):
        stop(self.process)


STATIC = """\
entryPoints:
  websecure: {{ address: "127.0.0.1:0" }}
providers:
  providersThrottleDuration: {throttle}
  file: {{ filename: "{dynamic}" }}
log: {{ level: INFO }}
weir: {{ workers: 1 }}
"""

NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
    client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
    uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello, world\\n"; }} }}
}}
"""


def stop(process):
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """A backend that answers every request with 200."""

    def __init__(self, folder, cpus=None):
        os.makedirs(folder, exist_ok=True)
        self.port = free_port()  # nginx cannot say which one it got
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(NGINX.format(folder=folder, port=self.port))
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", path],
                                        preexec_fn=pin)
        deadline = time.monotonic() + STOP_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    raise SystemExit("nginx does not start") from None

    def stop(self):
        stop(self.process)


def wrk_command(port, seconds, connections, *options):
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", *options,
            f"https://127.0.0.1:{port}/"]


def wrk_result(text):
    """(requests, errors): refused, broken and timed out connections and answers other than 2xx."""
    requests = int(re.search(r"(\d+) requests in", text)[1])
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)",
                        text)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = sum(map(int, sockets.groups())) if sockets else 0
    return requests, errors + (int(other[1]) if other else 0)
