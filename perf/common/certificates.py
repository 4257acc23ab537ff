# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that all servers of a run share: self-signed, for localhost: wrk sends
the host of its URL as server name, and that must resolve."""

import os
import subprocess

NAME = "localhost"
KEYS = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}


def of(folder, kind):
    """Paths of certificate, key, and both in one file; made when they are first asked for."""
    stem = os.path.join(folder, kind)
    paths = f"{stem}.crt", f"{stem}.key", f"{stem}.pem"
    if not os.path.exists(paths[2]):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *KEYS[kind], "-nodes", "-days", "30",
             "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
             "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
        with open(paths[2], "wb") as bundle:
            for path in paths[:2]:
                with open(path, "rb") as part:
                    bundle.write(part.read())
    return paths
