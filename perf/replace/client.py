# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes with Weir: one by one, and as a load that asks for one name after the other."""

import multiprocessing
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


def _ask_on(port, count, seed, stop, results):
    tls, chance = context(), random.Random(seed)
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
    """Processes that ask for random names without a pause until they are told to stop."""

    def __init__(self, port, count, processes):
        self.stop_event = multiprocessing.Event()
        self.results = multiprocessing.Queue()
        self.processes = [
            multiprocessing.Process(target=_ask_on, daemon=True,
                                    args=(port, count, seed, self.stop_event, self.results))
            for seed in range(processes)]
        for process in self.processes:
            process.start()

    def stop(self):
        """(handshakes, what went wrong)."""
        self.stop_event.set()
        results = [self.results.get(timeout=2 * TIMEOUT_S) for _ in self.processes]
        for process in self.processes:
            process.join(TIMEOUT_S)
        return sum(done for done, _ in results), sum((wrong for _, wrong in results), [])
