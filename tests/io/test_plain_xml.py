from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from nucseg_tf.errors import DataError, ImageReadError
from nucseg_tf.io import plain_xml
from nucseg_tf.io.plain_xml import Around, Element, parse_text, read_elements


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "a.xml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_elements_come_as_they_end_without_prefixes(written):
    path = written(
        '<b:top xmlns:b="urn:x" b:n="1">\n  <b:in k="v"> a &amp; <i>x</i>b </b:in>\n</b:top>'
    )
    top, inner = Around("top", {"b": "urn:x", "n": "1"}), Around("in", {"k": "v"})
    found = list(read_elements(path))
    assert found == [
        Element("i", {}, "x", (top, inner)),
        Element("in", {"k": "v"}, "a & b", (top,)),
        Element("top", {"b": "urn:x", "n": "1"}, "", ()),
    ]
    assert [element.parent for element in found] == [inner.attributes, top.attributes, {}]


def test_other_encodings_are_read(written):
    text = '<?xml version="1.0" encoding="utf-16"?><a>µm</a>'
    assert next(read_elements(written(text.encode("utf-16")))).text == "µm"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "boom">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    ],
)
def test_document_types_are_refused_in_any_encoding(written, text):
    path = written(text.encode("utf-16") if "utf-16" in text else text)
    with pytest.raises(DataError, match=r"a\.xml: .*declares a document type"):
        list(read_elements(path))


def test_a_document_type_may_be_named_but_declare_nothing(written):
    path = written('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd"><svg/>')
    assert [element.tag for element in read_elements(path, doctype=True)] == ["svg"]
    path = written('<!DOCTYPE svg [<!ATTLIST svg x CDATA "boom">]><svg/>')
    with pytest.raises(DataError, match="declares entities"):
        list(read_elements(path, doctype=True))


@pytest.mark.parametrize(
    "text",
    [
        *("", "<a>", "<a></b>", "no", "<a/><b/>", b"\x00\xff\x00"),
        '<?xml version="1.0" encoding="utf7"?><a/>',
        '<?xml version="1.0" encoding="none"?><a/>',
    ],
)
def test_what_is_no_xml_is_an_error_that_names_the_file(written, text):
    with pytest.raises(DataError, match=r"a\.xml: cannot be read as XML"):
        list(read_elements(written(text)))


def test_depth_text_and_size_have_limits(written, monkeypatch):
    monkeypatch.setattr(plain_xml, "MAX_DEPTH", 3)
    monkeypatch.setattr(plain_xml, "MAX_TEXT", 5)
    assert len(list(read_elements(written("<a><a><a>12345</a></a></a>")))) == 3
    for text, message in (
        ("<a><a><a><a/></a></a></a>", "deeper than 3"),
        ("<a>123456</a>", "more than 5"),
    ):
        with pytest.raises(DataError, match=message):
            list(read_elements(written(text)))
    monkeypatch.setattr(plain_xml, "MAX_BYTES", 2**20)
    monkeypatch.setattr(plain_xml, "MAX_TEXT", 2**20)
    with pytest.raises(DataError, match="larger than 1 MiB"):
        list(read_elements(written("<a>" + "b" * 2**20 + "</a>")))


def test_a_long_list_of_blanks_is_no_long_text(written):
    assert len(list(read_elements(written("<a>" + "\n<b/>" * 70_000 + "</a>")))) == 70_001


def test_who_stops_early_does_not_see_what_is_wrong_later(written):
    text = "<a><b/>" + " " * 2 * plain_xml.CHUNK + "</wrong>"
    assert next(read_elements(written(text))).tag == "b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        ("<a>" * 100 + "</a>" * 100, "nested deeper"),
    ],
)
def test_texts_of_metadata_do_no_harm(text, told):
    with pytest.raises(ImageReadError, match=rf"a\.czi: .*{told}"):
        parse_text(Path("a.czi"), text)


def test_texts_of_metadata_are_trees():
    root = parse_text(Path("a.czi"), '<a><b c="\u00b5m">d</b></a>'.encode())
    assert (root.findtext("b"), root.find("b").get("c")) == ("d", "\u00b5m")
    with pytest.raises(ElementTree.ParseError):
        parse_text(Path("a.czi"), "no XML")
