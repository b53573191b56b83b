"""A notebook by itself: namespaces of its own, no privileges, and a filter of system calls (Linux, inside bubblewrap).

The end of a namespace's first process ends everything in it, so nothing of a notebook can outlive it or be seen by the
next one: no process, no file or folder's mode, no connection or counter of the network, no System V memory, message or
semaphore, no POSIX queue, no key.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
from collections.abc import Iterable
from pathlib import Path

# From <linux/sched.h>, <sys/mount.h> and <linux/capability.h>.
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
_CAPABILITY_VERSION_3 = 0x20080522
# From <seccomp.h> and <sys/prctl.h>.
_ALLOW, _ERRNO, _MASKED_EQUAL, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000, 7, -1
_PR_SET_NO_NEW_PRIVS = 38
# From <linux/keyctl.h>.
_JOIN_SESSION_KEYRING = 1

# What no exercise has a use for. Each is a way to the next notebook, to memory that no limit counts, or to the kernel.
REFUSED = """
add_key keyctl request_key
shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semctl semtimedop
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
memfd_secret userfaultfd io_uring_setup io_uring_enter io_uring_register vmsplice
ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp
unshare setns mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr
open_by_handle_at name_to_handle_at
bpf perf_event_open syslog acct quotactl reboot swapon swapoff kexec_load init_module finit_module delete_module
"""
# Programs ask for these and do without where the system is too old to have them.
ABSENT = ("memfd_create", "clone3")
NEW_NAMESPACES = (
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _seccomp() -> ctypes.CDLL:
    return ctypes.CDLL("libseccomp.so.2", use_errno=True)


def _must(result: int, what: str) -> None:
    """Raise OSError where a call of the C library failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def leave_keys_behind() -> None:
    """Join a new, empty session keyring: that of whoever starts the grader, which may hold keys, is out of reach."""
    number = _seccomp().seccomp_syscall_resolve_name(b"keyctl")
    if number != _NO_SUCH_CALL:
        # Where the system refuses the call, as a container's own filter does, no key can be read either.
        _library().syscall(ctypes.c_long(number), _JOIN_SESSION_KEYRING, None)


def become_keeper() -> None:
    """Go on as the first process of a process namespace, with the right to make namespaces for notebooks.

    To be called with one thread and before a framework is there. The process that called it stays outside, waits, and
    ends as this one ends. Raises OSError where the system does not allow it.
    """
    leave_keys_behind()
    user, group = os.getuid(), os.getgid()
    _must(_library().unshare(CLONE_NEWUSER | CLONE_NEWPID), "a user namespace")
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(content)
    pid = os.fork()
    if pid:
        # Whoever waits for the other ends of what was inherited must hear of the end of that process, not of this one.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)


def _make_read_only(library: ctypes.CDLL) -> None:
    """Let nothing that is mounted be written to, touched or set: no setting of a process in /proc, no device's time.

    Devices can still be written to, which is no change of the device itself.
    """
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    for place in (re.sub(rb"\\(\d{3})", lambda sign: bytes([int(sign[1], 8)]), line.split()[4]) for line in lines):
        try:
            flags = os.statvfs(place).f_flag
        except OSError:
            # Something else lies above it, or nobody may pass to it: no more may the notebook.
            continue
        if not flags & _MS_RDONLY:
            # What the namespace was given, it may not give up.
            kept = flags & (_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
            done = library.mount(None, place, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept, None)
            _must(done, f"a read-only {os.fsdecode(place)}")


class Separation:
    """Makes each notebook's namespaces; ``load`` gives up, in the notebook's own process, what it must not have."""

    def __init__(self) -> None:
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._filter = _make_filter()

    def prepare(self) -> None:
        """Let the next process that this one forks be the first of a process namespace. Raises OSError."""
        library = _library()
        # A process's children are born into the namespace chosen last, which may be one that has ended.
        _must(library.setns(self._own_pids, CLONE_NEWPID), "back to the own processes")
        _must(library.unshare(CLONE_NEWPID), "a process namespace for a notebook")

    def settle(self, folders: Iterable[str]) -> None:
        """Make the other namespaces, as the first process, with ``folders`` empty and as large as they were.

        Their roots belong to the notebook, so it may change mode, times and attributes of these too: no folder may
        be the next one's. Raises OSError.
        """
        # What whoever forked this has open is shared with it, down to locks and flags.
        os.close(self._own_pids)
        library = _library()
        _must(library.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET), "namespaces for a notebook")
        _must(library.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "mounts of its own")
        _make_read_only(library)
        for folder in folders:
            found = os.statvfs(folder)
            options = f"mode=1777,size={found.f_blocks * found.f_frsize}".encode()
            made = library.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _MS_NOSUID | _MS_NODEV, options)
            _must(made, f"an empty {folder}")
        os.chdir("/")

    def load(self) -> None:
        """Drop every privilege and refuse the system calls above, for this process and all that it starts."""
        library = _library()
        library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        _must(library.capset(header, bytes(24)), "dropping privileges")
        self._filter.load()


class _Comparison(ctypes.Structure):
    """libseccomp's ``struct scmp_arg_cmp``: argument number ``arg``, masked with ``mask``, equals ``value``."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64))


class _Filter:
    """A filter of system calls, made with libseccomp, that allows what no rule refuses. Raises OSError."""

    def __init__(self) -> None:
        self._seccomp = _seccomp()
        self._seccomp.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._seccomp.seccomp_init(_ALLOW))

    def refuse(self, name: str, error: int, *comparisons: _Comparison) -> None:
        """Let a call end with this error. A name that this machine's kernel does not have is passed over."""
        number = self._seccomp.seccomp_syscall_resolve_name(name.encode())
        if number == _NO_SUCH_CALL:
            return
        given = (_Comparison * len(comparisons))(*comparisons)
        add = self._seccomp.seccomp_rule_add_array
        _must(add(self._context, ctypes.c_uint32(_ERRNO | error), number, len(comparisons), given), f"refusing {name}")

    def load(self) -> None:
        """Put the filter on this process and all that it will start."""
        _must(self._seccomp.seccomp_load(self._context), "a filter of system calls")


def _make_filter() -> _Filter:
    made = _Filter()
    for name in REFUSED.split():
        made.refuse(name, errno.EPERM)
    for name in ABSENT:
        made.refuse(name, errno.ENOSYS)
    for flag in (1 << bit for bit in range(31) if NEW_NAMESPACES >> bit & 1):
        made.refuse("clone", errno.EPERM, _Comparison(0, _MASKED_EQUAL, flag, flag))
    return made


def trial() -> None:
    """Print ``works`` where a process can be separated; end with the error where not."""
    become_keeper()
    separation = Separation()
    folders = ("/dev/shm", os.getcwd())
    for _ in range(2):
        separation.prepare()
        pid = os.fork()
        if not pid:
            separation.settle(folders)
            separation.load()
            os._exit(os.getpid() != 1 or _library().unshare(CLONE_NEWUSER) == 0)
        _must(os.waitpid(pid, 0)[1], "a process of its own")
    print("works")


if __name__ == "__main__":
    trial()
