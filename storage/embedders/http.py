"""An embedder behind OpenAI's ``/v1/embeddings``: hosted, or local (Ollama, vLLM, text-embeddings-inference).

https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import batched_or_none
