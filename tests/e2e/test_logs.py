# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators read: the log and the access log, their formats, filters and rotation."""

import datetime
import functools
import json
import os
import re
import signal
import threading

import pytest

import backends
import wire
from server import PATIENCE, eventually

ACCESS_FIELDS = {
    "ClientAddr", "ClientHost", "ClientPort", "ClientUsername", "DownstreamContentSize",
    "DownstreamStatus", "Duration", "GzipRatio", "OriginContentSize", "OriginDuration",
    "OriginStatus", "Overhead", "RequestAddr", "RequestContentSize", "RequestCount",
    "RequestHost", "RequestMethod", "RequestPath", "RequestPort", "RequestProtocol",
    "RequestScheme", "RetryAttempts", "RouterName", "ServiceAddr", "ServiceName", "ServiceURL",
    "StartLocal", "StartUTC"}
TLS_FIELDS = {"TLSCipher", "TLSVersion"}
LOG_KEYS = {"entryPointName", "level", "msg", "time"}
COMMON = re.compile(
    r'(?P<host>\S+) - (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<method>\S+) (?P<path>.*?) '
    r'(?P<protocol>\S+)" (?P<status>\S+) (?P<size>\S+) "(?P<referer>.*?)" "(?P<agent>.*?)"'
    r'(?P<rest>.*)')


def read_lines(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().splitlines()


class Log:
    """The access log of a site; reads what was written when it is asked to end."""

    def __init__(self, site, folder, static=None, **settings):
        self.path = os.path.join(str(folder), "access.log")
        self.weir = site(static={"accessLog": {"filePath": self.path, **settings},
                                 **(static or {})})
        self.port = self.weir.ports["web"]

    def lines(self, count=None):
        if count is not None:
            eventually(lambda: len(read_lines(self.path)) >= count, f"{count} lines are written")
        return read_lines(self.path)

    def final(self):
        """All lines, after an orderly end: what is left out then was never to come."""
        self.weir.signal(signal.SIGTERM)
        assert self.weir.wait_exit() == 0
        return read_lines(self.path)


# ---- the log ----

def test_levels_leave_out_what_is_below(weir):
    marks = {"DEBUG": "DBG", "INFO": "INF", "WARN": "WRN", "ERROR": "ERR"}
    one = weir(static={"log": {"level": "DEBUG"}})
    one.reload("""http: {routers: {r: {rule: "Host(`a`)", service: nobody},
                                     t: {rule: "Host(`a`)", service: s, parentRefs: [r]}}}""")
    one.signal(signal.SIGTERM)
    assert one.wait_exit() == 0
    one.log.wait("Weir has ended")
    for line in one.log.lines:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DBG|INF|WRN|ERR) \S", line), line
    assert {line.split()[1] for line in one.log.lines} == set(marks.values())


@pytest.mark.parametrize("level, kept", [("WARN", {"WRN", "ERR"}), ("error", {"ERR"})])
def test_a_high_level_tells_only_what_is_wrong(tmp_path, weir, level, kept):
    path = str(tmp_path / "weir.log")
    one = weir(static={"log": {"level": level, "filePath": path}}, wait=False, dynamic="""http:
  routers: {r: {rule: "Host(`a`)", service: nobody}}
  middlewares: {m: {basicAuth: {users: ["a:b"]}}}
""")
    eventually(lambda: os.path.exists(path) and read_lines(path), "it says what is wrong")
    one.signal(signal.SIGTERM)
    assert one.wait_exit() == 0
    assert {line.split()[1] for line in read_lines(path)} == kept


def test_json_lines_are_objects_with_traefiks_keys(weir):
    one = weir(static={"log": {"level": "DEBUG", "format": "json"}}, dynamic="""http:
  routers: {"r\\u0007\\"x": {rule: "Host(`a`)", service: nobody}}
""")
    objects = [json.loads(line) for line in one.log.lines]
    for item in objects:
        assert {"level", "time", "message"} <= set(item)
        assert item["level"] in ("debug", "info", "warn", "error")
        datetime.datetime.fromisoformat(item["time"].replace("Z", "+00:00"))
    assert any(item["level"] == "error" and "nobody" in item["message"] for item in objects)
    assert any(item.get("entryPoint") == "web" for item in objects)


