"""Fetches published data sets from the Hugging Face hub into the layout that hylo's manifests expect.

    download.py [--data ROOT] [--endpoint URL] [--manifests DIR] [--list] [NAME...]

A file whose sha256 the manifest knows must have it. One that nobody could verify is accepted the first
time, and what came is written to ROOT/hylo-downloads.json; later downloads are held against that.
Nothing that is there already is overwritten. Ends with 0: all is there; 1: a file is not the expected
one; 2: something to put right (a name, a package, the network).
"""

import argparse
import difflib
import fnmatch
import hashlib
import http.client
import json
import os
import shutil
import sys
import time
import urllib.request
from pathlib import Path

import hub_layouts

try:
    import huggingface_hub
    import pyarrow.parquet
    from huggingface_hub.errors import HfHubHTTPError
except ImportError as error:
    huggingface_hub, missing_package = None, error

RECORD = "hylo-downloads.json"
STAGING = ".hylo-downloads"
# The hub turns every public data set into Parquet on this branch, in one layout: CONFIG/SPLIT/0000.parquet.
PARQUET_BRANCH = "refs/convert/parquet"
PATTERNS = ["{config}/{split}/*.parquet", "{config}/{split}-*.parquet", "{config}/{split}.parquet"]
PATTERNS_OF_ONLY_CONFIG = ["data/{split}-*.parquet", "{split}-*.parquet", "{split}.parquet"]
MAX_FRUITLESS_ATTEMPTS = 4
WAIT_SECONDS = 1.0
CHUNK_BYTES = 1 << 16


class PutRight(Exception):
    """What the user or the network must put right."""


class NoNetwork(PutRight):
    """The hub cannot be reached: the next file would fail alike."""


