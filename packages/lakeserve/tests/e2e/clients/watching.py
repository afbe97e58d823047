"""Writes down which calls of a client a program makes, without changing what they do."""

import inspect
import json

PLAIN = (str, bytes, int, float, type(None))


class Watched:
    """A client, or a part of one, whose calls are written down by their dotted names."""

    def __init__(self, thing, made, path=""):
        self._thing, self._made, self._path = thing, made, path

    def __getattr__(self, name):
        value = getattr(self._thing, name)
        path = f"{self._path}.{name}" if self._path else name
        if isinstance(value, PLAIN):
            return value
        if not (inspect.ismethod(value) or inspect.isfunction(value)):
            return Watched(value, self._made, path)

        def call(*arguments, **fields):
            self._made.add(path)
            return value(*arguments, **fields)

        return call


class Calls:
    """The calls that one program makes.

    Attributes:
        made: Their names.
        offered: All that the watched parts of the client could be asked.
    """

    def __init__(self):
        self.made, self.offered = set(), set()

    def watch(self, client, *parts, prefix=""):
        """The client with its calls written down; ``parts`` are those that are driven whole."""
        for part in parts:
            thing = client
            for name in part.split(".") if part else ():
                thing = getattr(thing, name)
            self.offered |= {
                f"{prefix}{part}.{name}" if part else f"{prefix}{name}"
                for name, value in inspect.getmembers(type(thing), inspect.isfunction)
                if not name.startswith("_")
            }
        return Watched(client, self.made, prefix.rstrip("."))

    def passed(self):
        """Tell the test what was driven."""
        print(json.dumps({"made": sorted(self.made), "offered": sorted(self.offered)}))
        print("passed")


def refused(error_class, call, text):
    """Expect an error of exactly a client's class, or of one of several."""
    raised = None
    try:
        call()
    except error_class as error:
        raised = str(error)
    assert raised is not None, f"{text}: nothing was raised"
    assert text in raised, raised
    return raised
