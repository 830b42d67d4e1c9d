"""Names and values of a row as people write them: "Negative Prompt" is a field of a request, "8" is a number."""

from __future__ import annotations

import dataclasses
import math
import re
import unicodedata
from typing import Any

from afterimage.domain.request import ImageRequest

# An input picture is one person's upload of a day; a campaign runs when it is gone.
_NOT_IN_ROWS = frozenset({"email", "upload", "strength"})
# In the order in which combinations are made: the first changes slowest.
REQUEST_FIELDS = tuple(field.name for field in dataclasses.fields(ImageRequest) if field.name not in _NOT_IN_ROWS)
_WHOLE = frozenset({"count", "seed", "width", "height", "steps"})
_DECIMAL = frozenset({"guidance"})
# Whom to tell is the campaign's: its one mail goes to its recipients, and a row has none.
RECIPIENTS = frozenset({"email", "e_mail", "notify", "notify_email", "notify.email", "recipient", "recipients"})
# What an annotated copy adds: left aside, so that it can be mended and sent again.
ANNOTATIONS = ("check_line", "check_problem", "check_rows", "check_dollars", "check_moderation")

# Of the columns that only come along. A row of a hundred thousand is read again for each picture.
MAX_COLUMNS = 50
MAX_NAME_CHARACTERS = 100
MAX_COLUMN_CHARACTERS = 1000

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_PARTING = re.compile(r"[\s\-_]+")
# No number of a request has more digits; Python would take minutes to read one of a million.
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.0{1,20})?")
_DECIMAL_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class ValueProblem(ValueError):
    """Raised for a value that its field cannot have, with a machine code and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def folded(name: str) -> str:
    """Return a column's name as it is compared: case, blanks, hyphens and full-width letters make no difference."""
    return _PARTING.sub("_", unicodedata.normalize("NFKC", name).strip().casefold()).strip("_")


def read_value(field: str, value: Any) -> Any:
    """Return what a request takes for `field`, None for nothing said. Raises ValueProblem."""
    if isinstance(value, (list, dict)):
        raise ValueProblem("value_nested", f"{field} must be one value, not a list or an object.")
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if field in _WHOLE:
        return _whole(field, value)
    if field in _DECIMAL:
        return _decimal(field, value)
    if not isinstance(value, str):
        raise ValueProblem("value_not_text", f"{field} must be text.")
    return value.strip()


def read_column(value: Any) -> str:
    """Return the text of a column that comes along. Raises ValueProblem."""
    if isinstance(value, (list, dict)):
        raise ValueProblem("value_nested", "A column must be one value, not a list or an object.")
    text = _plain(value)
    if len(text) > MAX_COLUMN_CHARACTERS:
        raise ValueProblem(
            "column_too_long", f"A column must be at most {MAX_COLUMN_CHARACTERS} characters, not {len(text)}."
        )
    if not is_writable(text):
        raise ValueProblem("value_not_text", "A column must be text: it holds a NUL or half a character.")
    return text


def is_writable(text: str) -> bool:
    """False for what a file in UTF-8 cannot hold, or cannot hold for every reader: half a surrogate pair, NUL."""
    return not _UNWRITABLE.search(text)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _whole(field: str, value: Any) -> int:
    if isinstance(value, str):
        text = value.strip()
        if not _WHOLE_NUMBER.fullmatch(text):
            raise _no_number(field, text, "value_not_whole", "a whole number, such as 8")
        return int(text.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueProblem("value_not_whole", f"{field} must be a whole number, such as 8.")
    return value


def _decimal(field: str, value: Any) -> float:
    if isinstance(value, str):
        text = value.strip()
        if not _DECIMAL_NUMBER.fullmatch(text):
            raise _no_number(field, text, "value_not_number", "a number, such as 7.5")
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueProblem("value_not_number", f"{field} must be a number, such as 7.5.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueProblem("value_not_number", f"{field} must be a smaller number.")
    return number


def _no_number(field: str, text: str, code: str, wanted: str) -> ValueProblem:
    if _DECIMAL_COMMA.fullmatch(text):
        return ValueProblem(code, f"{field} must be {wanted}: decimals are written with a point, not with a comma.")
    return ValueProblem(code, f"{field} must be {wanted}.")
