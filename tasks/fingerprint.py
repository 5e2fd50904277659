"""Fingerprints: digests that change exactly when what a tile is made from changes."""

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

OURS = ("tasks", "schemas")
"""Packages whose sources count as part of a task that imports from them."""

ENGINE = ("pipelines",)
"""Packages that never count: what they do must not change a value."""

INSTALLED = "site-packages"

READ_AT_RUN_TIME = ("__doc__", "getsource")
"""Words of a source that uses its own docstrings or comments: then they count."""

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
    return contents_digest((str(each.relative_to(file)), _chunks(each)) for each in files)


def contents_digest(files: Iterable[tuple[str, Iterable[bytes]]]) -> str:
    """Return the digest that a folder with these files has, given by name and content in the order of their names.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     count = Path(folder, "FI.parquet").write_bytes(b"rows")
    ...     contents_digest([("FI.parquet", [b"ro", b"ws"])]) == file_digest(Path(folder))
    True
    """
    hashed = hashlib.blake2b(digest_size=16)
    for name, content in files:
        hashed.update(name.encode())
        for chunk in content:
            hashed.update(chunk)
    return hashed.hexdigest()


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def source_digest(modules: Iterable[str]) -> str:
    """Return the digest of the code of `modules` and of what they import of `OURS`, however indirectly.

    A module of somebody else's counts with what it imports out of its own folder. Comments, docstrings and the way the
    code is laid out do not count, since no value rests on them.
    """
    waiting = list(modules)
    homes = {_file(module).parent for module in waiting if module.partition(".")[0] not in OURS}
    seen: dict[str, str] = {}
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        code, imports = _parsed(_source(module), _package(module))
        seen[module] = code
        waiting += [name for name in imports if name not in seen and _counts(name, homes)]
    return digest(json.dumps(seen, sort_keys=True))


def _file(module: str) -> Path:
    loaded = getattr(sys.modules.get(module), "__file__", None)  # a script is `__main__` and has no spec
    if loaded:
        return Path(loaded).resolve()
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"module {module!r} has no source file to take a fingerprint of")
    return Path(spec.origin).resolve()


def _source(module: str) -> str:
    return _file(module).read_text(encoding="utf-8")


def _package(module: str) -> str:
    """Return the package that relative imports of a module start from."""
    return module if _file(module).name == "__init__.py" else module.rpartition(".")[0]


def _counts(name: str, homes: Collection[Path]) -> bool:
    """Whether a name is a module of `OURS`, or one that lies in or below one of the folders `homes`."""
    top = name.partition(".")[0]
    if top in OURS:
        return _has_source(name)
    if not homes or top in ENGINE or top in sys.stdlib_module_names or not _has_source(name):
        return False
    file = _file(name)
    return INSTALLED not in file.parts and any(file.is_relative_to(home) for home in homes)


@lru_cache(maxsize=1024)
def _parsed(source: str, package: str) -> tuple[str, tuple[str, ...]]:
    """Return the digest of the code of a source, and what it imports."""
    tree = ast.parse(source)
    imports = tuple(_imports(tree, package))
    if not any(word in source for word in READ_AT_RUN_TIME):
        _drop_docstrings(tree)
    return digest(ast.dump(tree)), imports


def _drop_docstrings(tree: ast.AST) -> None:
    """Take out all statements that are a mere string."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_docstring(each)]  # type: ignore[attr-defined]


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the names that a module imports: for `from a import b` both a and a.b, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = _absolute(node, package)
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the module that `from … import` names, the dots before it resolved."""
    parents = package.split(".")[: -node.level + 1 or None] if node.level else []
    return ".".join([*parents, *([node.module] if node.module else [])])


def _has_source(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):
        return False
    return spec is not None and spec.origin is not None and spec.origin.endswith(".py")
