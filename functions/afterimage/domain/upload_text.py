"""From the bytes of an upload to its text: which encoding it has is found out, and said.

Nothing here raises for what a person may send: a file that is no text is told as a problem.
"""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

# One row with all its columns. A quote that is never closed would otherwise swallow the rest of the file.
MAX_RECORD_CHARACTERS = 131_072
_CHUNK_BYTES = 65_536
_HEAD_BYTES = 4096
# So many zeros are no slip of a keyboard but two bytes a character, or no text at all.
_ZEROS_OF_OTHER_ENCODINGS = 8

_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_TITLES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class NotTextError(ValueError):
    """Raised for an upload that cannot be read as text, with a machine code and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How an upload is read; `warning` where that is a guess."""

    name: str
    warning: str | None = None

    @property
    def title(self) -> str:
        """Return the name that people know it by."""
        return _TITLES[self.name]


def find_encoding(file: BinaryIO) -> Encoding:
    """Read all of `file` and return what it is written in: by its first bytes, else UTF-8 where that holds
    throughout, else Windows-1252. Raises NotTextError."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head.startswith(_SPREADSHEETS):
        raise NotTextError("upload_is_spreadsheet", "This is a spreadsheet's own file. Save it as CSV and send that.")
    if not head.startswith(_UTF_32):
        for bom, name in _BOMS:
            if head.startswith(bom):
                if not _decodes(file, name):
                    raise NotTextError(
                        "encoding_broken", f"The file begins as {_TITLES[name]} and is not {_TITLES[name]} throughout."
                    )
                return Encoding(name=name)
    if head.startswith(_UTF_32) or head.count(0) * _ZEROS_OF_OTHER_ENCODINGS > len(head):
        raise NotTextError(
            "encoding_unknown", "The file is neither UTF-8 nor UTF-16 with its mark in front. Save it as UTF-8."
        )
    if _decodes(file, "utf-8"):
        return Encoding(name="utf-8")
    warning = "The file is not UTF-8 and was read as Windows-1252. Look whether letters with accents came out right."
    return Encoding(name="cp1252", warning=warning)


class _Lent(io.BufferedIOBase):
    """A file that whoever reads its text does not close: it belongs to the caller, and is read more than once."""

    name = "upload"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    read1 = read


def open_text(file: BinaryIO, encoding: Encoding, newline: str | None = "") -> io.TextIOWrapper:
    """Return the text from its beginning, line ends as they are. Windows-1252 leaves five bytes undefined."""
    file.seek(0)
    return io.TextIOWrapper(_Lent(file), encoding=encoding.name, errors="replace", newline=newline)


def first_character(file: BinaryIO, encoding: Encoding) -> str:
    """Return the first character that is no white space, empty for none."""
    text = open_text(file, encoding)
    while chunk := text.read(_CHUNK_BYTES):
        if begun := chunk.lstrip():
            return begun[0]
    return ""


def _decodes(file: BinaryIO, name: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        while chunk := file.read(_CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class TooLongError(ValueError):
    """Raised by `Lines` when what is held of one record is longer than a record may be."""


class Lines:
    """Physical lines with their numbers. What a broken record has swallowed can be given back, all but its first line:
    so one lost quote costs one line, and what follows is checked."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._characters = 0
        self.number = 0
        self.held: list[str] = []

    def begin(self) -> None:
        """Begin a record: nothing is held of it yet."""
        self.held = []
        self._characters = 0

    @property
    def first_number(self) -> int:
        """Return the number of the first line that is held."""
        return self.number - len(self.held) + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.held.append(line)
        self._characters += len(line)
        if self._characters > MAX_RECORD_CHARACTERS:
            raise TooLongError
        return line

    def give_back(self, keep: int = 1) -> None:
        """Have every held line but the first come again, or the first as well."""
        again = self.held[keep:]
        self.number -= len(again)
        self.held = self.held[:keep]
        self._again.extendleft(reversed(again))

    def _read(self) -> str:
        line = rest = self._text.readline(MAX_RECORD_CHARACTERS + 1)
        while len(rest) > MAX_RECORD_CHARACTERS and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(MAX_RECORD_CHARACTERS + 1)  # of a line too long nothing else is kept
        return line
