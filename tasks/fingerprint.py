"""Fingerprints: digests that change exactly when what a tile is made from changes."""

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path

OURS = ("tasks", "schemas")
"""Packages whose sources count as part of a task that imports from them."""

CHUNK = 1 << 20


def digest(*parts: bytes | str) -> str:
    """Return the 128-bit BLAKE2b digest of `parts` as hexadecimal; where one part ends matters.

    Examples
    --------
    >>> digest("ab", "c") == digest("a", "bc")
    False
    """
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        hashed.update(len(raw).to_bytes(8, "little"))
        hashed.update(raw)
    return hashed.hexdigest()


def file_digest(file: Path) -> str:
    """Return the digest of a file's content, or of all files below a folder with their relative names."""
    files = sorted(each for each in file.rglob("*") if each.is_file()) if file.is_dir() else [file]
    hashed = hashlib.blake2b(digest_size=16)
    for each in files:
        hashed.update(str(each.relative_to(file)).encode())
        with each.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                hashed.update(chunk)
    return hashed.hexdigest()


def source_digest(modules: Iterable[str]) -> str:
    """Return the digest of the sources of `modules` and of whatever of `OURS` they import, however indirectly."""
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        source = _source(module)
        seen[module] = digest(source)
        waiting += [name for name in _imports(source) if name.partition(".")[0] in OURS and _has_source(name)]
    return digest(json.dumps(seen, sort_keys=True))


def _source(module: str) -> str:
    loaded = getattr(sys.modules.get(module), "__file__", None)  # a script is `__main__` and has no spec
    if loaded:
        return Path(loaded).read_text(encoding="utf-8")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"module {module!r} has no source file to take a fingerprint of")
    return Path(spec.origin).read_text(encoding="utf-8")


def _imports(source: str) -> list[str]:
    """Names that a source imports: for `from a import b` both a and a.b, since b may be a module."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _has_source(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None
