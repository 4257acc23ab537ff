# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by ACME: preferredChain, at a CA with several roots."""

import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from acme import fetch, wait_served

OTHERS = {"PEBBLE_ALTERNATE_ROOTS": "2"}


def name_of(pem):
    subject = x509.load_pem_x509_certificate(pem.encode()).subject
    return subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_the_chain_of_the_preferred_root_is_served(scene, wanted):
    ca = scene.ca(environment=OTHERS)
    roots = [ca.root(i) for i in range(3)]
    assert len({name_of(root) for root in roots}) == 3
    scene.start({"le": scene.resolver(ca, preferredChain=name_of(roots[wanted]))},
                scene.routers("Host(`a.example.test`)"))
    wait_served(scene.tls, "a.example.test")
    for number, root in enumerate(roots):
        if number == wanted:
            assert fetch(scene.tls, "a.example.test", root) == 200
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                fetch(scene.tls, "a.example.test", root)
    assert not scene.weir.log.find("preferred root")


def test_without_such_a_root_the_default_chain_is_served_and_it_is_said(scene):
    ca = scene.ca(environment=OTHERS)
    one = scene.start({"le": scene.resolver(ca, preferredChain="Nobody's Root")},
                      scene.routers("Host(`a.example.test`)"))
    wait_served(scene.tls, "a.example.test")
    assert fetch(scene.tls, "a.example.test", ca.root()) == 200
    one.log.wait("no chain that ends at the preferred root.*preferredChain=\"Nobody's Root\"")
