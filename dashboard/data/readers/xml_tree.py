"""XML that nobody vouches for: bounded, and without own document types, entities or addresses."""

import re
from math import isfinite
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from dashboard.data.readers.errors import DamagedFile, UnsafeFile, short
from dashboard.data.readers.files import File

MOST_BYTES = 64 * 1024**2
# Each "<" can become an element and each "=" an attribute: counted before anything is built.
MOST_MARKS = 1_000_000
MOST_DEPTH = 64
HEAD_BYTES = 8192
LONGEST_SHOWN = 30

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PROLOG = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ROOT = re.compile(r"\s*<(?:[\w.-]+:)?([\w.-]+)")
_CUT_OFF = frozenset(
    expat.errors.codes[getattr(expat.errors, name)]
    for name in (
        "XML_ERROR_NO_ELEMENTS",
        "XML_ERROR_UNCLOSED_TOKEN",
        "XML_ERROR_PARTIAL_CHAR",
        "XML_ERROR_UNCLOSED_CDATA_SECTION",
    )
)


def root_name(file: File) -> str | None:
    """The name of the outermost element as the first bytes show it, without its prefix.

    None where they are not the start of an XML document.
    """
    head = file.head(HEAD_BYTES)
    if head.startswith(_UTF16_MARKS):
        text = head[: len(head) & ~1].decode("utf-16", errors="replace")
    else:
        text = head.decode("utf-8-sig", errors="replace")
    if not text.lstrip().startswith("<"):
        return None
    found = _ROOT.match(_PROLOG.sub("", text))
    return found[1] if found else None


def parse_xml(file: File) -> Element:
    """The tree of `file`; names of elements and attributes lose their namespace prefix.

    A document type is read over and what it names is never opened. Raises UnsafeFile for one that
    declares anything, for an entity that XML itself does not define, and beyond `MOST_BYTES`,
    `MOST_MARKS` and `MOST_DEPTH`; DamagedFile for what is not well-formed.
    """
    if file.size > MOST_BYTES:
        raise UnsafeFile(
            f"{file.shown} has {file.size:,} bytes, at most {MOST_BYTES:,} of XML are read: "
            "export a shorter recording."
        )
    data = file.read()
    marks = max(data.count(b"<"), data.count(b"="))
    if marks > MOST_MARKS:
        raise UnsafeFile(
            f"{file.shown} has {marks:,} elements or attributes, at most {MOST_MARKS:,} are read: "
            "it is no recording, or far too long; export a shorter one."
        )
    handlers = _Handlers(file)
    # All bytes at once: expat 2.5 takes quadratic time for a long token that comes in pieces.
    parser = expat.ParserCreate(_encoding(data))
    parser.buffer_text = True
    parser.StartElementHandler = handlers.start
    parser.EndElementHandler = handlers.end
    parser.CharacterDataHandler = handlers.builder.data
    parser.StartDoctypeDeclHandler = handlers.doctype
    parser.EntityDeclHandler = handlers.entity_declared
    parser.SkippedEntityHandler = handlers.entity_used
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise _not_well_formed(file, error) from error
    except LookupError as error:
        raise DamagedFile(
            f"{file.shown} names a text encoding that does not exist: expected UTF-8, UTF-16 or "
            "ISO-8859-1; get a fresh export."
        ) from error
    return handlers.builder.close()


def _encoding(data: bytes) -> str | None:
    """What to tell the parser: programs write "utf-16" above text that they then store as UTF-8."""
    return "utf-8" if b"utf-16" in data[:200].lower() else None


class _Handlers:
    """What happens at each event of the parser."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.builder = TreeBuilder()
        self.depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise UnsafeFile(
                f"{self.file.shown} nests elements more than {MOST_DEPTH} deep, which no "
                "recording does: get a fresh export."
            )
        plain = {_plain(key): value for key, value in attributes.items()}
        self.builder.start(_plain(name), plain)

    def end(self, name: str) -> None:
        self.depth -= 1
        self.builder.end(_plain(name))

    def doctype(self, name: str, system: str | None, public: str | None, declares: bool) -> None:
        if declares:
            raise UnsafeFile(
                f"{self.file.shown} declares a document type of its own (DTD), which could define "
                "entities that fill the memory or open other files: remove its DOCTYPE."
            )

    def entity_declared(self, name: str, *_: object) -> None:
        raise UnsafeFile(f"{self.file.shown} declares the entity {short(name)}: remove it.")

    def entity_used(self, name: str, *_: object) -> None:
        raise UnsafeFile(
            f"{self.file.shown} uses the entity {short(name)!r}, which only another file could "
            "define; other files are never opened: remove it."
        )


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def _not_well_formed(file: File, error: expat.ExpatError) -> DamagedFile:
    if error.code in _CUT_OFF:
        return DamagedFile(
            f"{file.shown} ends in the middle (line {error.lineno}), before its last element is "
            "closed: copy it again."
        )
    return DamagedFile(
        f"{file.shown} is not well-formed XML (line {error.lineno}, {expat.ErrorString(error.code)}"
        "): get a fresh export."
    )


def text_at(element: Element, path: str) -> str:
    """The text of the first element at `path` below `element`, "" where there is none."""
    return (element.findtext(path) or "").strip()


def number(text: str | None) -> float | None:
    """The finite number that `text` is, with a decimal point or comma; None for other text."""
    plain = (text or "").strip().replace(",", ".")
    if len(plain) > LONGEST_SHOWN or not _NUMBER.fullmatch(plain):
        return None
    value = float(plain)
    return value if isfinite(value) else None


def shown(text: str) -> str:
    """A piece of the file's own text as a message may quote it."""
    return repr(short(text, LONGEST_SHOWN))
