# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release
"""Certificates by ACME with keys that take long to make: RSA of 8,192 bits. Making one takes
between one second and a minute, so there is one alone."""

import base64

from cryptography.hazmat.primitives import serialization

from acme import fetch, served, wait_served
from server import eventually

MAKING = 120  # seconds


def test_a_key_of_8192_bits_is_made_beside_other_work_served_and_read_again(scene, run):
    ca = scene.ca()
    routers = scene.routers("Host(`big.example.test`)", resolver="big")
    routers["small"] = scene.routers("Host(`small.example.test`)")["r0"]
    one = scene.start({"big": scene.resolver(ca, keyType="RSA8192"), "le": scene.resolver(ca)},
                      routers)
    wait_served(scene.tls, "small.example.test")
    certificate = wait_served(scene.tls, "big.example.test", MAKING)
    assert certificate.public_key().key_size == 8192
    stored = eventually(lambda: scene.stored("big")["Certificates"], "it is stored")
    key = serialization.load_pem_private_key(base64.b64decode(stored[0]["key"]), None)
    assert key.public_key().public_numbers() == certificate.public_key().public_numbers()
    assert fetch(scene.tls, "big.example.test", ca.root()) == 200

    one.stop()
    one.start()
    assert served(scene.tls, "big.example.test").serial_number == certificate.serial_number
    for version in ("-tls1_2", "-tls1_3"):
        answer = run("openssl", "s_client", version, "-verify_return_error", "-CAfile",
                     root_file(ca, scene), "-verify_hostname", "big.example.test", "-servername",
                     "big.example.test", "-connect", f"127.0.0.1:{scene.tls}", input="")
        assert "Server public key is 8192 bit" in answer.stdout, answer
        assert "Verify return code: 0 (ok)" in answer.stdout, answer
    curl = run("curl", "-sS", "--cacert", root_file(ca, scene), "--resolve",
               f"big.example.test:{scene.tls}:127.0.0.1", "-o", "/dev/null", "-w",
               "%{http_code}", f"https://big.example.test:{scene.tls}/")
    assert curl.stdout == "200", curl
    assert ca.count(r"There are now \d+ orders in the db") == 2


def root_file(ca, scene):
    path = scene.folder / "root.pem"
    path.write_text(ca.root())
    return str(path)
