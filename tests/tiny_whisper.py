"""A Whisper model of faster-whisper's format with random weights: it loads and runs like a real
one, in no time, and says nonsense."""

import importlib
import math
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "es", "de")
_WIDTH = 16
_HEADS = 2
_MELS = 80
_AUDIO_POSITIONS = 1500
_TEXT_POSITIONS = 448
_TIMESTAMPS = 1501
_NO_WORD = ""
"""This token makes CTranslate2 take a model for multilingual."""
_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nocaptions|>",
    "<|notimestamps|>",
)


def build_tiny_whisper(folder: Path) -> Path:
    """Write the model to `folder`. Needs what faster-whisper brings along."""
    specs: Any = importlib.import_module("ctranslate2.specs.whisper_spec")
    tokens = _write_tokenizer(folder)
    spec = specs.WhisperSpec(1, _HEADS, 1, _HEADS)
    _fill(spec, len(tokens))
    spec.config.lang_ids = [tokens.index(f"<|{language}|>") for language in LANGUAGES]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [[0, 0]]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))
    return folder


def _write_tokenizer(folder: Path) -> list[str]:
    """Bytes as words, then the special tokens, then the time stamps."""
    tokenizers: Any = importlib.import_module("tokenizers")
    words = [*sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()), _NO_WORD]
    model = tokenizers.models.BPE({word: i for i, word in enumerate(words)}, [])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    return [*words, *_SPECIAL, *(f"<|{i * 0.02:.2f}|>" for i in range(_TIMESTAMPS))]


def _fill(spec: Any, words: int) -> None:
    """Random weights of the right shapes."""
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = _random(_WIDTH, _MELS, 3), _random(_WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = _random(_WIDTH, _WIDTH, 3), _random(_WIDTH)
    encoder.position_encodings.encodings = _random(_AUDIO_POSITIONS, _WIDTH)
    decoder.position_encodings.encodings = _random(_TEXT_POSITIONS, _WIDTH)
    decoder.embeddings.weight = _random(words, _WIDTH)
    decoder.projection.weight = _random(words, _WIDTH)
    for part in (encoder, decoder):
        _norm(part.layer_norm)
        for layer in part.layer:
            _attention(layer.self_attention, (3, 1))
            _norm(layer.ffn.layer_norm)
            _linear(layer.ffn.linear_0, 4 * _WIDTH, _WIDTH)
            _linear(layer.ffn.linear_1, _WIDTH, 4 * _WIDTH)
    for layer in decoder.layer:
        _attention(layer.attention, (1, 2, 1))


def _attention(spec: Any, multiples: tuple[int, ...]) -> None:
    _norm(spec.layer_norm)
    for linear, multiple in zip(spec.linear, multiples, strict=True):
        _linear(linear, multiple * _WIDTH, _WIDTH)


def _norm(spec: Any) -> None:
    spec.gamma, spec.beta = 1 + _random(_WIDTH), _random(_WIDTH)


def _linear(spec: Any, rows: int, columns: int) -> None:
    spec.weight, spec.bias = _random(rows, columns), _random(rows)


def _random(*shape: int) -> Any:
    """The same at every call of the same shape, so that the model is always the same one."""
    numpy: Any = importlib.import_module("numpy")
    generator = numpy.random.default_rng(math.prod(shape))
    return (generator.standard_normal(shape) * 0.2).astype("float32")
