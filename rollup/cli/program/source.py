"""Programs from the user's own code: `module:name`, or `path/to/file.py:name`.

The name is a function without arguments. It returns what `prover.tracer.trace` made; or that and
the params to start from; or that, params and inputs, each arrays by name or a dataset; or an object
that has them as `traced`, `params` and perhaps `inputs`, as those of `prover.fronts` do. Whatever
goes wrong in it is one line that says in which of its lines.
"""

import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from prover.files.dataset import Dataset
from prover.tracer import Traced
from prover.tracer.fields import Arrays
from rollup.errors import ConfigError

FORMS: Final = "module:name or path/to/file.py:name"
_OURS: Final = Path(__file__).resolve().parents[3]
_RESULTS: Final = "what prover.tracer.trace returns, (traced, params) or (traced, params, inputs)"


Given = Arrays | Dataset
"""Arrays of a segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A traced program, and the params to start from and inputs to work on that came with it."""

    traced: Traced
    params: Given | None
    inputs: tuple[Given, ...]


def run(said: str) -> Built:
    """What a source builds. Modules in the folder of its file, or else here, can be imported.

    Raises:
        ConfigError: when there is no such source, or it fails; the message names file and line.
    """
    where, _, name = said.rpartition(":")
    if not where or not name:
        raise ConfigError(f"{said!r} is no source; a source is {FORMS}")
    path = Path(where)
    is_file = path.suffix == ".py" or "/" in where
    if is_file and not path.is_file():
        raise ConfigError(f"there is no file {where}; a source is {FORMS}")
    with _importing(path.parent if is_file else Path.cwd()):
        module = _guarded(where, lambda: _load(path) if is_file else _import(where))
        made = _value(module, where, name)
        if callable(made) and not isinstance(made, Traced):
            _without_arguments(made, said)
            made = _guarded(where, made)
    return _built(made, said)


class _Afresh(SourceFileLoader):
    """Compiles the source as it is now, and leaves no bytecode beside it."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


@contextmanager
def _importing(folder: Path) -> Iterator[None]:
    """Modules of the folder can be imported, as beside a script."""
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


def _load(path: Path) -> ModuleType:
    name = f"plumbline_source_{path.stem}"
    spec = spec_from_file_location(name, path, loader=_Afresh(name, str(path)))
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be loaded; a source is {FORMS}")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(f"there is no module {name}; a source is {FORMS}") from error
        raise
    except (TypeError, ValueError) as error:  # "..model", ""
        if name.startswith(".") or not name:
            raise ConfigError(f"{name!r} names no module; a source is {FORMS}") from error
        raise


def _value(module: ModuleType, where: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            near = [one for one in vars(module) if not one.startswith("_") and _mine(module, one)]
            said = f"; it has {', '.join(sorted(near))}" if near else ""
            raise ConfigError(f"{where} has no name {name}{said}") from None
    return found


def _mine(module: ModuleType, name: str) -> bool:
    value = getattr(module, name)
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _without_arguments(made: Callable[..., Any], said: str) -> None:
    try:
        needed = [
            one.name
            for one in inspect.signature(made).parameters.values()
            if one.default is one.empty and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
        ]
    except (TypeError, ValueError):  # a built-in tells nothing
        return
    if needed:
        raise ConfigError(
            f"{said} takes {', '.join(needed)}; name a function without arguments that returns "
            f"{_RESULTS}"
        )


def _guarded(where: str, act: Callable[[], Any]) -> Any:
    """What the user's code gives; its failure as one line."""
    try:
        return act()
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        place = _place(error, where)
        text = str(error).removesuffix(f" ({place})")  # the tracer says it too
        said = f"{type(error).__name__}: {text}".rstrip(": ")
        raise ConfigError(f"{place}: {said}") from error


def _place(error: BaseException, where: str) -> str:
    """FILE:LINE of the user's line that led to an error, else the source itself."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    source = Path(where).resolve()
    loaded = sys.modules.get(where)
    if loaded is not None and getattr(loaded, "__file__", None):
        source = Path(str(loaded.__file__)).resolve()
    for frame in reversed(frames):
        file = Path(frame.filename)
        if file.resolve() == source or not _foreign(file):
            return f"{frame.filename}:{frame.lineno}"
    return where


def _foreign(file: Path) -> bool:
    """Whether a file is Plumbline's, the standard library's, or an installed package's."""
    paths = sysconfig.get_paths()
    roots = [Path(paths[name]).resolve() for name in ("stdlib", "purelib", "platlib")]
    roots += [_OURS / "prover", _OURS / "rollup", _OURS / "bisect"]
    return str(file).startswith("<") or any(root in file.resolve().parents for root in roots)


def _built(made: Any, said: str) -> Built:
    match _parts(made):
        case Traced():
            return Built(made, None, ())
        case (Traced() as traced, Mapping() | Dataset() as params):
            return Built(traced, params, ())
        case (Traced() as traced, Mapping() | Dataset() as params, Mapping() | Dataset() as inputs):
            return Built(traced, params, (inputs,))
        case (Traced() as traced, Mapping() | Dataset() as params, [*several]) if all(
            isinstance(one, Mapping | Dataset) for one in several
        ):
            return Built(traced, params, tuple(several))
    raise ConfigError(f"{said} gives {_kind(made)}; it should give {_RESULTS}")


def _parts(made: Any) -> Any:
    """An object's parts as a tuple; whatever has none as it is."""
    traced, inputs = getattr(made, "traced", None), getattr(made, "inputs", None)
    if not isinstance(traced, Traced):
        return made
    known = isinstance(inputs, Mapping | Dataset)  # an imported module has a method of that name
    params = getattr(made, "params", None)
    return (traced, params, inputs) if known else (traced, params)


def _kind(made: Any) -> str:
    if isinstance(made, Sequence) and not isinstance(made, str):
        return f"({', '.join(type(one).__name__ for one in made)})"
    return type(made).__name__
