# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by ACME: how the CA is talked to. Its name in its certificate (caServerName), and
how long it may take."""

import http.server
import json
import ssl
import threading

import pytest

from acme import api, wait_served
from server import WAIT, eventually, run_weir


class Listener:
    """An https server that notes whom it was asked for. It has a directory, or none, and
    answers to nothing that is sent to it."""

    def __init__(self, folder, authority, name):
        self.asked, self.directory = [], None  # (server name, Host)
        self.ended = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):  # pylint: disable=no-self-argument
                self.asked.append((handler.connection.context.asked, handler.headers["Host"]))
                if self.directory is None:
                    handler.send_error(503)
                    return
                body = json.dumps(self.directory).encode()
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def do_POST(handler):  # pylint: disable=no-self-argument
                self.ended.wait(WAIT)
                handler.close_connection = True

            def log_message(handler, *_arguments):  # pylint: disable=no-self-argument
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        pair = authority.issue(name).write(folder, "listener")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair["certFile"], pair["keyFile"])
        context.asked = None

        def note(_connection, asked, the_context):
            the_context.asked = asked
        context.sni_callback = note
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener(tmp_path, authority):
    made = Listener(str(tmp_path), authority, "ca.internal")
    yield made
    made.stop()


def test_a_ca_of_another_name_is_used_for_everything(scene):
    ca = scene.ca(own_names=("ca.internal",))
    one = scene.start({"le": scene.resolver(ca, caServerName="ca.internal")},
                      scene.routers("Host(`a.example.test`)"))
    wait_served(scene.tls, "a.example.test")
    eventually(lambda: scene.stored()["Certificates"], "it is stored")
    # Pebble makes its URLs of the Host that it is asked with.
    assert scene.stored()["Account"]["Registration"]["uri"].startswith(
        f"https://127.0.0.1:{ca.port}/")
    revoked = run_weir("acme", "revoke", "a.example.test", f"--configFile={one.static_path}",
                       folder=one.folder)
    assert revoked.returncode == 0, revoked.stderr


@pytest.mark.parametrize("name", [None, "other.internal"])
def test_a_ca_that_has_not_the_name_is_asked_nothing(scene, name):
    ca = scene.ca(own_names=("ca.internal",))
    extra = {"caServerName": name} if name else {}
    one = scene.start({"le": scene.resolver(ca, **extra)},
                      scene.routers("Host(`a.example.test`)"))
    one.log.wait("the CA cannot be used: trying again .*cannot be reached: SSL: no alternative "
                 "certificate subject name matches")
    assert api(scene)[0]["account"] == ""
    assert not ca.count("POST")


def test_it_is_asked_by_the_name_and_told_the_host_of_ca_server(scene, listener, authority):
    resolver = {"acme": {"storage": "acme.json", "tlsChallenge": {}, "keyType": "EC256",
                         "caServer": f"https://{listener.host}/dir",
                         "caServerName": "ca.internal", "caCertificates": [authority.pem]}}
    scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    eventually(lambda: listener.asked, "it is asked", WAIT)
    assert listener.asked[0] == ("ca.internal", listener.host)


@pytest.mark.parametrize("key,told", [
    ("clientResponseHeaderTimeout", "no response within 0.3 seconds"),
    ("clientTimeout", "timed out after 30")])
@pytest.mark.parametrize("silent,told_by", [
    ("newAccount", "the CA cannot be used: trying again"),
    ("newOrder", "certificate cannot be obtained|the CA cannot be used: trying again")])
def test_every_request_has_the_time_that_the_configuration_gives(scene, listener, key, told,
                                                                 silent, told_by):
    ca = scene.ca(own_names=("ca.internal", "127.0.0.1"))
    listener.directory = {**json.loads(ca.get(ca.directory)),
                          silent: f"https://{listener.host}/silent"}
    resolver = scene.resolver(ca, caServerName="ca.internal", **{key: "300ms"})
    resolver["acme"]["caServer"] = f"https://{listener.host}/dir"
    one = scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    one.log.wait(f"({told_by}).*{told}")
