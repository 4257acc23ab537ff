# SPDX-License-Identifier: GPL-3.0-or-later
"""How long after an atomic rename a handshake shows the new certificate, with many others loaded.

A handshake with a name in between every two ends when it shows the new certificate; meanwhile wrk
(Connection: close) and a client of random names keep the worker busy and count what fails. The
time that Weir waits on purpose, so that an editor can finish (SETTLE_MS of core/control), is taken
off; the replacements are further apart than providersThrottleDuration.
"""

import argparse
import datetime
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

import client

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import report, servers  # pylint: disable=wrong-import-position

THROTTLE_MS = 50
SETTLE_MS = 20
TARGET_MS = 100
PATIENCE_S = 20
PAUSE_S = 1.5  # longer than a retired snapshot stays
WRK_CONNECTIONS = 4
WRK_SECONDS = 3600  # ends with the benchmark


def paths_of(folder, number):
    stem = f"{folder}/{number // 1000}/shop{number}"
    return f"{stem}.crt", f"{stem}.key"


def write_dynamic(path, certificates, count, backend):
    with open(path, "w", encoding="ascii") as file:
        file.write("http:\n  routers:\n    all: { rule: 'PathPrefix(`/`)', service: app, "
                   "tls: {} }\n  services:\n    app: { loadBalancer: { servers: "
                   f"[{{ url: 'http://127.0.0.1:{backend}' }}] }} }}\n"
                   "tls:\n  certificates:\n")
        for number in range(count):
            cert, key = paths_of(certificates, number)
            file.write(f"    - {{ certFile: {cert}, keyFile: {key} }}\n")


def renewed(certificates, number):
    """(PEM, DER) of another certificate with the same names and key."""
    cert_path, key_path = paths_of(certificates, number)
    with open(key_path, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    with open(cert_path, "rb") as file:
        old = x509.load_pem_x509_certificate(file.read())
    now = datetime.datetime.utcnow()
    names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    subject = old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    new = (x509.CertificateBuilder().subject_name(x509.Name(subject)).issuer_name(old.issuer)
           .public_key(key.public_key()).serial_number(x509.random_serial_number())
           .not_valid_before(now - datetime.timedelta(days=1))
           .not_valid_after(now + datetime.timedelta(days=90))
           .add_extension(names, critical=False).sign(key, hashes.SHA256()))
    return (new.public_bytes(serialization.Encoding.PEM),
            new.public_bytes(serialization.Encoding.DER))


def replace(weir, certificates, number):
    """Milliseconds from the rename to the end of the first handshake with the new certificate,
    and what Weir says the reload took."""
    pem, der = renewed(certificates, number)
    path, tls, name = paths_of(certificates, number)[0], client.context(), client.host_name(number)
    with open(f"{path}.new", "wb") as file:
        file.write(pem)
    said = len(weir.log)
    began = time.monotonic()
    os.replace(f"{path}.new", path)
    while client.handshake(tls, weir.port, name)[0] != der:
        if time.monotonic() - began > PATIENCE_S:
            raise SystemExit(f"{name}: the new certificate is not served")
    took_ms = (time.monotonic() - began) * 1000
    reload_ms = int(weir.wait_for(r"configuration loaded .*milliseconds=(\d+)", 5, said)[1])
    return took_ms, reload_ms


def run_rounds(weir, certificates, arguments):
    chance, rounds = random.Random(1), []
    for _ in range(arguments.rounds):
        time.sleep(PAUSE_S)
        took_ms, reload_ms = replace(weir, certificates, chance.randrange(arguments.certs))
        rounds.append({"visible_ms": took_ms - SETTLE_MS, "reload_ms": reload_ms,
                       "resident_kb": weir.resident_kb()})
    return rounds


def start(arguments, folder, count, backend):
    dynamic = os.path.join(folder, f"{count}.yml")
    write_dynamic(dynamic, os.path.join(folder, "certs"), count, backend.port)
    return servers.Weir(os.path.join(arguments.build, "weir"), os.path.join(folder, str(count)),
                        dynamic, f"{THROTTLE_MS}ms")


def under_load(weir, certificates, arguments):
    """The rounds, and what the load saw: (handshakes, failures)."""
    command = servers.wrk_command(weir.port, WRK_SECONDS, WRK_CONNECTIONS,
                                  "-H", "Connection: close")
    wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    load = client.Load(weir.port, arguments.certs, 1)
    try:
        rounds = run_rounds(weir, certificates, arguments)
        time.sleep(PAUSE_S)
    finally:
        wrk.send_signal(2)  # it then prints what it has
        text = wrk.communicate(timeout=PATIENCE_S)[0]
        handshakes, failures = load.stop()
    requests, errors = servers.wrk_result(text)
    if errors:
        failures.append(f"wrk: {errors} errors:\n{text}")
    return rounds, handshakes + requests, failures


def measure(arguments, folder):
    certificates = os.path.join(folder, "certs")
    os.mkdir(certificates)
    subprocess.run([os.path.join(arguments.build, "perf", "weir-bench-files"), certificates,
                    str(arguments.certs)], check=True)
    backend = servers.Nginx(os.path.join(folder, "nginx"))
    weir = None
    try:
        weir = start(arguments, folder, 1, backend)
        one_kb = weir.resident_kb()
        weir.stop()
        weir = start(arguments, folder, arguments.certs, backend)
        started_kb = weir.resident_kb()
        rounds, handshakes, failures = under_load(weir, certificates, arguments)
        return {"certs": arguments.certs, "start_s": weir.start_s, "rounds": rounds,
                "start_rss_kb": started_kb, "end_rss_kb": weir.resident_kb(),
                "rss_per_cert_bytes": (started_kb - one_kb) * 1024 / arguments.certs,
                "handshakes": handshakes, "failures": failures}
    finally:
        for server in (weir, backend):
            if server is not None:
                server.stop()


def table_of(result):
    visible = sorted(one["visible_ms"] for one in result["rounds"])
    reload_ms = sorted(one["reload_ms"] for one in result["rounds"])
    resident = [one["resident_kb"] // 1024 for one in result["rounds"]]
    return "\n".join([
        f"certificates                   {result['certs']}",
        f"start                          {result['start_s']:.2f} s",
        f"resident after the start       {result['start_rss_kb'] // 1024} MiB, "
        f"{result['rss_per_cert_bytes']:.0f} B per certificate",
        f"resident while replacing       {min(resident)} to {max(resident)} MiB, first "
        f"{resident[0]}, last {resident[-1]}; at the end {result['end_rss_kb'] // 1024} MiB",
        f"replacements                   {len(visible)}",
        f"rename to the new handshake    median {statistics.median(visible):.1f} ms, lowest "
        f"{visible[0]:.1f}, highest {visible[-1]:.1f} (target: {TARGET_MS})",
        f"of that the reload itself      median {statistics.median(reload_ms):.0f} ms, highest "
        f"{reload_ms[-1]}",
        f"handshakes meanwhile           {result['handshakes']}, failed "
        f"{len(result['failures'])} (target: 0)",
        f"(without the {SETTLE_MS} ms that Weir gives an editor to finish)"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--certs", type=int, default=100000)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-replace-") as folder:
        result = measure(arguments, folder)
    report.keep("replace", f"perf/replace.sh --certs {arguments.certs} "
                f"--rounds {arguments.rounds}", os.path.join(arguments.build, "weir"),
                table_of(result), result)
    for line in result["failures"][:10]:
        print(line)
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
