"""One run of the tests: where it keeps things, and that nothing of it is left on this machine, however it ends.

``python tests/testrun.py`` runs everything: first what starts brokers, in parallel by file; then what has to be alone, and at
the lowest priority beside it, since most of that waits, what needs nothing but a processor. Each part, and any pytest that
somebody starts by hand, is a run; its folder is named in the environment of all that it starts. A cleaner waits beside it until
it has ended, also by SIGKILL, and then removes what it has left.
"""

import collections
import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).parents[1]
FOLDER = "SHUTTERBUS_TEST_RUN"
PREFIX = "shutterbus-test-"
LABEL = "shutterbus.test"
KEEP = "keep"
TEMPORARY = "pytest-"
ENDED = "ended"
KEPT = 3
"""Of how many runs with failures the temporary folders stay, as pytest has it."""
WORKERS = 3
"""One more than a small machine has processors, since one of three always waits for a container; a fourth makes brokers late."""
ENDS_WITHIN_S = 30
TOGETHER = [
    *("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder"),
    *("-m", "stack and not (alone or page or soak)"),
]
ALONE = ["-m", "(alone or page) and not soak"]
UNITS = ["-m", "not (stack or alone or page or soak)"]


def folder() -> Path:
    """Return the folder of this run, which anybody may read: containers and other users do."""
    return Path(os.environ[FOLDER])


def name() -> str:
    """Return what the name of everything begins with that this run leaves to others: containers, networks, images."""
    return folder().name


@contextlib.contextmanager
def owned() -> Iterator[bool]:
    """A run with its folder and its cleaner; False where this process is a part of one that has them."""
    if FOLDER in os.environ:
        yield False
        return
    made = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(4)}"
    made.mkdir()
    made.chmod(0o755)
    command = [sys.executable, __file__, "--clean", str(made)]
    # In a session of its own, so that what ends this run does not end the cleaner.
    cleaner = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert cleaner.stdin is not None
    os.environ[FOLDER] = str(made)
    try:
        yield True
        if (made / KEEP).exists():
            cleaner.stdin.write(KEEP.encode())
    finally:
        del os.environ[FOLDER]
        cleaner.stdin.close()
        cleaner.wait()


def temporary() -> Path:
    """Return where pytest's temporary folders of this process shall be."""
    return folder() / f"{TEMPORARY}{os.getpid()}"


def keep_temporary() -> None:
    """Leave pytest's temporary folders for somebody to look at, if the run comes to its end."""
    (folder() / KEEP).touch()