def test_the_log_file_is_opened_again_and_loses_nothing(tmp_path, weir):
    path = str(tmp_path / "weir.log")
    one = weir(static={"log": {"level": "INFO", "filePath": path}}, wait=False)
    eventually(lambda: os.path.exists(path) and
               any("Weir is ready" in line for line in read_lines(path)), "it starts")
    reloads, rotated = 12, []
    for index in range(reloads):
        if index % 4 == 3:
            rotated.append(f"{path}.{index}")
            os.rename(path, rotated[-1])
            one.signal(signal.SIGUSR1)
            eventually(lambda: os.path.exists(path), "the log is opened again")
        one.write_dynamic({"http": {"services": {f"s{index}": {"loadBalancer": {"servers": []}}}}})
        epoch = f"epoch={index + 2} "
        eventually(lambda: any(epoch in line for name in (*rotated, path)
                               for line in read_lines(name)), "the reload is logged")
    one.signal(signal.SIGTERM)
    assert one.wait_exit() == 0
    epochs = [int(match[1]) for name in (*rotated, path) for line in read_lines(name)
              if (match := re.search(r"configuration loaded epoch=(\d+)", line))]
    assert epochs == list(range(1, reloads + 2))
    assert len(rotated) == 3 and "Weir has ended" in read_lines(path)[-1]
    assert one.log.lines == []  # nothing on the terminal


def test_a_log_that_cannot_be_opened_again_stays_and_says_so(tmp_path, weir):
    folder = tmp_path / "logs"
    folder.mkdir()
    path = str(folder / "weir.log")
    one = weir(static={"log": {"level": "INFO", "filePath": path}}, wait=False)
    eventually(lambda: os.path.exists(path) and
               any("Weir is ready" in line for line in read_lines(path)), "it starts")
    moved = tmp_path / "moved"
    folder.rename(moved)
    one.signal(signal.SIGUSR1)
    eventually(lambda: any("ERR the log file cannot be opened again" in line and path in line
                           for line in read_lines(moved / "weir.log")), "it says so")


# ---- the access log: formats ----

def test_the_json_format_has_traefiks_fields(site, tmp_path, trust):
    log = Log(site, tmp_path, format="json")
    with wire.Connection(log.port) as connection:
        assert connection.request("/some/path?q=1", method="POST", host="a.test:80",
                                  headers=[("User-Agent", "tests")], body=b"12345").status == 200
    assert wire.fetch(log.weir.ports["websecure"], "/status/404", trust, "a.test").status == 404
    items = [json.loads(line) for line in log.lines(2)]  # each worker writes its own
    first, second = sorted(items, key=lambda item: item["RequestScheme"])
    assert set(first) == ACCESS_FIELDS | LOG_KEYS
    assert set(second) == ACCESS_FIELDS | TLS_FIELDS | LOG_KEYS
    backend = log.weir.backend
    expected = {
        "ClientHost": "127.0.0.1", "ClientUsername": "-", "DownstreamStatus": 200,
        "OriginStatus": 200, "RequestAddr": "a.test:80", "RequestHost": "a.test",
        "RequestPort": "80", "RequestMethod": "POST", "RequestPath": "/some/path?q=1",
        "RequestProtocol": "HTTP/1.1", "RequestScheme": "http", "RequestContentSize": 5,
        "RouterName": "plain@file", "ServiceName": "one@file", "ServiceURL": backend.url,
        "ServiceAddr": backend.address, "entryPointName": "web", "level": "info", "msg": "",
        "RetryAttempts": 0}
    assert {key: first[key] for key in expected} == expected
    assert sorted(item["RequestCount"] for item in items) == [1, 2]
    assert first["ClientAddr"] == f"127.0.0.1:{first['ClientPort']}"
    assert 0 < first["OriginDuration"] <= first["Duration"]
    assert first["Overhead"] == first["Duration"] - first["OriginDuration"]
    start = datetime.datetime.fromisoformat(first["StartUTC"][:19])
    assert abs((datetime.datetime.utcnow() - start).total_seconds()) < 60
    assert (second["RequestScheme"], second["TLSVersion"]) == ("https", "1.3")
    assert second["TLSCipher"].startswith("TLS_AES_")
    assert (second["DownstreamStatus"], second["OriginStatus"]) == (404, 404)
    assert (second["RouterName"], second["entryPointName"]) == ("secure@file", "websecure")


