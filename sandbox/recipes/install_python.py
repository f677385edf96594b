"""Runs inside the installing step, with nothing but what stands in ``install.json`` beside it.

Makes one virtual environment of wheels. No build ever runs: a package without a wheel is left out and named.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import zipfile

PREPARED = pathlib.Path("/opt/prepared")
VENV = PREPARED / "python"
PYTHON = VENV / "bin" / "python"
MOST_LEFT_OUT = 20
TROUBLE = re.compile(
    r"ConnectionError|ConnectTimeoutError|ReadTimeoutError|SSLError|ProxyError|getaddrinfo"
    r"|Max retries exceeded|(?:40[137]|5\d\d) (?:Client|Server) Error"
)
"""Words of pip's for an index that does not answer: then nothing is known about the package."""
SCRIPT = """#!{python}
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({function}())
"""


def main() -> None:
    """Make the environment, install, and make the checkout's own projects importable."""
    with open("install.json", encoding="utf-8") as file:  # noqa: PTH123 - its own folder
        plan = json.load(file)
    if not PYTHON.exists():
        make_environment()
    if plan["relock"]:
        relock(plan["relock"]["uv"], plan["relock"]["groups"], plan["hashed"])
    more = ["--pre"] if plan["prereleases"] else []
    hashed = plan["hashed"] or ("hashed.txt" if plan["relock"] else "")
    if hashed:
        install(hashed, ["--require-hashes", "--no-deps"])
    if plan["plain"]:
        install(plan["plain"], more + (["-c", plan["constraints"]] if plan["constraints"] else []))
    # The tools of the sandbox stay behind what the repository chose.
    (site() / "zz_patchpilot_toolbox.pth").write_text("/opt/toolbox\n", encoding="utf-8")
    for project in plan["projects"]:
        make_importable(project)
    (PREPARED / "bin").mkdir(exist_ok=True)
    for name, text in plan["stand_ins"].items():
        executable(PREPARED / "bin" / name, text)


def make_environment() -> None:
    """A virtual environment with the pip that comes with Python, unpacked: to install it takes far longer."""
    wheel = bundled_pip()
    command = [sys.executable, "-m", "venv", *(["--without-pip"] if wheel else []), str(VENV)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        sys.exit("ERROR: this image's Python has no venv with pip; install python3-venv in it")
    if wheel:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site())
        text = SCRIPT.format(python=PYTHON, module="pip._internal.cli.main", first="main", function="main")
        for name in ("pip", "pip3"):
            executable(VENV / "bin" / name, text)


def bundled_pip() -> "pathlib.Path | None":
    """The wheel that ensurepip would install: https://docs.python.org/3/library/ensurepip.html."""
    try:
        import ensurepip  # noqa: PLC0415 - distributions leave it out
    except ImportError:
        return None
    places = [pathlib.Path(ensurepip.__file__).parent / "_bundled"]
    packaged = sysconfig.get_config_var("WHEEL_PKG_DIR")
    places += [pathlib.Path(packaged)] if packaged else []
    places.append(pathlib.Path("/usr/share/python-wheels"))
    return next((found for place in places for found in sorted(place.glob("pip-*.whl"))), None)


