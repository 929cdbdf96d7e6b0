"""torch's modules as programs: inference and training, by `torch.export`.

Nothing here needs torch before a function is called.
"""

from prover.fronts.torch_export.errors import TorchFrontError
from prover.fronts.torch_export.inference import Imported, from_module
from prover.fronts.torch_export.training import Training, training

__all__ = ["Imported", "TorchFrontError", "Training", "from_module", "training"]
