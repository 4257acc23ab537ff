# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests at the edges of HTTP/1's framing, as raw bytes, with what has to become of each.

`@@@@` stands for the case's number, four digits, so that lengths hold. Three kinds:
  refused    an error status and a closed connection; nothing reaches a backend
  cut        a good head with a broken or unfinished body: the connection ends, and no backend
             takes the request for complete
  forwarded  exactly these requests arrive, framed alike everywhere
Behind each case a canary is sent. It is the next request or, where the connection ends with the
case (`last`), none; it is never part of a body, and what a body holds is never a request.
"""

import dataclasses

HOST = b"Host: a.test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
FIVE = b"Content-Length: 5\r\n"
END = b"0\r\n\r\n"
HELLO = b"5\r\nhello\r\n" + END
SMUGGLED = b"GET /@@@@/smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
CANARY = b"GET /@@@@/canary HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"

REFUSALS = (400,)
HEAD_LIMIT = 16384      # the entry points' maxHeaderBytes


@dataclasses.dataclass
class Case:
    name: str
    kind: str
    data: bytes
    wants: tuple = ()           # (method, target, host, body) of each request
    statuses: tuple = REFUSALS
    last: bool = False
    end: bool = False           # the client closes its half: nothing more will come
    kept_by: tuple = ()         # backends that may refuse it or answer by themselves
    number: str = "@@@@"

    def numbered(self, number):
        """The case with its number in place of the mark."""
        text = f"{number:04}"

        def fill(part):
            if isinstance(part, bytes):
                return part.replace(b"@@@@", text.encode())
            return part.replace("@@@@", text)

        wants = tuple(tuple(fill(part) for part in one) for one in self.wants)
        return dataclasses.replace(self, data=fill(self.data), wants=wants, number=text)


def refused(name, data, *statuses):
    return Case(name, "refused", data, statuses=statuses or REFUSALS)


def cut(name, data, end=False):
    return Case(name, "cut", data, end=end)


def forwarded(name, data, *wants, **extra):
    return Case(name, "forwarded", data, wants, **extra)


def want(method="GET", target="/@@@@/first", host="a.test", body=b""):
    return (method, target, host, body)


POSTED = want("POST", body=b"hello")
EMPTY = want("POST")
GOT = want()


def post(fields=b"", body=b"", host=HOST):
    return b"POST /@@@@/first HTTP/1.1\r\n" + host + fields + b"\r\n" + body


def line(text, fields=b""):
    """A GET with this for its first line."""
    return text + b"\r\n" + HOST + b"X-Case: @@@@\r\n" + fields + b"\r\n"


def show(data):
    """Bytes as part of a name."""
    return ascii(data.decode("latin-1"))[1:-1] or "nothing"


# ---- Transfer-Encoding ----

BAD_CODINGS = [
    b"", b"x", b"xchunked", b"chunkedx", b"chunke", b"chunked;q=1", b"chunked ;a", b"chunked,",
    b",chunked", b", chunked", b"chunked,chunked", b"chunked, chunked", b"gzip, chunked",
    b"chunked, gzip", b"chunked gzip", b"gzip", b"x-gzip", b"deflate, chunked", b"compress",
    b"identity", b"identity, chunked", b"chunked, identity", b"trailers", b"\"chunked\"",
    b"'chunked'", b"chu\tnked", b"ch unked", b"chunke\xc4\x8f", b"\xa0chunked", b"chunked\xa0",
    b"\x85chunked", b"[chunked]", b"chunked\\", b"0", b"none", b"chunked/1", b"chunked=1",
    b"chunked:", b":chunked", b"c%68unked", b"gzip;a=\"b, chunked\"", b"\xef\xbb\xbfchunked",
]


def transfer_encodings():
    for coding in BAD_CODINGS:
        field = b"Transfer-Encoding: " + coding + b"\r\n"
        yield refused(f"coding {show(coding)}", post(field, HELLO), 400, 501)
        yield refused(f"length, coding {show(coding)}", post(FIVE + field, b"hello"), 400, 501)
        yield refused(f"coding {show(coding)}, length", post(field + FIVE, b"hello"), 400, 501)
        yield refused(f"chunked, then coding {show(coding)}", post(CHUNKED + field, HELLO),
                      400, 501)
    for name in (b"Transfer-Encoding", b"transfer-encoding", b"TRANSFER-ENCODING",
                 b"tRANSFER-eNCODING"):
        for value in (b"chunked", b"CHUNKED", b"cHunked"):
            field = name + b": " + value + b"\r\n"
            spelled = f"{name.decode()}: {value.decode()}"
            yield forwarded(f"coding as {spelled}", post(field, HELLO), POSTED)
            yield refused(f"length and {spelled}", post(FIVE + field, HELLO))
            yield refused(f"{spelled} and length", post(field + FIVE, HELLO))
    for before, after in ((b"", b""), (b"\t", b""), (b"  ", b" \t "), (b" ", b"\t")):
        yield forwarded(f"chunked between {show(before)} and {show(after)}",
                        post(b"Transfer-Encoding:" + before + b"chunked" + after + b"\r\n", HELLO),
                        POSTED)
    yield refused("chunked on two lines", post(CHUNKED + CHUNKED, HELLO))
    yield refused("chunked around a field", post(CHUNKED + b"X-A: b\r\n" + CHUNKED, HELLO))
    yield refused("gzip and chunked on two lines",
                  post(b"Transfer-Encoding: gzip\r\n" + CHUNKED, HELLO), 400, 501)
    yield refused("chunked in HTTP/1.0", b"POST /@@@@/first HTTP/1.0\r\n" + HOST + CHUNKED +
                  b"\r\n" + HELLO)
    yield refused("chunked in HTTP/1.0, kept alive", b"POST /@@@@/first HTTP/1.0\r\n" + HOST +
                  CHUNKED + b"Connection: keep-alive\r\n\r\n" + HELLO)
    yield refused("chunked and a length of 0", post(CHUNKED + b"Content-Length: 0\r\n", HELLO))
    for method in ("GET", "DELETE", "OPTIONS", "PUT", "PROPFIND"):
        yield forwarded(f"chunked with {method}",
                        method.encode() + b" /@@@@/first HTTP/1.1\r\n" + HOST + CHUNKED +
                        b"\r\n" + HELLO, want(method, body=b"hello"))


# Names that are not quite the field's; as other fields they say nothing about framing.
def near_names():
    for field in (b"Transfer-Encoding", b"Content-Length"):
        value = b"chunked" if field.startswith(b"T") else b"5"
        first, second = field.split(b"-")
        for name in (first + b"_" + second, b"X-" + field, field + b"1", first + second,
                     first + b"." + second, field + b"-", b"'" + field):
            yield forwarded(f"field {show(name)}", post(name + b": " + value + b"\r\n"), EMPTY)
            yield forwarded(f"field {show(name)} and a body",
                            post(FIVE + name + b": " + value + b"\r\n", b"hello"), POSTED)
        for name in (field + b" ", field + b"\t", b" " + field, b"\t" + field,
                     first + b" " + second, first + b"\t" + second, b":" + field, field + b"\0",
                     field + b"\x0b", b"\xff" + field, field + b"\xa0", first + b"\xad" + second,
                     field + b"/", b"(" + field + b")", b"\"" + field + b"\"", field + b",",
                     b"@" + field, b"\xef\xbb\xbf" + field, field + b"\r"):
            yield refused(f"field {show(name)}", post(name + b": " + value + b"\r\n", b"hello"))
            yield refused(f"field {show(name)} and a body",
                          post(FIVE + name + b": " + value + b"\r\n", b"hello"))
        for separator in (b"", b"=", b" ", b"\xef\xbc\x9a"):
            yield refused(f"{show(field + separator)} without a colon",
                          post(field + separator + value + b"\r\n", b"hello"))


# ---- Content-Length ----

BAD_LENGTHS = [
    b"", b" ", b"+5", b"-5", b"-0", b"+0", b"--5", b"5 5", b"5\t5", b"5,5", b"5, 5", b"5,6",
    b"5, 6", b"0,5", b"5,0", b"5,", b",5", b", 5", b"5;", b"5;a=b", b"0x5", b"0X5", b"5h", b"\\5",
    b"0b101", b"0o5", b"5.0", b".5", b"5e0", b"5_0", b"1,000", b"five", b"NaN", b"null", b"'5'",
    b"\"5\"", b"(5)", b"5/5", b"5:5", b"%35", b"\xef\xbc\x95", b"\xd9\xa5", b"\xa05", b"5\xa0",
    b"\xef\xbb\xbf5", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616",
    b"18446744073709551621", b"36893488147419103237", b"9" * 40, b"340282366920938463463374607" +
    b"431768211461", b"-18446744073709551611", b"5 chunked", b"chunked",
]


def lengths():
    for value in BAD_LENGTHS:
        field = b"Content-Length: " + value + b"\r\n"
        yield refused(f"length {show(value)}", post(field, b"hello"))
        yield refused(f"length {show(value)} after a good one", post(FIVE + field, b"hello"))
        yield refused(f"length {show(value)} before a good one", post(field + FIVE, b"hello"))
        yield refused(f"length {show(value)} with GET",
                      b"GET /@@@@/first HTTP/1.1\r\n" + HOST + field + b"\r\nhello")
    for one, two in ((b"5", b"5"), (b"5", b"6"), (b"6", b"5"), (b"0", b"5"), (b"5", b"0"),
                     (b"5", b"05"), (b"0", b"0")):
        for name in (b"Content-Length", b"content-length"):
            yield refused(f"length {show(one)}, then {show(name)} {show(two)}",
                          post(b"Content-Length: " + one + b"\r\nX-A: b\r\n" + name + b": " +
                               two + b"\r\n", b"hello"))
    for value in (b"5", b"05", b"0000005", b"0" * 40 + b"5", b"5 ", b"5\t", b"\t5", b"  5  "):
        yield forwarded(f"length as {show(value)}",
                        post(b"Content-Length:" + value + b"\r\n", b"hello"), POSTED)
    for name in (b"content-length", b"CONTENT-LENGTH", b"cONTENT-lENGTH"):
        yield forwarded(f"length named {show(name)}", post(name + b": 5\r\n", b"hello"), POSTED)
    for value in (b"0", b"00", b"0" * 30):
        yield forwarded(f"length as {show(value)}, a request behind",
                        post(b"Content-Length: " + value + b"\r\n", SMUGGLED),
                        EMPTY, want(target="/@@@@/smuggled"))
    for value in (b"6", b"46", b"4294967301", b"4294967296", b"9223372036854775807"):
        yield cut(f"length {show(value)} with less", post(b"Content-Length: " + value +
                                                          b"\r\n", b"hello"), end=True)
    hidden = len(SMUGGLED)
    for method in ("POST", "PUT", "PATCH", "GET", "DELETE", "OPTIONS", "HEAD", "PROPFIND"):
        yield forwarded(f"a request in the body of {method}",
                        method.encode() + b" /@@@@/first HTTP/1.1\r\n" + HOST +
                        b"Content-Length: %d\r\n\r\n" % hidden + SMUGGLED,
                        want(method, body=SMUGGLED))
    yield forwarded("no length, a request behind", post(b"", SMUGGLED),
                    EMPTY, want(target="/@@@@/smuggled"))


# ---- chunks ----

GOOD_SIZES = [
    b"5", b"05", b"005", b"0000000000000005", b"0" * 40 + b"5", b"5;", b"5;a", b"5;a=b",
    b"5;a=\"b;c\"", b"5;a=\"b\\\"c\"", b"5;;", b"5;a;b=c;d", b"5; a", b"5;a = b", b"5 ;a",
    b"5;\xe9", b"5;" + b"a" * 200, b"5;0", b"5;\"", b"5;\t",
]
BAD_SIZES = [
    b"", b"-5", b"+5", b"0x5", b"0X5", b"5h", b"h", b"g5", b" 5", b"\t5", b"5 ", b"5\t", b"5,",
    b"5,a", b"5.0", b"5=", b"5:", b"5/", b"5_", b"5 5", b"5 a", b"5\"", b"5\xa0", b"\xff5",
    b"\xef\xbc\x95", b"-0", b"--5", b"'5'", b"0x", b"x5", b"8000000000000000", b"ffffffffffffffff",
    b"10000000000000005", b"100000000000000000000005", b"fffffffffffffff5f", b"5\0", b"\x005",
    b"5;\0", b"5;a\x01b", b"5;a\x7f", b"5\x0b", b"\x0c5", b"5\r", b"5\n", b"5\r\r", b"\r5", b"\n5",
    b"5;a\rb", b"5;a\nb", b"5;\n", b"5;a=\"\n\"", b"5;a=\"\r\n\"", b"5;\r\r", b"\r\n5", b";a",
    b"5;" + b"a" * 400, b"#5", b"$5", b"5#", b"%35",
]


def chunk_sizes():
    for size in GOOD_SIZES:
        yield forwarded(f"chunk {show(size)}", post(CHUNKED, size + b"\r\nhello\r\n" + END),
                        POSTED)
        zero = size.replace(b"5", b"0", 1)
        yield forwarded(f"last chunk {show(zero)}",
                        post(CHUNKED, b"5\r\nhello\r\n" + zero + b"\r\n\r\n"), POSTED)
    for size, body in ((b"A", 10), (b"a", 10), (b"0a", 10), (b"1F", 31), (b"1f", 31)):
        yield forwarded(f"chunk {show(size)}", post(CHUNKED, size + b"\r\n" + b"x" * body +
                                                    b"\r\n" + END), want("POST", body=b"x" * body))
    for size in BAD_SIZES:
        yield cut(f"chunk {show(size)}", post(CHUNKED, size + b"\r\nhello\r\n" + END))
        if b"5" in size:
            zero = size.replace(b"5", b"0")
            yield cut(f"last chunk {show(zero)}", post(CHUNKED, b"5\r\nhello\r\n" + zero +
                                                       b"\r\n\r\n"))
    hidden = b"%x" % len(SMUGGLED)
    yield forwarded("a request in a chunk",
                    post(CHUNKED, hidden + b"\r\n" + SMUGGLED + b"\r\n" + END),
                    want("POST", body=SMUGGLED))
    yield forwarded("chunks of one byte", post(CHUNKED, b"".join(
        b"1\r\n%c\r\n" % byte for byte in b"hello") + END), POSTED)
    yield forwarded("no chunk, a request behind", post(CHUNKED, END + SMUGGLED),
                    EMPTY, want(target="/@@@@/smuggled"))
    yield cut("a request in an extension",
              post(CHUNKED, b"5;a\r\n\r\n" + SMUGGLED + b"hello\r\n" + END))


def chunk_ends():
    for end in (b"", b"\n", b"\r", b"\n\r", b"\r\r\n", b" \r\n", b"\r \n", b"\n\n", b"X\r\n",
                b"\0\r\n", b"\r\n\r\n", b"\r\n ", b"XX"):
        yield cut(f"data that ends with {show(end)}", post(CHUNKED, b"5\r\nhello" + end + END))
        yield cut(f"data that ends with {show(end)}, a chunk behind",
                  post(CHUNKED, b"5\r\nhello" + end + b"5\r\nhello\r\n" + END))
    for end in (b"0\n\n", b"0\r\n\n", b"0\n\r\n", b"0\r\r\n\r\n", b"0\r\n\r\r\n", b"0\r\r",
                b"0\r\n",
                b"0\r\n \r\n", b"0\r\n\0\r\n", b"00\n", b"0", b"0\r\n\rX"):
        yield cut(f"a body that ends with {show(end)}", post(CHUNKED, b"5\r\nhello\r\n" + end),
                  end=True)
    yield cut("a chunk that is not whole", post(CHUNKED, b"50\r\nhello\r\n" + END), end=True)
    yield cut("chunks that stop", post(CHUNKED, b"5\r\nhello\r\n"), end=True)
    yield cut("no chunk at all", post(CHUNKED), end=True)


GOOD_TRAILERS = [
    b"X-A: b", b"X-A:", b"x-a:b\r\nX-A: c", b"Content-Length: 50", b"Content-Length: x",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", b"Host: b.test", b"X-A: \xe9",
    b"Connection: close", b"Connection: X-Case", b"Trailer: X-B", b"Expect: 100-continue",
    b"Upgrade: h2c", b"Transfer_Encoding: chunked", b"X-A: b\tc",
]
BAD_TRAILERS = [
    b"X-A", b": b", b"X A: b", b"X-A : b", b"X-A\t: b", b" X-A: b", b"X-A: b\r\n c", b"X-A: b\n",
    b"X-A: b\nX-B: c", b"X-A: b\r", b"X-A: b\rX-B: c", b"X-A: b\0", b"X\0: b", b"X-A: \x01",
    b"X-A: \x7f", b"X-\xe9: b", b"\tX-A: b", b"(X): b", b"GET /@@@@/smuggled HTTP/1.1",
    b"X-A: b\n\nGET /@@@@/smuggled HTTP/1.1\r\nHost: a.test",
    b"X-A: b\r\rGET /@@@@/smuggled HTTP/1.1\r\nHost: a.test",
]


def trailers():
    for text in GOOD_TRAILERS:
        yield forwarded(f"trailer {show(text)}",
                        post(CHUNKED, b"5\r\nhello\r\n0\r\n" + text + b"\r\n\r\n"), POSTED)
    for text in BAD_TRAILERS:
        yield cut(f"trailer {show(text)}",
                  post(CHUNKED, b"5\r\nhello\r\n0\r\n" + text + b"\r\n\r\n"))


# ---- folded lines ----

def folds():
    places = {
        "the first line": b"GET /@@@@/first HTTP/1.1<>\r\n" + HOST + b"\r\n",
        "the first line, inside": b"GET<>/@@@@/first HTTP/1.1\r\n" + HOST + b"\r\n",
        "the first field": b"GET /@@@@/first HTTP/1.1\r\n<>" + HOST + b"\r\n",
        "Host": b"GET /@@@@/first HTTP/1.1\r\nHost:<>a.test\r\n\r\n",
        "Host's end": b"GET /@@@@/first HTTP/1.1\r\nHost: a.test<>\r\n\r\n",
        "Content-Length": post(b"Content-Length:<>5\r\n", b"hello"),
        "Content-Length's end": post(b"Content-Length: 5<>\r\n", b"hello"),
        "a length in two": post(b"Content-Length: 1<>0\r\n", b"0123456789"),
        "Transfer-Encoding": post(b"Transfer-Encoding:<>chunked\r\n", HELLO),
        "Transfer-Encoding's end": post(b"Transfer-Encoding: chunked<>\r\n", HELLO),
        "a coding in two": post(b"Transfer-Encoding: chunked,<>gzip\r\n", HELLO),
        "a value": post(b"X-A: b<>c\r\n"),
        "a value, a length": post(b"X-A: b<>Content-Length: 5\r\n", b"hello"),
        "a value, a coding": post(b"X-A: b<>Transfer-Encoding: chunked\r\n", HELLO),
        "a name": post(b"X-A<>: b\r\n"),
    }
    for blank in (b" ", b"\t", b" \t "):
        yield refused(f"a line of {show(blank)} ends the head",
                      post(b"X-A: b\r\n" + blank + b"\r\n"))
    folding = (b"\r\n ", b"\r\n\t", b"\n ", b"\n\t", b"\r ", b"\r\n \r\n ", b"\r\n \t ",
               b"\r\n\x0b")
    for place, data in places.items():
        for fold in folding:
            yield refused(f"a fold {show(fold)} in {place}", data.replace(b"<>", fold))


# ---- one byte more, everywhere ----

CONTROLS = [b"\0", b"\x01", b"\x07", b"\x08", b"\x0b", b"\x0c", b"\r", b"\n", b"\r\r", b"\n\r",
            b"\x1b", b"\x1f", b"\x7f"]
BLANKS = [b" ", b"\t"]
HIGH = [b"\x80", b"\x85", b"\xa0", b"\xff", b"\xc3\xa9", b"\xe2\x80\xa8"]
HEAD = b"GET /@@@@/first HTTP/1.1\r\n"
# "blank", "high": what may stand at the place; nothing else may.
PLACES = {
    "in front of the method": (b"<>" + HEAD + HOST, ""),
    "in the method": (b"G<>ET /@@@@/first HTTP/1.1\r\n" + HOST, ""),
    "for the first space": (b"GET<>/@@@@/first HTTP/1.1\r\n" + HOST, ""),
    "behind the first space": (b"GET <>/@@@@/first HTTP/1.1\r\n" + HOST, ""),
    "in the path": (b"GET /@@@@/fi<>rst HTTP/1.1\r\n" + HOST, ""),
    "in the query": (b"GET /@@@@/first?a=<>b HTTP/1.1\r\n" + HOST, ""),
    "behind the target": (b"GET /@@@@/first<> HTTP/1.1\r\n" + HOST, ""),
    "for the second space": (b"GET /@@@@/first<>HTTP/1.1\r\n" + HOST, ""),
    "in the version": (b"GET /@@@@/first HTTP/1<>.1\r\n" + HOST, ""),
    "behind the version": (b"GET /@@@@/first HTTP/1.1<>\r\n" + HOST, ""),
    "inside the first line end": (b"GET /@@@@/first HTTP/1.1\r<>\n" + HOST, ""),
    "in front of the first field": (HEAD + b"<>" + HOST, ""),
    "in a name": (HEAD + HOST + b"X-<>A: b\r\n", ""),
    "behind a name": (HEAD + HOST + b"X-A<>: b\r\n", ""),
    "in front of a value": (HEAD + HOST + b"X-A:<>b\r\n", "blank high"),
    "in a value": (HEAD + HOST + b"X-A: b<>c\r\n", "blank high"),
    "behind a value": (HEAD + HOST + b"X-A: b<>\r\n", "blank high"),
    "inside a line end": (HEAD + HOST + b"X-A: b\r<>\n", ""),
    "alone on a line": (HEAD + HOST + b"<>\r\nX-A: b\r\n", ""),
    "in front of the blank line": (HEAD + HOST + b"<>", ""),
    "in front of the host": (HEAD + b"Host:<>a.test\r\n", "blank"),
    "in the host": (HEAD + b"Host: a<>.test\r\n", ""),
    "behind the host": (HEAD + b"Host: a.test<>\r\n", "blank"),
    "in Connection": (HEAD + HOST + b"Connection: keep<>-alive\r\n", "blank high"),
    "in Upgrade": (HEAD + HOST + b"Upgrade: web<>socket\r\n", "blank high"),
}


def bytes_in_places():
    for place, (head, may) in PLACES.items():
        for byte in CONTROLS + BLANKS + HIGH:
            data = head.replace(b"<>", byte) + b"\r\n"
            kind = "blank" if byte in BLANKS else "high" if byte in HIGH else "none"
            good = kind in may or (place, byte) in (
                ("for the first space", b" "), ("for the second space", b" "),
                ("inside a line end", b"\n\r"))
            name = f"{show(byte)} {place}"
            yield forwarded(name, data, GOT) if good else refused(name, data)
    for field, body in ((b"Content-Length: <>5\r\n", b"hello"),
                        (b"Content-Length: 5<>\r\n", b"hello"),
                        (b"Content-Length: 1<>0\r\n", b"0123456789"),
                        (b"Transfer-Encoding: <>chunked\r\n", HELLO),
                        (b"Transfer-Encoding: chun<>ked\r\n", HELLO),
                        (b"Transfer-Encoding: chunked<>\r\n", HELLO)):
        for byte in CONTROLS + HIGH:
            yield refused(f"{show(byte)} in {show(field)}", post(field.replace(b"<>", byte), body),
                          400, 501)


# ---- the first line ----

def versions():
    for text in (b"HTTP/0.9", b"HTTP/2", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/1.",
                 b"HTTP/1",
                 b"HTTP/1.10", b"HTTP/1.01", b"HTTP/01.1", b"HTTP/1.1.1", b"HTTP/11.1", b"HTTP/",
                 b"HTTP", b"http/1.1", b"Http/1.1", b"HTTPS/1.1", b"ICY/1.1", b"HTTP /1.1",
                 b"HTTP/ 1.1", b"HTTP/1 .1", b"HTTP/1.1 ", b"HTTP/1.1x", b"HTTP/1,1", b"HTTP/-1.1",
                 b"HTTP/+1.1", b"HTTP/1.1 HTTP/1.1", b"HTTP\\1.1", b"XHTTP/1.1", b"HTTP/1.\xb9",
                 b"", b"RTSP/1.0", b"HTTP/A.1", b"HTTP/1.A", b"SIP/2.0"):
        yield refused(f"version {show(text)}", line(b"GET /@@@@/first " + text), 400, 505)
    for text in (b"HTTP/1.1", b"HTTP/1.2", b"HTTP/1.9"):
        yield forwarded(f"version {show(text)}", line(b"GET /@@@@/first " + text), GOT)
    yield forwarded("version HTTP/1.0", line(b"GET /@@@@/first HTTP/1.0"), GOT, last=True)
    yield forwarded("version HTTP/1.0, kept alive",
                    line(b"GET /@@@@/first HTTP/1.0", b"Connection: keep-alive\r\n"), GOT)
    yield forwarded("version HTTP/1.0 with a body",
                    line(b"POST /@@@@/first HTTP/1.0", FIVE) + b"hello", POSTED, last=True)
    yield forwarded("version HTTP/1.0 with a body, no length",
                    line(b"POST /@@@@/first HTTP/1.0") + b"hello", EMPTY, last=True)
    yield forwarded("version HTTP/1.0 with an upgrade",
                    line(b"GET /@@@@/first HTTP/1.0",
                         b"Connection: upgrade\r\nUpgrade: websocket\r\n"), GOT, last=True)
    yield refused("no version at all", b"GET /@@@@/first\r\n")
    yield refused("no version, fields", line(b"GET /@@@@/first"))
    yield cut("the preface of HTTP/2, HTTP/1 behind", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    yield refused("half the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\n", 400, 505)
    yield refused("a first line that is a status line", line(b"HTTP/1.1 200 OK"))
    yield refused("a hello of TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x11" * 32)


def first_lines():
    for text in (b"GET  /@@@@/first HTTP/1.1", b"GET /@@@@/first  HTTP/1.1", b"GET",
                 b" GET /@@@@/first HTTP/1.1", b"GET /@@@@/first HTTP/1.1 ", b"GET ",
                 b"/@@@@/first",
                 b"GET /@@@@/first\tHTTP/1.1", b"GET\t/@@@@/first HTTP/1.1", b"GET HTTP/1.1",
                 b"GET /@@@@/first /x HTTP/1.1", b"G(T /@@@@/first HTTP/1.1", b"", b"GET / ",
                 b"GET, /@@@@/first HTTP/1.1", b"\"GET\" /@@@@/first HTTP/1.1", b" ", b":",
                 b"GE:T /@@@@/first HTTP/1.1", b"/@@@@/first GET HTTP/1.1", b"Host: a.test"):
        yield refused(f"first line {show(text)}", line(text))
    yield forwarded("an empty line in front", b"\r\n" + line(b"GET /@@@@/first HTTP/1.1"), GOT)
    for text in (b"\r\n\r\n", b"\n", b"\r", b"\n\n", b" \r\n", b"\r\n ", b"\0", b"\r\n\n",
                 b"\xef\xbb\xbf"):
        yield refused(f"in front {show(text)}", text + line(b"GET /@@@@/first HTTP/1.1"))


def methods():
    for method in (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD", b"PROPFIND",
                   b"REPORT", b"MKCOL", b"LOCK", b"QUERY", b"PURGE", b"M-SEARCH", b"TRACE"):
        yield forwarded(f"method {method.decode()}", line(method + b" /@@@@/first HTTP/1.1"),
                        want(method.decode()),
                        kept_by=("nginx",) if method == b"TRACE" else ())
    yield forwarded("a long method", line(b"A" * 300 + b" /@@@@/first HTTP/1.1"), want("A" * 300))
    for method in (b"get", b"Get", b"gET", b"X!#$%&'*+-.^_`|~9", b"0"):
        yield forwarded(f"method {show(method)}", line(method + b" /@@@@/first HTTP/1.1"),
                        want(method.decode()), kept_by=("nginx",))
    for target in (b"a.test:443", b"/@@@@/first", b"a.test", b"http://a.test/", b"*", b"[::1]:443",
                   b"a.test:", b"a.test:0", b"u@a.test:443", b":443", b"a.test:443/@@@@/first"):
        yield refused(f"CONNECT {show(target)}", line(b"CONNECT " + target + b" HTTP/1.1"),
                      400, 405)


# ---- targets ----

def targets():
    for target in (b"/@@@@/", b"/@@@@/first?", b"/@@@@/first?a=b&c", b"/@@@@/a:b@c", b"/@@@@/%20",
                   b"/@@@@/a=b,c+d$e!f'g(h)*", b"/@@@@/%C3%A9", b"/@@@@/first?a=%0d%0aHost:%20b",
                   b"/@@@@/%0d%0aX-A:%20b", b"/@@@@/~a_b-c", b"/@@@@/http:/b.test/",
                   b"/@@@@/first?http://b.test/", b"/@@@@/a|b^c`d{e}", b"/@@@@/\"a\"", b"/@@@@/<a>",
                   b"/@@@@/first??", b"/@@@@/first?a?b", b"/@@@@/first?%zz", b"/@@@@/first?%00",
                   b"/@@@@/a\\b", b"/@@@@/first?a\\b", b"/@@@@/%2e%2e%2e", b"/@@@@/a;b=c"):
        yield forwarded(f"target {show(target)}", line(b"GET " + target + b" HTTP/1.1"),
                        want(target=target.decode()))
    for target in (b"a", b"@@@@/first", b"?a", b"#a", b"/@@@@/first#a", b"/@@@@/first?a#b", b"*",
                   b"**", b"/@@@@/first%", b"/@@@@/first%2", b"/@@@@/first%zz", b"/@@@@/first%0",
                   b"http:", b"http:/", b"http://", b"http:///@@@@/first", b"http:/a.test/@@@@/",
                   b"http:a.test", b"http://?a", b"://a.test/", b"//", b"ftp://a.test/@@@@/first",
                   b"ws://a.test/@@@@/first", b"file:///etc/passwd", b"javascript:alert(1)",
                   b"http://a.test/@@@@/first#a", b"http://[::1/@@@@/first",
                   b"http://a.test:x/@@@@/",
                   b"http://a.test:99999/@@@@/", b"http://a.test:0/@@@@/", b"http://a.test:80:80/",
                   b"http://u@a.test/@@@@/first", b"http://u:p@a.test/@@@@/first",
                   b"http://@a.test/",
                   b"http://a.test\\@b.test/@@@@/", b"http://a.test%00.b/@@@@/",
                   b"http://a%2etest/",
                   b"http://a.test,b.test/@@@@/", b"http://a b/@@@@/",
                   b"http:\\\\a.test\\@@@@", b"http//a.test/@@@@/", b"h2c://a.test/@@@@/first",
                   b"http://[::1]x/@@@@/", b"http://::1/@@@@/", b"http://[a.test]/@@@@/"):
        if target == b"//":
            continue
        yield refused(f"target {show(target)}", line(b"GET " + target + b" HTTP/1.1"))
    yield forwarded("slashes in the path", line(b"GET //@@@@///first// HTTP/1.1"),
                    want(target="/@@@@/first/"))
    yield forwarded("dots in the path", line(b"GET /a/../@@@@/./b/%2e%2E/first HTTP/1.1"),
                    want(target="/@@@@/first"))
    yield forwarded("OPTIONS *", line(b"OPTIONS * HTTP/1.1"), want("OPTIONS", "*"),
                    kept_by=("nginx", "apache"))
    yield refused("OPTIONS with a relative target", line(b"OPTIONS a HTTP/1.1"))


def absolute_targets():
    for target, host, path in (
            (b"http://a.test/@@@@/first", "a.test", "/@@@@/first"),
            (b"http://b.test/@@@@/first", "b.test", "/@@@@/first"),
            (b"http://b.test:8080/@@@@/first?a", "b.test:8080", "/@@@@/first?a"),
            (b"HTTP://b.test/@@@@/first", "b.test", "/@@@@/first"),
            (b"https://b.test/@@@@/first", "b.test", "/@@@@/first"),
            (b"http://[::1]/@@@@/first", "[::1]", "/@@@@/first"),
            (b"http://[::1]:80/@@@@/first", "[::1]:80", "/@@@@/first"),
            (b"http://b.test", "b.test", "/"),
            (b"http://b.test?a=@@@@", "b.test", "/?a=@@@@"),
            (b"http://B.Test/@@@@/first", "B.Test", "/@@@@/first"),
            (b"http://b.test/@@@@/http://c.test/", "b.test", "/@@@@/http:/c.test/")):
        yield forwarded(f"target {show(target)}, Host: a.test",
                        line(b"GET " + target + b" HTTP/1.1"), want(target=path, host=host))
        case = b"X-Case: @@@@\r\n\r\n"
        head = b"GET " + target + b" HTTP/1.1\r\n"
        yield refused(f"target {show(target)}, no Host", head + case)
        yield forwarded(f"target {show(target)}, an empty Host", head + b"Host:\r\n" + case,
                        want(target=path, host=host))
        yield refused(f"target {show(target)}, two Hosts", head + HOST + HOST + case)
        yield refused(f"target {show(target)}, a bad Host", head + b"Host: u@a.test\r\n" + case)
        yield forwarded(f"target {show(target)}, HTTP/1.0, no Host",
                        b"GET " + target + b" HTTP/1.0\r\n" + case,
                        want(target=path, host=host), last=True)
    yield forwarded("OPTIONS http://b.test", line(b"OPTIONS http://b.test HTTP/1.1"),
                    want("OPTIONS", "*", "b.test"), kept_by=("nginx", "apache"))


# ---- Host ----

def hosts():
    head = b"GET /@@@@/first HTTP/1.1\r\n"
    for value in (b"u@a.test", b"u:p@a.test", b"a.test/x", b"a.test/", b"a.test?x", b"a.test#x",
                  b"a.test\\x", b"a.test,b.test", b"a.test, b.test", b"a.test b.test", b"a test",
                  b"a\ttest", b"http://a.test", b"a.test:x", b"a.test:0", b"a.test:-1",
                  b"a.test:65536", b"a.test:80:80", b"a.test:80x", b"a.test:8 0", b":80", b":",
                  b"@",
                  b"[::1", b"::1", b"[::1]x", b"[::g]", b"[]", b"[a.test]", b"[::1]]", b"a%41.test",
                  b"a%00.test", b"\xc3\xa9.test", b"a.test\xa0", b"a\"b", b"'a'\"", b"<a>",
                  b"a.test:+80", b"a.test:0x50", b"a" * 300, b"a^b", b"a|b",
                  b"a`b", b"{a}", b"[fe80::1%25eth0]", b"[v1.a]"):
        yield refused(f"Host {show(value)}", head + b"Host: " + value + b"\r\n\r\n")
    for value in (b"[::1]:", b"a.test:", b"1", b"a.test;b", b"*", b"a(b)", b"a.test=b"):
        yield forwarded(f"Host {show(value)}", head + b"Host: " + value + b"\r\n\r\n",
                        want(host=value.decode()), kept_by=("apache",))
    for value in (b"a.test:80", b"A.TEST", b"a.test.", b"a_b.test", b"127.0.0.1", b"[::1]",
                  b"[::1]:8080", b"localhost", b"-a.test", b"xn--e1afmkfd.test", b"a.test:00080"):
        yield forwarded(f"Host {show(value)}", head + b"Host: " + value + b"\r\n\r\n",
                        want(host=value.decode()))
    for fields in (b"", HOST + HOST, HOST + b"Host: b.test\r\n", b"Host: b.test\r\n" + HOST,
                   HOST + b"host: b.test\r\n", HOST + b"X-A: b\r\nHOST: b.test\r\n",
                   HOST + b"Host:\r\n", b"Host:\r\n" + HOST, b"Host:\r\nHost:\r\n",
                   b"Host : a.test\r\n",
                   b"Host\t: a.test\r\n", b" Host: a.test\r\n", HOST + b"Host : b.test\r\n",
                   HOST + b" Host: b.test\r\n", b"X-A: b\r\n", b"Hos_t: a.test\r\n",
                   b"Host\0: a.test\r\n",
                   HOST + HOST + HOST, b"Host a.test\r\n", b"Host= a.test\r\n"):
        yield refused(f"fields {show(fields)}", head + fields + b"\r\n")
    yield refused("HTTP/1.0 with two Hosts",
                  b"GET /@@@@/first HTTP/1.0\r\n" + HOST + HOST + b"\r\n")
    yield forwarded("HTTP/1.0 with a Host", b"GET /@@@@/first HTTP/1.0\r\n" + HOST + b"\r\n", GOT,
                    last=True)
    yield forwarded("Host as the last field", head + b"X-A: b\r\n" + HOST + b"\r\n", GOT)
    yield forwarded("a forged forwarded host", head + HOST + b"X-Forwarded-Host: b.test\r\n\r\n",
                    GOT)


# ---- Connection and its kin ----

def connections():
    for option in (b"Content-Length", b"content-length", b"close, Content-Length, keep-alive",
                   b"Transfer-Encoding", b"Host", b"Connection", b"X-Case", b"keep-alive, Host",
                   b",,Content-Length,,", b"Trailer", b"TE, Content-Length", b"*",
                   b"X-Forwarded-For"):
        field = b"Connection: " + option + b"\r\n"
        last = b"close" in option
        yield forwarded(f"Connection {show(option)} and a length", post(FIVE + field, b"hello"),
                        POSTED, last=last)
        yield forwarded(f"Connection {show(option)} and chunks", post(field + CHUNKED, HELLO),
                        POSTED, last=last)
    for field in (b"Connection: close", b"Connection: CLOSE", b"connection: keep-alive, close",
                  b"Connection: keep-alive\r\nConnection: close"):
        yield forwarded(f"field {show(field)}", post(FIVE + field + b"\r\n", b"hello"), POSTED,
                        last=True)
    for field in (b"Connection: keep-alive", b"Proxy-Connection: close", b"Keep-Alive: timeout=5",
                  b"TE: trailers", b"TE: chunked", b"TE: gzip;q=1, trailers",
                  b"Trailer: Content-Length",
                  b"Connection:", b"Connection: ,", b"Connection: \xe9", b"X-A: Connection: close",
                  b"Upgrade: websocket", b"Upgrade: h2c", b"Connection: upgrade",
                  b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Content-Encoding: chunked",
                  b"Content-Transfer-Encoding: chunked", b"Content-Range: bytes 0-4/5",
                  b"X-HTTP-Method-Override: PUT", b"Forwarded: host=b.test",
                  b"X-Original-URL: /b", b"Via: 1.0 a",
                  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="):
        yield forwarded(f"field {show(field)}", post(FIVE + field + b"\r\n", b"hello"), POSTED)
        yield forwarded(f"field {show(field)} and chunks", post(field + b"\r\n" + CHUNKED, HELLO),
                        POSTED)


def upgrades():
    for token in (b"h2c", b"H2C", b"h2c, websocket", b"websocket, h2c", b"h2", b"HTTP/2.0",
                  b"h2c/1",
                  b"TLS/1.0", b"websocket", b"WebSocket", b"x", b"HTTP/1.1", b"", b"h2c;q=1",
                  b"websocket h2c", b"websocket. h2c", b"websocket, @h2c", b"websocket;h2c",
                  b"\xe9, websocket"):
        fields = (b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + token +
                  b"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
        # HAProxy wants a key with a WebSocket that has no body.
        keyless = token.lower() == b"websocket"
        yield forwarded(f"an upgrade to {show(token)}", post(fields), EMPTY,
                        kept_by=("haproxy",) if keyless else ())
        yield forwarded(f"an upgrade to {show(token)} with a body", post(FIVE + fields, b"hello"),
                        POSTED)
        yield forwarded(f"an upgrade to {show(token)} with chunks", post(CHUNKED + fields, HELLO),
                        POSTED)
    socket = (b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    yield forwarded("a WebSocket of no version, a request behind", post(socket, SMUGGLED),
                    EMPTY, want(target="/@@@@/smuggled"))
    yield forwarded("an upgrade on two lines", post(socket + b"Upgrade: h2c\r\n"), EMPTY)


def expectations():
    field = b"Expect: 100-continue\r\n"
    yield forwarded("Expect and a length", post(FIVE + field, b"hello"), POSTED)
    yield forwarded("Expect and chunks", post(CHUNKED + field, HELLO), POSTED)
    yield forwarded("Expect without a body", post(field), EMPTY)
    yield forwarded("Expect in HTTP/1.0", line(b"POST /@@@@/first HTTP/1.0", FIVE + field) +
                    b"hello", POSTED, last=True)
    yield forwarded("Expect twice", post(FIVE + field + field, b"hello"), POSTED)
    for value in (b"x", b"", b"100-continue, x", b"100-continue;a", b"100", b"200-ok",
                  b"100-continue 100-continue", b"\xe9100-continue"):
        yield refused(f"Expect {show(value)}", post(FIVE + b"Expect: " + value + b"\r\n", b"hello"),
                      417)


# ---- limits, and one after the other ----

def limits():
    yield refused("a head without end", HEAD + HOST + b"X-A: " + b"b" * 30000 + b"\r\n\r\n", 431)
    yield refused("a target without end", line(b"GET /@@@@/" + b"a" * 30000 + b" HTTP/1.1"), 414)
    yield refused("a method without end", b"A" * 30000, 414)
    yield refused("fields without end", HEAD + HOST + b"X-A: b\r\n" * 2000 + b"\r\n", 431)
    yield refused("a name without end", HEAD + HOST + b"X" * 30000 + b": b\r\n\r\n", 431)


def pipelines():
    get = b"GET /@@@@/%s HTTP/1.1\r\n" + HOST + b"\r\n"
    seconds = [want(target=f"/@@@@/{word}") for word in ("second", "third")]
    yield forwarded("three at once", get % b"first" + get % b"second" + get % b"third",
                    GOT, *seconds)
    yield forwarded("three behind a length", post(FIVE, b"hello") + get % b"second" +
                    get % b"third", POSTED, *seconds)
    yield forwarded("three behind chunks", post(CHUNKED, HELLO) + get % b"second" +
                    get % b"third", POSTED, *seconds)
    yield forwarded("an empty line between", post(FIVE, b"hello") + b"\r\n" + get % b"second",
                    POSTED, seconds[0])
    yield forwarded("HEAD, then GET", b"HEAD /@@@@/first HTTP/1.1\r\n" + HOST + b"\r\n" +
                    get % b"second", want("HEAD"), seconds[0])


GROUPS = (transfer_encodings, near_names, lengths, chunk_sizes, chunk_ends, trailers, folds,
          bytes_in_places, versions, first_lines, methods, targets, absolute_targets, hosts,
          connections, upgrades, expectations, limits, pipelines)


def all_cases():
    """All cases, in order of their numbers. What two groups have in common is there once."""
    unique = {}
    for group in GROUPS:
        for case in group():
            same = unique.setdefault(case.data, case)
            assert (same.kind, same.wants) == (case.kind, case.wants), (same.name, case.name)
    cases = [case.numbered(number) for number, case in enumerate(unique.values())]
    assert len({case.name for case in cases}) == len(cases), "two cases of one name"
    return cases
