# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 180
# BUILDS: release asan tsan
"""gRPC through Weir with Google's client and server: all four kinds of calls, errors, deadlines."""

import concurrent.futures
import os
import threading
import time

import grpc
import pytest

import backends
from server import WAIT

BIG = os.urandom(1 << 20)


class Echo(grpc.GenericRpcHandler):
    """Messages are bytes: no code is generated."""

    def __init__(self):
        self.begun, self.cancelled = threading.Event(), threading.Event()
        self.got = []

    def service(self, details):
        handlers = {
            "/echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/echo/Download": grpc.unary_stream_rpc_method_handler(self.download),
            "/echo/Upload": grpc.stream_unary_rpc_method_handler(self.upload),
            "/echo/Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "/echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/echo/FailLate": grpc.unary_stream_rpc_method_handler(self.fail_late),
            "/echo/Hang": grpc.unary_unary_rpc_method_handler(self.hang),
        }
        return handlers.get(details.method)

    @staticmethod
    def unary(request, context):
        seen = dict(context.invocation_metadata())
        context.send_initial_metadata([("x-early", seen.get("x-own", "none"))])
        context.set_trailing_metadata([("x-late", "1"), ("x-late-bin", b"\0\1\xff")])
        return request

    @staticmethod
    def download(request, _context):
        for index in range(int(request)):
            yield b"%d" % index

    @staticmethod
    def upload(requests, _context):
        return b"%d" % sum(len(one) for one in requests)

    def chat(self, requests, _context):
        for one in requests:
            self.got.append(one)
            yield one.upper()

    @staticmethod
    def fail(_request, context):
        context.set_trailing_metadata([("x-why", "because")])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not so: \u00e9 %")

    @staticmethod
    def fail_late(_request, context):
        yield b"one"
        context.abort(grpc.StatusCode.DATA_LOSS, "late")

    def hang(self, request, context):
        context.add_callback(self.cancelled.set)
        self.begun.set()
        self.cancelled.wait(WAIT)
        return request


@pytest.fixture(params=["h2c", "tls"])
def rpc(request, weir, authority):
    """The channel through Weir, and the service behind it; both sides of Weir the same way."""
    echo = Echo()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((echo,))
    roots = authority.pem.encode()
    if request.param == "tls":
        pair = authority.issue("b.test")
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(
            [(pair.key_pem.encode(), pair.pem.encode())]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    scheme = "https" if request.param == "tls" else "h2c"
    dynamic = {
        "http": {
            "routers": {
                "r": {"entryPoints": ["web"], "rule": "PathPrefix(`/echo`)", "service": "s"},
                "t": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/echo`)",
                      "service": "s", "tls": {}}},
            "services": {"s": backends.http_service(f"{scheme}://127.0.0.1:{port}",
                                                    transport="t")},
            "serversTransports": {"t": {"serverName": "b.test",
                                        "rootCAs": [authority.pem]}}},
        "tls": {"certificates": [authority.issue("a.test").inline]}}
    one = weir(dynamic=dynamic)
    if request.param == "tls":
        channel = grpc.secure_channel(
            f"127.0.0.1:{one.ports['websecure']}", grpc.ssl_channel_credentials(roots),
            options=[("grpc.ssl_target_name_override", "a.test"),
                     ("grpc.default_authority", "a.test")])
    else:
        channel = grpc.insecure_channel(f"127.0.0.1:{one.ports['web']}",
                                        options=[("grpc.default_authority", "a.test")])
    channel.echo, channel.weir = echo, one
    yield channel
    channel.close()
    server.stop(0).wait(WAIT)


def test_a_unary_call(rpc):
    call = rpc.unary_unary("/echo/Unary")
    answer, seen = call.with_call(b"hello", timeout=WAIT, metadata=[("x-own", "mine")])
    assert answer == b"hello"
    assert ("x-early", "mine") in seen.initial_metadata()
    trailing = dict(seen.trailing_metadata())
    assert trailing["x-late"] == "1" and trailing["x-late-bin"] == b"\0\1\xff"
    assert call(BIG, timeout=WAIT) == BIG
    assert call(b"", timeout=WAIT) == b""


def test_many_calls_at_once(rpc):
    call = rpc.unary_unary("/echo/Unary")
    futures = [call.future(b"%d" % index * 1000, timeout=WAIT) for index in range(200)]
    for index, one in enumerate(futures):
        assert one.result() == b"%d" % index * 1000


def test_a_server_streams(rpc):
    got = list(rpc.unary_stream("/echo/Download")(b"1000", timeout=WAIT))
    assert got == [b"%d" % index for index in range(1000)]


def test_a_client_streams(rpc):
    answer = rpc.stream_unary("/echo/Upload")((BIG for _ in range(8)), timeout=WAIT)
    assert answer == b"%d" % (8 << 20)


def test_both_sides_take_turns(rpc):
    """Each message is answered before the next is sent: nothing waits for more."""
    step = threading.Semaphore(1)

    def messages():
        for index in range(50):
            assert step.acquire(timeout=WAIT)
            yield b"turn %d" % index
    got = []
    for one in rpc.stream_stream("/echo/Chat")(messages(), timeout=WAIT):
        got.append(one)
        step.release()
    assert got == [b"TURN %d" % index for index in range(50)]


def test_large_messages_both_ways(rpc):
    text = b"a" * (2 << 20)
    got = list(rpc.stream_stream("/echo/Chat")((text for _ in range(6)), timeout=2 * WAIT))
    assert got == [text.upper()] * 6


def test_an_error_without_a_message_is_trailers_only(rpc):
    with pytest.raises(grpc.RpcError) as failure:
        rpc.unary_unary("/echo/Fail")(b"x", timeout=WAIT)
    assert failure.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.value.details() == "not so: \u00e9 %"
    assert ("x-why", "because") in failure.value.trailing_metadata()


def test_an_error_after_a_message(rpc):
    stream = rpc.unary_stream("/echo/FailLate")(b"x", timeout=WAIT)
    assert next(stream) == b"one"
    with pytest.raises(grpc.RpcError) as failure:
        next(stream)
    assert failure.value.code() == grpc.StatusCode.DATA_LOSS


def test_an_unknown_method(rpc):
    with pytest.raises(grpc.RpcError) as failure:
        rpc.unary_unary("/echo/Nothing")(b"x", timeout=WAIT)
    assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_reaches_the_server(rpc):
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        rpc.unary_unary("/echo/Hang")(b"x", timeout=0.5)
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - begun < WAIT / 2
    assert rpc.echo.cancelled.wait(WAIT)


def test_a_cancelled_call_is_cancelled_at_the_server(rpc):
    call = rpc.stream_stream("/echo/Chat")
    hold = threading.Event()

    def messages():
        yield b"one"
        hold.wait(WAIT)
    stream = call(messages())
    assert next(stream) == b"ONE"
    stream.cancel()
    hold.set()
    hang = rpc.unary_unary("/echo/Hang").future(b"x")
    assert rpc.echo.begun.wait(WAIT)
    hang.cancel()
    assert rpc.echo.cancelled.wait(WAIT)
    assert rpc.unary_unary("/echo/Unary")(b"still", timeout=WAIT) == b"still"


def test_an_error_of_the_edge_is_an_error_of_the_call(rpc):
    with pytest.raises(grpc.RpcError) as failure:
        rpc.unary_unary("/other/Unary")(b"x", timeout=WAIT)
    assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED    # of 404
