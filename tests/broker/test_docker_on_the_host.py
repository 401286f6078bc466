"""What make says where Docker is not all here: one sentence, with what to do. A docker of our own stands for each case."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "broker/host/docker.sh"
DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
RIGHTS = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
)

CASES = {
    None: "Docker is not installed: curl -fsSL https://get.docker.com | sudo sh",
    f"echo '{DAEMON}' >&2; exit 1": "Docker's engine does not answer: sudo systemctl start docker",
    f"echo '{RIGHTS}: Get v1.45' >&2; exit 1": "You may not use Docker yet: sudo usermod -aG docker ann, then log in again",
    "echo 20.10.24": "Docker 20.10.24 is too old, 25 or newer is needed",
    'case $1 in version) echo 26.1.5 ;; *) echo "docker: unknown command" >&2; exit 125 ;; esac': (
        "Docker has no Compose: sudo apt install docker-compose-plugin"
    ),
}


def _asked(folder: Path, program: str | None) -> subprocess.CompletedProcess[str]:
    for tool in ("sh", "tail", "id"):
        (folder / tool).symlink_to(f"/bin/{tool}" if Path(f"/bin/{tool}").exists() else f"/usr/bin/{tool}")
    if program is not None:
        (folder / "docker").write_text(f"#!/bin/sh\n{program}\n")
        (folder / "docker").chmod(0o755)
    environment = {"PATH": str(folder), "USER": "ann"}
    return subprocess.run(
        ["/bin/sh", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("program", CASES)
def test_what_docker_lacks_is_one_sentence(program: str | None, tmp_path: Path) -> None:
    """Docker's own would speak of an unknown flag, or come twice."""
    done = _asked(tmp_path, program)
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(CASES[program])


def test_docker_with_all_its_parts_is_passed_over_in_silence(tmp_path: Path) -> None:
    """As any check that has nothing to say."""
    done = _asked(tmp_path, "echo 26.1.5+dfsg1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
