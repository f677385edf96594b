"""Reading failed logs: distil, classify, fingerprint. Pure, streaming, without a model.

The way of a log, one module each: ``skim`` (bytes to the lines worth reading), ``lines`` (made readable),
``findings`` (which rule holds where), ``story`` (what each line is worth), ``verdict`` (what it means),
``selection`` (what is printed).
"""

from __future__ import annotations

from agent.distil.distiller import DEFAULT_BYTES, distil

__all__ = ["DEFAULT_BYTES", "distil"]
