"""A form of type multipart/form-data (RFC 7578) as it comes in: part by part, nothing kept."""

from dataclasses import dataclass

from python_multipart.multipart import MultipartParser, parse_options_header

from evidence.errors import UsageError

_ADVICE = "Send the form with a current browser."


@dataclass(frozen=True, slots=True)
class Part:
    """The beginning of a part; `filename` as the browser sent it, None for a field that is not a file."""

    name: str
    filename: bytes | None


@dataclass(frozen=True, slots=True)
class End:
    """The end of the part that began last."""


Event = Part | bytes | End


class FormReader:
    """Takes the body in pieces of any size and tells what is in it; raises UsageError for what is no form."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise UsageError("This is not a form with files.", advice=_ADVICE)
        self._events: list[Event] = []
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self.is_complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._named,
                    "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
                    "on_part_end": lambda: self._events.append(End()),
                    "on_end": self._complete,
                },
            )
        except ValueError as error:  # the parser's own errors are ValueErrors
            raise UsageError(f"The form cannot be read: {error}.", advice=_ADVICE) from error

    def feed(self, data: bytes) -> list[Event]:
        """What ends or begins in the next piece of the body, in order."""
        try:
            self._parser.write(data)
        except ValueError as error:
            raise UsageError(f"The form cannot be read: {error}.", advice=_ADVICE) from error
        events, self._events = self._events, []
        return events

    def _begin(self) -> None:
        self._disposition = b""

    def _end_header(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            self._disposition = value

    def _named(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._events.append(Part(name, options.get(b"filename")))

    def _complete(self) -> None:
        self.is_complete = True
