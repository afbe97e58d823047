"""Give up rights, then become another program: ``landlock.py r:PATH w:PATH d:PATH ... -- COMMAND``.

Landlock is the Linux kernel's way for a process without privileges to give up access to files, and
to processes outside its domain, for good: for itself and all that it starts. Its three system calls
are made here with ctypes. The libraries that wrap them were looked at in 2026-11 and are not used:
``landlock`` and ``py-landlock`` have had no release for long and no final one, and ``landlockpy``
was two months old; and the last two look for libc by ``ctypes.util.find_library``, which runs
``ldconfig`` or a compiler, at each start of a worker.

This file runs by its path (``python -I -S``), before anything of a model does, and imports nothing
that takes time.

https://docs.kernel.org/userspace-api/landlock.html has the calls, rights and ABI versions.
"""

import ctypes
import errno
import os
import stat
import sys

# The same on every architecture that Python knows.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
# What lets root open the files of others; without it a model directory may be out of its reach.
_CAP_DAC_OVERRIDE = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, _MAKE_BLOCK, MAKE_SYM = (
    1 << bit for bit in range(6, 13)
)
REFER, TRUNCATE, IOCTL_DEV, RESOLVE_UNIX = (1 << bit for bit in range(13, 17))
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1, 2

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (
    READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO
    | MAKE_SYM | REFER | TRUNCATE | RESOLVE_UNIX
)  # fmt: skip
DEVICE = READ_FILE | WRITE_FILE | READ_DIR | IOCTL_DEV
KINDS = {"r": READ, "w": WRITE, "d": DEVICE}
# Rights that a rule on a single file may have.
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV | RESOLVE_UNIX

# The first ABI that keeps signals inside the domain; all that isolation promises is there.
WHOLE_ABI = 6

NOT_RESTRICTED = 1


class _RulesetAttr(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock that this kernel has; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}:  # the last from a seccomp
            return 0
        raise


def restrict(grants: list[tuple[str, str]]) -> None:
    """Keep only these rights to files, and none to processes outside, for good.

    Args:
        grants: A kind of ``KINDS`` and a path each; what lies beneath a directory counts as well,
            and a path that does not exist is passed over.

    Raises:
        OSError: The kernel refuses, or has no Landlock.
    """
    version = abi()
    handled = _handled(version)
    scoped = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if version >= WHOLE_ABI else 0
    attributes = _RulesetAttr(handled, 0, scoped)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    rules = _call(_CREATE_RULESET, ctypes.byref(attributes), size, ctypes.c_uint32(0))
    try:
        for kind, path in grants:
            _allow(rules, path, KINDS[kind] & handled)
        _give_up_privileges()
        _call(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _give_up_privileges() -> None:
    """Have the program that is started next get no capabilities, should this be root.

    With CAP_PERFMON or CAP_SYS_ADMIN the kernel shows a process the variables of others, whatever
    Landlock says. Nobody but root has capabilities to give up, and there it fails without harm.
    """
    libc = _libc()
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        if capability != _CAP_DAC_OVERRIDE:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _last_error()


def _handled(version: int) -> int:
    """Every right to files that a version knows: what no rule allows is then refused."""
    added = ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV), (9, RESOLVE_UNIX))
    handled = REFER - 1
    for since, right in added:
        if version >= since:
            handled |= right
    return handled


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = _PathBeneathAttr(rights, place)
        _call(
            _ADD_RULE,
            ctypes.c_int(rules),
            ctypes.c_int(_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _call(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise _last_error()
    return result


def _last_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))


def main(arguments: list[str]) -> int:
    """Restrict this process and become the command; returns only if that fails."""
    end = arguments.index("--")
    grants = [(kind, path) for kind, _, path in (each.partition(":") for each in arguments[:end])]
    command = arguments[end + 1 :]
    try:
        restrict(grants)
    except OSError as error:
        return _fail(f"the program cannot be isolated: {error}")
    try:
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as error:
        return _fail(f"cannot run {command[0]!r}: {error.strerror}")


def _fail(reason: str) -> int:
    sys.stderr.write(f"lakeserve worker: {reason}\n")
    return NOT_RESTRICTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
