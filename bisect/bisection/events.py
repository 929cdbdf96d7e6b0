"""Logs as events: a name, and bound context as key=value pairs.

A record's message reads `game.answered claim=0x12.. part=3`; the same pairs are in its attribute
`fields` for handlers that write JSON, its name in `event`.
"""

import logging
from collections.abc import Mapping


class Events:
    """A logger with context bound to it; `bind` adds more."""

    __slots__ = ("_context", "_logger")

    def __init__(self, logger: logging.Logger, **context: object) -> None:
        self._logger = logger
        self._context = context

    def bind(self, **context: object) -> "Events":
        """The same logger with more context."""
        return Events(self._logger, **(self._context | context))

    def debug(self, event: str, **fields: object) -> None:
        """What happened, in detail."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """What went as it should."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """What will be tried again."""
        self._log(logging.WARNING, event, fields)

    def critical(self, event: str, **fields: object) -> None:
        """What needs a person now."""
        self._log(logging.CRITICAL, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """What nobody expected, with the current exception's trace."""
        self._log(logging.ERROR, event, fields, exc_info=True)

    def _log(
        self, level: int, event: str, fields: Mapping[str, object], exc_info: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            pairs = {key: _text(value) for key, value in {**self._context, **fields}.items()}
            message = " ".join([event, *(f"{key}={value}" for key, value in pairs.items())])
            extra = {"event": event, "fields": pairs}
            self._logger.log(level, message, exc_info=exc_info, extra=extra, stacklevel=3)


def _text(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else value
