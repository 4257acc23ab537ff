# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges of framing_corpus as they look in HTTP/2, which has length prefixes and no lines: what
could become a line, a length or a request of its own in the HTTP/1 that a backend gets.

The kinds are those of framing_corpus. A refused stream is reset or answered with an error; the
connection goes on, which the canary on the next stream shows.
"""

import dataclasses

import framing_corpus as base
from framing_corpus import want

SMUGGLED = b"GET /@@@@/smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
INJECTED = b"x\r\n\r\n" + SMUGGLED
POSTED = want("POST", body=b"hello")


@dataclasses.dataclass
class Case:
    name: str
    kind: str
    fields: list
    body: tuple = None          # the DATA frames; None: END_STREAM is with the head
    trailers: list = None
    open: bool = False          # the client never ends the stream
    wants: tuple = ()
    statuses: tuple = (400,)    # instead of a reset
    kept_by: tuple = ()
    checks: dict = None         # fields that the backend sees: name to value or None
    number: str = "@@@@"

    def numbered(self, number):
        text = f"{number:04}"

        def fill(part):
            if isinstance(part, (list, tuple)):
                return type(part)(fill(one) for one in part)
            if isinstance(part, bytes):
                return part.replace(b"@@@@", text.encode())
            return part.replace("@@@@", text) if isinstance(part, str) else part

        return dataclasses.replace(self, number=text, **{
            name: fill(getattr(self, name))
            for name in ("fields", "body", "trailers", "wants") if getattr(self, name) is not None})


def head(method=b"GET", path=b"/@@@@/first", authority=b"a.test", scheme=b"https", extra=()):
    pseudo = [(b":method", method), (b":scheme", scheme), (b":authority", authority),
              (b":path", path)]
    return [(name, value) for name, value in pseudo if value is not None] + [
        (b"x-case", b"@@@@"), *extra]


def post(*extra, **arguments):
    return head(b"POST", extra=extra, **arguments)


def length(value):
    return (b"content-length", value)


def refused(name, fields, body=None, *, statuses=(400,), **extra):
    return Case(name, "refused", fields, body, statuses=statuses, **extra)


def cut(name, fields, body=None, **extra):
    return Case(name, "cut", fields, body, **extra)


def forwarded(name, fields, body, *wants, **extra):
    return Case(name, "forwarded", fields, body, wants=wants, **extra)


show = base.show
HELLO = (b"hello",)


# ---- what frames ----

def transfer_encodings():
    for coding in [b"chunked", b"CHUNKED", b"chunked ", *base.BAD_CODINGS]:
        field = (b"transfer-encoding", coding)
        yield refused(f"coding {show(coding)}", post(field), HELLO)
        yield refused(f"coding {show(coding)}, chunks", post(field), (b"5\r\nhello\r\n0\r\n\r\n",))
        yield refused(f"coding {show(coding)}, no body", head(extra=[field]))
        yield refused(f"length, coding {show(coding)}", post(length(b"5"), field), HELLO)


def near_names():
    for name, value in ((b"transfer-encoding", b"chunked"), (b"content-length", b"50")):
        first, second = name.split(b"-")
        for near in (first + b"_" + second,):
            yield forwarded(f"field {show(near)}", post((near, value)), HELLO, POSTED,
                            checks={near.decode(): None})
        for near in (b"x-" + name, name + b"1", first + second, first + b"." + second):
            yield forwarded(f"field {show(near)}", post((near, value)), HELLO, POSTED)
        for near in (name.upper(), name.title(), name + b" ", b" " + name, name + b"\t",
                     name + b":", b":" + name, name + b"\0", b"\0" + name, name + b"\r\n",
                     b"\r\n" + name, b"x\r\n" + name, name + b"\xa0", b"\xff" + name,
                     first + b" " + second, first + b"\r\n " + second, name + b": " + value +
                     b"\r\nx", b"x: y\r\n" + name):
            yield refused(f"field {show(near)}", post((near, value)), HELLO)
            yield refused(f"field {show(near)}, no body", head(extra=[(near, value)]))


def lengths():
    for value in base.BAD_LENGTHS:
        yield refused(f"length {show(value)}", post(length(value)), HELLO)
        yield refused(f"length {show(value)}, no body", head(extra=[length(value)]))
        yield refused(f"length {show(value)} behind a good one",
                      post(length(b"5"), length(value)), HELLO)
    for value in (b"5 ", b" 5", b"5\r\n", b"5\r\nX: y", b"5\0", b"5\r\n" + INJECTED):
        yield refused(f"length {show(value)}", post(length(value)), HELLO)
    for one, two in ((b"5", b"5"), (b"5", b"6"), (b"0", b"5"), (b"5", b"0"), (b"5", b"05")):
        yield refused(f"lengths {show(one)} and {show(two)}", post(length(one), length(two)), HELLO)
    for value in (b"5", b"05", b"0000000005"):
        for body in ((b"hello",), (b"he", b"llo"), (b"", b"hello"), (b"hello", b"")):
            yield forwarded(f"length {show(value)} in {len(body)} frames, {len(body[0])} first",
                            post(length(value)), body, POSTED)
    for body in ((b"hello",), (b"he", b"", b"llo"), (b"h", b"e", b"l", b"l", b"o")):
        yield forwarded(f"no length, {len(body)} frames", post(), body, POSTED)
    yield forwarded("a length of 0 and no body", post(length(b"0")), None, want("POST"))
    yield forwarded("a length of 0 and an empty body", post(length(b"0")), (b"",), want("POST"))
    yield forwarded("no length and an empty body", post(), (b"",), want("POST"))
    yield refused("a length and no body", post(length(b"5")))
    yield refused("a length and no body, with GET", head(extra=[length(b"5")]))
    for value, body in ((b"5", (b"hell",)), (b"5", (b"hello!",)), (b"5", (b"hello", b"!")),
                        (b"5", (b"",)), (b"0", (b"hello",)), (b"6", (b"hello",)),
                        (b"4294967301", (b"hello",)), (b"9223372036854775807", (b"hello",)),
                        (b"5", (b"hello", SMUGGLED)), (b"0", (SMUGGLED,))):
        yield cut(f"length {show(value)} against {sum(map(len, body))} in {len(body)} frames",
                  post(length(value)), body)
    yield cut("a length, and the stream stays open", post(length(b"5")), (b"hell",), open=True)
    yield cut("no length, and the stream stays open", post(), (b"hello",), open=True)
    for method in (b"POST", b"PUT", b"GET", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH"):
        for extra in ([], [length(b"%d" % len(SMUGGLED))]):
            yield forwarded(f"a request in the body of {show(method)}, {len(extra)} lengths",
                            head(method, extra=extra), (SMUGGLED,),
                            want(method.decode(), body=SMUGGLED))
    yield forwarded("chunks in the body", post(), (b"0\r\n\r\n" + SMUGGLED,),
                    want("POST", body=b"0\r\n\r\n" + SMUGGLED))
    yield forwarded("a body in many frames", post(), tuple(b"%d," % i for i in range(300)),
                    want("POST", body=b"".join(b"%d," % i for i in range(300))))


# ---- one byte more, everywhere ----

CONTROLS = [b"\0", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\r", b"\n", b"\r\n", b"\n\n", b"\x1b",
            b"\x1f", b"\x7f", b"\r\nX-Evil: 1", b"\r\n\r\n" + SMUGGLED, b"\n\n" + SMUGGLED,
            b" HTTP/1.1\r\nHost: b.test\r\n\r\n" + SMUGGLED, b"\r\nTransfer-Encoding: chunked"]
BLANKS = [b" ", b"\t"]
HIGH = [b"\x80", b"\xa0", b"\xff", b"\xc3\xa9"]
PLACES = {
    "in front of the method": (dict(method=b"<>GET"), ""),
    "in the method": (dict(method=b"G<>ET"), ""),
    "behind the method": (dict(method=b"GET<>"), ""),
    "in front of the path": (dict(path=b"<>/@@@@/first"), ""),
    "in the path": (dict(path=b"/@@@@/fi<>rst"), ""),
    "in the query": (dict(path=b"/@@@@/first?a=<>b"), ""),
    "behind the path": (dict(path=b"/@@@@/first<>"), ""),
    "in front of the authority": (dict(authority=b"<>a.test"), ""),
    "in the authority": (dict(authority=b"a<>.test"), ""),
    "behind the authority": (dict(authority=b"a.test<>"), ""),
    "behind the port": (dict(authority=b"a.test:80<>"), ""),
    "in front of the scheme": (dict(scheme=b"<>https"), ""),
    "in the scheme": (dict(scheme=b"ht<>tps"), ""),
    "behind the scheme": (dict(scheme=b"https<>"), ""),
    "in front of a name": (dict(extra=[(b"<>x-a", b"b")]), ""),
    "in a name": (dict(extra=[(b"x-<>a", b"b")]), ""),
    "behind a name": (dict(extra=[(b"x-a<>", b"b")]), ""),
    "in front of a value": (dict(extra=[(b"x-a", b"<>b")]), "high"),
    "in a value": (dict(extra=[(b"x-a", b"b<>c")]), "blank high"),
    "behind a value": (dict(extra=[(b"x-a", b"b<>")]), "high"),
    "alone as a value": (dict(extra=[(b"x-a", b"<>")]), "high"),
    "in Host": (dict(authority=None, extra=[(b"host", b"a<>.test")]), ""),
    "behind Host": (dict(authority=None, extra=[(b"host", b"a.test<>")]), ""),
    "in a cookie": (dict(extra=[(b"cookie", b"a=<>b")]), "blank high"),
    "in a second cookie": (dict(extra=[(b"cookie", b"c=d"), (b"cookie", b"a=<>b")]), "blank high"),
    "in a user agent": (dict(extra=[(b"user-agent", b"a<>b")]), "blank high"),
}


def replace(thing, byte):
    if isinstance(thing, dict):
        return {key: replace(value, byte) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return type(thing)(replace(one, byte) for one in thing)
    return thing.replace(b"<>", byte) if isinstance(thing, bytes) else thing


def bytes_in_places():
    for place, (arguments, may) in PLACES.items():
        for byte in CONTROLS + BLANKS + HIGH:
            fields = head(**replace(arguments, byte))
            kind = "blank" if byte in BLANKS else "high" if byte in HIGH else "none"
            name = f"{show(byte)[:40]} {len(byte)} {place}"
            yield forwarded(name, fields, None, want()) if kind in may else refused(name, fields)


def names():
    for name in (b"", b":", b"X-A", b"x-A", b"x a", b"x:a", b"x-a:", b"(x)", b"x,a", b"x/a",
                 b"\"x\"",
                 b"x=a", b"x@a", b"[x]", b"{x}", b"x\\a", b"x;a", b"x?a", b"<x>", b" ",
                 b"\xc3\xa9"):
        yield refused(f"name {show(name)}", head(extra=[(name, b"b")]))
    for name in (b"x-a", b"x_a", b"x.a", b"x!#$%&'*+-.^_`|~9", b"9", b"x" * 200):
        yield forwarded(f"name {show(name)}", head(extra=[(name, b"b")]), None, want())


# ---- pseudo-fields ----

def pseudo_fields():
    good = head()
    for index in range(4):
        name = good[index][0].decode()
        rest = good[:index] + good[index + 1:]
        if name != ":authority":
            yield refused(f"no {name}", rest)
        else:
            yield refused("neither :authority nor Host", rest)
            yield forwarded("Host for :authority", rest + [(b"host", b"b.test")], None,
                            want(host="b.test"))
        yield refused(f"{name} twice", good[:index] + [good[index]] + good[index:])
        yield refused(f"{name} twice, apart", good[:4] + [good[index]] + good[4:])
        yield refused(f"{name} behind a field", rest + [good[index]])
        yield refused(f"{name} again behind a field", good + [good[index]])
        yield refused(f"an empty {name}", good[:index] + [(good[index][0], b"")] +
                      good[index + 1:])
        yield refused(f"{name} in upper case", good[:index] + [
            (good[index][0].upper(), good[index][1])] + good[index + 1:])
    for name, value in ((b":status", b"200"), (b":host", b"b.test"), (b":version", b"HTTP/1.1"),
                        (b":foo", b"x"), (b":content-length", b"5"), (b":protocol", b"websocket"),
                        (b": method", b"GET"), (b":method:", b"GET"), (b"::path", b"/")):
        yield refused(f"{show(name)} in front", [(name, value)] + good)
        yield refused(f"{show(name)} among them", good[:4] + [(name, value)] + good[4:])
    yield refused("a second path in another spelling",
                  good[:4] + [(b":path", b"/@@@@/second")] + good[4:])
    for order in ((3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)):
        yield forwarded(f"pseudo-fields in the order {order}",
                        [good[i] for i in order] + good[4:], None, want())
    for scheme in (b"ftp", b"ws", b"wss", b"HTTPS", b"Http", b"javascript", b"https:", b"https://",
                   b"http://b.test/?", b"https://b.test/@@@@/first?", b"h2c", b"0", b"*"):
        yield refused(f"scheme {show(scheme)}", head(scheme=scheme))
    yield forwarded("scheme http", head(scheme=b"http"), None, want())


def methods():
    for method in (b"G(T", b"GET,", b"\"GET\"", b"GE:T", b"GET/", b"/", b"[GET]", b"G@T",
                   b"GET /@@@@/smuggled HTTP/1.1"):
        yield refused(f"method {show(method)}", head(method))
    for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"PROPFIND", b"QUERY",
                   b"M-SEARCH"):
        yield forwarded(f"method {show(method)}", head(method), None, want(method.decode()))
    for method in (b"get", b"Get", b"X!#$%&'*+-.^_`|~9"):
        yield forwarded(f"method {show(method)}", head(method), None, want(method.decode()),
                        kept_by=("nginx",))
    for authority in (b"a.test:443", b"a.test", b"b.test:80"):
        yield refused(f"CONNECT {show(authority)}", [
            (b":method", b"CONNECT"), (b":authority", authority), (b"x-case", b"@@@@")],
            statuses=(400, 405))
        yield refused(f"CONNECT {show(authority)} with a path", head(b"CONNECT",
                                                                    authority=authority))
    for protocol in (b"", b"h2c", b"connect-udp", b"websocket\r\nX: y", b"websocket, h2c",
                     b"HTTP/1.1",
                     b"WebSocket", b"web socket", b"\0"):
        yield refused(f"CONNECT for {show(protocol)}", [
            (b":method", b"CONNECT"), (b":protocol", protocol), (b":scheme", b"https"),
            (b":authority", b"a.test"), (b":path", b"/@@@@/first")], (b"",), statuses=(400, 501))
    socket = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"),
              (b":authority", b"a.test"), (b":path", b"/@@@@/first")]
    for name, value in ((b"content-length", b"5"), (b"upgrade", b"h2c"), (b"connection",
                                                                          b"upgrade"),
                        (b"transfer-encoding", b"chunked")):
        yield refused(f"CONNECT for a WebSocket with {show(name)}",
                      socket + [(name, value)], HELLO, statuses=(400, 501))
    yield refused("CONNECT for a WebSocket without a path", socket[:4], (b"",))
    yield refused("CONNECT for a WebSocket without a scheme", socket[:2] + socket[3:], (b"",))
    yield refused("CONNECT for a WebSocket without an authority", socket[:3] + socket[4:], (b"",))


def paths():
    for path in (b"a", b"@@@@/first", b"?a", b"#a", b"*", b"**", b"/@@@@/first#a",
                 b"/@@@@/first?a#b",
                 b"http://a.test/@@@@/first", b"http://b.test/@@@@/first", b"https://a.test/",
                 b"a.test:443", b"\\@@@@", b"/@@@@/first%", b"/@@@@/first%zz", b".",
                 b"/@@@@/first HTTP/1.1", b"/@@@@/first HTTP/0.9", b"@b.test/", b"://b.test/@@@@"):
        yield refused(f"path {show(path)}", head(path=path))
    for path in (b"/@@@@/", b"/@@@@/first?", b"/@@@@/first?a=b&c", b"/@@@@/a:b@c", b"/@@@@/%20",
                 b"/@@@@/%0d%0aX-A:%20b", b"/@@@@/first?a=%0d%0aHost:%20b", b"/@@@@/first?%00",
                 b"/@@@@/http:/b.test/", b"/@@@@/a|b^c`d{e}", b"/@@@@/a\\b", b"/@@@@/first??"):
        yield forwarded(f"path {show(path)}", head(path=path), None, want(target=path.decode()))
    yield forwarded("a NUL, escaped", head(path=b"/@@@@/%00"), None, want(target="/@@@@/%00"),
                    kept_by=("nginx", "apache"))
    yield forwarded("slashes and dots", head(path=b"//@@@@///./first/../first"), None, want())
    yield forwarded("OPTIONS *", head(b"OPTIONS", b"*"), None, want("OPTIONS", "*"),
                    kept_by=("nginx", "apache"))


def hosts():
    for value in (b"u@a.test", b"u:p@a.test", b"a.test/x", b"a.test?x", b"a.test#x", b"a.test\\x",
                  b"a.test,b.test", b"http://a.test", b"a.test:x", b"a.test:0", b"a.test:65536",
                  b"a.test:80:80", b":80", b":", b"@", b"[::1", b"::1", b"[::1]x", b"[a.test]",
                  b"a%41.test", b"a\"b", b"<a>", b"a" * 300, b"a^b", b"a|b", b"{a}"):
        yield refused(f"authority {show(value)}", head(authority=value))
        yield refused(f"Host {show(value)}", head(authority=None, extra=[(b"host", value)]))
        yield refused(f"authority and Host {show(value)}",
                      head(authority=value, extra=[(b"host", value)]))
    for value in (b"b.test", b"b.test:8080", b"B.TEST", b"[::1]", b"a_b.test", b"127.0.0.1"):
        yield forwarded(f"authority {show(value)}", head(authority=value), None,
                        want(host=value.decode()))
        yield forwarded(f"authority and Host {show(value)}",
                        head(authority=value, extra=[(b"host", value)]), None,
                        want(host=value.decode()))
    for value in (b"b.test", b"a.test:80", b"a.test.", b"a.test:", b"", b"a.test, a.test",
                  b"a.test\0"):
        yield refused(f"another Host {show(value)}", head(extra=[(b"host", value)]))
    yield refused("two Hosts", head(extra=[(b"host", b"a.test"), (b"host", b"b.test")]))
    yield refused("two equal Hosts", head(extra=[(b"host", b"a.test"), (b"host", b"a.test")]))
    yield refused("two Hosts, no authority",
                  head(authority=None, extra=[(b"host", b"a.test"), (b"host", b"b.test")]))
    yield forwarded("Host in other letters", head(extra=[(b"host", b"A.Test")]), None, want())


# ---- fields of the connection ----

def connections():
    for name, value in ((b"connection", b"close"), (b"connection", b"keep-alive"),
                        (b"connection", b"content-length"), (b"connection", b"upgrade"),
                        (b"connection", b""), (b"keep-alive", b"timeout=5"), (b"upgrade", b"h2c"),
                        (b"upgrade", b"websocket"), (b"proxy-connection", b"keep-alive"),
                        (b"te", b"gzip"), (b"te", b"trailers, gzip"), (b"te", b"chunked"),
                        (b"te", b"trailers;q=1"), (b"te", b""), (b"transfer-encoding",
                                                                 b"identity")):
        yield refused(f"{show(name)}: {show(value)}", post((name, value)), HELLO)
        yield refused(f"{show(name)}: {show(value)}, no body", head(extra=[(name, value)]))
    yield forwarded("te: trailers", post((b"te", b"trailers")), HELLO, POSTED)
    yield forwarded("http2-settings", post((b"http2-settings", b"AAMAAABkAAQAAP__")), HELLO, POSTED,
                    checks={"http2-settings": None})
    yield forwarded("expect", post((b"expect", b"100-continue"), length(b"5")), HELLO, POSTED,
                    checks={"expect": None})
    for value in (b"x", b"100-continue, x", b"200-ok"):
        yield refused(f"expect {show(value)}", post((b"expect", value)), HELLO, statuses=(417,))
    for cookies in ([b"a=b"], [b"a=b", b"c=d"], [b"a=b", b"c=d", b"e=f"], [b"a=b; c=d", b"e=f"]):
        yield forwarded(f"{len(cookies)} cookies, {len(cookies[0])}",
                        head(extra=[(b"cookie", one) for one in cookies]), None, want(),
                        checks={"cookie": b"; ".join(cookies).decode()})
    yield forwarded("cookies apart", head(extra=[(b"cookie", b"a=b"), (b"x-a", b"b"),
                                                 (b"cookie", b"c=d")]), None, want(),
                    checks={"cookie": "a=b; c=d"})
    yield refused("a head without end", head(extra=[(b"x-a", b"b" * 1000)] * 20), statuses=(431,))
    yield refused("fields without end", head(extra=[(b"x-a", b"b")] * 700), statuses=(431,))


# ---- trailers ----

def trailers():
    for name, value in ((b"x-a", b"b"), (b"x-a", b""), (b"x-a", b"\xe9"), (b"x-a", b"b\tc")):
        yield forwarded(f"trailer {show(name)}: {show(value)}", post(), HELLO, POSTED,
                        trailers=[(name, value)])
        yield forwarded(f"trailer {show(name)}: {show(value)} and a length", post(length(b"5")),
                        HELLO, POSTED, trailers=[(name, value)])
    # What would frame, route or authorize is left out.
    for name, value in ((b"content-length", b"5"), (b"host", b"a.test"), (b"authorization", b"x"),
                        (b"cookie", b"a=b"), (b"x-forwarded-for", b"9.9.9.9"), (b"trailer", b"x"),
                        (b"expect", b"100-continue"), (b"content-type", b"text/plain"),
                        (b"content-encoding", b"gzip"), (b"range", b"bytes=0-1")):
        yield forwarded(f"trailer {show(name)}", post(), HELLO, POSTED, trailers=[
            (b"x-b", b"c"), (name, value)], checks={"trailers": [("x-b", "c")]})
    for name, value in ((b":path", b"/@@@@/second"), (b":method", b"GET"), (b":status", b"200"),
                        (b":x", b"y"), (b"X-A", b"b"), (b"", b"b"), (b"x a", b"b"), (b"x:a", b"b"),
                        (b"x\r\na", b"b"), (b"x-a", b"b\r\nc"), (b"x-a", b"b\0"), (b"x-a", b"\n"),
                        (b"x-a", INJECTED), (b"transfer-encoding", b"chunked"),
                        (b"connection", b"close"), (b"upgrade", b"h2c"), (b"te", b"gzip"),
                        (b"keep-alive", b"x"), (b"proxy-connection", b"x"), (b"x-a", b" b"),
                        (b"content-length", b"50"), (b"content-length", b"x"), (b"x-a", b"\x7f")):
        yield cut(f"trailer {show(name)}: {show(value)[:30]}", post(), HELLO,
                  trailers=[(name, value)])
        yield cut(f"trailer {show(name)}: {show(value)[:30]} and a length", post(length(b"5")),
                  HELLO, trailers=[(name, value)])


GROUPS = (transfer_encodings, near_names, lengths, bytes_in_places, names, pseudo_fields, methods,
          paths, hosts, connections, trailers)


def all_cases():
    """All cases, in order of their numbers; what two groups have in common is there once."""
    unique = {}
    for group in GROUPS:
        for case in group():
            key = repr((case.fields, case.body, case.trailers, case.open))
            same = unique.setdefault(key, case)
            assert (same.kind, same.wants) == (case.kind, case.wants), (same.name, case.name)
    cases = [case.numbered(number) for number, case in enumerate(unique.values())]
    names_ = [case.name for case in cases]
    assert len(set(names_)) == len(cases), {one for one in names_ if names_.count(one) > 1}
    return cases