class NotAsExpected(Exception):
    """A file has other bytes than the manifest or the record says."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def sha256_of(file):
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def write_atomically(file, data):
    file.parent.mkdir(parents=True, exist_ok=True)
    neighbour = file.with_name(file.name + ".new")
    neighbour.write_bytes(data)
    neighbour.replace(file)


class Progress:
    """One line that is drawn over on a terminal; elsewhere a line per file."""

    def __init__(self, title, total):
        self.title, self.total, self.drawn = title, total, 0.0

    def show(self, num_bytes, last=False):
        now = time.monotonic()
        if sys.stderr.isatty() and (last or now - self.drawn > 0.1):
            self.drawn = now
            text = f"\r{self.title}: {num_bytes:,} of {self.total:,} bytes"
            print(text, file=sys.stderr, end="\n" if last else "", flush=True)
        elif last:
            say(f"{self.title}: {num_bytes:,} bytes")


class Hub:
    """Files of data sets: what there is (by huggingface_hub), and their bytes."""

    def __init__(self, endpoint, staging):
        self.endpoint, self.staging = endpoint, staging
        # Public data needs no token, and none is sent to an endpoint that somebody named.
        self.api = huggingface_hub.HfApi(endpoint=endpoint, token=False)
        self.listings = {}

    def listing(self, repository, revision):
        """(commit, names of files) of a revision."""
        key = repository, revision
        if key not in self.listings:
            info = self._asked(f"{repository} at {revision}", self.api.dataset_info, repository,
                               revision=revision, timeout=30)
            self.listings[key] = info.sha, [sibling.rfilename for sibling in info.siblings]
        return self.listings[key]

    def fetch(self, repository, commit, name, title):
        """The file, whole and of the size and hash that the hub tells."""
        url = huggingface_hub.hf_hub_url(repository, name, repo_type="dataset", revision=commit,
                                         endpoint=self.endpoint)
        told = self._asked(url, huggingface_hub.get_hf_file_metadata, url, token=False)
        if told.size is None or told.etag is None:
            raise PutRight(f"{url}: the server tells no size or no ETag; is --endpoint a hub?")
        whole = self.staging / repository / commit / name
        if not whole.exists():
            part = whole.with_name(f"{whole.name}.{told.etag[:16]}.part")
            part.parent.mkdir(parents=True, exist_ok=True)
            fetch_rest(url, part, told.size, Progress(title, told.size))
            check_hub_hash(part, told.etag, url)
            part.replace(whole)
        return whole

    def _asked(self, what, call, *arguments, **options):
        try:
            return call(*arguments, **options)
        except HfHubHTTPError as error:
            raise PutRight(f"{self.endpoint}: {what} cannot be read ({first_line(error)})") from error
        except Exception as error:  # of the HTTP library, which is another in each version
            raise NoNetwork(f"{self.endpoint}: {what} cannot be read ({first_line(error)}); "
                            "is there a network, and is --endpoint right?") from error


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def fetch_rest(url, part, size, progress):
    """Appends to `part` what it lacks. huggingface_hub itself begins anew in each process."""
    fruitless = 0
    while (have := part.stat().st_size if part.exists() else 0) < size:
        try:
            append(url, part, have, size, progress)
            reason = "the connection was closed"
        except (OSError, http.client.HTTPException) as error:
            reason = first_line(error)
        now = part.stat().st_size if part.exists() else 0
        fruitless = 0 if now > have else fruitless + 1
        if fruitless >= MAX_FRUITLESS_ATTEMPTS:
            raise PutRight(f"{url}: cut off at {now:,} of {size:,} bytes ({reason}); "
                           "run it again to go on from there")
        if now < size:
            time.sleep(WAIT_SECONDS)
    if have > size:
        part.unlink()
        raise PutRight(f"{url}: {have:,} bytes came, expected {size:,}; run it again")
    progress.show(size, last=True)


def append(url, part, have, size, progress):
    headers = {"Range": f"bytes={have}-"} if have else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        goes_on = answer.status == 206
        if have and not goes_on:
            say(f"{progress.title}: the server gives no ranges, from the beginning")
        with open(part, "ab" if goes_on else "wb") as stream:
            while chunk := answer.read1(CHUNK_BYTES):
                stream.write(chunk)
                progress.show(stream.tell())


def check_hub_hash(file, etag, url):
    """The hub's ETag of a large file is its sha256; of a small one it is git's, which is not compared."""
    if len(etag) == 64 and sha256_of(file) != etag:
        found = sha256_of(file)
        file.replace(file.with_suffix(".rejected"))
        raise NotAsExpected(f"{url}: sha256 {found}, expected {etag}; kept beside as .rejected")


class Downloads:
    """The files of manifests below one folder."""

    def __init__(self, root, endpoint):
        self.root = root
        self.hub = Hub(endpoint, root / STAGING)
        self.record_file = root / RECORD
        self.record = read_record(self.record_file)

    def get(self, manifest, file, title):
        """Brings one file, unless it is there; throws where it is not the expected one."""
        target = self.root / file["path"]
        if target.exists():
            return say(f"{title}: {self._state_of(target, file)}")
        layout = layout_on_hub(manifest, file)
        if not layout:
            raise PutRight(f"{file['path']}: the hub has it in no form that gives this file; "
                           f"put it there by hand, from {manifest['source']}")
        commit, names, rows = self._rows(manifest, file, title)
        self._accept(manifest, file, commit, names, layout(rows).encode("utf-8"), title)

    def _state_of(self, target, file):
        expected, origin = self._expected(file)
        if expected is None:
            return "is there already; nothing verifies it, it was not downloaded"
        found = sha256_of(target)
        if found != expected:
            raise NotAsExpected(f"{target}: sha256 {found}, expected {expected} ({origin}); "
                                "move it away to download it again")
        return f"is there already, verified ({origin})"

    def _expected(self, file):
        if file["sha256"]:
            return file["sha256"], "the manifest"
        known = self.record["files"].get(file["path"])
        return (known["sha256"], RECORD) if known else (None, None)

    def _rows(self, manifest, file, title):
        hub = manifest["hub"]
        revision = hub.get("revision") or PARQUET_BRANCH
        commit, listed = self.hub.listing(hub["repository"], revision)
        if len(revision) == 40 and commit != revision:
            raise NotAsExpected(f"{hub['repository']}: commit {commit}, expected {revision}")
        config = file.get("hub_config") or hub.get("config", "")
        names = parquet_files(listed, config or "default", file["hub_split"])
        if not names:
            raise PutRight(f"{hub['repository']} at {revision}: no Parquet file of config "
                           f"'{config}', split '{file['hub_split']}' among {len(listed)} files")
        rows = []
        for name in names:
            whole = self.hub.fetch(hub["repository"], commit, name, f"{title} <- {name}")
            rows += pyarrow.parquet.read_table(whole).to_pylist()
        return commit, names, rows

    def _accept(self, manifest, file, commit, names, data, title):
        target, found = self.root / file["path"], hashlib.sha256(data).hexdigest()
        expected, origin = self._expected(file)
        if expected and found != expected:
            rejected = target.with_name(target.name + ".rejected")
            write_atomically(rejected, data)
            raise NotAsExpected(f"{target}: sha256 {found}, expected {expected} ({origin}); what came "
                                f"(commit {commit}) is kept as {rejected.name}")
        write_atomically(target, data)
        hub = manifest["hub"]
        self.record["files"][file["path"]] = dict(
            repository=hub["repository"], revision=hub.get("revision") or PARQUET_BRANCH,
            commit=commit, hub_files=names, bytes=len(data), sha256=found)
        write_atomically(self.record_file,
                         (json.dumps(self.record, indent=2, sort_keys=True) + "\n").encode())
        say(f"{title}: {len(data):,} bytes, " + (
            f"verified ({origin})" if expected else
            f"accepted on first use, nothing could verify it; its sha256 {found} is in {RECORD}"))


def read_record(file):
    if not file.exists():
        return {"files": {}}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        hashes = [entry["sha256"] for entry in record["files"].values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PutRight(f"{file}: not a record of downloads ({error}); move it away") from error
    if not all(isinstance(found, str) and len(found) == 64 for found in hashes):
        raise PutRight(f"{file}: a sha256 that has not 64 digits; move it away")
    return record


def parquet_files(listed, config, split):
    patterns = PATTERNS + (PATTERNS_OF_ONLY_CONFIG if config == "default" else [])
    for pattern in patterns:
        names = fnmatch.filter(listed, pattern.format(config=config, split=split))
        if names:
            return sorted(names)
    return []


def read_manifests(folder):
    files = sorted(folder.glob("*.json"))
    if not files:
        raise PutRight(f"{folder}: expected manifests (*.json), found none")
    manifests = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {m["name"]: m for m in manifests if m["place"] == "data_root"}


def chosen(manifests, names):
    for name in names:
        if name not in manifests:
            near = difflib.get_close_matches(name, manifests, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise PutRight(f"data set '{name}': unknown{hint}; --list shows all")
    return [manifests[name] for name in dict.fromkeys(names)]


def layout_on_hub(manifest, file):
    """How its rows on the hub become the file; None where the hub cannot give it."""
    if not manifest.get("hub") or not file.get("hub_split"):
        return None
    return hub_layouts.layout_of(manifest["name"], file["format"])


def stands_in(file):
    """Another form of a split whose published file is fetched."""
    return bool(file.get("stands_in"))


def list_all(manifests, root):
    for manifest in manifests:
        files = [file for file in manifest["files"] if not stands_in(file)]
        there = sum((root / file["path"]).exists() for file in files) if root else 0
        repository = (manifest.get("hub") or {}).get("repository", "by hand")
        print(f"{manifest['name']:<16} {there:>3} of {len(files):>3} files  "
              f"{repository:<40} {manifest['licence']}")
        by_hand = [file for file in manifest["files"] if not layout_on_hub(manifest, file)
                   and not (root and (root / file["path"]).exists())]
        for file in by_hand:
            use = " (not needed where the others are)" if stands_in(file) else ""
            print(f"{'':<16}   by hand{use}: {file['path']}")
        if by_hand:
            print(f"{'':<16}   from {manifest['source']}")


def download(wanted, root, endpoint):
    """What went wrong, one line a file."""
    root.mkdir(parents=True, exist_ok=True)
    downloads = Downloads(root, endpoint)
    files = [(manifest, file) for manifest in wanted for file in manifest["files"]
             if not stands_in(file)]
    problems = []
    for number, (manifest, file) in enumerate(files, 1):
        try:
            downloads.get(manifest, file, f"[{number} of {len(files)}] {file['path']}")
        except (NotAsExpected, PutRight) as problem:
            problems.append(problem)
            say(f"error: {problem}")
            if isinstance(problem, NoNetwork):
                break
    if not problems:
        shutil.rmtree(root / STAGING, ignore_errors=True)
    return problems


def command_line():
    parser = argparse.ArgumentParser(prog="hylo data download", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets; none: all of them")
    parser.add_argument("--data", help="the folder of data sets (HYLO_DATA)")
    parser.add_argument("--endpoint", help="of the hub (HF_ENDPOINT, else https://huggingface.co)")
    parser.add_argument("--manifests", type=Path, default=Path(__file__).parent / "manifests")
    parser.add_argument("--list", action="store_true", help="what there is, and what is here")
    return parser.parse_args()


def run():
    asked = command_line()
    manifests = read_manifests(asked.manifests)
    folder = asked.data or os.environ.get("HYLO_DATA")
    wanted = chosen(manifests, asked.names) if asked.names else list(manifests.values())
    if asked.list:
        list_all(wanted, Path(folder) if folder else None)
        return 0
    if not folder:
        raise PutRight("name the folder that holds data sets with --data or HYLO_DATA")
    if huggingface_hub is None:
        raise PutRight(f"{sys.executable}: {missing_package}; install what downloads need\n"
                       f"  {sys.executable} -m pip install huggingface_hub pyarrow\n"
                       "or name another Python with HYLO_PYTHON")
    endpoint = asked.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    problems = download(wanted, Path(folder), endpoint.rstrip("/"))
    if any(isinstance(problem, NotAsExpected) for problem in problems):
        return 1
    return 2 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(run())
    except PutRight as error:
        say(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        sys.exit(130)
