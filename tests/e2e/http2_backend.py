# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend that speaks HTTP/2 as a test says: every way out that there is.

`answer(request)` is a coroutine that runs for each request; what it does not do, nobody does. By
default a request is answered as soon as it has ended, with what arrived, as JSON.

    async def answer(request):
        await request.ended.wait()                # request.body, request.trailers
        await request.respond(200, body=b"...", trailers=[("grpc-status", "0")])
    backend = http2_backend.Http2Backend(loop, answer)

The library's own checks of what it sends are off, so that broken answers can be sent too.
"""

import asyncio
import json

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

import backends

Codes = h2.errors.ErrorCodes
Settings = h2.settings.SettingCodes


class Request:
    def __init__(self, connection, stream, fields):
        self.connection, self.stream = connection, stream
        self.fields = fields        # with the pseudo-fields, in order
        self.body = b""
        self.trailers = None
        self.ended = asyncio.Event()
        self.reset = None           # the code of the RST_STREAM that came
        self.over = asyncio.Event()  # ended by a reset, or with its connection

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times: {values}"
        return values[0] if values else default

    def head(self, status, fields=(), end=False):
        self.connection.h2.send_headers(
            self.stream, [(":status", str(status)), *fields], end_stream=end)
        self.connection.flush()

    async def data(self, data, end=False):
        """Within the windows that Weir gives."""
        connection = self.connection.h2
        while data:
            room = min(connection.local_flow_control_window(self.stream),
                       connection.max_outbound_frame_size)
            if room <= 0:
                await self.connection.window()
                continue
            connection.send_data(self.stream, data[:room], end_stream=end and len(data) <= room)
            data = data[room:]
            self.connection.flush()
            await self.connection.writer.drain()

    def end(self, trailers=None):
        if trailers is None:
            self.connection.h2.end_stream(self.stream)
        else:
            self.connection.h2.send_headers(self.stream, trailers, end_stream=True)
        self.connection.flush()

    async def respond(self, status=200, fields=(), body=b"", trailers=None):
        self.head(status, fields, end=not body and trailers is None)
        if body:
            await self.data(body, end=trailers is None)
        if trailers is not None:
            self.end(trailers)

    def send_reset(self, code):
        self.connection.h2.reset_stream(self.stream, code)
        self.connection.flush()


async def describe(request):
    await request.ended.wait()
    text = json.dumps({"fields": request.fields, "body": len(request.body),
                       "trailers": request.trailers,
                       "connection": request.connection.number}).encode()
    await request.respond(200, [("content-length", str(len(text)))], text)


class Connection:
    def __init__(self, backend, number, writer):
        self.backend, self.number, self.writer = backend, number, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="latin-1", validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=True))
        self.requests = {}
        self.events = []
        self.consume = backend.consume  # whether windows are opened again
        self.changed = asyncio.Event()
        self.closed = asyncio.Event()

    def flush(self):
        data = self.h2.data_to_send()
        if data and not self.writer.is_closing():
            self.writer.write(data)

    def raw(self, data):
        self.flush()
        self.writer.write(data)

    async def window(self):
        self.changed.clear()
        await self.changed.wait()

    def goaway(self, last, code=Codes.NO_ERROR):
        self.raw(b"\0\0\x08\x07\0\0\0\0\0" + last.to_bytes(4, "big") +
                 int(code).to_bytes(4, "big"))

    def took(self, event):
        self.events.append(event)
        request = self.requests.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            request = Request(self, event.stream_id, [tuple(field) for field in event.headers])
            self.requests[event.stream_id] = request
            self.backend.requests.append(request)
            self.backend.start(request)
        elif isinstance(event, h2.events.DataReceived):
            request.body += event.data
            if self.consume and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            request.trailers = [tuple(field) for field in event.headers]
        elif isinstance(event, h2.events.StreamEnded):
            request.ended.set()
        elif isinstance(event, h2.events.StreamReset):
            if request is not None:
                request.reset = event.error_code
                request.over.set()
        self.changed.set()

    async def run(self, reader):
        self.h2.initiate_connection()
        if self.backend.settings:
            self.h2.update_settings(self.backend.settings)
        self.flush()
        try:
            while data := await reader.read(65536):
                for event in self.h2.receive_data(data):
                    self.took(event)
                self.flush()
        except h2.exceptions.ProtocolError:
            self.flush()
        finally:
            for request in self.requests.values():
                request.over.set()
            self.changed.set()
            self.closed.set()


class Http2Backend(backends.TcpBackend):
    """settings: of the first SETTINGS frames. consume=False never opens a window again."""

    def __init__(self, loop, answer=describe, tls=None, settings=None, consume=True):
        self.answer, self.settings, self.consume = answer, settings, consume
        self.requests = []
        self.sessions = []
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        super().__init__(loop, self._handle, tls)
        self.url = f"{'https' if tls else 'h2c'}://{self.address}"

    async def _handle(self, reader, writer):
        session = Connection(self, len(self.sessions) + 1, writer)
        self.sessions.append(session)
        await session.run(reader)

    def start(self, request):
        async def run():
            try:
                await self.answer(request)
            except (h2.exceptions.H2Error, ConnectionError, asyncio.CancelledError):
                pass
        task = asyncio.get_running_loop().create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def do(self, call):
        """Runs call() on the backend's loop."""
        async def run():
            return call()
        return self.loop.run(run())
