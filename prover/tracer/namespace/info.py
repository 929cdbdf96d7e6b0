"""What `__array_namespace_info__` gives: what a traced namespace can and cannot."""

from typing import Any

import numpy as np

from prover.tracer.namespace.data_types import float32, int32, isdtype


class Info:
    """Inspection as the standard has it; shapes never depend on data, and there are no devices."""

    def capabilities(self) -> dict[str, Any]:
        """No masks as indices, no shapes that depend on data, at most 32 axes."""
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": 32}

    def default_device(self) -> None:
        """None: rows run wherever they are run."""

    def default_dtypes(self, *, device: None = None) -> dict[str, Any]:
        """The dtypes that numbers become."""
        return {"real floating": float32, "integral": int32, "indexing": int32}

    def dtypes(self, *, device: None = None, kind: Any = None) -> dict[str, Any]:
        """All dtypes, or those of a kind or several, by name."""
        known = {"bool": np.dtype(np.bool_), "float32": float32, "int32": int32}
        return {name: one for name, one in known.items() if kind is None or isdtype(one, kind)}

    def devices(self) -> list[None]:
        """None alone."""
        return [None]
