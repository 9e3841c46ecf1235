"""Which Java Spark will run on, and one clear sentence when there is none that it can.

Only the standard library is used: `make` asks before anything is installed (`python -m jobs.core.java`).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from jobs.core.errors import UserError

SUPPORTED = (17, 21)
"""The Java versions that Spark 4.1 is released for."""

NEEDED_MODULE = "jdk.incubator.vector"
"""Spark starts its JVM with this module; small run-time images, such as the one on PyPI, leave it out."""

HOW_TO = (
    "install Java 17 or 21 (Debian or Ubuntu: apt install openjdk-17-jre-headless; Fedora: dnf install"
    " java-21-openjdk-headless; macOS: brew install openjdk@21; anywhere: https://adoptium.net) and put it on"
    " PATH or set JAVA_HOME"
)


def find_java() -> Path:
    """The java that Spark's own start script would take: the one of JAVA_HOME if that is set, else of PATH.

    Raises UserError when there is none, or its version or modules don't do for Spark.
    """
    java = _java_of_environment()
    found = _run(java, "-version")
    version = major_version(found.stdout)
    if found.returncode or version is None:
        raise UserError(f"Java was not found ({java} does not run): {HOW_TO}.")
    if version not in SUPPORTED:
        raise UserError(f"Java {version} was found ({java}), but Spark needs 17 or 21: {HOW_TO}.")
    if _run(java, "--add-modules", NEEDED_MODULE, "-version").returncode:
        raise UserError(f"{java} lacks the module {NEEDED_MODULE} that Spark starts with: {HOW_TO}.")
    return java


def major_version(text: str) -> int | None:
    """The release that `java -version` prints: 17 of "17.0.15", 8 of "1.8.0_402"; None if it prints none."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match.group(1)) if match else None


def _java_of_environment() -> Path:
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin" / "java"
        if not java.is_file():
            raise UserError(f"JAVA_HOME is {home}, but there is no bin/java in it: {HOW_TO}.")
        return java
    on_path = shutil.which("java")
    if on_path is None:
        raise UserError(f"Java was not found: {HOW_TO}.")
    return Path(on_path)


def _run(java: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run java and take both streams as one text, since `java -version` writes to stderr."""
    try:
        return subprocess.run(
            [str(java), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess([str(java)], returncode=1, stdout=str(error))


def main() -> int:
    """Exit code 0 and silence when Java will do; else the sentence on stderr and 2."""
    try:
        find_java()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
