"""Elementary functions as straight lines of primitives: what the chain executes, row by row.

Each is at most 1.5 ulp from the true value wherever that is a float (sigmoid 2.5, normal 6.2),
rounds through the subnormals, overflows to Inf, and gives NaN where there is no value. The measured
maxima stand beside the tests (tests/prover/test_elementary.py). There are no tables and no
branches: both sides of a case are computed and one is selected, so a line is one loop over vectors.
Coefficients are minimax fits of ours (Lawson's iteration over Chebyshev nodes), rounded to binary32
one after the other, some of them then moved by a few last places to where the measured maximum was
least; they are part of every program that uses them.
"""

from prover.tracer.elementary.emit import Elementary, Emit, rows
from prover.tracer.elementary.error import erf
from prover.tracer.elementary.exponential import exp, sigmoid
from prover.tracer.elementary.hyperbolic import tanh
from prover.tracer.elementary.logarithm import log
from prover.tracer.elementary.normal import normal

__all__ = ["Elementary", "Emit", "erf", "exp", "log", "normal", "rows", "sigmoid", "tanh"]
