# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes with the names of perf/certs: one by one, and as a load that asks for one name after
the other and looks at the certificates that come."""

import multiprocessing
import os
import random
import socket
import ssl

TIMEOUT_S = 10


def host_name(number):
    return f"shop{number}.customers.example"


def context():
    """Looks at nothing: the callers compare the certificate themselves. No tickets are used, so
    every handshake is a full one."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def handshake(tls, port, name):
    """The certificate in DER, and whether the connection then answered a request with 200."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
        with tls.wrap_socket(plain, server_hostname=name) as connection:
            certificate = connection.getpeercert(True)
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
                               .encode())
            answer = connection.recv(64)
            return certificate, answer.startswith(b"HTTP/1.1 200 ")


def _ask_on(port, count, cpus, stop, results):
    os.sched_setaffinity(0, cpus)
    tls, chance = context(), random.Random(1)
    done, failures = 0, []
    while not stop.is_set():
        name = host_name(chance.randrange(count))
        try:
            certificate, answered = handshake(tls, port, name)
            if not answered:
                failures.append(f"{name}: not answered with 200")
            elif name.encode() not in certificate:
                failures.append(f"{name}: another name's certificate")
        except OSError as error:
            failures.append(f"{name}: {error}")
        done += 1
    results.put((done, failures))


class Load:
    """A process that asks for random names without a pause until it is told to stop."""

    def __init__(self, port, count, cpus):
        self.stop_event = multiprocessing.Event()
        self.results = multiprocessing.Queue()
        self.process = multiprocessing.Process(
            target=_ask_on, daemon=True, args=(port, count, cpus, self.stop_event, self.results))
        self.process.start()

    def stop(self):
        """(handshakes, what went wrong)."""
        self.stop_event.set()
        found = self.results.get(timeout=2 * TIMEOUT_S)
        self.process.join(TIMEOUT_S)
        return found
