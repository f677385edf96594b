"""What goes into the image, before it is built."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch

from docker.utils import exclude_paths


def test_the_build_context_holds_every_package_and_nothing_else(root):
    packages = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]["packages"]
    patterns = [line for line in (root / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    named = {line[1:] for line in patterns if line.startswith("!")}

    assert patterns[0] == "*"
    assert set(packages) <= named
    assert named - set(packages) == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "requirements/prod.txt",
        "deploy/alive.py",
        "deploy/ca/*.crt",
        "deploy/ca/README.md",
        "deploy/github-app.json",
        "deploy/github-app-reader.json",
    }


def test_secrets_and_leftovers_never_reach_the_engine(root, tmp_path):
    kept = ["patchpilot/__init__.py", "deploy/ca/own.crt", "pyproject.toml", "requirements/prod.txt"]
    left = [".env", ".env.production", "key.pem", ".git/config", ".venv/bin/python", "tests/test_x.py",
            "patchpilot/__pycache__/a.pyc", "deploy/ca/key.pem", "docker-compose.override.yml"]  # fmt: skip
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    sent = exclude_paths(str(tmp_path), (root / ".dockerignore").read_text().splitlines())

    assert {name for name in sent if (tmp_path / name).is_file()} == {*kept}


def test_the_dockerfile_takes_only_hashed_packages_and_never_turns_verification_off(root):
    text = (root / "deploy/Dockerfile").read_text()

    assert "--require-hashes" in text
    assert not any(
        fnmatch(text, f"*{word}*") for word in ("trusted-host", "--insecure", "sslverify", "VERIFY=0")
    )
    assert text.index("USER 10001") < text.index("ENTRYPOINT")


def test_the_sandboxs_image_has_git_and_make_however_it_is_made(root):
    dockerfile, base = ((root / "deploy/sandbox" / name).read_text() for name in ("Dockerfile", "make-base"))

    assert "apt-get install -y --no-install-recommends git make" in dockerfile
    assert ",git,make," in base
