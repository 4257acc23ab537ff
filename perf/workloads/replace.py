# SPDX-License-Identifier: GPL-3.0-or-later
"""How long after an atomic rename a handshake shows the new certificate, with many others loaded.

A handshake with a name in between every two ends when it shows the new certificate; meanwhile wrk
(Connection: close) and a client of random names keep the worker busy and count what fails. The
time that Weir waits on purpose, so that an editor can finish (SETTLE_MS of core/control), is taken
off; the replacements are further apart than providersThrottleDuration.
"""

import datetime
import os
import random
import statistics
import subprocess
import time

from common import clients, processes, random_names, servers
from common.workload import verdict

CERTS, CERTS_SHORT = 100000, 1000
ROUNDS, ROUNDS_SHORT = 20, 3
SETTLE_MS = 20
LIMIT_MS = 100
PATIENCE_S = 20
PAUSE_S = 1.5  # longer than a retired snapshot stays
WRK_CONNECTIONS = 4
WRK_SECONDS = 3600  # ends with the benchmark


def _paths_of(folder, number):
    stem = f"{folder}/{number // 1000}/shop{number}"
    return f"{stem}.crt", f"{stem}.key"


def _write_dynamic(path, certificates, count, backend):
    with open(path, "w", encoding="ascii") as file:
        file.write("http:\n  routers:\n    all: { rule: 'PathPrefix(`/`)', service: app, "
                   "tls: {} }\n  services:\n    app: { loadBalancer: { servers: "
                   f"[{{ url: 'http://127.0.0.1:{backend}' }}] }} }}\n"
                   "tls:\n  certificates:\n")
        for number in range(count):
            cert, key = _paths_of(certificates, number)
            file.write(f"    - {{ certFile: {cert}, keyFile: {key} }}\n")


def _renewed(certificates, number):
    """(PEM, DER) of another certificate with the same names and key."""
    # The distribution's package; not needed to list workloads or to run others.
    from cryptography import x509  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives import hashes, serialization
    cert_path, key_path = _paths_of(certificates, number)
    with open(key_path, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    with open(cert_path, "rb") as file:
        old = x509.load_pem_x509_certificate(file.read())
    now = datetime.datetime.utcnow()
    names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    subject = old.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    new = (x509.CertificateBuilder().subject_name(x509.Name(subject)).issuer_name(old.issuer)
           .public_key(key.public_key()).serial_number(x509.random_serial_number())
           .not_valid_before(now - datetime.timedelta(days=1))
           .not_valid_after(now + datetime.timedelta(days=90))
           .add_extension(names, critical=False).sign(key, hashes.SHA256()))
    return (new.public_bytes(serialization.Encoding.PEM),
            new.public_bytes(serialization.Encoding.DER))


def _replace(weir, certificates, number):
    """Milliseconds from the rename to the end of the first handshake with the new certificate,
    and what Weir says the reload took."""
    pem, der = _renewed(certificates, number)
    path, tls = _paths_of(certificates, number)[0], random_names.context()
    with open(f"{path}.new", "wb") as file:
        file.write(pem)
    said = len(weir.log())
    began = time.monotonic()
    os.replace(f"{path}.new", path)
    while random_names.handshake(tls, weir.port, random_names.host_name(number))[0] != der:
        if time.monotonic() - began > PATIENCE_S:
            raise SystemExit(f"shop{number}: the new certificate is not served")
    took_ms = (time.monotonic() - began) * 1000
    reload_ms = int(weir.wait_for(r"configuration loaded .*milliseconds=(\d+)", 5, said)[1])
    return {"visible_ms": took_ms - SETTLE_MS, "reload_ms": reload_ms,
            "resident_kb": weir.memory_kb("VmRSS")}


def _rounds(weir, certificates, count, number):
    chance, taken = random.Random(1), []
    for _ in range(number):
        time.sleep(PAUSE_S)
        taken.append(_replace(weir, certificates, chance.randrange(count)))
    return taken


def _under_load(bench, weir, certificates, count, number):
    """The rounds, and what the load saw: (handshakes, failures)."""
    wrk = subprocess.Popen(
        clients.wrk_command(weir.port, WRK_SECONDS, WRK_CONNECTIONS, "-H", "Connection: close"),
        stdout=subprocess.PIPE, text=True, preexec_fn=processes.settle(bench.client_cpus))
    load = random_names.Load(weir.port, count, bench.client_cpus)
    try:
        taken = _rounds(weir, certificates, count, number)
        time.sleep(PAUSE_S)
    finally:
        wrk.send_signal(2)  # it then prints what it has
        text = wrk.communicate(timeout=PATIENCE_S)[0]
        handshakes, failures = load.stop()
    result = clients.wrk_result(text)
    if result["errors"]:
        failures.append(f"wrk: {result['errors']} errors")
    return taken, handshakes + result["operations"], failures


def _start(bench, certificates, count):
    dynamic = os.path.join(bench.make_folder("replace"), f"{count}.yml")
    _write_dynamic(dynamic, certificates, count, bench.backend.port)
    return servers.Peer(bench, "weir", "http", DYNAMIC=dynamic)


def _measure(bench, count, number):
    certificates = bench.make_folder("certificates")
    subprocess.run([os.path.join(bench.build, "perf", "weir-bench-files"), certificates,
                    str(count)], check=True)
    began = time.monotonic()
    weir = _start(bench, certificates, count)
    try:
        start_s = time.monotonic() - began
        started_kb = weir.memory_kb("VmRSS")
        taken, handshakes, failures = _under_load(bench, weir, certificates, count, number)
        return {"start_s": start_s, "rounds": taken, "handshakes": handshakes,
                "failures": failures, "growth_kb": weir.memory_kb("VmRSS") - started_kb}
    finally:
        weir.stop()


class Replace:
    name = "replace"
    title = "one certificate of many (100,000 in a full run) is replaced under load"

    def run(self, bench):
        count = CERTS_SHORT if bench.short else CERTS
        found = _measure(bench, count, ROUNDS_SHORT if bench.short else ROUNDS)
        visible = [one["visible_ms"] for one in found["rounds"]]
        row = {"visible_ms": statistics.median(visible), "growth_kb": found["growth_kb"],
               "reload_ms": statistics.median(one["reload_ms"] for one in found["rounds"])}
        return {"rows": {f"weir, {count:,} certificates": row}, **found,
                "notes": [f"start in {found['start_s']:.2f} s; {len(visible)} replacements, "
                          f"visible after {min(visible):.1f} to {max(visible):.1f} ms; "
                          f"{found['handshakes']:,} handshakes meanwhile",
                          f"(without the {SETTLE_MS} ms that Weir gives an editor to finish)",
                          *found["failures"][:5]],
                "verdicts": [verdict("visible after the throttle, longest", max(visible), LIMIT_MS,
                                     "ms"),
                             verdict("failed handshakes", len(found["failures"]), 0)]}


WORKLOADS = (Replace(),)