def interrupt_on_signals() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does: in order."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def clean(run: Path, *, keep: bool) -> None:
    """Remove all that the run whose folder this is has left: processes, users, what Docker has of it, the folder.

    But for pytest's temporary folders, if they are to *keep*.
    """
    for pid in _processes(run):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for user in [entry.pw_name for entry in pwd.getpwall() if entry.pw_name == user_name(run)]:
        subprocess.run(["userdel", "--remove", user], capture_output=True, check=False)
    if shutil.which("docker"):
        _clean_docker(run)
    for path in run.iterdir():
        if keep and path.name.startswith(TEMPORARY):
            continue
        # Data of the brokers may belong to the user that they ran as.
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
    if not any(run.iterdir()):
        run.rmdir()
        return
    (run / ENDED).touch()
    kept = sorted(run.parent.glob(f"{PREFIX}*/{ENDED}"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-KEPT]:
        shutil.rmtree(path.parent, ignore_errors=True)


def user_name(run: Path) -> str:
    """Return the name of the one user that a run may make."""
    return f"sb-{run.name.removeprefix('shutterbus-test-')}".lower()


def _processes(run: Path) -> list[int]:
    """Return the processes that stand in the folder of *run* or have it in their environment."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stands = (process / "cwd").readlink().is_relative_to(run)
            told = f"{FOLDER}={run}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile, or is another user's
        if (stands or told) and int(process.name) != os.getpid():
            pids.append(int(process.name))
    return pids


def _clean_docker(run: Path) -> None:
    projects = {path.name for path in (run / "projects").glob("*")}

    def ours(listed: str, project: str) -> bool:
        return listed.startswith(run.name) or project.startswith(run.name) or project in projects

    project = '{{.Label "com.docker.compose.project"}}'
    listed = _docker(
        "ps", "-a", "--format", f'{{{{.ID}}}}\t{{{{.Names}}}}\t{project}\t{{{{.Label "{LABEL}"}}}}'
    )
    if containers := [line[0] for line in listed if ours(line[1], line[2]) or line[3] == run.name]:
        _docker("rm", "-f", "-v", *containers)
    for kind in ("network", "volume"):
        listed = _docker(kind, "ls", "--format", f"{{{{.Name}}}}\t{project}")
        if names := [line[0] for line in listed if ours(line[0], line[1])]:
            _docker(kind, "rm", *names)
    listed = _docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    if images := [line[0] for line in listed if run.name in line[0]]:
        _docker("image", "rm", *images)


def _docker(*arguments: str) -> list[list[str]]:
    """Return what docker printed, by line and column; where it fails, there is nothing to clean."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return [line.split("\t") for line in done.stdout.splitlines()]


def labelled() -> list[str]:
    """Return the arguments with which ``docker run`` marks a container that has no name of ours."""
    return ["--label", f"{LABEL}={name()}"]


def note_project(project: str) -> None:
    """Have what Compose makes for *project* removed at the end; unnecessary where its name begins with ours."""
    (folder() / "projects").mkdir(exist_ok=True)
    (folder() / "projects" / project).touch()


def note_skipped(reasons: "collections.Counter[str]") -> None:
    """Keep for the end what one part of this run left out."""
    with (folder() / "skipped").open("a") as file:
        file.write(json.dumps(reasons) + "\n")


def skipped() -> "collections.Counter[str]":
    """Return what was left out so far, by reason."""
    total: collections.Counter[str] = collections.Counter()
    with contextlib.suppress(FileNotFoundError), (folder() / "skipped").open() as file:
        for line in file:
            total.update(json.loads(line))
    return total


def lines_of(reasons: "collections.Counter[str]") -> list[str]:
    """Return a line for each reason why tests were left out."""
    return [f"{count} tests: {reason}" for reason, count in sorted(reasons.items())]


def everything() -> int:
    """Run all parts, and say last what this machine could not run, and why."""
    with _pytest(TOGETHER) as together:
        codes = [together.wait()]
    with tempfile.TemporaryFile() as said:
        with _pytest(UNITS, said, "nice", "-n", "19") as units, _pytest(ALONE) as alone:
            codes += [alone.wait(), units.wait()]
        said.seek(0)
        print(said.read().decode(errors="replace"), flush=True)
    if lines := lines_of(skipped()):
        print("not run on this machine:", *lines, sep="\n")
    return next(filter(None, codes), 0)


@contextlib.contextmanager
def _pytest(
    arguments: list[str], said: IO[bytes] | None = None, *before: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A part, which ends with the context if that ends by an exception. It prints into *said*, where given."""
    command = [*before, sys.executable, "-m", "pytest", *arguments]
    # In a group of its own: what a terminal sends reaches it once, through us.
    with subprocess.Popen(
        command, cwd=ROOT, process_group=0, stdout=said, stderr=said and subprocess.STDOUT
    ) as running:
        try:
            yield running
        except BaseException:
            running.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(ENDS_WITHIN_S)
            running.kill()
            raise


def main(arguments: list[str]) -> int:
    """Be the cleaner, or run everything."""
    if arguments[:1] == ["--clean"]:
        clean(Path(arguments[1]), keep=sys.stdin.read() == KEEP)
        return 0
    interrupt_on_signals()
    try:
        with owned():
            return everything()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
