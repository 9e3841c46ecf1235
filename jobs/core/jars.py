"""The Delta JARs in `.jars/`: fetched once at set-up (`python -m jobs.core.jars`), checked, named for Spark.

Ivy is inside pip's pyspark and its default source is Maven Central: no Maven and no host's name is needed.
A mirror: IVY_SETTINGS=<file>. A proxy: JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=...
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from jobs.core.errors import UserError
from jobs.core.java import find_java
from jobs.core.settings import ROOT

CONF = ROOT / "conf"
FOLDER = ROOT / ".jars"


def delta_jars(folder: Path = FOLDER) -> list[Path]:
    """The JARs that a session loads, in order of name. Raises UserError when set-up has not fetched them."""
    jars = [folder / name for name in sorted(pinned_hashes())]
    missing = [jar.name for jar in jars if not jar.is_file()]
    if missing:
        raise UserError(f"{', '.join(missing)} missing in {folder}: run `make setup`.")
    return jars


def pinned_hashes() -> dict[str, str]:
    """File name -> SHA-256, from `conf/spark-jars.sha256` (lines as `sha256sum` writes them)."""
    lines = (CONF / "spark-jars.sha256").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines]
    return {name: digest for digest, name in pairs}


def fetch_jars(folder: Path = FOLDER) -> list[Path]:
    """Fetch what is not there or not whole; a good file is left alone. Raises UserError, one sentence."""
    folder.mkdir(exist_ok=True)
    wrong = wrong_files(folder)
    if wrong:
        for name in wrong:
            (folder / name).unlink(missing_ok=True)
        _run_ivy(folder)
        still_wrong = wrong_files(folder)
        if still_wrong:
            raise UserError(
                f"{', '.join(still_wrong)}: not the file that conf/spark-jars.sha256 pins; remove .jars, run"
                " `make setup` again, and if it stays so ask whoever serves your Maven files."
            )
    return delta_jars(folder)


def wrong_files(folder: Path) -> list[str]:
    """Names of the pinned files that are missing from the folder or have another hash."""
    return [name for name, digest in sorted(pinned_hashes().items()) if _sha256(folder / name) != digest]


def _run_ivy(folder: Path) -> None:
    """One Ivy run; its log is kept beside the JARs."""
    settings = os.environ.get("IVY_SETTINGS")
    command = [str(find_java()), "-jar", str(_ivy_jar()), "-cache", str(folder / ".cache")]
    command += ["-settings", settings] if settings else []
    command += ["-ivy", str(CONF / "spark-jars.xml"), "-confs", "default"]
    command += ["-retrieve", f"{folder}/[artifact]-[revision].[ext]"]
    with (folder / "ivy.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise UserError(
            f"The Delta JARs could not be fetched from Maven Central (log: {folder / 'ivy.log'}): see to"
            " the network (IVY_SETTINGS=<file> for a mirror, JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=... for a"
            " proxy), then run `make setup` again."
        )


def _ivy_jar() -> Path:
    """The Ivy inside pip's pyspark, found without importing pyspark."""
    spec = importlib.util.find_spec("pyspark")
    found = sorted(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not found:
        raise UserError("pyspark is not installed in this environment: run `make setup`.")
    return found[-1]


def _sha256(path: Path) -> str | None:
    """Hex digest, or None when there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Exit code 0 when the JARs are there and whole; else the sentence on stderr and 2."""
    try:
        fetch_jars()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
