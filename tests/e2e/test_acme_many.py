# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""Certificates by ACME: two hundred at once, and nobody notices."""

import threading

from acme import SLOW, metric, wait_served
from server import eventually


# ---- many ----

def test_two_hundred_names_at_once_while_another_is_under_load(scene, authority, run):
    ca = scene.ca()
    own = authority.issue("own.test")
    routers = {f"n{i}": scene.routers(f"Host(`n{i}.example.test`)")["r0"] for i in range(200)}
    routers["own"] = {"rule": "Host(`own.test`)", "service": "one", "entryPoints": ["websecure"],
                      "tls": {}}
    loads = {}

    def load():
        loads["wrk"] = run("wrk", "-t1", "-c8", "-d15s", "-H", "Host: own.test",
                           f"https://127.0.0.1:{scene.tls}/", timeout=60 + SLOW)
    scene.start({"le": scene.resolver(ca, "tls")}, routers,
                dynamic={"tls": {"certificates": [own.inline]}})
    thread = threading.Thread(target=load)
    thread.start()
    for i in range(200):
        wait_served(scene.tls, f"n{i}.example.test", 3 * SLOW)
    thread.join()
    out = loads["wrk"].stdout
    assert "Requests/sec" in out, loads["wrk"]
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    eventually(lambda: len(scene.stored()["Certificates"]) == 200, "all are stored")
    assert metric(scene, 'weir_acme_orders_total{resolver="le",result="obtained"}') == 200
