"""What the machine beneath us says when it cannot (disk, files, memory), in our words.

A full disk or a damaged file comes as an OSError, as an error of Delta's or DuckDB's or Arrow's, with or without the
path, now and then as a number inside a text. None of it is a bug of ours, and each says what to do.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scv.errors import BadPlace, CerebroError, Damaged, NoRoom, Unreachable

_ELSEWHERE = "or choose another folder (CEREBRO_HOME, or the option that named it)"
_WORDS: dict[int, tuple[type[CerebroError], str]] = {
    errno.ENOSPC: (NoRoom, "no room is left on its disk. Make room and run it again: what stands there is whole"),
    errno.EDQUOT: (NoRoom, "its disk's quota is used up. Make room and run it again: what stands there is whole"),
    errno.EFBIG: (NoRoom, "it may not grow larger. Raise the limit of a file's size (ulimit -f) and run it again"),
    errno.EROFS: (BadPlace, f"its file system is read-only. Mount it writable, {_ELSEWHERE}"),
    errno.EACCES: (BadPlace, f"this user may not use it. Mend its permissions (`ls -ld` shows them), {_ELSEWHERE}"),
    errno.EPERM: (BadPlace, f"this user may not use it. Mend its permissions (`ls -ld` shows them), {_ELSEWHERE}"),
    errno.ENOTDIR: (BadPlace, f"a file stands where a folder is needed. Move it away, {_ELSEWHERE}"),
    errno.EEXIST: (BadPlace, f"a file stands where a folder is needed. Move it away, {_ELSEWHERE}"),
    errno.EISDIR: (BadPlace, f"a folder stands where a file is needed. Move it away, {_ELSEWHERE}"),
    errno.ENAMETOOLONG: (BadPlace, f"its name is too long. Shorten it, {_ELSEWHERE}"),
    errno.ELOOP: (BadPlace, f"its links lead in a circle. Mend them, {_ELSEWHERE}"),
    errno.ENOENT: (Damaged, "it is not there. Something removed it, or a setting names another place than is meant"),
    errno.EBUSY: (Unreachable, "somebody holds it open. Close it there, then run it again"),
    errno.ETXTBSY: (Unreachable, "somebody holds it open. Close it there, then run it again"),
    errno.EIO: (Damaged, "its disk cannot read or write it. Look at the system's log, and bring it back from a copy"),
    errno.EMFILE: (NoRoom, "too many files are open. Raise the limit (ulimit -n 4096), or use fewer workers"),
    errno.ENFILE: (NoRoom, "too many files are open on this machine. Close some, or use fewer workers"),
    errno.ENOMEM: (NoRoom, "no memory is left. Lower CEREBRO_MEMORY, or use fewer workers"),
    errno.EADDRINUSE: (BadPlace, "the address is taken. Choose another port"),
    errno.EADDRNOTAVAIL: (BadPlace, "the address is not this machine's. Choose another one"),
    errno.ECONNREFUSED: (Unreachable, "nobody listens there. Is it started?"),
    errno.ECONNRESET: (Unreachable, "the other side ended the connection. Run it again"),
    errno.ETIMEDOUT: (Unreachable, "there was no answer in time. Run it again"),
    errno.EHOSTUNREACH: (Unreachable, "its host cannot be reached"),
}
_NUMBER = re.compile(r"\(os error (\d+)\)|Os \{ code: (\d+)|\"errno\":\"(\d+)\"")
_PATH = re.compile(r"""(?<![\w/:])(/[^'"\n#:]+)""")
_SAID = {os.strerror(code): code for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE)}
_BUGS = ("SchemaMismatchError", "CommitFailedError")
"""Delta's errors that are no matter of bytes on disk."""


def translate(error: BaseException, path: Path | str | None = None) -> CerebroError | None:
    """The same in our words, about `path` or the path that it names; None for what is a bug of ours.

    >>> print(translate(OSError(28, "No space left on device"), "lake"))
    lake: no room is left on its disk. Make room and run it again: what stands there is whole.
    """
    if isinstance(error, CerebroError):
        return error
    number = _number(error)
    where = path or _named(error)
    if number is not None:
        kind, words = _WORDS.get(number, (CerebroError, os.strerror(number)))
        return kind(_sentence(where, words))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":
        return NoRoom(_sentence(None, "no memory is left. Give more (CEREBRO_MEMORY), or use fewer workers"))
    if _of_files(error):
        return damaged(where or "A file", _short(error))
    if _is(error, "botocore.exceptions", "BotoCoreError"):
        return Unreachable(f"The shared folder (CEREBRO_EXPORTS): {_short(error)}. Mend what AWS_… says.")
    return None


def damaged(path: Path | str, why: str) -> Damaged:
    """The error for a file of ours whose bytes make no sense."""
    return Damaged(f"{path} cannot be read ({why}). It is damaged: bring it back from a copy.")


@contextmanager
def at(path: Path | str) -> Iterator[None]:
    """Inside, what the machine cannot do with `path` is raised in our words: NoRoom, BadPlace, Damaged."""
    try:
        yield
    except CerebroError:
        raise
    except (Exception, MemoryError) as error:
        ours = translate(error, path)
        if ours is None:
            raise
        raise ours from error


def refuse_full(folder: Path | str, bytes_needed: int) -> None:
    """Raise BadPlace for a folder in which this user may not write, NoRoom where its disk has not so much left."""
    if not os.access(folder, os.W_OK):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        with at(folder):
            raise OSError(errno.EROFS if read_only else errno.EACCES, "not writable")
    free = shutil.disk_usage(folder).free
    if free < bytes_needed:
        raise NoRoom(f"{folder}: its disk has {free:,} bytes left, and {bytes_needed:,} are needed. Make room there.")


def _number(error: BaseException) -> int | None:
    """The operating system's number of an error, wherever it stands."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if not (isinstance(error, OSError) or _of_files(error) or type(error).__name__ == "OutOfMemoryException"):
        return None
    text = str(error)
    found = _NUMBER.search(text)
    if found is not None:
        return int(next(group for group in found.groups() if group))
    if "max_temp_directory_size" in text:  # DuckDB had no room to put aside what did not fit into memory
        return errno.ENOSPC
    return next((code for said, code in _SAID.items() if said in text), None)


def _of_files(error: BaseException) -> bool:
    """Is it an error about bytes on disk, of one of the libraries that read and write them?"""
    return (
        (_is(error, "deltalake.exceptions", "DeltaError") and type(error).__name__ not in _BUGS)
        or _is(error, "duckdb", "IOException")
        or type(error) is getattr(sys.modules.get("duckdb"), "Error", None)  # a footer's Thrift that makes no sense
        or (_is(error, "duckdb", "Error") and "parquet" in str(error).lower())
        or (_is(error, "pyarrow", "ArrowException") and "parquet" in str(error).lower())
        or (isinstance(error, OSError) and error.errno is None)
    )


def _is(error: BaseException, module: str, name: str) -> bool:
    """An instance of a class of a module, without importing it: what raised it has."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(error, kind)


def _named(error: BaseException) -> str | None:
    """The path that an error is about."""
    if isinstance(error, OSError) and error.filename is not None:
        return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    found = _PATH.search(str(error).partition("\n   0:")[0]) if _of_files(error) else None  # then comes a backtrace
    return found[1].rstrip("\\") if found else None


def _short(error: BaseException) -> str:
    """The first line of what a library said."""
    return re.sub(r"\x1b\[\d*m", "", str(error)).strip().partition("\n")[0].rstrip(".")[:200]


def _sentence(where: Path | str | None, words: str) -> str:
    text = f"{where}: {words}" if where is not None else f"This machine: {words}"
    return text if text.endswith("?") else text + "."
