"""What can go wrong in the demo."""

from rollup.errors import PlumblineError


class DemoError(PlumblineError):
    """A party of the demo ended too early, or what was asked for cannot be shown."""

    code = "demo"
