"""Addresses that others can reach this computer by."""

from __future__ import annotations

import socket

import pytest

from nucseg_tf.annotation.editor import addresses
from nucseg_tf.annotation.editor.addresses import hosts_of, interfaces, url
from nucseg_tf.annotation.editor.server import listen

FOUR = ["127.0.0.1", "192.168.7.1", "10.0.0.5"]


def lookup(table):
    def find(name, port, family=0, *rest, **more):
        found = [a for a in table.get(name, ()) if family in (0, of(a))]
        if not found:
            raise socket.gaierror("unknown")
        return [(of(a), 0, 0, "", (a, 0)) for a in found]

    return find


def of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.fixture
def machine(monkeypatch):
    """A computer with two cards; its name means what a test says."""

    def make(*means: str) -> None:
        monkeypatch.setattr(socket, "gethostname", lambda: "lab7")
        monkeypatch.setattr(socket, "getaddrinfo", lookup({"lab7": means}))
        monkeypatch.setattr(addresses, "_towards_others", lambda family: _four(family, "10.0.0.5"))
        monkeypatch.setattr(
            addresses, "_all_ipv4", lambda: ["127.0.0.1", "192.168.7.1", "10.0.0.5"]
        )
        monkeypatch.setattr(addresses, "_all_ipv6", lambda: ["::1", "fe80::1", "fd00::2"])

    return make


def _four(family, address):
    return [address] if family == socket.AF_INET else []


def test_a_name_that_means_this_computer_comes_first(machine):
    with listen("0.0.0.0", 0) as listener:
        machine("10.0.0.5")
        assert hosts_of("0.0.0.0", listener) == ["lab7", "10.0.0.5", "192.168.7.1"]


@pytest.mark.parametrize("means", [(), ("127.0.1.1",), ("10.9.9.9",)])
def test_a_name_that_means_nothing_to_others_is_left_out(machine, means):
    with listen("0.0.0.0", 0) as listener:
        machine(*means)
        found = hosts_of("0.0.0.0", listener)
    assert found[0] == "10.0.0.5"
    assert "lab7" not in found


def test_all_addresses_of_both_kinds_where_both_are_listened_on(machine):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with listen("::", 0) as listener:
        only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        machine()
        found = hosts_of("::", listener)
    assert found == (["fd00::2"] if only else ["10.0.0.5", "192.168.7.1", "fd00::2"])


def test_what_was_asked_for_is_what_is_said(machine):
    with listen("127.0.0.1", 0) as listener:
        assert hosts_of("127.0.0.1", listener) == ["127.0.0.1"]


def test_addresses_of_this_machine_are_no_loopback():
    for family in (socket.AF_INET, socket.AF_INET6):
        for address in interfaces(family):
            assert of(address) == family
            assert not address.startswith(("127.", "::1", "fe80"))


def test_addresses_of_six_parts_have_brackets():
    assert url("fd00::2", 80, "t") == "http://[fd00::2]:80/#token=t"
    assert url("lab7", 80, "t") == "http://lab7:80/#token=t"
