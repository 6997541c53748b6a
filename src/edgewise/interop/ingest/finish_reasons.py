"""Tell from a finish reason, in any server's spelling, whether a completion was cut off at a length limit.

Spellings are compared by their letters alone, whatever their case: `MAX_TOKENS`, `maxTokens` and
`FinishReason.MAX_TOKENS` are one. They are those of OpenAI (completions, responses), Anthropic, Google, Mistral,
Cohere, Amazon Bedrock, vLLM, SGLang, TGI, TensorRT-LLM, llama.cpp, Ollama, inspect_ai and verifiers.
"""

from __future__ import annotations

import re
from typing import Any

from edgewise.interop.ingest.cells import to_label

_CUT_OFF = {
    *("length", "maxlength", "maxlen", "lengthlimit", "lengthcapped", "maxtoken", "maxtokens", "maxtokensreached"),
    *("maxnewtokens", "maxoutputtokens", "maxcompletiontokens", "maxgentokens", "maxmodellen", "maxtotaltokens"),
    *("tokenlimit", "maxtokenlimit", "outputlimit", "limit", "incomplete", "truncated", "cutoff"),
    *("modellength", "contextlength", "contextlengthexceeded", "contextwindow", "contextwindowexceeded"),
    *("modelcontextwindowexceeded", "contextlimit", "responsetoolong", "overlong", "toolong"),
}
_OTHER = {
    *("stop", "stopped", "stopsequence", "stopsequences", "stopstring", "stopword", "stoptoken", "word", "eos"),
    *("eostoken", "eosid", "endid", "endofsequence", "endoftext", "endturn", "turnend", "imend", "pauseturn"),
    *("complete", "completed", "finish", "finished", "done", "success", "natural", "none", "null", "unspecified"),
    *("toolcall", "toolcalls", "tooluse", "functioncall", "contentfilter", "contentfiltered", "refusal", "safety"),
    *("recitation", "abort", "aborted", "cancelled", "canceled", "timeout", "timedout", "error", "unknown", "other"),
}


def to_finish_reason(value: Any) -> str | None:
    """A finish reason as text; of an object such as SGLang's {"type": "length", "length": 512} its type or reason."""
    if isinstance(value, dict):
        value = value.get("type", value.get("reason"))
    return to_label(value)


def is_cut_off(reason: str) -> bool | None:
    """Whether this is how a completion ends that met a length limit; None where the reason is of no known spelling."""
    letters = re.sub(r"[^a-z]", "", reason.casefold())
    letters = re.sub(r"^(finish|stop|stopping|done)reason(?=.)", "", letters)
    return True if letters in _CUT_OFF else False if letters in _OTHER else None
