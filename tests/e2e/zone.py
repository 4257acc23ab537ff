# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server for DNS-01, made with dnspython: it is the recursive server of Weir and of the CA,
has two zones of its own, and takes RFC 2136 updates, signed if it has a key."""

import socket
import socketserver
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update

ZONES = ("example.test.", "delegated.test.")
SOA = "ns1.{0} hostmaster.{0} 1 3600 600 86400 0"


class Zones:
    """`texts` are the TXT values of a name; `cnames` and `hosts` as they say. A name in `blind`
    is not found for so many questions for its TXT record."""

    def __init__(self, key=None, truncate=False, address="127.0.0.1", port=0):
        self.texts, self.cnames, self.hosts, self.blind = {}, {}, {}, {}
        self.asked, self.updates, self.truncate = [], [], truncate
        self.lock = threading.Lock()
        self.keyring = dns.tsigkeyring.from_text(key) if key else None
        self.servers = self._bind(address, port)
        self.host, self.port = self.servers[0].server_address
        self.address = f"{self.host}:{self.port}"
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def _bind(self, address, port):
        """Both kinds at one port: the first is chosen by the kernel, the second may be taken."""
        for _ in range(50):
            tcp = _Tcp((address, port), self)
            try:
                return [tcp, _Udp(tcp.server_address, self)]
            except OSError:
                tcp.server_close()
        raise OSError(f"no port at {address} is free for both TCP and UDP")

    def add_text(self, name, value):
        with self.lock:
            self.texts.setdefault(name.lower(), []).append(value)

    def remove_text(self, name, value):
        with self.lock:
            values = self.texts.get(name.lower(), [])
            if value in values:
                values.remove(value)
            if not values:
                self.texts.pop(name.lower(), None)

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    # ---- messages ----

    def answer(self, wire, over_tcp):
        try:
            query = dns.message.from_wire(wire, keyring=self.keyring or {})
        except (dns.tsig.PeerError, dns.message.UnknownTSIGKey, dns.tsig.BadSignature,
                dns.tsig.BadKey):
            return wire[:2] + struct.pack(">HHHHH", 0x8000 | 5 << 11 | 9, 0, 0, 0, 0)
        response = dns.message.make_response(query, recursion_available=True)
        if query.opcode() == dns.opcode.UPDATE:
            response.set_rcode(self._update(query))
            return response.to_wire()
        name, kind = query.question[0].name.to_text().lower(), query.question[0].rdtype
        self.asked.append((name, dns.rdatatype.to_text(kind), "tcp" if over_tcp else "udp"))
        if self.truncate and not over_tcp:
            response.flags |= dns.flags.TC
            return response.to_wire()
        self._look_up(response, name, kind)
        return response.to_wire()

    def _look_up(self, response, name, kind):
        def add(owner, found, *values):
            response.answer.append(dns.rrset.from_text(owner, 60, "IN", found, *values))
        with self.lock:
            while name in self.cnames:
                add(name, "CNAME", self.cnames[name])
                if kind == dns.rdatatype.CNAME:
                    return
                name = self.cnames[name]
            if kind == dns.rdatatype.TXT and self.blind.get(name, 0) > 0:
                self.blind[name] -= 1
                response.set_rcode(dns.rcode.NXDOMAIN)
            elif kind == dns.rdatatype.TXT and self.texts.get(name):
                add(name, "TXT", *(f'"{value}"' for value in self.texts[name]))
            elif kind == dns.rdatatype.SOA and name in ZONES:
                add(name, "SOA", SOA.format(name))
            elif kind == dns.rdatatype.NS and name in ZONES:
                add(name, "NS", f"ns1.{name}", f"ns2.{name}")
            elif kind == dns.rdatatype.A:
                add(name, "A", self.hosts.get(name, "127.0.0.1"))

    def _update(self, query):
        zone = query.zone[0].name
        if self.keyring and not query.had_tsig:
            return dns.rcode.REFUSED
        if zone.to_text() not in ZONES:
            return dns.rcode.NOTAUTH
        for rrset in query.update:
            name = rrset.name.derelativize(zone)
            if not name.is_subdomain(zone) or rrset.rdtype != dns.rdatatype.TXT:
                return dns.rcode.NOTZONE
            for rdata in rrset:
                value = b"".join(rdata.strings).decode()
                gone = rrset.deleting == dns.rdataclass.NONE
                self.updates.append(("remove" if gone else "add", zone.to_text(),
                                     name.to_text(), value))
                (self.remove_text if gone else self.add_text)(name.to_text(), value)
        return dns.rcode.NOERROR


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 65535

    def __init__(self, address, zones):
        self.zones = zones
        super().__init__(address, _UdpHandler)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address = True, True

    def __init__(self, address, zones):
        self.zones = zones
        super().__init__(address, _TcpHandler)


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self):
        wire, reply = self.request
        try:
            reply.sendto(self.server.zones.answer(wire, False), self.client_address)
        except dns.exception.DNSException:
            pass


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self):
        stream = self.request.makefile("rb")
        try:
            size = struct.unpack(">H", stream.read(2))[0]
            answer = self.server.zones.answer(stream.read(size), True)
            self.request.sendall(struct.pack(">H", len(answer)) + answer)
        except (dns.exception.DNSException, struct.error, OSError):
            pass


def own_address():
    """An address of this machine where port 53 is free and ours to take, or None."""
    import os
    for _ in range(10):
        address = "127.%d.%d.%d" % tuple(1 + byte % 250 for byte in os.urandom(3))
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((address, 53))
            return address
        except OSError:
            continue
    return None
