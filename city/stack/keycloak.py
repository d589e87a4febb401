"""Keycloak as a process: fetched and built once into a template, then run on loopback from a folder of its own.

Java is started directly, not through `kc.sh`: the shell would stay between us and it, and a killed shell would leave
it running. The start is optimized and uses a class archive (JVM CDS) that the template's first start leaves behind.

Nobody administers with a password. At the first start on an empty database Keycloak makes one service account out of
`KC_BOOTSTRAP_ADMIN_CLIENT_ID` and `…_SECRET`, and no administrator to sign in as; the master realm is never routed, so
that account counts on loopback only. A later start ignores both variables: the secret is what it first was. Where it
is lost, `kc.sh bootstrap-admin service --client-secret:env NAME`, run while Keycloak is stopped, makes another.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from audit.durable import alone_in
from city.issuer_administration import ACCOUNT
from city.supervisor import BARE, CannotStart, Process, Supervisor, answers, free_ports

VERSION = "26.7.4"
SHA256 = "a286e98b4296d4e75ee88d8527c7cd463b307caa022f088c9f22cffccc741fa1"
# what nobody asked for is not there to be attacked; tokens are for the door alone
DISABLED = (
    "account", "account-api", "admin-fine-grained-authz", "authorization", "ciba", "device-flow", "impersonation",
    "kerberos", "organization",
)  # fmt: skip
ARCHIVE = "classes.jsa"
_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
_READ_ONLY = ("bin", "conf", "lib", "providers", "themes", "version.txt", ARCHIVE)
_READY_PATH = "/realms/master/.well-known/openid-configuration"  # 503 until the database and the realm are there
_FETCH_SECONDS, _BUILD_SECONDS, _START_SECONDS, _DUMP_SECONDS = 600, 300, 120.0, 120.0
_THREADS = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
# as in `kc.sh`, with a quick compiler instead of the best one
_JVM = (
    "-XX:MetaspaceSize=96M", "-XX:MaxMetaspaceSize=256m", "-Xms64m", "-Xmx512m", "-XX:+UseG1GC",
    "-XX:+ExitOnOutOfMemoryError", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-Duser.language=en",
    "-Duser.country=US", "-Djava.security.egd=file:/dev/urandom", "-Djdk.tls.rejectClientInitiatedRenegotiation=true",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("util", "util.concurrent", "security", "lang")),
    "--enable-native-access=ALL-UNNAMED", "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true", f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={_THREADS}",
)  # fmt: skip


def prepare(cache: Path) -> Path:
    """The template below `cache`: a built Keycloak with its class archive and no database; made once (about a minute).

    Needs Java 17 or later and Maven. Raises CannotStart.
    """
    java = _java()
    template = cache.absolute() / "keycloak" / f"{VERSION}-{_digest(java)}"
    template.parent.mkdir(parents=True, exist_ok=True)
    with alone_in(template.parent):
        if not template.exists():
            scratch = template.with_name(f"{template.name}.making")
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            made = _unpacked(_fetched(scratch), scratch)
            _build(made, java)
            _archive(made, scratch, java)
            made.rename(template)
            shutil.rmtree(scratch)
    return template


def keycloak(
    folder: Path, *, template: Path, port: int, public_port: int, domain: str, admin_secret: str, hosts: Iterable[str]
) -> Process:
    """Keycloak with its database in `folder` (made if need be), on 127.0.0.1:`port` and nowhere else.

    Browsers know it as http://login.`domain`:`public_port`, whoever asks on loopback as what they asked for. It can
    resolve `hosts` (all to 127.0.0.1, for the back channel's logout) and nothing else. `admin_secret` becomes that of
    the service account `ACCOUNT` when the database is new.
    """
    _furnish(folder, template)
    (folder / "hosts").write_text(
        "".join(f"127.0.0.1 {host}\n" for host in (*hosts, "localhost", socket.gethostname()))
    )
    environment = {
        **BARE,
        "KC_BOOTSTRAP_ADMIN_CLIENT_ID": ACCOUNT,
        "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": admin_secret,
    }
    public = ["--hostname", f"http://login.{domain}:{public_port}", "--hostname-backchannel-dynamic=true"]
    jvm = [f"-XX:SharedArchiveFile={ARCHIVE}", f"-Djdk.net.hosts.file={folder.absolute() / 'hosts'}"]
    return Process(
        name="keycloak",
        command=_command(_java(), folder, jvm, ["start", "--optimized", *_listening(port), *public]),
        environment=environment,
        folder=folder,
        ready=partial(answers, port, _READY_PATH),
    )


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if not program:
        raise CannotStart("Java is not installed: as root, apt-get install openjdk-17-jre-headless")
    return str(Path(program).resolve())


def _digest(java: str) -> str:
    """A class archive and a build are good for one Java and for these options only."""
    release = Path(java).parents[1] / "release"
    facts = (java, release.read_text() if release.exists() else "", SHA256, *_JVM, *DISABLED)
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:12]


def _fetched(scratch: Path) -> Path:
    """The distribution as Maven has it, checked against the pinned digest."""
    maven = shutil.which("mvn")
    if not maven:
        raise CannotStart("Maven is not installed: as root, apt-get install maven")
    where = [f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={scratch}"]
    _run([maven, "-B", "-q", "dependency:copy", *where], scratch, os.environ, within_seconds=_FETCH_SECONDS)
    archive = scratch / f"keycloak-quarkus-dist-{VERSION}.zip"
    with archive.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() != SHA256:
            raise CannotStart(f"{archive.name} is not the pinned one")
    return archive


def _unpacked(archive: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(archive) as files:
        files.extractall(scratch)
    archive.unlink()
    return scratch / f"keycloak-{VERSION}"


def _build(made: Path, java: str) -> None:
    """Fix what cannot change later; `build` is the one command whose shell script we need, for it starts Java twice."""
    command = ["sh", str(made / "bin/kc.sh"), "build", "--db=dev-file", f"--features-disabled={','.join(DISABLED)}"]
    _run(command, made, {**BARE, "JAVA": java}, within_seconds=_BUILD_SECONDS)


def _archive(made: Path, scratch: Path, java: str) -> None:
    """Start once on a database that is thrown away; when it ends, Java writes down the classes it had loaded."""
    folder, (port,) = scratch / "first", free_ports(1)
    (made / ARCHIVE).touch()
    _furnish(folder, made)
    (folder / ARCHIVE).unlink()
    command = _command(
        java,
        folder,
        [f"-XX:ArchiveClassesAtExit={ARCHIVE}"],
        ["start", "--optimized", *_listening(port), "--hostname=http://login.localhost"],
    )
    process = Process(
        name="keycloak", command=command, environment=BARE, folder=folder, ready=partial(answers, port, _READY_PATH)
    )
    supervisor = Supervisor(logs=scratch)
    try:
        supervisor.start([process], within_seconds=_START_SECONDS)
        if process.running:
            process.running.send_signal(process.stop_signal)
            process.running.wait(_DUMP_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotStart(f"Keycloak does not stop; see {scratch}/keycloak.log") from None
    finally:
        supervisor.stop()
    (folder / ARCHIVE).rename(made / ARCHIVE)


def _furnish(folder: Path, template: Path) -> None:
    """A home for one Keycloak: the template's files by link, and a database and logs of its own."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _READ_ONLY:
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(template / name)


def _listening(port: int) -> list[str]:
    return ["--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={port}", "--cache=local"]


def _command(java: str, folder: Path, jvm: Sequence[str], arguments: Sequence[str]) -> list[str]:
    home = folder.absolute()
    places = [f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home / 'conf'}"]
    # relative, because a class archive is good for one class path only
    entry = ["-cp", "lib/quarkus-run.jar", "io.quarkus.bootstrap.runner.QuarkusEntryPoint"]
    return [java, *_JVM, *jvm, *places, *entry, *arguments]


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str], *, within_seconds: float) -> None:
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        try:
            subprocess.run(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, check=True, timeout=within_seconds,
            )  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise CannotStart(f"`{' '.join(command[:4])} …` failed; see {log}") from None