def test_the_common_format_is_traefiks(site, tmp_path):
    log = Log(site, tmp_path)
    referer = ("Referer", "http://r.test/")
    assert wire.fetch(log.port, "/bytes/1234", headers=[referer]).status == 200
    assert wire.fetch(log.port, "/status/302").status == 302
    lines = sorted(log.lines(2), key=lambda line: "/status" in line)  # each worker its own
    first, second = [COMMON.fullmatch(line) for line in lines]
    assert (first["host"], first["user"], first["method"]) == ("127.0.0.1", "-", "GET")
    assert (first["path"], first["protocol"]) == ("/bytes/1234", "HTTP/1.1")
    assert (first["status"], first["size"]) == ("200", "1234")
    datetime.datetime.strptime(first["time"], "%d/%b/%Y:%H:%M:%S %z")
    assert re.fullmatch(rf' 1 "plain@file" "{re.escape(log.weir.backend.url)}" \d+ms',
                        first["rest"])
    assert second["status"] == "302" and second["rest"].startswith(' 2 "plain@file"')
    assert (first["referer"], first["agent"]) == ("-", "-")  # headers are dropped by default


def test_generic_clf_ends_after_the_agent(site, tmp_path):
    log = Log(site, tmp_path, format="genericCLF",
              fields={"headers": {"names": {"User-Agent": "keep", "Referer": "redact"}}})
    assert wire.fetch(log.port, "/x", headers=[("User-Agent", "curl/8"),
                                               ("Referer", "http://r.test/")]).status == 200
    match = COMMON.fullmatch(log.lines(1)[0])
    assert (match["agent"], match["referer"], match["rest"]) == ("curl/8", "REDACTED", "")