def install(requirements: str, options: "list[str]") -> None:
    """Install a list; what has no wheel is taken off it and the rest tried again."""
    place = pathlib.Path(requirements)
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    # With -vv pip tells an index that does not answer from one that has no such package.
    command += ["-vv", "--no-cache-dir", "--progress-bar", "off", "--only-binary", ":all:", *options]
    for _ in range(MOST_LEFT_OUT):
        done = subprocess.run([*command, "-r", requirements], capture_output=True, text=True, check=False)  # noqa: S603
        missing = re.search(r"No matching distribution found for ([A-Za-z0-9._-]+)", done.stderr)
        if done.returncode == 0 or missing is None:
            break
        if TROUBLE.search(done.stdout + done.stderr):
            break
        lines = place.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not same(line, missing[1])]
        if len(kept) == len(lines):
            break
        say(f"patchpilot-note: {missing[1]} is left out (no wheel for this Python)")
        place.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    say(f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    if done.returncode:
        trouble = re.search(f".*(?:{TROUBLE.pattern}).*", done.stdout + done.stderr)
        sys.exit(f"ERROR: {trouble[0].strip()}" if trouble else 1)


def relock(uv: str, groups: "list[str]", hashed: str) -> None:
    """Have the real uv lock what the project lists; what it asked the index is kept beside it."""
    index = os.environ.get("PIP_INDEX_URL", "")
    asked = index or usual_index()
    folder = pathlib.Path("relock")
    named = set(re.findall(r'registry = "([^"]+)"', (folder / "uv.lock").read_text(encoding="utf-8")))
    if "@" in index or {one.rstrip("/") for one in named} - {asked.rstrip("/")}:
        say("patchpilot-note: uv.lock lacks what pyproject.toml lists, and not its own index is asked")
        return
    tools = PREPARED / "tools"
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--only-binary", ":all:", "--target", str(tools), uv]
    env = {
        **os.environ,
        **({"UV_DEFAULT_INDEX": index} if index else {}),
        "UV_CACHE_DIR": str(PREPARED / "uv"),
        "UV_PYTHON": str(PYTHON),
        **dict.fromkeys(("UV_NO_BUILD", "UV_NO_CONFIG", "UV_NO_PROGRESS"), "1"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    run = [str(tools / "bin" / "uv")]
    export = [*run, "export", "--frozen", "--no-emit-workspace", "--no-header", "--no-annotate", "-q"]
    for step in (command, [*run, "lock"], [*export, *groups, "-o", "../relocked.txt"]):
        trouble = ended(step, folder, env)
        if trouble:
            say(
                f"patchpilot-note: uv.lock lacks what pyproject.toml lists; uv can't lock it here ({trouble})"
            )
            return
    if (folder / "build.txt").exists():
        # Inside, uv asks the project's own build for what it does not state.
        ended([*run, "pip", "install", "--target", "../build", "-r", "build.txt"], folder, env)
    merge(pathlib.Path(hashed or "hashed.txt"), pathlib.Path("relocked.txt"))
    (PREPARED / "uv.index").write_text(f"{index}\n", encoding="utf-8")


def usual_index() -> str:
    """The index that pip and uv ask where none is named."""
    command = [str(PYTHON), "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def merge(place: "pathlib.Path", anew: "pathlib.Path") -> None:
    """Take what is locked anew, but what was locked already with the hashes that it had."""
    known = {line.split(" ")[0]: line for line in place.read_text(encoding="utf-8").splitlines()}
    lines = anew.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    kept = [known.get(line.split(" ")[0], line) for line in lines if line.strip()]
    place.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def ended(command: "list[str]", folder: "pathlib.Path", env: "dict[str, str]") -> str:
    """Run one command; the last thing that it said if it failed, else nothing."""
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return str(error)
    said = (done.stderr or done.stdout).strip() or "no output"
    return said.splitlines()[-1] if done.returncode else ""


def say(text: str) -> None:
    """To the step's output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def same(line: str, name: str) -> bool:
    """Whether a line of requirements is about this package."""
    found = re.match(r"[A-Za-z0-9._-]+", line)
    return found is not None and plain(found[0]) == plain(name)


def plain(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def site() -> pathlib.Path:
    """The environment's folder of packages."""
    return next(VENV.glob("lib/python3*/site-packages"))


def make_importable(project: dict) -> None:  # type: ignore[type-arg] # runs on Python 3.8 too
    """What an editable install leaves behind, without a build: a path, metadata, commands."""
    name = re.sub(r"[^A-Za-z0-9.]+", "_", project["name"])
    version = re.sub(r"[^A-Za-z0-9.+!]+", "", project["version"]) or "0"
    folder = site() / f"{name}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (folder / "INSTALLER").write_text("patchpilot\n", encoding="utf-8")
    lines = []
    for group, points in project["entry_points"].items():
        lines += [f"[{group}]", *(f"{key} = {target}" for key, target in points.items()), ""]
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (site() / f"zz_{name}.pth").write_text("".join(f"{one}\n" for one in project["paths"]), encoding="utf-8")
    for group in ("console_scripts", "gui_scripts"):
        for key, target in project["entry_points"].get(group, {}).items():
            found = re.fullmatch(r"([\w.]+)\s*:\s*([\w.]+)(?:\s*\[.*\])?", target)
            if found and re.fullmatch(r"[\w.-]+", key):
                first = found[2].split(".")[0]
                text = SCRIPT.format(python=PYTHON, module=found[1], first=first, function=found[2])
                executable(VENV / "bin" / key, text)


def executable(place: pathlib.Path, text: str) -> None:
    """Write a command."""
    place.write_text(text, encoding="utf-8")
    place.chmod(0o755)


if __name__ == "__main__":
    main()