def test_what_weir_answers_itself_is_logged_too(site, tmp_path, refusing):
    log = Log(site, tmp_path, format="json")
    port = log.weir.ports["websecure"]
    assert b"400" in wire.exchange(log.port, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    dynamic = log.weir.dynamic
    dynamic["http"]["routers"]["plain"]["rule"] = "Host(`a.test`)"
    dynamic["http"]["services"]["one"] = backends.http_service(refusing)
    log.weir.reload(dynamic)
    assert wire.fetch(log.port, "/lost", host="b.test").status == 404
    assert wire.fetch(log.port, "/refused").status == 502
    assert port
    items = {json.loads(line)["DownstreamStatus"]: json.loads(line) for line in log.final()}
    assert {404, 502} <= set(items)
    assert "RouterName" not in items[404] and items[404]["RequestPath"] == "/lost"
    assert items[502]["RouterName"] == "plain@file" and items[502]["OriginStatus"] == 0


# ---- filters and fields ----

def statuses_of(lines):
    return [json.loads(line)["DownstreamStatus"] for line in lines]


@pytest.mark.parametrize("filters, kept", [
    ({"statusCodes": ["404", "500-599"]}, [404, 503]),
    ({"minDuration": "400ms"}, [299]),
    ({"statusCodes": ["404"], "minDuration": "400ms"}, [404, 299]),
    ({"retryAttempts": True}, []),
])
def test_filters_keep_what_fits_one_of_them(site, tmp_path, filters, kept):
    log = Log(site, tmp_path, format="json", filters=filters)
    with wire.Connection(log.port) as connection:
        for status in (200, 404, 503, 302):
            assert connection.request(f"/status/{status}").status == status
        assert connection.request("/slow/600").status == 200
    expected = [200 if status == 299 else status for status in kept]  # the slow one
    assert statuses_of(log.final()) == expected


def test_retried_requests_can_be_kept(site, tmp_path, http_backend):
    async def respond(request, _reader, writer):
        again = respond.connection == request.connection
        respond.connection = request.connection
        if again:
            return False  # nothing was answered: to be tried on another connection
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return True
    respond.connection = None
    start = functools.partial(site, backend=http_backend(respond=respond))
    log = Log(start, tmp_path, format="json", filters={"retryAttempts": True})
    with wire.Connection(log.port) as connection:
        for path in ("/first", "/second"):
            assert connection.request(path).status == 200
    items = [json.loads(line) for line in log.final()]
    assert [(item["RequestPath"], item["RetryAttempts"]) for item in items] == [("/second", 1)]


def test_fields_are_dropped_and_headers_kept_as_asked(site, tmp_path):
    log = Log(site, tmp_path, format="json", fields={
        "defaultMode": "drop", "names": {"RequestPath": "keep", "routername": "keep"},
        "headers": {"defaultMode": "keep", "names": {"Authorization": "redact",
                                                     "Cookie": "drop"}}})
    assert wire.fetch(log.port, "/p", headers=[
        ("Authorization", "Bearer secret"), ("cookie", "secret=1"), ("x-Mine", "kept"),
        ("X-Mine", "twice")]).status == 200
    item = json.loads(log.lines(1)[0])
    assert ACCESS_FIELDS & set(item) == {"RequestPath", "RouterName"}
    assert item["request_Authorization"] == "REDACTED"
    assert item["request_X-Mine"] == "kept,twice"
    assert item["downstream_Content-Type"] == "application/json"
    assert item["origin_Content-Type"] == "application/json"
    assert "secret" not in json.dumps(item) and "request_Cookie" not in item


def test_one_field_can_be_dropped(site, tmp_path):
    log = Log(site, tmp_path, format="json", fields={"names": {"ClientAddr": "drop",
                                                               "ClientHost": "drop"}})
    assert wire.fetch(log.port).status == 200
    kept = ACCESS_FIELDS - {"ClientAddr", "ClientHost"}
    assert set(json.loads(log.lines(1)[0])) == kept | LOG_KEYS


def test_a_router_can_be_left_out(site, tmp_path):
    log = Log(site, tmp_path, format="json")
    dynamic = log.weir.dynamic
    dynamic["http"]["routers"]["quiet"] = {
        **dynamic["http"]["routers"]["plain"], "rule": "Path(`/quiet-please`)",
        "observability": {"accessLogs": False}}
    log.weir.reload(dynamic)
    for path in ("/quiet-please", "/loud"):
        assert wire.fetch(log.port, path).status == 200
    assert [json.loads(line)["RequestPath"] for line in log.final()] == ["/loud"]


# ---- nobody forges a line ----

FORGED = ["%0a%0d127.0.0.1", "x\"\\200", "\x1b[31mred", "\xc2\x9b31m\xff\xc3\xa9", "\x7f\x01",
          "a\" \"b"]


@pytest.mark.parametrize("form", ["common", "json", "genericCLF"])
def test_no_request_forges_a_line(site, tmp_path, form):
    log = Log(site, tmp_path, format=form,
              fields={"headers": {"defaultMode": "keep"}})
    count = 0
    for text in FORGED:
        for request in (f"GET /{text} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
                        f"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {text}\r\n"
                        f"Referer: {text}\r\nConnection: close\r\n\r\n"):
            assert wire.exchange(log.port, request.encode("latin-1")).startswith(b"HTTP/1.1 ")
            count += 1
    lines = log.final()
    with open(log.path, "rb") as file:
        raw = file.read()
    assert len(raw.split(b"\n")) - 1 == len(lines) <= count
    assert len(lines) >= 4  # what breaks the syntax is 400 and no request at all
    text = raw.decode("utf-8")  # nothing that is no UTF-8
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), lines
    assert "\\x9b31m\\xff\xe9" in text or form == "json"
    for line in lines:
        assert json.loads(line) if form == "json" else COMMON.fullmatch(line), line


# ---- rotation, and never in the way ----

class Load:
    """Requests on kept connections until told to stop; counts the answers."""

    def __init__(self, port):
        self.port, self.count, self.failures = port, 0, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            with wire.Connection(self.port) as connection:
                while not self.stopped.is_set():
                    assert connection.request(f"/n{self.count}").status == 200
                    self.count += 1
        except (OSError, AssertionError, wire.Closed) as error:
            self.failures.append(repr(error))

    def stop(self):
        self.stopped.set()
        self.thread.join()
        assert self.failures == []
        return self.count


def test_the_access_log_is_opened_again_and_loses_nothing(site, tmp_path):
    log = Log(site, tmp_path, format="json")
    load, rotated = Load(log.port), []
    for index in range(3):
        eventually(lambda: os.path.exists(log.path) and len(read_lines(log.path)) > 20, "traffic")
        rotated.append(f"{log.path}.{index}")
        os.rename(log.path, rotated[-1])
        log.weir.signal(signal.SIGUSR1)
        eventually(lambda: os.path.exists(log.path), "the file is opened again")
    count = load.stop()
    last = log.final()
    names = [json.loads(line)["RequestPath"]
             for lines in (*map(read_lines, rotated), last) for line in lines]
    assert names == [f"/n{index}" for index in range(count)]


def test_a_log_that_nobody_reads_does_not_hold_up_requests(site, tmp_path):
    fifo = str(tmp_path / "access.log")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        log = Log(site, tmp_path, format="json", fields={"headers": {"defaultMode": "keep"}})
        with wire.Connection(log.port, timeout=10 * PATIENCE) as connection:
            for _ in range(600):  # several times what a pipe holds
                assert connection.request("/", headers=[("X-Long", "x" * 900)]).status == 200
    finally:
        os.close(reader)


def test_a_log_that_nobody_reads_does_not_hold_up_the_end(site, tmp_path):
    fifo = str(tmp_path / "access.log")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        log = Log(site, tmp_path, format="json", fields={"headers": {"defaultMode": "keep"}})
        with wire.Connection(log.port) as connection:
            for _ in range(200):
                assert connection.request("/", headers=[("X-Long", "x" * 900)]).status == 200
        log.weir.signal(signal.SIGTERM)
        assert log.weir.wait_exit() == 0
        assert log.weir.log.wait("ERR nobody takes what is written to the access log")
    finally:
        os.close(reader)


def test_buffering_size_is_accepted_and_loses_nothing(site, tmp_path):
    log = Log(site, tmp_path, format="json", bufferingSize=50)
    with wire.Connection(log.port) as connection:
        for _ in range(120):
            assert connection.request("/").status == 200
    assert log.weir.log.find("bufferingSize.*not supported") is None
    assert [json.loads(line)["RequestCount"] for line in log.final()] == list(range(1, 121))


def test_without_a_path_it_goes_to_standard_output(site):
    one = site(static={"accessLog": {}})
    assert wire.fetch(one.ports["web"], "/to-stdout").status == 200
    assert one.output.wait(r'"GET /to-stdout HTTP/1\.1" 200')
    assert one.log.find("to-stdout") is None


def test_folders_of_the_path_are_made(site, tmp_path):
    path = tmp_path / "a" / "b" / "access.log"
    one = site(static={"accessLog": {"filePath": str(path)}})
    assert wire.fetch(one.ports["web"]).status == 200
    eventually(lambda: path.exists() and read_lines(path), "the line is written")
